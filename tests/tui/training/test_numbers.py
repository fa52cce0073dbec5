"""Curves, epochs and histograms: what the panels draw from, in bounded memory."""

from __future__ import annotations

import gc
import math
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from workbench import events
from workbench.storage.run_folder import RunFolder
from workbench.storage.runs import RunSummary
from workbench.tui.context import TrainingState, WorkerState
from workbench.tui.screens.runs.listing import chosen
from workbench.tui.screens.train.status_panel import described
from workbench.tui.views import formatting, marks
from workbench.tui.views.curves import BATCHES, GUESS, LINEAR, TRAINING, VALIDATION, Curves
from workbench.tui.views.distributions import MOST_EPOCHS, Distributions
from workbench.tui.views.epoch_rows import EpochRows
from workbench.tui.views.record import TrainingRecord
from workbench.tui.views.training_view import Stage, TrainingView


def epoch(number: int, rate: float = 1e-3, **logs: float) -> events.Epoch:
    return events.Epoch(number, 100, logs or {"loss": 1.0}, 0.5, 50.0, rate)


def grown(*happened: events.Event) -> Curves:
    curves = Curves()
    for event in happened:
        curves.take(event)
    return curves


def points(curves: Curves, panel: str, series: str) -> list[tuple[float, float]]:
    found = curves.panels[panel].series[series]
    return list(zip(found.x, found.mean, strict=True))


def test_batches_epochs_and_validation_share_one_axis_of_epochs() -> None:
    curves = grown(
        events.Step(1, 5, 10, {"loss": 4.0, "mae": 2.0}, 10.0), epoch(1, loss=3.0, mae=1.5, val_loss=5.0, val_mae=2.5),
        events.Step(2, 2, 10, {"loss": 2.8, "mae": 1.4}, 10.0),
    )  # fmt: skip
    assert points(curves, "loss", BATCHES) == [(0.5, 4.0), (1.2, 2.8)]
    assert points(curves, "loss", TRAINING) == [(1.0, 3.0)]
    assert points(curves, "mae", VALIDATION) == [(1.0, 2.5)]


def test_what_is_reached_without_the_model_is_a_level_line_over_all_of_the_chart() -> None:
    known = {
        "val_mae": {"guess": 9.0, "of": "the median", "better": "down"},
        "val_other": {"guess": "?"},
        "mae": {},
    }
    curves = grown(
        events.Step(1, 5, 10, {"loss": 4.0, "mae": 2.0}, 10.0),
        epoch(1, loss=3.0, mae=1.5, val_loss=5.0, val_mae=2.5),
        replace(epoch(2, loss=3.0, mae=1.5, val_loss=5.0, val_mae=2.5), baselines=known),
        epoch(3, loss=3.0, mae=1.5, val_loss=5.0, val_mae=2.5),
    )
    assert points(curves, "mae", GUESS) == [(0.5, 9.0), (2.0, 9.0), (3.0, 9.0)]
    assert LINEAR not in curves.panels["mae"].series
    assert set(curves.panels["loss"].series) == {BATCHES, TRAINING, VALIDATION}
    curves.take(
        events.Finished("done", {}, {}, 1.0, baselines={"val_mae": {"guess": 9.0, "linear": 4.0}, "loss": 1})
    )
    assert points(curves, "mae", LINEAR) == [(0.5, 4.0), (3.0, 4.0)]


def test_the_loss_comes_first_and_a_constant_learning_rate_has_no_chart() -> None:
    curves = grown(epoch(1, mae=1.0, loss=2.0), epoch(2, mae=1.0, loss=2.0))
    assert list(curves.shown) == ["loss", "mae"]
    curves.take(epoch(3, rate=5e-4, mae=1.0, loss=2.0))
    assert list(curves.shown) == ["loss", "mae", "learning rate"]


def test_a_jump_of_the_learning_rate_is_marked_and_an_even_schedule_once() -> None:
    jumped = grown(epoch(1), epoch(2), epoch(3, rate=1e-4), epoch(4, rate=1e-4), epoch(5, rate=1e-3))
    assert [(mark.x, mark.kind) for mark in jumped.marks] == [(3.0, "learning_rate"), (5.0, "learning_rate")]
    assert "0.001 → 0.0001" in jumped.marks[0].text
    falling = grown(*(epoch(n, rate=1e-3 * 0.9**n) for n in range(1, 50)))
    assert [mark.x for mark in falling.marks] == [2.0]


