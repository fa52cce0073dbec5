"""Numbers that are written with currencies, percents, units and marks, and words for no value among them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from workbench.catalog.lookup import Catalog
from workbench.data import Preparation, apply_to, data_argument
from workbench.data.cells.number_formats import Writing, found_writing, parsed
from workbench.data.loading import load_or_stream
from workbench.data.preview import preview
from workbench.data.reading.calls import read
from workbench.errors import DataError, RecipeError
from workbench.recipe.schema import Data
from workbench.recipe.suggestion.recipe import Facts, suggest


@pytest.mark.parametrize(
    ("text", "writing", "number"),
    [
        ("$1,234.50", Writing(("$",), ","), 1234.5),
        ("-$600", Writing(("$",), ","), -600.0),
        ("(1,656)", Writing((), ","), -1656.0),
        ("1.234,50 €", Writing(("€",), ".", ","), 1234.5),
        ("15%", Writing(percent=True), 0.15),
        ("12,34,567", Writing((), ","), 1234567.0),
        ("1\u202f656", Writing((), " "), 1656.0),
        ("1'656.5", Writing((), "'"), 1656.5),
        ("1.5e3 kg", Writing(("kg",)), 1500.0),
        ("1,65", Writing((), ","), None),
        ("--5", Writing(), None),
        ("", Writing(), None),
        ("$", Writing(("$",)), None),
    ],
)
def test_a_text_and_its_number(text: str, writing: Writing, number: float | None) -> None:
    assert parsed(text, writing) == number


@pytest.mark.parametrize(
    ("texts", "option", "words"),
    [
        (["$1,656", "$600", "$12"], {"strip": "$", "thousands": ","}, ()),
        (["$600", "$75.50"], {"strip": "$"}, ()),
        (["15%", "7.5 %", "-3%"], "percent", ()),
        (["1.234,50 €", "7 €"], {"strip": "€", "thousands": ".", "decimal": ","}, ()),
        ([*(f"{n} kg" for n in range(20)), "-"], {"strip": "kg"}, ("-",)),
        ([*map(str, range(20)), "nil", "?"], {}, ("?", "nil")),
        (["2 doors", "4 doors"], None, ()),
        (["Q1", "Q2", "Q3"], None, ()),
        (["5 kg", *(f"{n} m" for n in range(20))], None, ()),
        (["red", "15%"], None, ()),
    ],
)
def test_how_numbers_are_written_is_found(texts: list[str], option: Any, words: tuple[str, ...]) -> None:
    found = found_writing(Counter(texts))
    assert found is None if option is None else found is not None
    if found is not None:
        assert (found[0].as_option(), found[1]) == (option, words)


def test_one_mark_cannot_be_that_of_thousands_and_of_decimals() -> None:
    marks = {"thousands": ",", "decimal": ","}
    with pytest.raises(
        ValidationError, match="',' cannot be the mark of both thousands and decimals"
    ) as error:
        Data.model_validate({"use": "csv", "numbers": {"b": marks}})
    assert error.value.errors()[0]["loc"][:2] == ("numbers", "b")


SIGNED = '"$1,656.50",15%,3\n$600,7.5%,4\n"$2,000",-3%,-\n$75,0%,6\n'


@pytest.mark.parametrize("stream", [False, True])
def test_signed_numbers_are_those_that_pandas_makes_by_hand(
    catalog: Catalog, tmp_path: Path, stream: bool
) -> None:
    pandas = pytest.importorskip("pandas")
    text = "Sales,Discount,Left\n" + SIGNED * 8
    (tmp_path / "shop.csv").write_text(text)
    data = Data.model_validate(
        {
            "use": "csv",
            "path": "shop.csv",
            "stream": stream,
            "targets": "Sales",
            "numbers": {
                "Sales": {"strip": "$", "thousands": ","},
                "Discount": "percent",
                "Left": {"missing": "-"},
            },
            "missing": "mean",
        }
    )
    loaded = load_or_stream(data, catalog, folder=tmp_path, seed=0)
    frame = pandas.read_csv(tmp_path / "shop.csv", na_values=["-"])
    left = frame["Left"].fillna(frame["Left"].mean())
    discount = frame["Discount"].str.rstrip("%").astype(float) / 100
    sales = frame["Sales"].str.replace("[$,]", "", regex=True).astype(float)
    kept = Preparation.from_record(loaded.preparation.as_record())
    new = tmp_path / "new.csv"
    new.write_text(text)
    again = apply_to(kept, data_argument(str(new), catalog, kept), catalog, folder=tmp_path, seed=0)
    train = loaded.train.read_all() if stream else loaded.train
    for part in (train, again):
        rows = part.index
        np.testing.assert_allclose(part.inputs["features"][:, 0], discount[rows], atol=1e-7)
        np.testing.assert_allclose(part.inputs["features"][:, 1], left[rows], rtol=1e-6)
        np.testing.assert_allclose(part.targets["Sales"][:, 0], sales[rows], rtol=1e-7)


@pytest.mark.parametrize(
    ("cells", "hint"),
    [
        (["15%", "7%", "9%"], "`numbers: {x: percent}`"),
        (["$1,656", "$600", "$5"], "`numbers: {x: {strip: $, thousands: ','}}`"),
        (["5 €", "7 €", "9 €"], "`numbers: {x: {strip: €}}`"),
    ],
)
def test_numbers_with_signs_are_no_categories(
    prepare: Callable[..., Any], cells: list[str], hint: str
) -> None:
    rows = "".join(f'"{cell}",{n}\n' for n, cell in enumerate(cells * 10))
    with pytest.raises(DataError, match="written as texts") as error:
        prepare("x,y\n" + rows, targets="y")
    assert error.value.where == "table.csv:2"
    assert hint in error.value.hint
    kept = prepare("x,y\n" + rows, targets="y", categories="x")
    assert kept.preparation.inputs[0].shape == (3,)


def test_a_cell_that_is_no_number_is_named_with_what_reads_it(prepare: Callable[..., Any]) -> None:
    table = "x,y\n" + "".join(f'"{n},{n:03}",{n}\n' for n in range(1, 9)) + "nil,9\n"
    with pytest.raises(DataError, match="'nil', which is no number") as error:
        prepare(table, targets="y", numbers={"x": {"thousands": ","}})
    assert error.value.where == "table.csv:10"
    assert "missing: [nil]" in error.value.hint
    with pytest.raises(RecipeError, match="no column 'z'") as missing:
        prepare(table, targets="y", numbers={"z": "percent"})
    assert missing.value.where == "data.numbers.z"


def test_numbers_with_a_zero_before_them_are_proposed_as_codes(catalog: Catalog, tmp_path: Path) -> None:
    rows = "".join(
        f"{9990 + (n + 20) % 70:05},{n % 7:02},{n / 100},{n}\n" for n in range(700)
    )  # few zips begin with 0
    (tmp_path / "t.csv").write_text("zip,area,share,y\n" + rows)
    section = {"use": "csv", "path": str(tmp_path / "t.csv")}
    seen = preview(read(Data.model_validate(section), catalog, tmp_path))
    assert [column.kind for column in seen.columns] == ["text", "text", "number", "number"]
    proposed = suggest("codes", section, Facts.from_record(asdict(seen))).recipe["data"]
    assert (proposed["embed"], proposed["categories"]) == (["zip"], ["area"])
    loaded = load_or_stream(Data.model_validate(proposed), catalog, folder=tmp_path, seed=0)
    table, embedded = loaded.preparation.inputs
    assert embedded.column.categories[:2] == ("09990", "09991")
    assert table.columns[0].categories == ("00", "01", "02", "03", "04", "05", "06")
