"""Windows of rows: their values, where they end, and what they are fitted on."""

from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest

from workbench.catalog.lookup import Catalog
from workbench.data import Prepared, apply_to, load
from workbench.data.preparation import Preparation
from workbench.errors import DataError, RecipeError, WorkbenchError
from workbench.recipe.schema import Data

Prepare = Callable[..., Prepared]


def days(count: int, start: str = "2024-01-01") -> list[str]:
    return [str(day) for day in np.datetime64(start) + np.arange(count)]


def table(**columns: object) -> str:
    rows = zip(*(list(values) for values in columns.values()), strict=True)  # type: ignore[call-overload]
    return "\n".join([",".join(columns), *(",".join(map(str, row)) for row in rows)]) + "\n"


@pytest.fixture(scope="module")
def weather() -> dict[str, np.ndarray]:
    random = np.random.default_rng(3)
    return {
        "date": np.array(days(60)),
        "temp": np.round(10 + 5 * np.sin(np.arange(60) / 5) + random.normal(size=60), 3),
        "wind": np.round(random.gamma(2.0, 3.0, 60), 3),
    }


def test_windows_are_those_of_keras_and_scaled_once_per_column_on_training_rows(
    prepare: Prepare, weather: dict[str, np.ndarray]
) -> None:
    found = prepare(
        table(**weather),
        targets=["temp"],
        scale="standard",
        windows={"length": 7, "ahead": 3, "time": "date"},
        split={"validation": 0.2, "test": 0.2},
    )
    # 60 rows: 36 to train on, 12 for each other part, in the order of time.
    rows = np.stack([weather["temp"], weather["wind"]], axis=1)
    rows = (rows - rows[:36].mean(axis=0)) / rows[:36].std(axis=0)
    for part, (first, last) in zip(
        (found.train, found.validation, found.test), ((0, 36), (36, 48), (48, 60)), strict=True
    ):
        assert part is not None
        own = keras.utils.timeseries_dataset_from_array(
            rows[first:last],
            weather["temp"][first + 7 - 1 + 3 : last],
            sequence_length=7,
            batch_size=None,
        )
        inputs, targets = (np.array(values) for values in zip(*own.as_numpy_iterator(), strict=True))
        np.testing.assert_allclose(part.inputs["features"], inputs, atol=1e-6)
        np.testing.assert_allclose(part.targets["temp"][:, 0], targets, atol=1e-5)
        assert part.index.tolist() == list(range(first + 6, last - 3))
        assert part.beside["date"].tolist() == weather["date"][first + 6 : last - 3].tolist()
    assert found.preparation.input_shapes() == {"features": (7, 2)}
    assert found.summary() == "33 windows of 7 rows: 27 to train on, 3 for validation, 3 for the test"


def test_several_steps_ahead_and_every_so_many_rows(prepare: Prepare) -> None:
    found = prepare(
        table(y=range(30), x=range(100, 130)),
        targets=["y", "x"],
        windows={"length": 4, "ahead": "1-3", "step": 5},
    )
    targets = found.train.targets["targets"]
    assert found.train.inputs["features"][:, 0, 0].tolist() == [0, 5, 10, 15, 20]
    assert targets[1].tolist() == [9, 109, 10, 110, 11, 111]
    assert found.preparation.targets[0].columns == ("y+1", "x+1", "y+2", "x+2", "y+3", "x+3")  # type: ignore[union-attr]
    assert found.preparation.target_shapes() == {"targets": (6,)}


def test_scaled_targets_of_several_steps_have_the_scale_of_their_column(prepare: Prepare) -> None:
    found = prepare(
        table(y=range(30), x=[at * at for at in range(30)]),
        targets=["y", "x"],
        scale_targets="standard",
        windows={"length": 4, "ahead": [1, 3]},
        split={"test": 0.3},
    )
    rows = np.stack([np.arange(21.0), np.arange(21.0) ** 2], axis=1)
    scaled = (rows - rows.mean(axis=0)) / rows.std(axis=0)
    learned = found.preparation.for_model(found.train).targets["targets"]
    np.testing.assert_allclose(learned, np.concatenate([scaled[4:-2], scaled[6:]], axis=1), atol=1e-6)
    assert found.train.targets["targets"][0].tolist() == [4, 16, 6, 36]


