"""Which rows a fold has: those of scikit-learn."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from sklearn.model_selection import GroupKFold, KFold, StratifiedKFold, TimeSeriesSplit

from tests.data.folds.conftest import OF, ROWS, SEED, assert_each_row_once, assert_same, fold


def test_folds_of_rows_are_those_of_kfold(parts, frame) -> None:
    for number, (train, held) in enumerate(KFold(OF, shuffle=True, random_state=SEED).split(frame)):
        assert_same(parts(frame, fold(number)), train, held)
    for number, (train, held) in enumerate(KFold(OF).split(frame)):
        for stream in (False, True):
            assert_same(parts(frame, fold(number, shuffle=False), stream=stream), train, held)


def test_the_test_is_drawn_first_and_is_the_same_for_all_folds(parts, frame) -> None:
    without = parts(frame, {"test": 0.2})
    rest = without["train"]
    folds = [parts(frame, fold(number, test=0.2)) for number in range(OF)]
    assert_each_row_once(folds, ROWS)
    assert folds[0]["test"].tolist() == without["test"].tolist()
    for found, (train, held) in zip(
        folds, KFold(OF, shuffle=True, random_state=SEED).split(rest), strict=True
    ):
        assert_same(found, rest[train], rest[held])


def test_a_row_that_is_dropped_is_in_no_fold(prepare, frame) -> None:
    frame.loc[::7, "a"] = np.nan
    kept = np.flatnonzero(frame["a"].notna())
    for number, (train, held) in enumerate(KFold(3, shuffle=True, random_state=0).split(kept)):
        found = prepare(
            frame[["a", "y"]].to_csv(index=False), targets=["y"], missing="drop", split=fold(number, 3)
        )
        assert found.train.index.tolist() == kept[train].tolist()
        assert found.validation.index.tolist() == kept[held].tolist()
        assert found.rows_dropped == ROWS - len(kept)
        assert found.summary().endswith(f"{len(held)} for validation (fold {number} of 3)")


def test_stratified_folds_are_those_of_stratified_kfold(parts, frame) -> None:
    splitter = StratifiedKFold(OF, shuffle=True, random_state=SEED)
    for number, (train, held) in enumerate(splitter.split(frame, frame["kind"])):
        assert_same(parts(frame, fold(number, stratify="kind")), train, held)
    rest = parts(frame, {"test": 0.2, "stratify": "kind"})["train"]
    folds = [parts(frame, fold(number, stratify="kind", test=0.2)) for number in range(OF)]
    assert_each_row_once(folds, ROWS)
    for found, (train, held) in zip(folds, splitter.split(rest, frame["kind"][rest]), strict=True):
        assert_same(found, rest[train], rest[held])


@pytest.mark.parametrize("written", ["numbers", "texts"])
@pytest.mark.parametrize("stream", [False, True])
def test_folds_of_groups_are_those_of_groupkfold(parts, frame, stream: bool, written: str) -> None:
    if written == "texts":
        frame["patient"] = "p" + frame["patient"].astype(str)
    for number, (train, held) in enumerate(GroupKFold(OF).split(frame, groups=frame["patient"])):
        assert_same(parts(frame, fold(number, group="patient"), stream=stream), train, held)
    rest = parts(frame, {"test": 0.2, "group": "patient"}, stream=stream)["train"]
    folds = [parts(frame, fold(number, group="patient", test=0.2), stream=stream) for number in range(OF)]
    assert_each_row_once(folds, ROWS)
    for found, (train, held) in zip(
        folds, GroupKFold(OF).split(rest, groups=frame["patient"][rest]), strict=True
    ):
        assert_same(found, rest[train], rest[held])
        of_part = [set(frame["patient"][rows]) for rows in found.values()]
        assert sum(map(len, of_part)) == len(set.union(*of_part))


@pytest.mark.parametrize("stream", [False, True])
def test_folds_in_time_are_those_of_timeseriessplit(parts, frame, stream: bool) -> None:
    in_time = np.argsort(frame["date"].to_numpy())
    for number, (train, held) in enumerate(TimeSeriesSplit(OF).split(in_time)):
        assert_same(parts(frame, fold(number, time="date"), stream=stream), in_time[train], in_time[held])
    before = in_time[:-20]  # a test of the last 20 rows
    for number, (train, held) in enumerate(TimeSeriesSplit(OF).split(before)):
        found = parts(frame, fold(number, time="date", test=20 / ROWS), stream=stream)
        assert_same(found, before[train], before[held])
        assert found["test"].tolist() == sorted(in_time[-20:])


@pytest.mark.parametrize("stream", [False, True])
def test_rows_of_one_time_are_in_one_fold(parts, frame, stream: bool) -> None:
    folds = [parts(frame, fold(number, 4, time="month", test=0.1), stream=stream) for number in range(4)]
    held = np.concatenate([each["validation"] for each in folds])
    assert len(held) == len(set(held))
    for found in folds:
        of_part = [frame["month"][found[name]] for name in ("train", "validation", "test")]
        for earlier, later in pairwise(of_part):
            assert earlier.max() < later.min()
    assert sorted([*folds[-1]["train"], *folds[-1]["validation"], *folds[-1]["test"]]) == list(range(ROWS))


def test_every_moment_but_one_a_fold_can_be_divided(parts, frame) -> None:
    """Twelve months, eleven folds: no fold is without rows, though months are of different sizes."""
    for number in range(11):
        found = parts(frame, fold(number, 11, time="month"))
        assert set(frame["month"][found["train"]]) == set(range(number + 1))
        assert set(frame["month"][found["validation"]]) == {number + 1}


@pytest.mark.parametrize("stratify", [False, "kind"])
@pytest.mark.parametrize("test", [0.0, 0.15])
def test_streamed_rows_are_dealt_out_to_folds_of_one_size(
    parts, small_chunks, frame, stratify, test: float
) -> None:
    split = {"test": test, "stratify": stratify}
    folds = [parts(frame, fold(number, **split), stream=True) for number in range(OF)]
    assert_each_row_once(folds, ROWS)
    sizes = [len(each["validation"]) for each in folds]
    assert max(sizes) - min(sizes) <= (3 if stratify else 1)
    if stratify:
        of_class = [frame["kind"][each["validation"]].value_counts() for each in folds]
        for kind in "xyz":
            assert np.ptp([counts[kind] for counts in of_class]) <= 1
    again = parts(frame, fold(2, **split), stream=True)
    assert again["validation"].tolist() == folds[2]["validation"].tolist()
    # No fold is a stretch of the file.
    assert all(np.diff(each["validation"]).max() > 1 for each in folds)


def test_files_and_a_column_may_say_the_test(parts, frame, tmp_path: Path) -> None:
    frame.iloc[:30].to_csv(tmp_path / "e.csv", index=False)
    for number, (train, held) in enumerate(
        KFold(OF, shuffle=True, random_state=SEED).split(range(ROWS - 30))
    ):
        found = parts(frame.iloc[30:], fold(number), test="e.csv")
        assert_same({name: found[name] for name in ("train", "validation")}, train, held)
        assert len(found["test"]) == 30
    frame["set"] = np.where(np.arange(ROWS) % 5 == 0, "test", "rest")
    rest = np.flatnonzero(frame["set"] == "rest")
    for number, (train, held) in enumerate(KFold(OF, shuffle=True, random_state=SEED).split(rest)):
        found = parts(frame, fold(number, part="set", test=["test"]))
        assert_same(found, rest[train], rest[held])