def test_the_first_loss_that_is_no_number_is_marked() -> None:
    curves = grown(
        epoch(1), epoch(2, loss=math.nan), epoch(3, loss=math.nan), epoch(4), epoch(5, loss=math.inf)
    )
    assert [(mark.x, mark.kind, mark.text) for mark in curves.marks] == [
        (2.0, "nan", "the loss is nan"), (5.0, "nan", "the loss is inf"),
    ]  # fmt: skip


def test_checkpoints_and_saved_files_are_marked_where_the_training_is() -> None:
    curves = grown(
        epoch(1), events.Step(2, 3, 10, {"loss": 1.0}, 1.0),
        events.Checkpoint("c", "generation", 2, 3, "x"), epoch(2), events.Saved("a.keras", ".keras", 2, 10, "x"),
    )  # fmt: skip
    assert [(mark.x, mark.kind, mark.text) for mark in curves.marks] == [
        (1.3, "checkpoint", "checkpoint of epoch 2, step 3"), (2.0, "checkpoint", "saved a.keras"),
    ]  # fmt: skip


def test_internals_have_a_panel_for_each_kind_that_is_watched() -> None:
    curves = grown(
        events.Internals(1, losses={"main": 1.0, "recon": 0.2}, gradients={"all": 3.0}),
        events.Internals(2, losses={"main": 0.9, "recon": 0.1}, gradients={"all": math.nan}),
    )  # fmt: skip
    assert [panel.title for panel in curves.internals.values()] == ["terms of the loss", "gradient norm"]
    assert list(curves.internals["losses"].series["recon"].mean) == [0.2, 0.1]
    assert curves.internals["gradients"].series["all"].has_gaps


def test_a_resumed_run_draws_its_repeated_epochs_once() -> None:
    curves = grown(epoch(1, loss=3.0), epoch(2, loss=2.0), epoch(3, loss=1.0), epoch(2, loss=2.5))
    assert points(curves, "loss", TRAINING) == [(1.0, 3.0), (2.0, 2.5)]


# ---------------------------------------------------------------------- epochs


def rows_of(*happened: events.Epoch, most: int = 1000) -> EpochRows:
    rows = EpochRows(most)
    for event in happened:
        rows.take(event)
    return rows


def test_epochs_are_rows_and_what_an_epoch_did_not_log_is_empty() -> None:
    rows = rows_of(epoch(1, loss=3.0), epoch(2, loss=2.0, val_loss=4.0), epoch(3, loss=1.0))
    assert rows.columns == ["loss", "val_loss", "seconds", "rate"]
    assert [rows.value(row, "val_loss") for row in range(3)] == [None, 4.0, None]
    assert rows.as_text(["loss", "val_loss"]) == "epoch\tloss\tval_loss\n1\t3.0\t\n2\t2.0\t4.0\n3\t1.0\t"


def test_the_best_epoch_survives_a_repetition() -> None:
    rows = rows_of(epoch(1, loss=3.0), epoch(2, loss=1.0), epoch(3, loss=2.0))
    assert rows.best == 2
    rows.take(epoch(2, loss=2.5))
    assert (rows.best, list(rows.epochs)) == (2, [1, 2])
    rows.take(epoch(1, loss=9.0))
    assert (rows.best, list(rows.epochs)) == (1, [1])


def test_the_oldest_rows_go_when_there_are_too_many() -> None:
    rows = rows_of(*(epoch(n, loss=1 / n) for n in range(1, 112)), most=100)
    assert len(rows) == 86
    assert rows.forgotten == 25
    assert rows.epochs[0] == 26
    assert rows.value(0, "loss") == pytest.approx(1 / 26)
    assert rows.row_of(26) == 0
    assert rows.row_of(25) is None
    assert rows.row_of(50.4) == 24


# ---------------------------------------------------------------------- histograms


def test_histograms_are_kept_by_weight_and_thinned_out() -> None:
    kept = Distributions()
    for number in range(1, 1001):
        kept.take(number, {"dense/kernel": {"edges": [0.0, 0.5, 1.0], "counts": [number, 1]}})
    rows = kept.rows("dense/kernel")
    assert len(rows) <= MOST_EPOCHS
    assert rows[0].epoch == 1
    assert rows[-1].epoch == 1000
    assert list(rows[-1].counts) == [1000, 1]


