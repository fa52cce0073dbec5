"""Cross-validation: the folds are those of scikit-learn, and what is fitted is fitted on their training rows."""

import json
from collections.abc import Callable, Iterable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_iris
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.model_selection import GroupKFold, KFold, StratifiedKFold, TimeSeriesSplit
from sklearn.preprocessing import StandardScaler

from kwb_datasets import text_chunks
from workbench.data import Prepared, loading
from workbench.data.preparation import Preparation
from workbench.data.streamed_part import StreamedPart
from workbench.errors import DataError, RecipeError, WorkbenchError
from workbench.recipe.document import parse
from workbench.recipe.schema import Data

ROWS, OF, SEED = 203, 5, 3
Parts = dict[str, np.ndarray]


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_chunks, "BLOCK_BYTES", 1000)
    monkeypatch.setattr(text_chunks, "CHUNK_BYTES", 2500)


@pytest.fixture
def frame() -> pd.DataFrame:
    """Patients with 1 to 20 visits each, three classes of different sizes, rows in no order of time."""
    random = np.random.default_rng(4)
    return pd.DataFrame(
        {
            "a": random.normal(size=ROWS),
            "patient": random.integers(0, 40, ROWS) ** 2 // 40,
            "date": pd.to_datetime("2020-01-01") + pd.to_timedelta(random.permutation(ROWS), unit="D"),
            "month": random.integers(0, 12, ROWS),
            "kind": random.choice(["x", "y", "z"], ROWS, p=[0.6, 0.3, 0.1]),
            "y": random.normal(size=ROWS),
        }
    )


@pytest.fixture
def parts(catalog, tmp_path: Path) -> Callable[..., Parts]:
    def parts(frame: pd.DataFrame, split: dict, *, stream: bool = False, **more: object) -> Parts:
        """The rows of each part, by their positions in the file, in order."""
        frame.to_csv(tmp_path / "t.csv", index=False)
        section = {
            "use": "csv",
            "path": "t.csv",
            "targets": "y",
            "inputs": {"x": ["a"]},
            "stream": stream,
            "split": split,
            **more,
        }
        data = Data.model_validate(section)
        loaded = loading.load_or_stream(data, catalog, folder=tmp_path, seed=SEED)
        found = {}
        for name in ("train", "validation", "test"):
            part = getattr(loaded, name)
            whole = part.read_all() if isinstance(part, StreamedPart) else part
            found[name] = np.sort(whole.index) if whole is not None else np.empty(0, np.int64)
        assert loaded.rows_dropped == 0
        later = loaded.rows_read - sum(map(len, found.values()))
        said = [remark for remark in loaded.remarks if "later than fold" in remark]
        assert [int(remark.partition(" ")[0]) for remark in said] == ([later] if later else [])
        if len(found["test"]):  # another process evaluates on the same rows
            again = Preparation.from_record(loaded.preparation.as_record())
            test = loading.apply_to(again, data, catalog, folder=tmp_path, seed=SEED, part="test")
            np.testing.assert_array_equal(np.sort(test.index), found["test"])
        return found

    return parts


def fold(number: int, of: int = OF, **more: object) -> dict:
    return {"fold": {"of": of, "number": number}, **more}


def assert_same(found: Parts, train: Iterable[int], validation: Iterable[int]) -> None:
    assert found["train"].tolist() == sorted(train)
    assert found["validation"].tolist() == sorted(validation)


def assert_each_row_once(folds: list[Parts], rows: int) -> None:
    held = np.concatenate([each["validation"] for each in folds])
    test = folds[0]["test"]
    assert sorted([*held, *test]) == list(range(rows))
    for each in folds:
        assert each["test"].tolist() == test.tolist()
        assert sorted(np.concatenate(list(each.values()))) == list(range(rows))


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


def test_folds_of_a_dataset_of_arrays(prepare) -> None:
    x, y = load_iris(return_X_y=True)
    for number, (train, held) in enumerate(StratifiedKFold(10, shuffle=True, random_state=0).split(x, y)):
        found = prepare(use="iris", split=fold(number, 10, stratify=True), scale="standard")
        scaler = StandardScaler().fit(x[train])
        for part, rows in ((found.train, train), (found.validation, held)):
            assert part.index.tolist() == rows.tolist()
            np.testing.assert_allclose(part.inputs["features"], scaler.transform(x[rows]), atol=1e-5)
            assert next(iter(part.targets.values())).reshape(-1).tolist() == y[rows].tolist()


