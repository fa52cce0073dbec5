"""Data before training: right values by scipy and NumPy, and the role of each column with its reason."""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats
from scipy.stats.contingency import association

from workbench.catalog.lookup import Catalog
from workbench.cli import main
from workbench.data.loading import load_or_stream
from workbench.data.measures import (
    chance_of_counts,
    chance_of_distance,
    correlation_ratio,
    cramers_v,
    kolmogorov_smirnov,
    pearson,
    spearman,
    total_variation,
)
from workbench.data.reading.calls import read
from workbench.data.source import Source
from workbench.data.summary import blocks as blocks_module
from workbench.data.summary.blocks import RowBlocks, draw
from workbench.data.summary.columns import ColumnSummary, summarize, target_column
from workbench.data.summary.overview import overview
from workbench.data.summary.parts import compare, part_rows, part_samples
from workbench.data.summary.rows import row_view
from workbench.data.summary.shown_kinds import parse_days, write_days
from workbench.data.summary.shown_readings import readings_of
from workbench.errors import RecipeError
from workbench.recipe.schema import Data

RANDOM = np.random.default_rng(5)
CITIES = np.array(["Berlin", "Köln", "Hamburg"])


@pytest.fixture
def houses() -> Source:
    """Six hundred houses with a column of each kind; some values are missing."""
    rows = 600
    area = RANDOM.normal(100, 30, rows)
    city = CITIES[RANDOM.choice(3, rows, p=[0.5, 0.3, 0.2])].astype(object)
    price = 3 * area + 100 * (city == "Berlin") + RANDOM.normal(0, 20, rows)
    area[::10] = np.nan
    city[::15] = None
    days = np.datetime64("2020-01-01") + RANDOM.integers(0, 900, rows)
    garden = RANDOM.random(rows) < 0.4
    rooms = RANDOM.integers(1, 7, rows)
    columns = {
        "id": np.arange(rows),
        "sold": days,
        "city": city,
        "area": area,
        "garden": garden,
        "rooms": rooms,
    }
    return Source({**columns, "price": price, "empty": np.full(rows, np.nan)}, origin="houses")


def test_measures_are_those_of_scipy() -> None:
    first = RANDOM.integers(0, 20, 500).astype(float)
    second = first + RANDOM.normal(0, 9, 500)
    codes, other = RANDOM.integers(0, 4, 500), RANDOM.integers(0, 3, 500)
    assert pearson(first, second) == pytest.approx(stats.pearsonr(first, second).statistic, abs=1e-12)
    assert spearman(first, second) == pytest.approx(stats.spearmanr(first, second).statistic, abs=1e-12)
    table = stats.contingency.crosstab(codes, other).count
    assert cramers_v(codes, other) == pytest.approx(association(table, method="cramer"), abs=1e-12)
    groups = [second[codes == code] for code in range(4)]
    between = sum(len(group) * (group.mean() - second.mean()) ** 2 for group in groups)
    expected = np.sqrt(between / ((second - second.mean()) ** 2).sum())
    assert correlation_ratio(codes, second) == pytest.approx(expected, abs=1e-12)
    shifted = second[:200] + 1
    distance = kolmogorov_smirnov(first, shifted)
    assert distance == pytest.approx(stats.ks_2samp(first, shifted).statistic, abs=1e-12)
    chance = stats.ks_2samp(first, shifted, method="asymp").pvalue
    assert chance_of_distance(distance, 500, 200) == pytest.approx(chance, rel=0.3)
    counts = np.array([[30, 20, 50], [60, 5, 35]])
    assert total_variation(*counts) == pytest.approx(0.3)
    assert chance_of_counts(*counts) == pytest.approx(stats.chi2_contingency(counts).pvalue, rel=1e-9)
    # what does not vary goes together with nothing
    still = np.ones(500)
    assert pearson(still, second) is spearman(first, still) is correlation_ratio(codes, still) is None
    assert cramers_v(codes, np.zeros(500, int)) is None


