"""What a training has saved, on the Saved screen: evaluated, predicted with, written in other formats, trained on."""

from __future__ import annotations

import csv
import os
import signal

import pytest
from sklearn.datasets import load_diabetes

from tests.tui.conftest import settle, shown, until
from tests.tui.saved.test_saved_screen import SLOW, answer, choose, confirm, outcome, screen_of
from workbench.tui.screens.saved.confusion import ConfusionTable
from workbench.tui.screens.saved.contents import ContentsTable
from workbench.tui.screens.saved.predictions import PredictionsScreen
from workbench.tui.screens.saved.scatter import ScatterPlot
from workbench.tui.screens.saved.screen import SavedScreen
from workbench.tui.widgets.page_table import PageTable


@pytest.mark.slow
async def test_what_a_training_saved_is_reported(open_app, from_training) -> None:
    async with open_app(mode="saved") as pilot:
        await choose(pilot, "residual-regressor.h5")
        text = shown(pilot.app)
        assert "ResidualRegressor" in text
        assert "4,081 parameters in 12 weights, 8 layers" in text
        assert "✓ ResidualRegressor of kwb" in text
        assert "recipe residual-regressor  epoch 2" in text
        assert "diabetes  features → progression" in text
        assert "Adam  learning rate 0.001" in text
        table = screen_of(pilot).query_one(ContentsTable)
        assert [row.name for row in table._entries][:6] == [
            "hidden",
            "kernel",
            "bias",
            "block1",
            "hidden/0",
            "kernel",
        ]


@pytest.mark.slow
async def test_a_missing_plugin_is_named_with_the_way_out(open_app, from_training) -> None:
    async with open_app(mode="saved") as pilot:
        await choose(pilot, "gated.keras")
        assert "✗ Gate: gate is not installed" in shown(pilot.app)
        await pilot.press("l")
        result = await outcome(pilot, "load")
        assert result.done is False
        assert "gate" in result.text
        assert "✗ opening it" in shown(pilot.app)
    plugin = from_training.parent / "gate.py"
    async with open_app(mode="saved", plugin_files=[plugin]) as pilot:
        await choose(pilot, "gated.keras")
        assert "✓ Gate of gate" in shown(pilot.app)
        await pilot.press("l")
        assert (await outcome(pilot, "load")).text == "opens as Sequential"


@pytest.mark.slow
async def test_evaluate_on_its_own_test_part_and_on_other_data(open_app, from_training) -> None:
    async with open_app(mode="saved") as pilot:
        await choose(pilot, "residual-regressor.keras")
        await pilot.press("e")
        await answer(pilot)
        result = await outcome(pilot, "evaluate")
        assert result.done
        assert "mae" in result.text
        assert "on 44 rows of its recipe's data" in result.text
        assert "✓ loss" in shown(pilot.app)
        await pilot.press("e")
        await answer(pilot, "diabetes")
        await until(
            lambda: (
                "442 rows of diabetes"
                in screen_of(pilot).chosen.outcomes[screen_of(pilot).chosen.file.path]["evaluate"].text
            ),
            SLOW,
        )
        await pilot.press("e")
        await answer(pilot, "digits")
        await until(
            lambda: (
                screen_of(pilot).chosen.outcomes[screen_of(pilot).chosen.file.path]["evaluate"].done is False
            ),
            SLOW,
        )
        await settle(pilot)
        assert "there is no column" in shown(pilot.app)


@pytest.mark.slow
async def test_a_recipe_whose_data_lies_beside_it_is_found_through_its_run(open_app, from_training) -> None:
    """The file does not say where its recipe lay; the run's folder does."""
    (from_training.parent / "prices.csv").unlink()
    async with open_app(mode="saved", plugin_files=[from_training.parent / "gate.py"]) as pilot:
        await choose(pilot, "gated.keras")
        await pilot.press("e")
        await answer(pilot)
        result = await outcome(pilot, "evaluate")
        assert result.done, result
        assert "on 10 rows" in result.text