def test_windows_cross_neither_series_nor_gaps_and_series_are_cut_at_one_moment(prepare: Prepare) -> None:
    # Two stations in turn; of b one day is missing, and it begins ten days later.
    rows = [(day, "a", at, 2 * at) for at, day in enumerate(days(20))]
    rows += [(day, "b", 100 + at, 1) for at, day in enumerate(days(20, "2024-01-11")) if at != 6]
    rows.sort()
    date, station, y, x = zip(*rows, strict=True)
    found = prepare(
        table(date=date, station=station, y=y, x=x),
        targets=["y"],
        windows={"length": 3, "ahead": 1, "time": "date", "group": "station"},
        split={"test": 0.25},
    )
    firsts = found.train.inputs["features"][:, 0, 0]
    lasts = found.train.targets["y"][:, 0]
    assert ((firsts < 100) == (lasts < 100)).all()
    np.testing.assert_array_equal(lasts - firsts, 3)  # no window goes over the missing day
    assert found.test is not None
    border = min(found.test.beside["date"])
    assert max(found.train.beside["date"]) < border
    # 39 rows, of which the last 10 are the test: it begins on one day for both stations.
    assert sorted(set(found.train.beside["station"])) == ["a", "b"]
    assert set(found.test.beside["station"]) == {"b"}


def test_no_training_window_or_number_knows_the_test(prepare: Prepare) -> None:
    """A planted leak: the test's rows are so large that whatever takes a part of them shows."""
    y = np.concatenate([np.arange(80.0) % 7, np.full(20, 1e6)])
    found = prepare(
        table(date=days(100), y=y),
        targets=["y"],
        scale="standard",
        windows={"length": 10, "ahead": 5, "time": "date"},
        split={"validation": 0.0, "test": 0.2},
    )
    assert found.train.targets["y"].max() < 7
    assert np.abs(found.train.inputs["features"]).max() < 3
    column = found.preparation.inputs[0].columns[0]  # type: ignore[union-attr]
    assert (column.center, column.factor) == (pytest.approx(y[:80].mean()), pytest.approx(y[:80].std()))
    assert found.test is not None
    assert found.test.targets["y"].min() == 1e6
    assert found.test.index.min() == 89


def test_a_target_that_is_missing_costs_only_windows_that_need_it(prepare: Prepare) -> None:
    y = [*map(str, range(20))]
    y[10] = ""
    found = prepare(
        table(x=range(20), y=y),
        targets=["y"],
        inputs={"features": ["x"]},
        missing={"targets": "drop"},
        windows={"length": 3, "ahead": 2},
    )
    assert found.train.targets["y"][:, 0].tolist() == [at for at in range(4, 20) if at != 10]
    past = prepare(
        table(x=range(20), y=y), targets=["y"], missing={"targets": "drop"}, windows={"length": 3, "ahead": 2}
    )
    assert 8 in past.train.targets["y"]
    assert not {10, 12, 13, 14} & set(
        past.train.targets["y"][:, 0].tolist()
    )  # 10 is in their past, or is asked


