"""Runs as a table: selected by a line of terms, sorted by any value, grouped, with tags and notes of their own."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

from workbench.errors import FileError, RecipeError
from workbench.storage.labels import Labels, change_tags, read_labels, write_labels
from workbench.storage.recipe_values import differing_keys, shown_value
from workbench.storage.run_folder import RunFolder
from workbench.storage.run_values import choose_runs, group_runs, names_of, resolve_name, sort_runs
from workbench.storage.runs import RunSummary
from workbench.tui.views.groups import group_lines

RATES = (0.1, 0.01, 0.01, 0.001)
LOSSES = (3.0, 1.0, 2.0, float("nan"))


def run(number: int, **changes: object) -> RunSummary:
    recipe = {
        "name": "price",
        "model": {"sequential": [{"use": "Dense", "units": 8 * (number + 1)}, {"use": "Dense", "units": 1}]},
        "train": {"optimizer": {"use": "Adam", "learning_rate": RATES[number]}, "batch_size": 16},
    }
    values = {
        "folder": RunFolder(Path(f"price-{number}")),
        "status": "failed" if number == 3 else "done",
        "epoch": number,
        "logs": {"loss": LOSSES[number], "val_loss": 2 * LOSSES[number]},
        "evaluation": {"mae": float(number)},
        "recipe": recipe,
        "labels": Labels(
            ("base", "first") if number == 0 else (), "a note about Köln" if number == 1 else ""
        ),
    }
    return RunSummary(**{**values, **changes})  # type: ignore[arg-type]


RUNS = [run(number) for number in range(4)]


@pytest.mark.parametrize(
    ("line", "numbers"),
    [
        ("", [0, 1, 2, 3]),
        ("lr<0.01", [3]),
        ("learning_rate<=0.01", [1, 2, 3]),
        ("lr=0.01 status:done", [1, 2]),
        ("LR=1e-2", [1, 2]),
        ("status=failed", [3]),
        ("status:fail", [3]),
        ("status!=failed loss>1", [0, 2]),
        ("tag:base", [0]),
        ("tag=BASE", [0]),
        ("tag!=base", [1, 2, 3]),
        ("tag=", [1, 2, 3]),
        ("tag!=", [0]),
        ("tag:bas", [0]),
        ("tag=bas", []),
        ("note:köln", [1]),
        ("köln", [1]),
        ("first", [0]),
        ("price-2", [2]),
        ("sequential[0].units>8 batch_size=16", [1, 2, 3]),
        ("test_mae>=2", [2, 3]),
        ("loss<", [0, 1, 2, 3]),  # still being typed
        ("optimizer.use:adam", [0, 1, 2, 3]),
        ("val_loss>0", [0, 1, 2]),  # nan is not above
        ("loss=nan", [3]),
        ("loss!=nan", [0, 1, 2]),
        ('"lr<0.01"', []),
    ],
)
def test_terms(line: str, numbers: list[int]) -> None:
    assert [run.folder.name for run in choose_runs(RUNS, line)] == [f"price-{number}" for number in numbers]


@pytest.mark.parametrize(
    ("line", "words", "hint"),
    [
        ("lrr<0.1", "there is no key 'lrr'", "lr"),
        (
            "lr<slow",
            "'slow' is no number that 'train.optimizer.learning_rate' could be compared with",
            "learning_rate:slow",
        ),
    ],
)
def test_what_a_term_cannot_be(line: str, words: str, hint: str) -> None:
    with pytest.raises(RecipeError) as caught:
        choose_runs(RUNS, line)
    assert words in caught.value.what
    assert hint in caught.value.hint


def test_a_name_that_several_keys_have_is_asked_for_in_full() -> None:
    both = {"a": {"learning_rate": 0.1, "seed": 1}, "b": {"learning_rate": 0.2}}
    runs = [run(0, recipe={"name": "gan", "train": both})]
    for name in ("lr", "learning_rate"):
        with pytest.raises(RecipeError) as caught:
            choose_runs(runs, f"{name}<1")
        assert caught.value.what == f"'{name}' may be train.a.learning_rate or train.b.learning_rate."
    assert choose_runs(runs, "b.learning_rate=0.2 seed=1") == runs


def test_names_are_as_short_as_they_are_clear() -> None:
    names = names_of(RUNS)
    assert names["lr"] == names["learning_rate"] == "train.optimizer.learning_rate"
    assert names["batch_size"] == "train.batch_size"
    assert "units" not in names  # two layers have some
    assert names["sequential[0].units"] == "model.sequential[0].units"
    with pytest.raises(RecipeError, match="no key 'unit'"):
        resolve_name("unit", RUNS)


def test_sorting_by_any_value_in_both_directions_has_those_without_it_last() -> None:
    assert [run.epoch for run in sort_runs(RUNS, "loss")] == [1, 2, 0, 3]
    assert [run.epoch for run in sort_runs(RUNS, "loss", highest=True)] == [0, 2, 1, 3]
    assert [run.epoch for run in sort_runs(RUNS, "train.optimizer.learning_rate")] == [3, 1, 2, 0]
    assert [run.epoch for run in sort_runs(RUNS, "status")] == [0, 1, 2, 3]
    assert [run.epoch for run in sort_runs(RUNS, "status", highest=True)] == [3, 2, 1, 0]
    assert [run.epoch for run in sort_runs(RUNS, "tag")] == [0, 1, 2, 3]


def test_groups_have_the_mean_and_the_deviation_of_a_sample() -> None:
    pandas = pytest.importorskip("pandas")
    groups = group_runs(RUNS, "train.optimizer.learning_rate")
    assert [group.value for group in groups] == ["0.001", "0.01", "0.1"]
    table = pandas.DataFrame({"rate": RATES, "loss": LOSSES, "test_mae": range(4)}).groupby("rate")
    for name in ("loss", "test_mae"):
        wanted = table[name].agg(["mean", "std", "count"])
        for group in groups:
            found = group.numbers.get(name, (np.nan, np.nan, 0))
            np.testing.assert_allclose(found, wanted.loc[float(group.value)], equal_nan=True)
    assert [group.value for group in group_runs(RUNS, "tag")] == ["", "base, first"]


def test_values_are_compared_by_all_their_digits() -> None:
    near = (0.012345678, 0.012345681, 100.0)
    runs = [
        run(number, recipe={"name": "price", "train": {"optimizer": {"learning_rate": rate}}})
        for number, rate in enumerate(near)
    ]
    assert [run.epoch for run in choose_runs(runs, "lr=0.012345678")] == [0]
    assert [run.epoch for run in choose_runs(runs, "lr<0.01234568")] == [0]
    assert [run.epoch for run in choose_runs(runs, "lr=100")] == [2]
    key = "train.optimizer.learning_rate"
    assert [run.epoch for run in sort_runs(runs, key, highest=True)] == [2, 1, 0]
    assert [group.value for group in group_runs(runs, key)] == ["0.012345678", "0.012345681", "100"]
    assert differing_keys(("price", run.recipe_values) for run in runs[:2]) == [key]
    shown = ("0.012345678", "0.1", "1e-05", "123456789", "none", "v1.23456789")
    assert [shown_value(text) for text in shown] == [
        "0.0123457", "0.1", "1e-05", "123456789", "none", "v1.23456789",
    ]  # fmt: skip


def test_trials_of_a_search_are_of_one_recipe() -> None:
    names = ("price", "price-t0", "price-t12", "price-t3-4", "price-to", "price-t")
    wanted = ["price", "price", "price", "price", "price-to", "price-t"]
    assert [run(0, recipe={"name": name}).recipe_name for name in names] == wanted


def test_a_table_of_groups() -> None:
    groups = group_runs(RUNS, "train.batch_size")
    whole = group_lines("batch_size", groups)
    assert whole[0].split() == ["batch_size", "runs", "val_loss", "test_mae", "loss"]
    assert whole[1].split() == ["16", "4", "4", "±", "2", "1.5", "±", "1.3", "2", "±", "1"]


def test_tags_and_notes_are_kept_in_the_folder(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    assert read_labels(folder) == Labels()
    write_labels(folder, Labels(("zürich", "base"), "first\nof  many"))
    assert read_labels(folder) == Labels(("base", "zürich"), "first of many")
    write_labels(folder, change_tags(read_labels(folder), ["new"], ["base", "not there"]))
    assert read_labels(folder) == Labels(("new", "zürich"), "first of many")
    for wrong in ("two words", "", "-x", "a" * 41, "a\x1b"):
        with pytest.raises(FileError, match="no tag"):
            write_labels(folder, Labels((wrong,)))
    with pytest.raises(FileError, match="2,000"):
        write_labels(folder, Labels((), "x" * 2001))
    assert read_labels(folder).tags == ("new", "zürich")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"3",
        b'{"tags": 3, "note": []}',
        b'{"tags": [1, null, {}, "a b"]}',
        b"\xff",
        b"[" * 5000,
    ],
)
def test_labels_that_are_damaged_are_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "labels.json").write_bytes(content)
    assert read_labels(RunFolder(tmp_path)) == Labels()


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is read-only for root")
def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(FileError):
        write_labels(RunFolder(tmp_path), Labels(("base",)))


def test_labels_are_json(tmp_path: Path) -> None:
    write_labels(RunFolder(tmp_path), Labels(("a",), "b"))
    assert json.loads((tmp_path / "labels.json").read_text()) == {"tags": ["a"], "note": "b"}