@pytest.mark.slow
async def test_numbers_are_drawn_beside_the_truth_and_exported(open_app, from_training) -> None:
    async with open_app(mode="saved") as pilot:
        await choose(pilot, "residual-regressor.keras")
        await pilot.press("p")
        await answer(pilot)
        await until(lambda: isinstance(pilot.app.screen, PredictionsScreen), SLOW)
        await settle(pilot)
        text = shown(pilot.app)
        assert "44 rows" in text
        assert "mean absolute error" in text
        assert "worst first" in text
        table = pilot.app.screen.query_one(PageTable)
        worst = [abs(values[3]) for values in table._values[0]]
        assert len(worst) == 44
        assert worst == sorted(worst, reverse=True)
        assert "◆" in shown(pilot.app)
        scatter = pilot.app.screen.query_one(ScatterPlot)
        assert len(scatter._true) == len(scatter._predicted) == 44
        await pilot.press("v")
        await settle(pilot)
        assert "predicted − true" in shown(pilot.app)
        assert "v Predicted e Data order s Save CSV" in shown(pilot.app)
        await pilot.press("s")
        await answer(pilot, "out.csv")
        await until(lambda: "Columns to write beside" in shown(pilot.app))
        await answer(pilot, "bmi, s5")
        out = pilot.app.working_directory / "out.csv"
        await until(out.exists, SLOW)
        rows = list(csv.reader(out.read_text().splitlines()))
        assert rows[0] == ["row", "bmi", "s5", "true progression", "progression", "error progression"]
        assert len(rows) == 45
        table = load_diabetes(scaled=False)
        for row, bmi, s5, true, predicted, error in rows[1:]:
            assert [float(bmi), float(s5)] == pytest.approx(table.data[int(row) - 1][[2, 8]], abs=1e-4)
            assert float(error) == pytest.approx(float(predicted) - float(true), abs=1e-4)
        await until(lambda: "44 predictions in out.csv" in shown(pilot.app), what="it is said at once")
        await pilot.press("escape")
        assert isinstance(pilot.app.screen, SavedScreen)


@pytest.mark.slow
async def test_classes_are_counted_beside_the_truth(open_app, from_training) -> None:
    async with open_app(mode="saved") as pilot:
        await choose(pilot, "digits.h5")
        await pilot.press("p")
        await answer(pilot)
        await until(lambda: isinstance(pilot.app.screen, PredictionsScreen), SLOW)
        await settle(pilot)
        matrix = pilot.app.screen.query_one(ConfusionTable)
        assert matrix._labels == [str(digit) for digit in range(10)]
        assert sum(map(sum, matrix._counts)) == 270
        assert "% right" in shown(pilot.app)
        table = pilot.app.screen.query_one(PageTable)
        wrong = sum(sum(row) - row[at] for at, row in enumerate(matrix._counts))
        right = [values[3] for page in (0, 1) for values in table._values.get(page, ())]
        assert right[:wrong] == [False] * wrong
        assert right[wrong] is True
        await pilot.press("end")
        await settle(pilot)
        assert table.values is not None, "all rows are there, not the first ones only"
        await pilot.press("w")
        await until(lambda: f"{wrong:,} wrong of 270 rows" in shown(pilot.app), what="only the wrong ones")
        assert "v Shares e Data order w All rows" in shown(pilot.app), "what each key would show next"
        await pilot.press("w")
        await until(lambda: "wrong of" not in shown(pilot.app), what="all rows again")
        await pilot.press("e")
        await until(lambda: "worst first" not in shown(pilot.app), what="the order of the data")
        await settle(pilot)
        rows = [values[0] for values in table._values[0]]
        assert rows == sorted(rows)
        assert "v Shares e Worst first w Wrong only" in shown(pilot.app)
        matrix.focus()
        await pilot.press("right")
        await settle(pilot)
        assert "'0' was found" in shown(pilot.app)
        await pilot.press("v")
        await settle(pilot)
        assert "%›" in shown(pilot.app)


@pytest.mark.slow
async def test_data_without_targets_is_predicted_alone(open_app, from_training) -> None:
    folder = from_training.parent
    (folder / "new.csv").write_text("size,rooms\n1,2\n3,4\n5,6\n")
    async with open_app(mode="saved", plugin_files=[folder / "gate.py"], size=(80, 24)) as pilot:
        await choose(pilot, "gated.keras")
        await pilot.press("p")
        await answer(pilot, "new.c")  # the list below has the file
        await until(lambda: isinstance(pilot.app.screen, PredictionsScreen), SLOW)
        await settle(pilot)
        text = shown(pilot.app)
        assert "3 rows" in text
        assert "no comparison:" in text
        assert "price" in text
        assert not pilot.app.screen.query(ScatterPlot)