def test_histograms_of_another_form_are_passed_over() -> None:
    kept = Distributions()
    kept.take(1, {"a": [1, 2], "b": {"edges": [0, 1], "counts": [1, 2]}, "c": {"edges": ["x"], "counts": []},
                  "d": {"edges": ["nan", "inf"], "counts": [3]}})  # fmt: skip
    assert kept.weights == ["d"]


# ---------------------------------------------------------------------- memory


@pytest.mark.slow
def test_half_a_million_steps_take_as_much_memory_as_fifty_thousand() -> None:
    """Watched steps and epochs; the last nine tenths of the run add nothing worth the name."""
    record = TrainingRecord()
    record.take(events.RunStarted("f", {"name": "long", "train": {"epochs": 500}}, {}), 0.0)

    def train(first: int, last: int) -> int:
        for number in range(first, last):
            for at in range(1, 1001):
                record.take(events.Step(number, at, 1000, {"loss": 1.0 / at}, 900.0), number)
            record.take(epoch(number, loss=1.0, val_loss=2.0), number)
        gc.collect()
        return int(psutil.Process().memory_info().rss)

    early, late = train(1, 51), train(51, 501)
    assert record.view.done == 500
    assert late - early < 4_000_000


# ---------------------------------------------------------------------- words


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0:00"), (59.6, "1:00"), (3599, "59:59"), (3600, "1:00:00"), (100_000, "1 d 03:46"),
                          (math.inf, "–")]
)  # fmt: skip
def test_durations(seconds: float, text: str) -> None:
    assert formatting.duration(seconds) == text


def test_lists_and_amounts() -> None:
    assert formatting.listed(["a", "b", "c"]) == "a, b and c"
    assert formatting.listed(["a", "a"]) == "a"
    assert formatting.amount(1_500_000_000) == "1.5 GB"
    assert formatting.amount(512_000_000) == "512 MB"
    assert formatting.speed(1890.4) == "1,890 steps/s"
    assert formatting.speed(0.25) == "0.25 steps/s"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "just now"), (59.9, "just now"), (60, "1 min ago"), (7_200, "2 h ago"), (86_400 * 12.5, "12 d ago")],
)
def test_how_long_ago(seconds: float, text: str) -> None:
    assert formatting.ago(seconds) == text


def test_a_state_has_one_mark_wherever_it_is_shown() -> None:
    assert set(marks.TRAININGS) == set(TrainingState)
    assert set(marks.WORKERS) == set(WorkerState)
    assert marks.TRAININGS["running"] == marks.RUNS["running"] == Stage.RUNNING.glyph
    assert marks.TRAININGS["paused"] == Stage.PAUSED.glyph
    assert marks.TRAININGS["failed"] == marks.RUNS["failed"] == Stage.FAILED.glyph == marks.NOTICES["error"]
    later = RunSummary(RunFolder(Path("r")), "paused by a later version")
    assert marks.run_state(later) == "? paused by a later version"


def test_a_run_that_learned_nothing_is_not_done() -> None:
    done = RunSummary(RunFolder(Path("r")), "done")
    assert marks.run_state(done) == "✓ done"
    guessed = replace(done, no_better="the mean of the targets reaches mae 3.1")
    assert marks.run_state(guessed) == "▲ not learned"
    assert chosen([done, guessed], "learned", "newest") == [guessed]
    assert chosen([done, guessed], "", "status") == [guessed, done]


def test_the_end_of_a_training_is_told_beside_what_is_reached_without_the_model() -> None:
    better = (
        "mae 14,900 on the test part, 8.1 times better than guessing the mean; a linear model gives 15,200"
    )
    finished = events.Finished("done", {}, {"mae": 14900.0}, 1.0, compared=better)
    text = described(TrainingView().take(finished, 1.0))
    assert text is not None
    assert f"\n{better}." in text.plain
    worse = replace(
        finished, no_better="mae 9 on the test part, where ...", likely_reason="the rate is too high"
    )
    text = described(TrainingView().take(worse, 1.0))
    assert text is not None
    assert "Ended, but nothing was learned" in text.plain
    assert "\nlikely reason  the rate is too high." in text.plain
    assert better not in text.plain
