"""Dates and times become numbers: how they are written is found or said, and what cannot be read is named."""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from workbench.catalog.lookup import Catalog
from workbench.data import Preparation, apply_to, data_argument
from workbench.data.cells.dates import Undecided, features, found_format, parsed
from workbench.data.loading import load_or_stream
from workbench.errors import DataError, RecipeError
from workbench.recipe.schema import Data

PARTS = ["year", "quarter", "month", "week", "day", "weekday", "yearday", "hour", "minute", "second", "days"]


def test_the_parts_are_those_of_python_itself() -> None:
    random = np.random.default_rng(0)
    values = random.integers(-4 * 10**15, 4 * 10**15, 300).astype("datetime64[us]")
    made = features(values, PARTS, ())
    for row, value in zip(made, values.astype(object), strict=True):
        wanted = [
            *(value.year, (value.month + 2) // 3, value.month, value.isocalendar().week, value.day),
            *(value.weekday(), value.timetuple().tm_yday, value.hour, value.minute),
            value.second + value.microsecond / 1e6,
            (value - datetime.datetime(1970, 1, 1)) / datetime.timedelta(days=1),
        ]
        np.testing.assert_allclose(row, wanted, rtol=1e-12, atol=1e-9)


@pytest.mark.parametrize(
    ("texts", "form"),
    [
        (["2020-01-31", "2021-02-01 10:30", "2020-01-31T10:00:00+02:00"], "iso"),
        (["31.12.2020", "1.1.2021"], "%d.%m.%Y"),
        (["12/31/2020 1:05 PM", "1/2/2021 2:00 AM"], "%m/%d/%Y %I:%M %p"),
        (["Jan 1 2020", "Dec 31 2020"], "%b %d %Y"),
        (["1 January 2020", "31 December 2020"], "%d %B %Y"),
        (["2020/01/31", "2020/02/01"], "%Y/%m/%d"),
        ([f"{month:02}/01/2020" for month in range(1, 13)], "%m/%d/%Y"),
        (["Jan-1-1995", "Feb-1-1995"], "%b-%d-%Y"),
        (["1995 May", "1996 Jan"], "%Y %b"),
        (["May 1995", "January 1996"], "%B %Y"),
        (["Sat Nov 6 10:30:00 1999", "Sun Nov 7 08:00:00 1999"], "%a %b %d %H:%M:%S %Y"),
        (["12/31/99", "1/2/00"], "%m/%d/%y"),
        (["10:30", "23:05"], "%H:%M"),
        (["1 2020", "12 2021"], None),
        (["9:30 AM", "11:05 PM"], "%I:%M %p"),
        (["1-2", "3-4"], None),
        (["1.2.3.4", "5.6.7.8"], None),
        (["Mon", "Tue"], None),
        (["1.5", "2.5"], None),
        (["16:9", "red"], None),
        (["20200131", "20200201"], None),
        (["house 12", "street 5"], None),
    ],
)
def test_how_dates_are_written_is_found(texts: list[str], form: str | None) -> None:
    assert found_format(texts) == form


def test_day_or_month_first_is_asked() -> None:
    with pytest.raises(Undecided):
        found_format(["01/02/2020", "03/04/2020", "05/06/2020"])
    assert parsed("2020-01-31T10:00:00+02:00", "iso") == np.datetime64("2020-01-31T08:00:00")
    assert parsed("1.5", "unix") == np.datetime64("1970-01-01T00:00:01.5")


@pytest.mark.parametrize("stream", [False, True])
def test_dates_become_scaled_and_cyclic_numbers_as_by_hand(
    catalog: Catalog, tmp_path: Path, stream: bool
) -> None:
    pandas = pytest.importorskip("pandas")
    from sklearn.preprocessing import StandardScaler

    hours = pandas.Series(pandas.date_range("2019-11-03", periods=400, freq="7h"))
    table = pandas.DataFrame(
        {"when": hours.dt.strftime("%d.%m.%Y %H:%M"), "iso": hours.astype(str), "y": np.arange(400.0)}
    )
    table.loc[5, "when"] = None
    table.to_csv(tmp_path / "log.csv", index=False)
    data = Data.model_validate(
        {
            "use": "csv",
            "path": "log.csv",
            "stream": stream,
            "targets": "y",
            "dates": {
                "when": {"parts": ["year", "month", "hour"], "cyclic": True},
                "iso": ["weekday", "days"],
            },
            "missing": "mean",
            "scale": "standard",
            "split": {"test": 0.2},
        }
    )
    loaded = load_or_stream(data, catalog, folder=tmp_path, seed=0)
    train = loaded.train.read_all() if stream else loaded.train
    assert loaded.preparation.inputs[0].feature_names == (
        *("when.year", "when.month.sin", "when.month.cos", "when.hour.sin", "when.hour.cos"),
        *("iso.weekday", "iso.days"),
    )
    when = hours.where(table["when"].notna())
    by_hand = pandas.DataFrame(
        {
            "year": when.dt.year,
            "ms": np.sin(2 * np.pi * when.dt.month / 12),
            "mc": np.cos(2 * np.pi * when.dt.month / 12),
            "hs": np.sin(2 * np.pi * when.dt.hour / 24),
            "hc": np.cos(2 * np.pi * when.dt.hour / 24),
            "weekday": hours.dt.day_of_week,
            "days": (hours - pandas.Timestamp(0)) / pandas.Timedelta(days=1),
        }
    )
    by_hand = by_hand.fillna(by_hand.loc[train.index].mean())
    plain = ["year", "weekday", "days"]
    scaler = StandardScaler().fit(by_hand.loc[train.index, plain])
    by_hand[plain] = scaler.transform(by_hand[plain])
    kept = Preparation.from_record(json.loads(json.dumps(loaded.preparation.as_record())))
    fresh = apply_to(
        kept, data_argument(str(tmp_path / "log.csv"), catalog, kept), catalog, folder=tmp_path, seed=0
    )
    assert fresh.rows == 400
    for part in (train, fresh):
        np.testing.assert_allclose(part.inputs["features"], by_hand.loc[part.index], atol=1e-6)


def test_dates_of_numpy_python_and_numbers(stranger: Callable[[str], Catalog], tmp_path: Path) -> None:
    catalog = stranger(
        "import datetime\nimport numpy as np\n"
        "def theirs():\n"
        "    days = np.datetime64('2020-01-30') + np.arange(6)\n"
        "    return {'a': days, 'b': days.astype(object), 'c': days.astype('datetime64[s]').astype(int),\n"
        "            'd': [int(str(day).replace('-', '')) for day in days],\n"
        "            'e': days.astype('datetime64[ns]'), 'y': np.arange(6.0)}\n"
    )
    section = {
        "use": "theirs",
        "targets": "y",
        "dates": {
            "a": "day",
            "b": "day",
            "c": {"parts": "day", "format": "unix"},
            "d": {"parts": "day", "format": "%Y%m%d"},
            "e": "day",
        },
    }
    loaded = load_or_stream(Data.model_validate(section), catalog, folder=tmp_path, seed=0)
    np.testing.assert_array_equal(
        loaded.train.inputs["features"], np.array([[30, 31, 1, 2, 3, 4]] * 5).T[loaded.train.index]
    )
    section["dates"]["d"] = "day"
    with pytest.raises(DataError, match="holds numbers"):
        load_or_stream(Data.model_validate(section), catalog, folder=tmp_path, seed=0)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("form", [None, "%d.%m.%Y"])
def test_a_cell_that_is_no_date_is_one_error_with_its_row(
    catalog: Catalog, tmp_path: Path, stream: bool, form: str | None
) -> None:
    rows = [f"{day}.03.2020,{day}" for day in range(1, 30)]
    rows[17] = "31.02.2020,7"
    (tmp_path / "log.csv").write_text("\n".join(["when,y", *rows]) + "\n")
    features = {"parts": ["day"], "format": form} if form else ["day"]
    data = {"use": "csv", "path": "log.csv", "stream": stream, "targets": "y", "dates": {"when": features}}
    with pytest.raises(DataError, match=r"'31\.02\.2020', which is no date") as error:
        load_or_stream(Data.model_validate(data), catalog, folder=tmp_path, seed=0)
    assert error.value.where == "log.csv:19"


def test_a_column_of_dates_with_another_text_is_no_category(prepare: Callable[..., Any]) -> None:
    table = "when,y\n" + "".join(f"{n % 7}.03.2024,{n}\n" for n in range(1, 40))
    with pytest.raises(DataError, match=r"'0\.03\.2024', which is no date as '1\.03\.2024' is") as error:
        prepare(table, targets="y")
    assert error.value.where == "table.csv:8"


def test_dates_are_no_categories_and_no_target(prepare: Callable[..., Any]) -> None:
    table = "when,y\n" + "".join(f"Jan {n % 3 + 1} 2020,{n}\n" for n in range(30))
    with pytest.raises(DataError, match=r"dates or times \('Jan 1 2020'\)") as error:
        prepare(table, targets="y")
    assert "`dates: {when: [year, month, weekday]}`" in error.value.hint
    assert prepare(table, targets="y", categories="when").preparation.inputs[0].shape == (3,)
    assert prepare(table, targets="y", dates={"when": "day"}).preparation.inputs[0].shape == (1,)
    with pytest.raises(RecipeError, match="no input") as target:
        prepare(table, targets="when", dates={"when": "day"})
    assert target.value.where == "data.dates.when"
    with pytest.raises(DataError, match="day or the month first") as order:
        prepare("when,y\n01/02/2020,1\n03/04/2020,2\n05/06/2020,3\n", targets="y", dates={"when": "day"})
    assert '`format: "%m/%d/%Y"`' in order.value.hint


@pytest.mark.parametrize("stream", [False, True])
def test_a_given_format_reads_what_looks_like_a_number_or_another_date(
    catalog: Catalog, tmp_path: Path, stream: bool
) -> None:
    forms = {"day": "%d.%m", "iso": "%Y-%d-%m", "lap": "%M:%S", "clock": "%H%M"}
    cells = [datetime.datetime(2021, n % 12 + 1, n % 9 + 1, n % 4, n % 60, n % 50) for n in range(1, 31)]

    def write(name: str, times: list[datetime.datetime]) -> None:
        rows = [",".join([*(time.strftime(form) for form in forms.values()), "1"]) for time in times]
        (tmp_path / name).write_text("\n".join([",".join([*forms, "y"]), *rows]) + "\n")

    def numbers(times: list[datetime.datetime]) -> list[list[float]]:
        return [
            [each.day, each.month, each.day, each.month, each.minute, each.second, each.hour, each.minute]
            for each in times
        ]

    write("log.csv", cells)
    write("new.csv", new := [datetime.datetime(2021, 5, 2, 9, 5, 30), datetime.datetime(2021, 10, 5, 0, 5)])
    parts = [["day", "month"], ["day", "month"], ["minute", "second"], ["hour", "minute"]]
    dates = {
        name: {"parts": own, "format": form} for (name, form), own in zip(forms.items(), parts, strict=True)
    }
    section = {"use": "csv", "path": "log.csv", "stream": stream, "targets": "y", "dates": dates}
    loaded = load_or_stream(Data.model_validate(section), catalog, folder=tmp_path, seed=0)
    train = loaded.train.read_all() if stream else loaded.train
    np.testing.assert_array_equal(train.inputs["features"], np.array(numbers(cells))[train.index])
    kept = Preparation.from_record(json.loads(json.dumps(loaded.preparation.as_record())))
    fresh = apply_to(
        kept, data_argument(str(tmp_path / "new.csv"), catalog, kept), catalog, folder=tmp_path, seed=0
    )
    np.testing.assert_array_equal(fresh.inputs["features"], numbers(new))

    dates["iso"]["format"] = "%d/%m/%Y"
    with pytest.raises(DataError, match=r"'2021-02-02', which is no date of the form \"%d/%m/%Y\"") as error:
        load_or_stream(Data.model_validate(section), catalog, folder=tmp_path, seed=0)
    assert error.value.where == "log.csv:2"


@pytest.mark.parametrize("stream", [False, True])
def test_a_given_format_orders_the_rows_of_a_split_and_of_windows(
    catalog: Catalog, tmp_path: Path, stream: bool
) -> None:
    first = datetime.date(2021, 1, 1)
    days = [first + datetime.timedelta(n) for n in range(40)]
    shuffled = np.random.default_rng(0).permutation(40)

    def write(name: str, rows: Any) -> None:
        lines = [f"{days[n]:%Y-%d-%m},{n},{n}" for n in rows]
        (tmp_path / name).write_text("\n".join(["when,x,y", *lines]) + "\n")

    write("log.csv", shuffled)
    section = {
        "use": "csv",
        "path": "log.csv",
        "stream": stream,
        "targets": "y",
        "dates": {"when": {"parts": "day", "format": "%Y-%d-%m"}},
        "ignore": "when",
        "split": {"validation": 0, "test": 0.25, "time": "when"},
    }
    loaded = load_or_stream(Data.model_validate(section), catalog, folder=tmp_path, seed=0)
    test = loaded.test.read_all() if stream else loaded.test
    assert sorted(test.targets["y"].ravel()) == [*range(30, 40)]

    section |= {
        "windows": {"length": 3, "time": "when", "sort": True},
        "split": {"validation": 0, "test": 0.25},
    }
    loaded = load_or_stream(Data.model_validate(section), catalog, folder=tmp_path, seed=0)
    assert loaded.preparation.windows.clock.described == "1 day"
    write("new.csv", [5, 4, 3, 2, 1, 0])  # all of its days are months as well
    kept = Preparation.from_record(json.loads(json.dumps(loaded.preparation.as_record())))
    fresh = apply_to(
        kept, data_argument(str(tmp_path / "new.csv"), catalog, kept), catalog, folder=tmp_path, seed=0
    )
    np.testing.assert_array_equal(fresh.inputs["features"][..., 0], [[0, 1, 2], [1, 2, 3], [2, 3, 4]])


def test_times_that_a_source_brings_need_no_format(catalog: Catalog, tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    when = [datetime.datetime(2021, n % 12 + 1, n % 28 + 1) for n in range(30)]
    parquet.write_table(pa.table({"when": when, "y": np.arange(30.0)}), tmp_path / "log.parquet")
    dates = {"when": {"parts": ["day", "month"], "format": "%Y-%d-%m"}}
    data = Data.model_validate({"use": "parquet", "path": "log.parquet", "targets": "y", "dates": dates})
    train = load_or_stream(data, catalog, folder=tmp_path, seed=0).train
    wanted = np.array([[each.day, each.month] for each in when])
    np.testing.assert_array_equal(train.inputs["features"], wanted[train.index])
