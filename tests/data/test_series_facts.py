"""What a preview finds of rows that follow each other in time."""

from pathlib import Path

import numpy as np
import pytest

from tests.data.test_windows import days, table
from workbench.catalog.lookup import Catalog
from workbench.data import series_preview
from workbench.data.preview import preview
from workbench.data.reading.calls import read
from workbench.data.source import Source
from workbench.recipe.schema import Data
from workbench.recipe.suggestion.series_facts import SeriesFacts


@pytest.fixture
def found(catalog: Catalog, tmp_path: Path):  # type: ignore[no-untyped-def]
    def found(**columns: object) -> SeriesFacts | None:
        (tmp_path / "table.csv").write_text(table(**columns))
        source = read(Data.model_validate({"use": "csv", "path": "table.csv"}), catalog, tmp_path)
        assert isinstance(source, Source)
        return preview(source).series

    return found


def test_a_column_of_regular_times_makes_a_series(found) -> None:  # type: ignore[no-untyped-def]
    random = np.random.default_rng(0)
    at = np.arange(200)
    wave = np.round(np.sin(at * 2 * np.pi / 7) + at / 50 + 0.1 * random.normal(size=200), 4)
    noise = np.round(random.normal(size=200), 4)
    columns = {"date": days(200), "wave": wave, "noise": noise}
    series = found(**columns)
    assert (series.time, series.every, series.rows, series.sort, series.gaps) == (
        "date",
        "1 day",
        200,
        False,
        0,
    )
    assert series.seasons == {"wave": 7}
    assert "noise" not in series.follows
    turned = found(**{name: values[::-1] for name, values in columns.items()})
    assert turned.sort
    years = found(year=range(1800, 2000), level=np.cumsum(random.normal(size=200)))
    assert (years.time, years.every, years.follows) == ("year", "1 step", ("level",))


def test_series_in_one_table_are_told_apart(found) -> None:  # type: ignore[no-untyped-def]
    rows = sorted((day, town, at + len(town)) for town in ("rome", "oslo") for at, day in enumerate(days(60)))
    date, town, y = zip(*rows, strict=True)
    kind = ["a", "b", "c"] * 40
    series = found(kind=kind, date=date, town=town, y=y)
    assert (series.group, series.series, series.rows) == (("town",), 2, 60)


def test_irregular_or_repeated_times_make_none(found) -> None:  # type: ignore[no-untyped-def]
    random = np.random.default_rng(0)
    some = sorted(random.choice(days(900), 200, replace=False))
    assert found(date=some, y=range(200)) is None
    assert found(date=sorted(random.choice(days(20), 200)), y=range(200)) is None
    assert found(year=random.integers(1990, 2020, 200), y=range(200)) is None
    assert found(date=days(20), y=range(20)) is None  # too few


def test_files_that_are_out_of_the_order_of_time_are_sorted(
    catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where that shows only behind the rows that are looked at first."""
    monkeypatch.setattr(series_preview, "_LOOKED_AT", 60)
    level = np.cumsum(np.random.default_rng(0).normal(size=120)).round(3)
    every = days(120)
    for name, rows in (("a", slice(60, 120)), ("b", slice(0, 60))):
        (tmp_path / f"{name}.csv").write_text(table(date=every[rows], level=level[rows]))
    source = read(Data.model_validate({"use": "csv", "path": "*.csv"}), catalog, tmp_path)
    assert isinstance(source, Source)
    series = preview(source).series
    assert series is not None
    assert series.sort
    (tmp_path / "a.csv").rename(tmp_path / "c.csv")
    source = read(Data.model_validate({"use": "csv", "path": "*.csv"}), catalog, tmp_path)
    assert isinstance(source, Source)
    series = preview(source).series
    assert series is not None
    assert not series.sort