@pytest.mark.slow
async def test_every_format_becomes_every_other(open_app, from_training) -> None:
    async with open_app(mode="saved") as pilot:
        for source, target in (
            ("residual-regressor.keras", "copy.weights.h5"),
            ("copy.weights.h5", "copy.h5"),
            ("copy.h5", "copy.keras"),
        ):
            await choose(pilot, source)
            await pilot.press("s")
            await answer(pilot, f"saved/{target}")
            result = await outcome(pilot, "save-as")
            assert result.done, result
            assert "read back and compared" in result.text
        await choose(pilot, "copy.keras")
        await pilot.press("e")
        await answer(pilot)
        assert "on 44 rows" in (await outcome(pilot, "evaluate")).text
        await pilot.press("s")
        await answer(pilot, "saved/digits.h5")  # which is there: asked about, and kept
        before = (from_training / "digits.h5").read_bytes()
        await confirm(pilot, "k")
        await settle(pilot)
        assert (from_training / "digits.h5").read_bytes() == before


@pytest.mark.slow
async def test_a_recipe_that_goes_on_from_a_file_trains(open_app, from_training) -> None:
    async with open_app(mode="saved") as pilot:
        await choose(pilot, "digits.keras")
        await pilot.press("c")
        await until(lambda: pilot.app.editor)
        editor = pilot.app.editor
        assert editor.error is None
        assert editor.get("model") == {"load": "saved/digits.keras"}
        assert editor.get("save") == ["saved/digits-continued.keras", "saved/digits-continued.h5"]
        assert "engine" not in editor.text  # what is a default is not written out
        editor.set("train.epochs", 1)
        training = pilot.app.worker.train(editor)
        await until(training.ended.is_set, SLOW)
        assert training.error is None
        assert (from_training / "digits-continued.h5").exists()


@pytest.mark.slow
async def test_a_weights_file_starts_its_own_recipe(open_app, from_training) -> None:
    async with open_app(mode="saved") as pilot:
        await choose(pilot, "residual-regressor.keras")
        await pilot.press("s")
        await answer(pilot, "saved/start.weights.h5")
        await outcome(pilot, "save-as")
        await choose(pilot, "start.weights.h5")
        await pilot.press("c")
        await until(lambda: pilot.app.editor)
        assert pilot.app.editor.get("weights") == "saved/start.weights.h5"
        assert pilot.app.editor.get("model.use") == "ResidualRegressor"


@pytest.mark.slow
async def test_a_saved_model_becomes_a_layer_of_the_open_recipe(
    open_app, from_training, working_directory
) -> None:
    stack = "model:\n  sequential:\n    - {use: Dense, units: 1}\n"
    (working_directory / "mine.yaml").write_text(
        f"kwb: 1\nname: mine\ndata: diabetes\n{stack}train: {{epochs: 1, loss: mse}}\n"
    )
    async with open_app(mode="saved") as pilot:
        app = pilot.app
        await choose(pilot, "residual-regressor.keras")
        await pilot.press("a")  # none is open
        assert app.clipboard == "- {load: saved/residual-regressor.keras}"
        app.open_recipe("mine.yaml", then="saved")
        await until(lambda: app.editor is not None)
        await pilot.press("a")
        await until(lambda: app.current_mode == "assemble" and app.screen.rows.row is not None)
        assert app.editor.get("model.sequential[0]") == {"load": "saved/residual-regressor.keras"}
        await until(lambda: app.screen.rows.row.key == "model.sequential[0]")
        await until(lambda: app.screen.is_settled, SLOW)
        assert app.screen.examination.error is None
        await pilot.press("u")
        assert len(app.editor.get("model.sequential")) == 1


@pytest.mark.slow
async def test_a_worker_killed_while_it_works_is_reported_and_the_next_answers(
    open_app, from_training
) -> None:
    async with open_app(mode="saved", warm=True) as pilot:
        await choose(pilot, "residual-regressor.keras")
        await until(lambda: pilot.app.worker.state == "ready", SLOW)
        child = pilot.app.worker._warm.pid
        os.kill(child, signal.SIGSTOP)  # so that it cannot have done it before it is killed
        await pilot.press("e")
        await answer(pilot)
        await until(lambda: pilot.app.worker.state == "busy", SLOW)
        os.kill(child, signal.SIGKILL)
        result = await outcome(pilot, "evaluate")
        assert result.done is False
        assert "memory" in result.text + result.hint
        await pilot.press("e")
        await answer(pilot)
        await until(
            lambda: screen_of(pilot).chosen.outcomes[screen_of(pilot).chosen.file.path]["evaluate"].done, SLOW
        )