def test_what_is_fitted_knows_nothing_of_the_fold(prepare) -> None:
    """Leaks are planted: each fold has its own scale, its own category, its own word, and its own gap."""
    splitter = KFold(4, shuffle=True, random_state=0)
    held_by = np.empty(80, int)
    for number, (_, held) in enumerate(splitter.split(held_by)):
        held_by[held] = number
    random = np.random.default_rng(1)
    frame = pd.DataFrame(
        {
            "size": random.normal(size=80) + 100.0 * 10**held_by,
            "age": np.where(random.random(80) < 0.2, np.nan, 1.0 + held_by),
            "zip": np.where(random.random(80) < 0.5, "common", [f"only{number}" for number in held_by]),
            "said": [f"good word{number}" for number in held_by],
            "y": random.normal(size=80) + held_by,
        }
    )
    for number in range(4):
        found = prepare(
            frame.to_csv(index=False),
            targets=["y"],
            split=fold(number, 4),
            scale={"size": "standard"},
            scale_targets="standard",
            missing={"age": "mean"},
            inputs={"x": ["size", "age"], "zip": ["zip"], "said": ["said"]},
            embed=["zip"],
            rare=1,
            text=["said"],
        )
        train = frame[held_by != number]
        size, age = found.preparation.inputs[0].columns
        assert (size.center, size.factor) == pytest.approx((train["size"].mean(), train["size"].std(ddof=0)))
        assert age.fill == pytest.approx(train["age"].mean())
        by_name = {spec.name: spec for spec in found.preparation.inputs}
        assert set(by_name["zip"].column.categories) == set(train["zip"])
        words = set(CountVectorizer().fit(train["said"]).vocabulary_)
        assert set(by_name["said"].vocabulary) == words
        assert f"word{number}" not in words
        learned = found.preparation.for_model(found.train).targets["y"]
        assert (learned.mean(), learned.std()) == pytest.approx((0.0, 1.0), abs=1e-5)


class TestWindows:
    """Windows are divided in the order of time, however they are ordered in the file."""

    def test_the_rows_of_a_fold_are_those_of_timeseriessplit(self, prepare) -> None:
        rows, of, length = 100, 4, 5
        frame = pd.DataFrame({"date": pd.date_range("2024-01-01", periods=rows), "y": np.arange(rows)})
        for more, columns in (({"time": "date"}, ["date", "y"]), ({}, ["y"])):
            for test in (0, 20):
                for number, (train, held) in enumerate(TimeSeriesSplit(of).split(range(rows - test))):
                    found = prepare(
                        frame[columns].to_csv(index=False),
                        targets=["y"],
                        scale="minmax",
                        windows={"length": length, **more},
                        split=fold(number, of, test=test / rows),
                    )
                    # A window ends at the row before its target.
                    assert found.train.index.tolist() == train[length - 1 : -1].tolist()
                    assert found.validation.index.tolist() == held[length - 1 : -1].tolist()
                    assert (found.test.targets["y"].min() >= rows - test) if test else found.test is None
                    (column,) = found.preparation.inputs[0].columns
                    assert (column.center, column.factor) == (train.min(), np.ptp(train))
                    later = rows - test - held[-1] - 1
                    assert any(remark.startswith(f"{later} rows") for remark in found.remarks) == (later > 0)

    def test_series_are_cut_at_one_moment_or_each_by_its_rows(self, prepare) -> None:
        days = pd.date_range("2024-01-01", periods=60)
        frame = pd.concat(
            [
                pd.DataFrame({"date": days, "area": "a", "y": range(60)}),
                pd.DataFrame({"date": days[20:50], "area": "b", "y": range(100, 130)}),
            ]
        )
        windows = {"length": 3, "group": "area", "time": "date"}
        for number in range(3):
            found = prepare(frame.to_csv(index=False), targets=["y"], windows=windows, split=fold(number, 3))
            assert max(found.train.beside["date"]) < min(found.validation.beside["date"])
        windows = {"length": 3, "group": "area"}
        for number in range(3):
            found = prepare(
                frame[["area", "y"]].to_csv(index=False),
                targets=["y"],
                windows=windows,
                split=fold(number, 3),
            )
            for first, rows in ((0, 60), (100, 30)):
                train, held = list(TimeSeriesSplit(3).split(range(rows)))[number]
                for part, own in ((found.train, train), (found.validation, held)):
                    targets = part.targets["y"][:, 0] - first
                    targets = targets[(targets >= 0) & (targets < rows)]
                    assert targets.tolist() == own[3:].tolist()

    def test_folds_of_groups_and_beside_a_column_of_parts(self, prepare) -> None:
        areas = [area for area in "abcdef" for _ in range(20)]
        frame = pd.DataFrame(
            {"area": areas, "y": range(120), "set": ["test" if area == "f" else "rest" for area in areas]}
        )
        windows = {"length": 4, "group": "area"}
        table = frame.to_csv(index=False)
        seen = []
        for number, (_, held) in enumerate(GroupKFold(3).split(frame, groups=frame["area"])):
            found = prepare(
                table, targets=["y"], ignore=["set"], windows=windows, split=fold(number, 3, group="area")
            )
            assert set(found.validation.beside["area"]) == set(frame["area"][held])
            assert not set(found.validation.beside["area"]) & set(found.train.beside["area"])
            seen += sorted(set(found.validation.beside["area"]))
        assert sorted(seen) == list("abcdef")
        found = prepare(table, targets=["y"], windows=windows, split=fold(1, 3, part="set", test=["test"]))
        assert set(found.test.beside["area"]) == {"f"}
        train, held = list(TimeSeriesSplit(3).split(range(20)))[1]
        assert found.train.targets["y"].reshape(5, -1)[0].tolist() == train[4:].tolist()
        assert found.validation.targets["y"].reshape(5, -1)[0].tolist() == held[4:].tolist()

    def test_too_few_rows_or_moments(self, prepare) -> None:
        frame = pd.DataFrame({"date": pd.date_range("2024-01-01", periods=5), "y": range(5)})
        for windows, table, what in (
            ({"length": 1, "time": "date"}, frame, "5 different times, for 5 folds and the rows before"),
            ({"length": 1}, frame[["y"]], "the longest series has 5 rows, too few for 5 folds"),
        ):
            with pytest.raises(DataError, match=what) as caught:
                prepare(table.to_csv(index=False), targets=["y"], windows=windows, split=fold(0))
            assert caught.value.where == "data.split.fold"


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("split", "what"),
    [
        (fold(0, 13), "12 rows cannot be divided into 13 folds.*lower `of`"),
        (fold(0, 12, test=0.25), "9 rows cannot be divided into 12 folds"),
        (fold(0, 13, shuffle=False), "12 rows cannot be divided into 13 folds"),
        (
            fold(0, 4, stratify="k"),
            "'k' is 'b' in 3 of the rows that are not for the test: too few for 4 folds",
        ),
        (fold(0, 5, group="g"), "column 'g' holds 4 groups, for 5 folds.*in one fold only"),
        (fold(0, 4, time="g"), "column 'g' holds 4 different times, for 4 folds and the rows before them"),
        (fold(0, 3, time="g", test=0.25), "column 'g' holds 3 different times, for 3 folds"),
    ],
)
def test_more_folds_than_there_is_to_divide(parts, split: dict, what: str, stream: bool) -> None:
    frame = pd.DataFrame({"a": range(12), "k": ["a"] * 9 + ["b"] * 3, "g": [0, 1, 2, 3] * 3, "y": range(12)})
    with pytest.raises(DataError, match=what) as caught:
        parts(frame, split, stream=stream)
    assert caught.value.where == "data.split.fold"