def test_columns_of_every_kind(houses: Source) -> None:
    target = target_column(houses, "price", classes=False)
    found = {name: summarize(houses, name, [target]) for name in houses.columns}
    area, price = houses.columns["area"], houses.columns["price"]
    held = np.isfinite(area)
    number = found["area"]
    assert (number.kind, number.rows, number.missing, number.distinct) == ("number", 600, 60, 540)
    assert number.low == area[held].min()
    assert number.median == pytest.approx(np.median(area[held]))
    assert number.sd == pytest.approx(np.std(area[held], ddof=1))
    assert number.counts == tuple(np.histogram(area[held], 32)[0])
    [relation] = number.relations
    assert relation.measure == "Pearson"
    assert relation.value == pytest.approx(stats.pearsonr(area[held], price[held]).statistic)
    assert relation.spearman == pytest.approx(stats.spearmanr(area[held], price[held]).statistic)
    text = found["city"]
    assert (text.kind, text.missing, text.distinct) == ("text", 40, 3)
    assert dict(text.commonest) == {city: int((houses.columns["city"] == city).sum()) for city in CITIES}
    named = houses.columns["city"] != np.array(None)
    f = stats.f_oneway(*(price[named & (houses.columns["city"] == city)] for city in CITIES)).statistic
    # η² and F are one and the same thing in other units
    eta = np.sqrt(f * 2 / (f * 2 + named.sum() - 3))
    assert (text.relations[0].measure, text.relations[0].value) == ("correlation ratio", pytest.approx(eta))
    date = found["sold"]
    assert date.kind == "date"
    assert date.written is not None
    assert date.written["low"] == str(houses.columns["sold"].min())
    assert date.written["high"] == str(houses.columns["sold"].max())
    assert np.datetime64(date.written["median"]) in houses.columns["sold"]
    assert date.relations[0].measure == "Pearson"
    flag = found["garden"]
    assert (flag.kind, flag.distinct, flag.relations[0].measure) == ("flag", 2, "Pearson")
    # each whole number has a bin of its own
    assert found["rooms"].counts == tuple(np.bincount(houses.columns["rooms"])[1:])
    assert found["empty"].missing == 600
    assert found["empty"].relations[0].note == "no row has both values"
    assert found["price"].relations == ()


def test_with_classes_to_learn_the_measures_are_those_for_classes(houses: Source) -> None:
    target = target_column(houses, "rooms", classes=True)
    measures = {
        name: summarize(houses, name, [target]).relations for name in ("area", "city", "garden", "id")
    }
    assert measures["area"][0].measure == measures["id"][0].measure == "correlation ratio"
    assert measures["garden"][0].measure == "Cramér's V"
    named = houses.columns["city"] != np.array(None)
    table = stats.contingency.crosstab(
        houses.columns["city"][named].astype(str), houses.columns["rooms"][named]
    )
    assert measures["city"][0].value == pytest.approx(association(table.count, method="cramer"))
    # a text of its own in each row would go together with anything
    ids = Source({"id": houses.columns["id"].astype(str).astype(object), "y": houses.columns["price"]})
    [relation] = summarize(ids, "id", [target_column(ids, "y", classes=False)]).relations
    assert (relation.value, relation.note) == (None, "it has another value in nearly every row")


@pytest.mark.parametrize(
    "values",
    [
        np.array([]),
        np.array([], dtype=object),
        np.array([None, None], dtype=object),
        np.array([1, "a", None, 2.5], dtype=object),
        np.array([b"\xff", b"a"]),
        np.array([{"a": 1}, None], dtype=object),
        np.array([np.inf, -np.inf, 1.0, np.nan]),
        np.array([1e308, -1e308, 0.0]),
        np.array([2**60, 1]),
        np.array([1 + 2j, 3.0]),
        np.array([datetime.date(1, 1, 1), None, datetime.date(9999, 12, 31)], dtype=object),
        np.array(["NaT", "2020-01-01"], dtype="datetime64[D]"),
        np.array([1, 2], dtype="timedelta64[s]"),
        np.zeros((3, 0)),
        np.zeros((0, 4, 4)),
        np.array([["a"], ["b"]]),
        np.full((2, 3), np.nan),
        np.array([5e-324, 0.0]),
    ],
    ids=lambda values: f"{values.dtype}{values.shape}",
)
def test_nothing_that_a_column_can_hold_is_refused(values: np.ndarray) -> None:
    source = Source({"x": values, "y": np.arange(len(values))})
    found = summarize(source, "x", [target_column(source, "y", classes=False)])
    assert (found.rows, isinstance(found, ColumnSummary)) == (len(values), True)
    summarize(source, "y", [target_column(source, "x", classes=True)])


def test_dates_are_written_as_they_are_read() -> None:
    for text in ("2024-02-29", "1969-12-31 23:59:59", "0001-01-01"):
        assert write_days(parse_days(text)) == text
    with pytest.raises(ValueError):
        parse_days("tomorrow")