def test_categories_weights_known_columns_and_classes(prepare: Prepare) -> None:
    kind = ["low", "mid", "high"]
    found = prepare(
        table(
            y=[kind[at % 3] for at in range(24)],
            sky=[["sun", "rain"][at % 2] for at in range(24)],
            holiday=[at % 7 for at in range(24)],
            w=[at / 10 for at in range(24)],
        ),
        targets=["y"],
        classes=["y"],
        ignore=[],
        sample_weight="w",
        inputs={"features": ["sky", "y"]},
        windows={"length": 5, "ahead": 2, "known": ["holiday"]},
    )
    train = found.train
    assert train.inputs["features"].shape == (18, 5, 5)
    assert train.inputs["known"].tolist() == [[[(at + 6) % 7]] for at in range(18)]
    names = found.preparation.classes()["y"]
    assert [names[at] for at in train.targets["y"]] == [kind[(at + 6) % 3] for at in range(18)]
    np.testing.assert_allclose(train.sample_weight, (np.arange(18) + 6) / 10, atol=1e-6)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("dates", "unit"),
    [
        ([f"{1990 + at // 12}-{at % 12 + 1:02}-01" for at in range(48)], "months"),
        ([f"{1900 + at}-12-31" for at in range(48)], "months"),
        ([f"{2024}/{at // 28 + 1:02}/{at % 28 + 1:02}" for at in range(28)], "nanoseconds"),
        ([str(np.busday_offset("2024-01-01", at)) for at in range(48)], "workdays"),
        ([str(at) for at in range(1700, 1748)], "number"),
        ([f"2024-01-{at // 24 + 1:02}T{at % 24:02}:00:00Z" for at in range(48)], "nanoseconds"),
        ([f"{at:02}.03.2024 10:30" for at in range(1, 32)], "nanoseconds"),
    ],
)
def test_time_is_counted_so_that_regular_rows_have_no_gap(
    prepare: Prepare, dates: list[str], unit: str
) -> None:
    found = prepare(
        table(when=dates, y=range(len(dates))), targets=["y"], windows={"length": 4, "time": "when"}
    )
    spec = found.preparation.windows
    assert spec is not None
    assert spec.clock is not None
    assert spec.clock.unit == unit
    assert found.train.rows == len(dates) - 4
    hole = [*dates[:15], *dates[18:]]
    holed = prepare(
        table(when=hole, y=range(len(hole))), targets=["y"], windows={"length": 4, "time": "when"}
    )
    assert holed.train.rows == len(hole) - 8
    kept = prepare(
        table(when=hole, y=range(len(hole))),
        targets=["y"],
        windows={"length": 4, "time": "when", "gaps": "keep"},
    )
    assert kept.train.rows == len(hole) - 4


def test_bad_rows_are_reported_with_file_and_line(prepare: Prepare) -> None:
    def error(
        windows: dict[str, object], kind: type[WorkbenchError] = DataError, **columns: object
    ) -> WorkbenchError:
        with pytest.raises(kind) as raised:
            prepare(table(**columns), targets=["y"], windows=windows)
        return raised.value

    swapped = days(12)
    swapped[4], swapped[5] = swapped[5], swapped[4]
    disorder = error({"length": 2, "time": "date"}, date=swapped, y=range(12))
    assert (disorder.where, disorder.what) == (
        "table.csv:7",
        "the rows are not in the order of 'date': 2024-01-05 comes after 2024-01-06.",
    )
    assert "sort: true" in disorder.hint
    twice = error({"length": 2, "time": "date"}, date=[*days(6), days(6)[-1]], y=range(7))
    assert twice.where == "table.csv:8"
    assert "the same 'date', 2024-01-06: this one and table.csv:7" in twice.what
    bad = error({"length": 2, "time": "date"}, date=[*days(6), "soon"], y=range(7))
    assert bad.where == "table.csv:8"
    assert bad.what.startswith("column 'date' holds 'soon', which is no date of the form 2020-12-31")
    short = error({"length": 9, "ahead": 4}, y=range(10))
    assert short.what == (
        "the training part holds no window: one needs 9 rows and its target 4 later, 13 rows that follow each other, "
        "and there are 10 rows."
    )
    groups = {"date": [*days(5), *days(5)], "s": ["a"] * 5 + ["b"] * 5, "y": range(10)}
    stretch = error({"length": 5, "time": "date", "group": "s"}, **groups)
    assert "the longest of 2 stretches without a gap has 5 of 10 rows" in stretch.what
    assert (
        "no column 'dat'" in error({"length": 2, "time": "dat"}, RecipeError, date=days(5), y=range(5)).what
    )
    with pytest.raises(RecipeError, match="windows overlap"):
        prepare(
            table(y=range(30)), targets=["y"], windows={"length": 2}, split={"test": 0.2, "stratify": "y"}
        )