@pytest.mark.parametrize(
    ("split", "more", "where", "what"),
    [
        (
            "{of: 5, number: 5}",
            "",
            "r.yaml:5: data.split.fold.number",
            "the numbers 0 to 4, and there is no 5",
        ),
        ("{of: 5, number: -1}", "", "r.yaml:5: data.split.fold.number", "greater than or equal to 0"),
        ("{of: 1}", "", "r.yaml:5: data.split.fold.of", "greater than or equal to 2"),
        ("{number: 1}", "", "r.yaml:5: data.split.fold", "the key 'of' is missing"),
        ("{of: 5, nubmer: 1}", "", "r.yaml:5: data.split.fold.nubmer", "Did you mean 'number'"),
        ("5", "", "r.yaml:5: data.split.fold", "must be a map"),
        ("{of: 5}\n    validation: 0.2", "", "r.yaml:5: data.split.fold", "keep `fold` or `validation`"),
        ("{of: 5}", "\n  validation: v.csv", "r.yaml:6: data.validation", "keep one of the two"),
    ],
)
def test_a_fold_that_makes_no_sense_is_refused(split: str, more: str, where: str, what: str) -> None:
    text = (
        f"kwb: 1\ndata:\n  use: iris\n  split:\n    fold: {split}{more}\nmodel: {{sequential: [Flatten]}}\n"
    )
    with pytest.raises(RecipeError) as caught:
        parse(text, name="r.yaml")
    assert caught.value.where == where
    assert what in str(caught.value)