def test_cells_are_read_as_the_recipe_says_or_as_new_would_propose(catalog: Catalog, tmp_path: Path) -> None:
    days = [datetime.date(2019, 12, 20) + datetime.timedelta(days=row) for row in range(30)]
    lines = [f"{day:%b %d %Y},{row}%,0{row % 3},{row * 2}" for row, day in enumerate(days)]
    (tmp_path / "t.csv").write_text("\n".join(["sold,tax,code,y", *lines]))
    data = Data.model_validate({"use": "csv", "path": "t.csv", "targets": ["y"], "categories": ["code"]})
    source = read(data, catalog, tmp_path)
    columns = {column["name"]: column for column in overview(data, source).columns()}
    assert columns["sold"]["kind"] == "date"
    assert columns["sold"]["written"] == {"low": "2019-12-20", "median": "2020-01-03", "high": "2020-01-18"}
    assert columns["sold"]["suggested"] == "dates"
    assert (columns["tax"]["kind"], columns["tax"]["high"]) == ("number", pytest.approx(0.29))
    assert columns["tax"]["relations"][0]["value"] == pytest.approx(1.0)
    assert columns["code"]["kind"] == "text"

    said = {"numbers": {"tax": "percent"}, "dates": {"sold": {"parts": ["month"], "format": "%b %d %Y"}}}
    own = Data.model_validate(data.model_dump(exclude_unset=True) | said)
    kinds = {column["name"]: column["kind"] for column in overview(own, source).columns()}
    assert (kinds["sold"], kinds["tax"], kinds["code"]) == ("date", "number", "text")

    def found(where: str) -> list[int]:
        view = row_view(RowBlocks(source), None, where=where, readings=readings_of(data, source))
        view.look(60)
        return [row[0] for row in view.page(0, 100)]

    assert found("sold>=2020") == list(range(13, 31))
    assert found("sold>=2020-01 sold<2020-01-03") == [13, 14]
    assert found("sold:Jan tax>0.27") == [29, 30]
    assert found("tax=0.05") == [6]
    assert found("code=01 y>50") == [29]
    assert found('"dec 2"') == [row for row, day in enumerate(days, 1) if f"{day:%b %d}".startswith("Dec 2")]
    assert found("y!=0 y<=4") == [2, 3]
    with pytest.raises(RecipeError, match="'code' holds texts"):
        found("code>one")
    with pytest.raises(RecipeError, match="no column 'cod'"):
        found("cod:1")


def test_a_large_table_is_sampled_the_same_way_each_time(
    catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blocks_module, "MOST_ROWS", 500)
    monkeypatch.setattr(blocks_module, "LEAST_ROWS", 100)
    rows = 3000
    source = Source({"x": np.arange(rows), "y": np.arange(rows) * 2.0})
    sample = draw(RowBlocks(source), 1)
    assert (len(sample.positions), sample.of, sample.whole) == (500, rows, False)
    assert (np.diff(sample.positions) > 0).all()
    np.testing.assert_array_equal(sample.source.columns["y"], sample.positions * 2.0)
    np.testing.assert_array_equal(draw(RowBlocks(source), 1).positions, sample.positions)
    # streamed: the same values, from chunks
    np.savetxt(tmp_path / "t.csv", np.stack([np.arange(rows)] * 2, 1), "%d", ",", header="x,y", comments="")
    data = Data.model_validate({"use": "csv", "path": "t.csv", "stream": True})
    streamed = draw(RowBlocks(read(data, catalog, tmp_path)))
    assert (len(streamed.positions), streamed.of) == (500, rows)
    np.testing.assert_array_equal(streamed.source.columns["x"], streamed.positions)


@pytest.mark.parametrize("stream", [False, True])
def test_parts_are_compared(catalog: Catalog, tmp_path: Path, stream: bool) -> None:
    rows = 900
    order = np.arange(rows)
    noise = RANDOM.normal(size=rows)
    word = np.where(order < 720, "early", np.where(RANDOM.random(rows) < 0.5, "early", "late"))
    lines = [f"{at},{noise[at]:.6f},{word[at]},{at % 7}" for at in order]
    (tmp_path / "t.csv").write_text("\n".join(["order,noise,word,y", *lines]))
    section = {"use": "csv", "path": "t.csv", "targets": ["y"], "stream": stream}
    data = Data.model_validate({**section, "split": {"validation": 0.1, "test": 0.2, "shuffle": False}})
    prepared = load_or_stream(data, catalog, folder=tmp_path, seed=0)
    samples = part_samples(prepared, RowBlocks(read(data, catalog, tmp_path)))
    assert part_rows(prepared) == {"train": 630, "validation": 90, "test": 180}
    found = {column.name: column for column in compare(samples, data)}
    train, test = noise.round(6)[:630], noise.round(6)[720:]
    part = found["noise"].parts["test"]
    assert (part.rows, part.mean, part.sd) == (
        180,
        pytest.approx(test.mean()),
        pytest.approx(test.std(ddof=1)),
    )
    assert part.distance == pytest.approx(stats.ks_2samp(train, test).statistic)
    assert found["order"].parts["test"].distance == 1.0
    late = float((word[720:] == "late").mean())
    assert found["word"].parts["test"].shares == {"early": pytest.approx(1 - late)}
    assert found["word"].parts["test"].distance == pytest.approx(late)
    assert {name for name, column in found.items() if column.differs} == {"order", "word"}
    assert not found["word"].parts["validation"].differs