def test_rows_out_of_order_are_sorted_where_asked(prepare: Prepare) -> None:
    dates, y = days(30)[::-1], [*range(30)][::-1]
    found = prepare(
        table(date=dates, y=y),
        targets=["y"],
        windows={"length": 3, "time": "date", "sort": True},
        split={"test": 0.2},
    )
    assert found.train.inputs["features"][0, :, 0].tolist() == [0, 1, 2]
    assert found.train.index[0] == 27  # its place in the file
    assert found.test is not None
    assert found.test.targets["y"][-1, 0] == 29


def test_new_rows_give_one_forecast_for_each_window_also_behind_the_last_target(
    prepare: Prepare, catalog: Catalog, tmp_path: Path, weather: dict[str, np.ndarray]
) -> None:
    section = {
        "targets": ["temp"],
        "scale": "standard",
        "windows": {"length": 7, "ahead": 3, "time": "date"},
        "split": {"test": 0.2},
    }
    found = prepare(table(**weather), **section)
    kept = Preparation.from_record(found.preparation.as_record())
    (tmp_path / "new.csv").write_text(table(**{name: values[40:] for name, values in weather.items()}))
    new = Data(use="csv", path="new.csv")
    all_windows = apply_to(kept, new, catalog, folder=tmp_path, seed=0, with_targets=False)
    assert all_windows.beside["date"].tolist() == weather["date"][46:].tolist()
    assert not all_windows.targets
    with_truth = apply_to(kept, new, catalog, folder=tmp_path, seed=0)
    np.testing.assert_array_equal(with_truth.inputs["features"], all_windows.inputs["features"][:11])
    assert found.test is not None
    np.testing.assert_array_equal(found.test.inputs["features"], with_truth.inputs["features"][8:])
    own = Data.model_validate({"use": "csv", "path": "table.csv", **section})
    again = apply_to(kept, own, catalog, folder=tmp_path, seed=0)
    np.testing.assert_array_equal(again.inputs["features"], found.test.inputs["features"])
    np.testing.assert_array_equal(again.targets["temp"], found.test.targets["temp"])


def test_a_recipe_that_says_every_setting_gives_the_same_windows(
    catalog: Catalog, tmp_path: Path, prepare: Prepare
) -> None:
    section = {
        "targets": ["y"],
        "windows": {"length": 3, "ahead": "1-2"},
        "split": {"validation": 0.2, "test": 0.2},
    }
    found = prepare(table(y=range(30)), **section)
    data = Data.model_validate({"use": "csv", "path": "table.csv", **section})
    resolved = Data.model_validate(data.model_dump(mode="json"))  # as a run and a saved file keep it
    again = load(resolved, catalog, folder=tmp_path, seed=0)
    assert again.test is not None
    assert found.test is not None
    np.testing.assert_array_equal(again.test.inputs["features"], found.test.inputs["features"])
    assert again.preparation.windows == found.preparation.windows


def test_many_windows_are_gathered_batch_by_batch(
    prepare: Prepare, catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from workbench.data import windowing
    from workbench.data.loading import Streamed, load_or_stream

    text, section = (
        table(y=range(200), x=np.arange(200) % 9),
        {"targets": ["y"], "windows": {"length": 12, "ahead": 3}},
    )
    held = prepare(text, **section)
    monkeypatch.setattr(windowing, "HELD_BYTES", 1000)
    for stream in (False, True):
        data = Data.model_validate({"use": "csv", "path": "table.csv", "stream": stream, **section})
        found = load_or_stream(data, catalog, folder=tmp_path, seed=0)
        assert isinstance(found, Streamed)
        assert found.labels == {"y": (14.0, 199.0)}
        parts = list(found.train.batches(50, epoch=1, seed=5))
        assert [part.rows for part in parts] == [50, 50, 50, 36]
        index = np.concatenate([part.index for part in parts])
        assert sorted(index) == held.train.index.tolist() != index.tolist()
        inputs = np.concatenate([part.inputs["features"] for part in parts])
        np.testing.assert_array_equal(inputs[np.argsort(index)], held.train.inputs["features"])
        later = next(found.train.batches(50, epoch=1, step=2, seed=5))
        np.testing.assert_array_equal(later.targets["y"], parts[2].targets["y"])
