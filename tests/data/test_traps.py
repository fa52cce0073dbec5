"""Leaks and traps are named before training, and harmless tables have none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from workbench.cli import main
from workbench.data import in_memory, windowing
from workbench.data.loading import load, load_or_stream
from workbench.data.source import Source
from workbench.recipe.schema import Data
from workbench.worker.examine import look_at_data

SPLIT = {"validation": 0.2, "test": 0.2}


@pytest.fixture
def columns() -> dict[str, np.ndarray]:
    """200 rows that are no trap."""
    random = np.random.default_rng(5)
    a, b = random.normal(size=(2, 200))
    kind = np.where(a + random.normal(size=200) > 0.3, "cat", "dog")
    return {
        "a": a,
        "b": b,
        "c": random.integers(0, 4, 200),
        "price": a * 3 + b + random.normal(size=200) + 20,
        "kind": kind,
    }


def traps(columns, targets=("price",), *, test=None, **settings) -> list[str]:
    data = Data.model_validate(
        {"use": "x", "targets": list(targets), "split": SPLIT, "ignore": []} | settings
    )
    source = Source(columns, test=test, origin="rows.csv")
    return [str(warning) for warning in in_memory.prepare(data, source, 0).traps]


def test_rows_that_are_no_trap_have_none(columns):
    assert traps(columns, ignore=["kind"]) == []
    assert traps(columns, ["kind"], classes=["kind"], ignore=["price"]) == []


@pytest.mark.parametrize("use", ["diabetes", "iris", "wine", "breast_cancer", "digits"])
def test_tables_of_scikit_learn_have_none(catalog, use):
    for seed in range(2):
        data = Data.model_validate({"use": use, "split": SPLIT})
        assert load(data, catalog, folder=Path("."), seed=seed).traps == ()


@pytest.mark.parametrize(
    ("name", "make", "said"),
    [
        ("copy", lambda c: c["price"], "column 'copy' equals the target 'price' in every row"),
        ("cents", lambda c: 100 * c["price"] + 3, "column 'cents' goes with the target 'price' on a straight line"),
        ("log", lambda c: np.log(c["price"]), "column 'log' rises and falls with the target 'price'"),
        ("one", lambda c: np.full(200, 7), "column 'one' is 7 in every training row"),
        ("Id", lambda c: np.random.default_rng(1).permutation(9000)[:200], "column 'Id' has another number in every"),
        ("n", lambda c: np.random.default_rng(1).permutation(200), "column 'n' has another number in every row"),
        ("near", lambda c: c["price"] + np.random.default_rng(1).normal(scale=0.2, size=200), ""),
    ],
)  # fmt: skip
def test_a_column_that_is_a_trap(columns, name, make, said):
    found = traps({**columns, name: make(columns)}, ignore=["kind"])
    assert [said in each and f"(`ignore: [{name}]`)" in each for each in found] == ([True] if said else [])


def test_an_id_of_consecutive_numbers_is_seen_by_them(columns):
    numbered = {**columns, "zeile": np.arange(200)}
    (found,) = traps(numbered, ignore=["kind"], split={})
    assert "column 'zeile' has another number in every row (0 to 199)" in found
    assert (
        traps({"x": np.arange(200), "y": np.arange(200) % 7 * 1.5}, ["y"], split={}) == []
    )  # what is measured


@pytest.mark.parametrize(
    ("name", "make", "told"),
    [
        ("code", lambda kind: np.where(kind == "cat", "k1", "k2"), True),
        ("grams", lambda kind: np.where(kind == "cat", 1.0, 5.0) + np.random.default_rng(2).random(200), True),
        ("mostly", lambda kind: np.where(np.arange(200) % 20 == 0, "?", np.where(kind == "cat", "k1", "k2")), False),
        ("town", lambda kind: np.array([f"{each} {n // 2}" for n, each in enumerate(kind)]), False),  # by chance
    ],
)  # fmt: skip
def test_a_column_that_tells_the_class(columns, name, make, told):
    given = {"a": columns["a"], "kind": columns["kind"], name: make(columns["kind"])}
    found = traps(given, ["kind"], classes=["kind"], categories=[] if name == "grams" else [name])
    found = [each for each in found if "in no training row" not in each]
    assert [
        f"column '{name}' alone tells the target 'kind' in 100.0% of the rows" in each for each in found
    ] == ([True] if told else [])


def test_rows_that_are_in_two_parts(columns):
    twice = {name: np.concatenate([values, values[:60]]) for name, values in columns.items()}
    found = traps(twice, ignore=["kind"])
    assert all("rows of the" in each and "are in the training part as well" in each for each in found)
    assert {part for part in ("validation", "test") for each in found if f"the {part} part" in each} == {
        "validation", "test",
    }  # fmt: skip
    brought = {name: values[:50] for name, values in columns.items()}
    (found,) = traps(columns, ignore=["kind"], split={}, test=brought)
    assert "50 of 50 rows of the test part are in the training part as well" in found
    few = {"a": columns["c"], "b": columns["c"][::-1], "kind": columns["kind"]}
    assert traps(few, ["kind"], classes=["kind"]) == []  # four values each: equal rows are no wonder


def test_classes_of_few_rows(columns):
    kind = columns["kind"].astype(object)
    kind[:3] = "emu"
    (found,) = traps({**columns, "kind": kind}, ["kind"], classes=["kind"], split={}, ignore=["price"])
    assert "of 3 classes of 'kind', 1 has fewer than 5 training rows ('emu' 3)" in found


def test_a_split_that_ignores_time(columns):
    walk = np.cumsum(np.random.default_rng(0).normal(size=200))
    days = np.array([f"2020-{1 + n // 28:02d}-{1 + n % 28:02d}" for n in range(200)], dtype=object)
    series = {"date": days, "b": columns["b"], "y": walk}
    (found,) = traps(series, ["y"], ignore=["date"])
    assert "the rows have a time ('date'), and neighbours in time have like values of 'y'" in found
    assert traps(series, ["y"], ignore=["date"], split={**SPLIT, "shuffle": False}) == []
    assert (
        traps({**series, "y": columns["a"]}, ["y"], ignore=["date"]) == []
    )  # neighbours have nothing in common
    year = {
        **series,
        "date": np.repeat(np.arange(1970, 1980), 20),
    }  # rows of a year are sorted by something else
    year["y"] = np.sort(columns["a"].reshape(10, 20), axis=1).reshape(-1)
    assert traps(year, ["y"], ignore=["date"]) == []
    shuffled = np.random.default_rng(1).permutation(200)
    (found,) = traps({name: values[shuffled] for name, values in series.items()}, ["y"], ignore=["date"])
    assert "the rows have a time ('date')" in found


def test_a_split_that_ignores_groups(columns):
    patient = np.repeat(np.arange(20), 10)
    own = np.random.default_rng(0).normal(scale=5, size=20)[patient] + columns["a"]
    table = {"b": columns["b"], "patient": patient, "y": own}
    (found,) = traps(table, ["y"], ignore=["patient"], split={"test": 0.2})
    assert "100% of the rows of the test part have a 'patient' that training rows have too" in found
    assert traps({**table, "y": columns["a"]}, ["y"], ignore=["patient"], split={"test": 0.2}) == []


def test_they_are_in_the_app_and_of_streams_too(catalog, tmp_path, columns, capfd):
    rows = [f"{a:.5f},{p:.5f},{100 * p:.3f}" for a, p in zip(columns["a"], columns["price"], strict=True)]
    (tmp_path / "rows.csv").write_text("\n".join(["a,price,cents", *rows]) + "\n")
    section = {"use": "csv", "path": "rows.csv", "targets": ["price"], "split": SPLIT}
    for stream in (False, True):
        data = Data.model_validate({**section, "stream": stream})
        (warning,) = look_at_data(data, catalog, tmp_path, 0, 5)["warnings"]
        assert "column 'cents' goes with the target 'price' on a straight line" in warning["what"]
    recipe = tmp_path / "r.yaml"
    recipe.write_text(
        "{kwb: 1, data: {use: csv, path: rows.csv, targets: [price], split: {test: 0.2}}, "
        "model: {sequential: [{use: Dense, units: 1}]}, train: {loss: mse}}"
    )
    assert main(["data", str(recipe)]) == 0
    assert f"▲ {warning['where']}: {warning['what'].partition(' (')[0]}" in capfd.readouterr().out


def in_windows(rows: int = 300, **columns: np.ndarray) -> list[str]:
    random = np.random.default_rng(2)
    season = np.sin(np.arange(rows) / 12 * 2 * np.pi)
    price = 20 + 5 * season + np.cumsum(random.normal(size=rows)) / 3
    settings = columns.pop("settings", {})
    known = {"price": price, "wind": random.gamma(2.0, 3.0, rows), "season": season}
    source = Source(known | {name: make(known) for name, make in columns.items()}, origin="rows.csv")
    windows = {"length": 6, "ahead": 3} | settings.pop("windows", {})
    data = Data.model_validate(
        {"use": "x", "targets": ["price"], "windows": windows, "split": SPLIT} | settings
    )
    return [str(warning) for warning in windowing.prepare(data, source, 0).traps]


def test_windows_that_are_no_trap_have_none():
    assert in_windows() == []
    # The target's own past, also that of a season before, is what a forecast is made from.
    assert in_windows(before=lambda c: np.roll(c["price"], 2), copy=lambda c: 2 * c["price"] + 1) == []
    # What is known ahead may go along with the target, not give it away.
    assert in_windows(settings={"windows": {"known": ["season"]}}) == []


@pytest.mark.parametrize(("shift", "when"), [(1, "1 row later"), (3, "3 rows later"), (8, "8 rows later")])
def test_a_column_that_is_the_target_of_a_later_row(shift, when):
    (found,) = in_windows(later=lambda c: 3 * np.roll(c["price"], -shift) + 7)
    assert (
        f"column 'later' is what the target 'price' is {when} (correlation 1.0000): it knows the future"
        in found
    )
    assert "`ignore: [later]`" in found


def test_a_column_that_is_known_ahead_and_is_the_target():
    (found,) = in_windows(plan=lambda c: c["price"] / 2, settings={"windows": {"known": ["plan"]}})
    assert "column 'plan' is what the target 'price' is in the same row, which is ahead" in found


def test_a_column_of_a_series_that_never_varies():
    (found,) = in_windows(same=lambda c: np.full(300, 4.0))
    assert "column 'same' is 4 in every training row" in found


def test_series_that_are_there_twice():
    random = np.random.default_rng(4)
    values = np.cumsum(random.normal(size=(3, 60)), axis=1)
    columns = {
        "price": np.concatenate([values[0], values[1], values[0]]),
        "place": np.repeat(np.array(["north", "south", "copy"], dtype=object), 60),
    }

    def found(columns: dict[str, np.ndarray]) -> list[str]:
        windows = {"length": 6, "ahead": 1, "group": ["place"]}
        data = Data.model_validate({"use": "x", "targets": ["price"], "windows": windows, "split": SPLIT})
        return [str(each) for each in windowing.prepare(data, Source(columns, origin="rows.csv"), 0).traps]

    (said,) = found(columns)
    assert "the series 'north', 'copy' have the same values of 'price' in every row" in said
    columns["price"] = values.reshape(-1)
    assert found(columns) == []


def test_a_date_numbers_no_rows_by_its_parts(columns):
    columns["price"] = np.arange(200.0) + columns["a"]
    columns["when"] = np.datetime64("2024-01-01") + np.arange(200)
    split = SPLIT | {"shuffle": False}
    assert (
        traps(columns, ignore=["kind"], dates={"when": {"parts": ["month"], "cyclic": True}}, split=split)
        == []
    )


def test_lists_of_differing_length_are_no_times(columns):
    lists = np.empty(200, dtype=object)
    lists[:] = [[0.5] * (1 + row % 3) for row in range(200)]
    assert traps(columns | {"steps": lists}, ignore=["kind"], pad={"steps": 3}) == []


def test_a_class_that_no_training_row_has_is_named_with_its_part_and_count(columns, catalog, tmp_path):
    kind = columns["kind"].copy()
    kind[-3:] = "fox"
    said = traps(columns | {"kind": kind}, ["kind"], classes=["kind"], split=SPLIT | {"shuffle": False})
    assert [each for each in said if "fox" in each] == [
        "data.classes: the class 'fox' of 'kind' is in no training row, but in 3 rows of the test part (first: "
        "rows.csv, row 198): a model cannot learn it. Split with `stratify: true`, or leave these rows out."
    ]
    table = np.column_stack([*(columns[name] for name in "abc"), columns["price"], kind])
    (tmp_path / "rows.csv").write_text(
        "a,b,c,price,kind\n" + "\n".join(",".join(row) for row in table) + "\n"
    )
    section = {"use": "csv", "path": "rows.csv", "targets": ["kind"], "classes": ["kind"], "stream": True}
    data = Data.model_validate(section | {"split": SPLIT | {"shuffle": False}})
    found = [
        str(each)
        for each in load_or_stream(data, catalog, folder=tmp_path, seed=0).traps
        if "fox" in str(each)
    ]
    assert len(found) == 1
    assert "is in no training row, but in 3 others (first: rows.csv:199)" in found[0]


def test_categories_that_no_training_row_has_are_named(columns):
    place = np.array(["Rome", "Bonn"] * 100, dtype=object)
    place[[197, 199]] = "Oslo"
    settings = {"ignore": ["kind"], "split": SPLIT | {"shuffle": False}}
    (said,) = traps(columns | {"place": place}, **settings)
    assert (
        "column 'place' holds 'Oslo' in no training row, but in 2 others (first: rows.csv, row 198)" in said
    )
    assert traps(columns | {"place": place}, **settings, unknown="other") == []
    genres = np.array(["a, b", "b"] * 100, dtype=object)
    genres[199] = "a, z"
    (said,) = traps(columns | {"genres": genres}, **settings, several={"genres": ", "})
    assert "column 'genres' holds 'z' in no training row, but in 1 other:" in said