def test_data_that_brings_a_validation_part_has_no_folds(stranger, tmp_path: Path) -> None:
    catalog = stranger(
        "import numpy as np\nfrom workbench.plugin import Source\n"
        "def theirs():\n    x = {'a': np.arange(20.0), 'y': np.arange(20.0)}\n"
        "    return Source(x, targets=('y',), validation=x)\n"
    )
    data = Data.model_validate({"use": "theirs", "split": fold(0)})
    with pytest.raises(RecipeError, match="brings a validation part of its own") as caught:
        loading.load(data, catalog, folder=tmp_path, seed=0)
    assert caught.value.where == "data.split.fold"


def test_traps_are_found_in_a_fold(prepare, frame) -> None:
    """Rows that are in the fold and in its training part; patients who are in both."""
    frame["y"] = frame["patient"] + 0.01 * frame["y"]
    table = frame[["a", "patient", "y"]]
    double = pd.concat([table, table.iloc[:60]])
    for split, groups in ((fold(1), True), (fold(1, group="patient"), False)):
        found: Prepared = prepare(double.to_csv(index=False), targets=["y"], ignore=["patient"], split=split)
        said = " ".join(trap.what for trap in found.traps)
        assert ("`split: {group: patient}`" in said) is groups
    found = prepare(double.to_csv(index=False), targets=["y"], split=fold(1))
    assert any("validation" in trap.what and "training" in trap.what for trap in found.traps)


RECIPE = """\
kwb: 1
seed: 3
data:
  use: csv
  path: t.csv
  inputs: {{x: [a]}}
  targets: [y]
  scale: {scale}
  split: {{test: 0.2, fold: {{of: 5, number: {number}}}}}
model: {{sequential: [{layers}]}}
train: {{epochs: 2, loss: mse}}
save: [m.keras]
"""


DENSE = "{use: Dense, units: 1}"


@pytest.mark.slow
@pytest.mark.parametrize(("scale", "layers"), [("standard", DENSE), ("none", f"Normalization, {DENSE}")])
def test_a_saved_file_predicts_with_what_was_fitted_on_its_folds(
    kwb, frame, tmp_path: Path, scale: str, layers: str
) -> None:
    import keras

    frame["a"] = np.exp(3 * frame["a"])
    frame.to_csv(tmp_path / "t.csv", index=False)
    (tmp_path / "r.yaml").write_text(RECIPE.format(number=2, scale=scale, layers=layers))
    kwb("--batch", "r.yaml", cwd=tmp_path)
    test = np.sort(np.random.default_rng(SEED).permutation(ROWS)[-round(0.2 * ROWS) :])
    rest = np.setdiff1d(np.arange(ROWS), test)
    train, _ = list(KFold(5, shuffle=True, random_state=SEED).split(rest))[2]
    scaler = StandardScaler().fit(frame[["a"]].iloc[rest[train]])
    kernel, bias = keras.models.load_model(tmp_path / "m.keras").layers[-1].get_weights()
    right = scaler.transform(frame[["a"]]) @ kernel + bias
    kwb("predict", "m.keras", "--data", "t.csv", "--out", "p.csv", cwd=tmp_path)
    np.testing.assert_allclose(pd.read_csv(tmp_path / "p.csv")["y"], right[:, 0], rtol=1e-4, atol=1e-5)
    found = json.loads(kwb("evaluate", "m.keras", "--data", "r.yaml", "--json", cwd=tmp_path).stdout)
    error = frame["y"].to_numpy()[test] - right[test, 0]
    assert found["loss"] == pytest.approx((error**2).mean(), rel=1e-4)


@pytest.mark.slow
def test_kwb_data_shows_the_parts_of_the_fold(kwb, frame, tmp_path: Path) -> None:
    frame.to_csv(tmp_path / "t.csv", index=False)
    (tmp_path / "r.yaml").write_text(
        RECIPE.format(number=0, scale="none", layers=DENSE).replace("test: 0.2, ", "")
    )
    found = json.loads(kwb("data", "r.yaml", "--json", cwd=tmp_path).stdout)
    assert found["fold"] == {"of": 5, "number": 0}
    assert found["parts"] == {"train": 162, "validation": 41}
    assert "parts of fold 0 of 5: train 162, validation 41 rows" in kwb("data", "r.yaml", cwd=tmp_path).stdout


def test_an_error_of_the_data_has_the_line_of_the_fold(catalog, frame, tmp_path: Path) -> None:
    frame.to_csv(tmp_path / "t.csv", index=False)
    text = RECIPE.format(number=300, scale="none", layers=DENSE).replace("of: 5", "of: 301")
    document = parse(text, name="r.yaml", folder=tmp_path)
    with pytest.raises(WorkbenchError) as caught:
        loading.load(document.recipe.data, catalog, folder=tmp_path, seed=3)
    assert str(document.located(caught.value)).startswith("r.yaml:9: data.split.fold: 162 rows cannot be")