def test_each_column_has_the_role_that_new_would_give_it(houses: Source) -> None:
    seen = overview(Data.model_validate({"use": "houses"}), houses)
    roles = {column["name"]: (column["suggested"], column["reason"]) for column in seen.columns()}
    assert roles["price"] == ("target", "it is called like something to predict.")
    assert roles["id"] == ("left out", "it looks like an id: it has another value in every row.")
    assert roles["empty"] == ("left out", "it has no value at all.")
    assert roles["city"][0] == "input"
    assert "40 missing" in roles["city"][1]
    assert seen.about()["targets_assumed"]
    named = overview(Data.model_validate({"use": "houses", "targets": ["rooms"]}), houses)
    assert next(each for each in named.columns() if each["name"] == "rooms")["suggested"].startswith("target")
    assert not named.about()["targets_assumed"]


@pytest.fixture
def kwb_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, Any]]:
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> tuple[int, str]:
        code = main(["data", *arguments])
        return code, capfd.readouterr().out

    return run


def test_the_command_says_the_same(kwb_data: Callable[..., Any], tmp_path: Path, penguins: Path) -> None:
    (tmp_path / "p.csv").write_text(penguins.read_text())
    code, text = kwb_data("p.csv")
    assert code == 0
    assert text.startswith("p.csv: 344 rows, ")
    assert "to learn: species (a guess)" in text
    code, text = kwb_data("p.csv", "--json")
    found = json.loads(text)
    columns = {column["name"]: column for column in found["columns"]}
    assert columns["species"]["suggested"] == "target of 3 classes"
    assert columns["body_mass_g"]["relations"][0]["measure"] == "correlation ratio"
    assert columns["body_mass_g"]["missing"] == 2
    # of a recipe also the parts; one that is not complete is looked at all the same
    (tmp_path / "p.yaml").write_text(
        "kwb: 1\ndata: {use: csv, path: p.csv, targets: [species], classes: [species], missing: drop,\n"
        "  split: {validation: 0.2, shuffle: false}}\nmodel: {sequential: [{use: Dense, units: 3}]}\n"
    )
    code, text = kwb_data("p.yaml")
    assert (code, "parts: train 266, validation 67 rows" in text) == (0, True)
    assert "▲ species differs much from training: validation 1.00 (total variation)" in text
    (tmp_path / "q.yaml").write_text(
        "kwb: 1\ndata: {use: csv, path: p.csv}\nmodel: {sequential: [{use: Dense, units: 3}]}\n"
    )
    code, text = kwb_data("q.yaml")
    assert code == 0
    assert "✗ q.yaml:2: data: 'csv' does not say what to learn." in text
    assert kwb_data("none.csv")[0] == 3


def test_columns_of_several_lengths_can_be_looked_at() -> None:
    """As of an npz file whose arrays do not belong together: what to leave out is seen here."""
    source = Source({"a": np.arange(3.0), "b": np.arange(5.0), "c": np.zeros((4, 2))}, origin="odd.npz")
    columns = list(overview(Data.model_validate({"use": "npz", "targets": ["a"]}), source).columns())
    assert [column["rows"] for column in columns] == [3, 5, 4]
    assert columns[1]["relations"][0]["note"] == "it has another number of rows"

    def rows(where: str) -> list[list[Any]]:
        view = row_view(RowBlocks(source), None, where=where)
        view.look(60)
        return view.page(0, 10)

    assert rows("")[4] == [5, None, "4", None]
    assert rows("b>1 a=2") == [[3, "2", "2", "2 array"]]
    assert rows("b>=3") == [[4, None, "3", "2 array"], [5, None, "4", None]]
