"""The runs screen through the real app, on real runs; and the pieces under it."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path

import pytest
from rich.cells import cell_len

from tests.tui.conftest import settle, shown, until
from tests.tui.training.runs import names_listed, under_cursor
from workbench import events
from workbench.errors import FileError
from workbench.escaping import escape_line
from workbench.storage import recipe_values
from workbench.storage.event_stream import EventLog
from workbench.storage.ownership import own
from workbench.storage.run_folder import RunFolder
from workbench.storage.runs import RunSummary, TestScore
from workbench.tui.screens.assemble.screen import AssembleScreen
from workbench.tui.screens.runs import file_operations
from workbench.tui.screens.runs.listing import RunLister, chosen, metrics_of
from workbench.tui.screens.runs.overlay import OverlayChart
from workbench.tui.screens.runs.table import RunsTable
from workbench.tui.screens.train.screen import TrainScreen
from workbench.tui.services.run_files import read_run_recipe
from workbench.tui.views import compare
from workbench.tui.views.fitting import middle_cut, short_names
from workbench.tui.views.training_view import Stage
from workbench.tui.widgets.dialogs import ConfirmDialog, PromptDialog


def curves(pilot) -> dict:
    return pilot.app.screen.query_one(OverlayChart).series


async def test_all_runs_with_their_status(open_app, three) -> None:
    async with open_app(mode="runs") as pilot:
        await settle(pilot)
        text = shown(pilot.app)
        assert "✓ done" in text
        assert "✗ failed" in text
        assert "✗ crashed" in text  # it has no end
        assert "8/8" in text
        assert "4/8" in text


async def test_the_run_under_the_cursor_is_drawn_and_marked_ones_over_one_another(open_app, three) -> None:
    async with open_app(mode="runs") as pilot:
        await under_cursor(pilot, "price-one")
        await until(lambda: list(curves(pilot)) == ["price-one"])
        assert len(curves(pilot)["price-one"]) == 8
        await pilot.press("space")
        await under_cursor(pilot, "price-two")
        await pilot.press("space")
        await until(lambda: sorted(curves(pilot)) == ["price-one", "price-two"])
        for words in ("▣ 1", "▣ 2", "…one"):  # the chart is painted with its next frame
            await until(lambda words=words: words in shown(pilot.app), what=f"'{words}' is shown")
        await pilot.press("m")
        await until(lambda: pilot.app.screen.query_one(OverlayChart).title == "val_loss")
        await pilot.press("a")
        await until(lambda: list(curves(pilot)) == ["price-two"])


async def test_filter_and_sort(open_app, three) -> None:
    async with open_app(mode="runs") as pilot:
        await settle(pilot)
        await pilot.press("slash", *"price done", "enter")
        assert await names_listed(pilot) == ["price-one"]
        await pilot.press("escape")
        assert len(await names_listed(pilot)) == 3
        await pilot.press("s")
        assert await names_listed(pilot) == ["failing", "price-one", "price-two"]
        await pilot.press("s")
        assert (await names_listed(pilot))[-1] == "price-one"
        await pilot.press("s")
        assert await names_listed(pilot) == ["price-one", "price-two", "failing"]


async def test_the_difference_of_two_runs(open_app, three) -> None:
    three[1].recipe.write_text(
        three[1].recipe.read_text().replace("learning_rate: 0.001", "learning_rate: 0.01")
    )
    async with open_app(mode="runs", size=(140, 50)) as pilot:
        for name in ("price-one", "price-two"):
            await under_cursor(pilot, name)
            await pilot.press("space")
        await settle(pilot)
        await pilot.press("d")
        await until(lambda: pilot.app.screen.is_modal)
        await pilot.pause()
        lines = [" ".join(line.split()) for line in shown(pilot.app).splitlines()]
        text = "\n".join(lines)
        assert "…one …two" in text
        assert "epochs 8/8 4/8" in text
        assert "train.optimizer.learning_rate 0.001 0.01" in text
        assert "ran on\n" in text.replace(" │", "").replace("│ ", "")


async def test_opening_a_run_shows_it(open_app, three) -> None:
    async with open_app(mode="runs") as pilot:
        await under_cursor(pilot, "price-one")
        await pilot.press("enter")
        await until(lambda: isinstance(pilot.app.screen, TrainScreen))
        await until(lambda: pilot.app.screen.record.view.stage is Stage.FINISHED)
        await pilot.press("5")
        await under_cursor(pilot, "failing")
        await pilot.press("enter")
        await until(lambda: isinstance(pilot.app.screen, TrainScreen))
        await until(lambda: pilot.app.screen.record.view.stage is Stage.FAILED)


async def test_editing_the_recipe_of_a_run_leaves_the_run_its_own(open_app, three) -> None:
    async with open_app(mode="runs") as pilot:
        await under_cursor(pilot, "price-one")
        await pilot.press("e")
        await until(lambda: isinstance(pilot.app.screen, AssembleScreen))
        editor = pilot.app.editor
        assert editor.document.recipe.train.epochs == 8
        assert editor.path is None
        assert editor.text == three[0].recipe.read_text()


async def test_a_run_is_renamed(open_app, three) -> None:
    async with open_app(mode="runs") as pilot:
        await under_cursor(pilot, "price-one")
        await pilot.press("n")
        await until(lambda: isinstance(pilot.app.screen, PromptDialog) and pilot.app.focused)
        await pilot.press(*["backspace"] * 9, *"price-two", "enter")
        await pilot.pause()
        assert "there is one of that name" in shown(pilot.app)
        await pilot.press(*["backspace"] * 3, *"best", "enter")
        await until(lambda: (three[0].path.parent / "price-best").is_dir())
        await until(lambda: "price-best" in [run.folder.name for run in pilot.app.screen.selection.shown])
        assert not three[0].path.exists()


async def test_deleting_asks_and_deletes_only_what_was_named(open_app, three) -> None:
    async with open_app(mode="runs") as pilot:
        await under_cursor(pilot, "price-one")
        await pilot.press("x")
        await until(lambda: isinstance(pilot.app.screen, ConfirmDialog))
        await pilot.pause()
        assert "Delete this run?" in shown(pilot.app)
        await pilot.press("enter")  # the first choice keeps
        await settle(pilot)
        assert three[0].path.is_dir()
        await pilot.press("x")
        await until(lambda: isinstance(pilot.app.screen, ConfirmDialog))
        await pilot.press("d")
        await until(lambda: not three[0].path.exists())
        assert three[1].path.is_dir()
        assert three[2].path.is_dir()
        await until(lambda: len(pilot.app.screen.selection.runs) == 2)


async def test_a_running_run_is_neither_deleted_nor_renamed(open_app, three, owned) -> None:
    owned(three[1])
    async with open_app(mode="runs") as pilot:
        await under_cursor(pilot, "price-two")
        assert "▶ running" in shown(pilot.app)
        for key in "xn":
            await pilot.press(key)
            await settle(pilot)
            assert not pilot.app.screen.is_modal
            assert "it is running" in pilot.app.notices[-1][1].what
        assert three[1].path.is_dir()


@pytest.mark.parametrize("size", [(80, 24), (60, 20), (40, 10), (1, 1), (160, 48)])
async def test_at_every_size(open_app, three, size) -> None:
    async with open_app(mode="runs", size=size) as pilot:
        await settle(pilot)
        await pilot.press("space", "space", "m", "s")
        await settle(pilot)
        table = pilot.app.screen.query_one("#table")
        stays = sum(column.get_render_width(table) for column in table.ordered_columns[: table.fixed_columns])
        assert size[0] < 60 or stays < size[0] / 2


# ---------------------------------------------------------------------- under the screen


def test_runs_that_did_not_change_are_not_read_again(three, monkeypatch) -> None:
    from workbench.tui.screens.runs import listing

    lister = RunLister(three[0].path.parent)
    first = lister.refresh()
    read = []
    monkeypatch.setattr(listing, "summary_of", lambda run: read.append(run) or first[0])
    assert lister.refresh() == first
    assert read == []
    os.utime(three[0].events, (time.time(), time.time()))
    lister.refresh()
    assert read == [three[0]]


def test_a_run_whose_owner_goes_is_seen_though_nothing_was_written(three) -> None:
    lister = RunLister(three[0].path.parent)

    def status() -> str:
        return next(run.status for run in lister.refresh() if run.folder == three[1])

    assert status() == "crashed"
    with own(three[1]):
        assert status() == "running"
    assert status() == "crashed"


def test_no_folder_of_runs_is_no_error(tmp_path) -> None:
    assert RunLister(tmp_path / "none").refresh() == []


def summary(name: str, status: str = "done", started: float = 0.0, **logs: float) -> RunSummary:
    return RunSummary(RunFolder(Path(name)), status, started, started, 1, 1, logs)


def test_the_lowest_loss_first_and_those_without_one_last() -> None:
    runs = [summary("a", loss=2.0), summary("b"), summary("c", loss=float("nan")), summary("d", loss=1.0)]
    assert [run.folder.name for run in chosen(runs, "", "loss")][:2] == ["d", "a"]


def scored(name: str, baselines: dict | None = None, **evaluation: float) -> RunSummary:
    ended = events.Finished("done", {}, evaluation, 1.0, baselines=baselines or {})
    return replace(summary(name), test=TestScore.of(ended), evaluation=evaluation)


def test_the_best_test_result_first_whichever_way_is_better() -> None:
    runs = [scored("a", loss=1.0, mae=2.0), scored("b", loss=9.0, mae=1.0), summary("c")]
    assert [run.folder.name for run in chosen(runs, "", "test")] == ["b", "a", "c"]
    runs = [scored("a", loss=1.0, accuracy=0.5), scored("b", loss=2.0, sparse_categorical_accuracy=0.9)]
    runs += [scored("d", accuracy=0.7), scored("e", loss=0.1)]
    # the runs of one metric together; for an accuracy more is better, for a loss less
    assert [run.folder.name for run in chosen(runs, "", "test")] == ["d", "a", "e", "b"]
    # what the run itself says counts
    ups = [scored(name, {"gain": {"better": "up"}}, gain=value) for name, value in (("a", 1.0), ("b", 2.0))]
    assert [run.folder.name for run in chosen(ups, "", "test")] == ["b", "a"]


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_the_test_metric_has_a_column_and_an_order(open_app, three, size) -> None:
    for run, mae in ((three[0], 0.123456), (three[1], 0.0654321)):
        ended = events.Finished("done", {"loss": 1.0}, {"loss": 2.0, "mae": mae}, 1.0)
        with EventLog(run) as log:
            log.append(ended, 1_760_001_000.0)
    async with open_app(mode="runs", size=size) as pilot:
        await settle(pilot)
        text = shown(pilot.app)
        assert "test mae" in text
        assert "0.1235" in text
        assert "0.06543" in text
        for _ in range(5):
            await pilot.press("s")
        await settle(pilot)
        assert "best test result first" in shown(pilot.app)
        names = await names_listed(pilot)
        assert names.index("price-two") < names.index("price-one")


def test_metrics_of_all_runs() -> None:
    assert metrics_of([summary("a", mae=1.0, loss=1.0), summary("b", val_loss=1.0)]) == [
        "loss",
        "val_loss",
        "mae",
    ]


def test_names_of_runs_are_cut_where_they_are_alike() -> None:
    assert short_names(["price-20260101-101010", "price-20260101-111111"]) == ["…101010", "…111111"]
    assert short_names(["price-1", "digits-1"]) == ["price-1", "digits-1"]
    assert short_names(["one-run"]) == ["one-run"]
    assert middle_cut("residual-regressor-20261123-091451", 16) == "resid…123-091451"


@pytest.mark.parametrize(
    "name", ["price-20260101-093029" * 3, "長い名前" * 15, "e\u0301" * 40, "a\nb\x1b" * 20]
)
def test_a_name_that_is_cut_fits_and_keeps_its_end(name: str) -> None:
    cut = middle_cut(name, 24)
    assert 22 <= cell_len(cut) <= 24  # a wide letter may leave a cell
    head, tail = cut.split("…")
    whole = escape_line(name)
    assert whole.startswith(head)
    assert whole.endswith(tail)
    assert cell_len(tail[0])


def test_recipes_are_compared_key_by_key() -> None:
    left = {
        "train": {"epochs": 5, "optimizer": {"learning_rate": 1e-3}},
        "model": {"sequential": [{"units": 3}, "A"]},
    }
    right = {
        "train": {"epochs": 5, "optimizer": {"learning_rate": 1e-2}},
        "model": {"sequential": [{"units": 4}]},
    }
    assert compare.differences(left, right) == [
        compare.Difference("train.optimizer.learning_rate", "0.001", "0.01"),
        compare.Difference("model.sequential[0].units", "3", "4"),
        compare.Difference("model.sequential[1]", "A", compare.ABSENT),
    ]


def test_a_run_is_deleted_and_nothing_else(three) -> None:
    outside = three[0].path.parent / "precious.txt"
    outside.write_text("mine")
    (three[0].checkpoints / "link").symlink_to(outside)
    file_operations.delete(three[0])
    assert not three[0].path.exists()
    assert outside.read_text() == "mine"
    with pytest.raises(FileError, match="is not a run's folder"):
        file_operations.delete(RunFolder(three[1].path.parent))


def test_a_run_that_is_worked_on_is_kept(three, tmp_path) -> None:
    with own(three[0]):
        for change in (file_operations.delete, lambda run: file_operations.rename(run, "other")):
            with pytest.raises(FileError, match="another process is working on this run"):
                change(three[0])
    assert three[0].recipe.is_file()


@pytest.mark.parametrize("name", ["", "../up", "a/b", ".", "..", "x" * 300, "price-two", "a\nb"])
def test_names_that_a_run_cannot_have(three, name) -> None:
    assert file_operations.name_error(three[0], name)
    with pytest.raises(FileError):
        file_operations.rename(three[0], name)


def test_the_recipe_of_a_run_knows_where_its_paths_start(finished) -> None:
    recipe = read_run_recipe(finished)
    assert recipe.name == "residual-regressor"
    assert "epochs: 8" in recipe.text
    assert recipe.folder == Path("/home/me/kwb/plugins/kwb_custom/recipes")


def with_rates(working_directory, rates: dict[str, float], epochs: int = 20_000) -> None:
    """Runs of one recipe that differ in their learning rate, far on in a long training."""
    for number, (name, rate) in enumerate(rates.items()):
        run = RunFolder(working_directory / "saved" / "runs" / name)
        run.path.mkdir(parents=True)
        recipe = {
            "name": "price",
            "train": {"epochs": epochs, "optimizer": {"use": "Adam", "learning_rate": rate}},
        }
        run.recipe.write_text("kwb: 1\n")
        with EventLog(run) as log:
            log.append(
                events.RunStarted(folder=str(run.path), recipe=recipe, environment={}),
                1_760_000_000.0 + number,
            )
            log.append(
                events.Epoch(epoch=15_523, epochs=epochs, logs={"loss": 1234.5, "val_loss": 1.5e-7},
                             seconds=0.1, steps_per_second=10.0, learning_rate=rate),
                1_760_000_001.0 + number,
            )  # fmt: skip


@pytest.mark.parametrize("size", [(200, 50), (120, 40), (80, 24)])
async def test_what_tells_runs_of_one_recipe_apart_has_a_column_and_no_number_is_cut(
    open_app, working_directory, size
) -> None:
    with_rates(working_directory, {"price-1": 0.001, "price-2": 0.01, "price-3": 0.1})
    async with open_app(mode="runs", size=size) as pilot:
        await names_listed(pilot)
        lines = shown(pilot.app).splitlines()
        heading = next(line for line in lines if "status" in line)
        assert "learning_rate" in heading
        for name, rate in (("price-1", "0.001"), ("price-2", "0.01"), ("price-3", "0.1")):
            line = next(line for line in lines if f"  {name} " in line)
            assert rate in line.split()
            assert "15523/20000" in line.split()
            assert "1234" in line or "1235" in line


async def test_home_and_end_go_to_the_first_and_the_last_run(open_app, working_directory) -> None:
    with_rates(working_directory, {f"price-{number:02}": 0.001 for number in range(30)})
    async with open_app(mode="runs", size=(80, 24)) as pilot:
        await names_listed(pilot)
        table = pilot.app.screen.query_one(RunsTable)
        await pilot.press("end")
        assert table.cursor_row == 29
        await pilot.press("home")
        assert table.cursor_row == 0


def test_keys_that_differ_among_runs_of_one_recipe() -> None:
    runs = [
        ("a", {"train.epochs": "5", "train.optimizer.learning_rate": "0.1", "name": "a"}),
        ("a", {"train.epochs": "6", "train.optimizer.learning_rate": "0.2", "name": "a"}),
        ("b", {"train.epochs": "7", "data.use": "x", "name": "b"}),
    ]
    assert recipe_values.differing_keys(runs) == ["train.optimizer.learning_rate", "train.epochs"]
    assert recipe_values.differing_keys(runs[1:]) == []  # different recipes differ by their names
    absent = [("a", {"train.epochs": "5"}), ("a", {"train.epochs": "5", "train.batch_size": "8"})]
    assert recipe_values.differing_keys(absent) == ["train.batch_size"]


def test_keys_are_called_by_as_little_as_tells_them_apart() -> None:
    keys = ["train.optimizer.learning_rate", "model.sequential[0].units", "model.sequential[1].units"]
    assert list(recipe_values.short_keys(keys).values()) == [
        "learning_rate",
        "sequential[0].units",
        "sequential[1].units",
    ]
