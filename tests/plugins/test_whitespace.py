"""Tables whose columns are divided by runs of blanks: the values that pandas reads."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from workbench.catalog.lookup import Catalog
from workbench.data.chunks import StreamedSource
from workbench.data.reading.calls import read
from workbench.data.reading.whole_stream import whole
from workbench.errors import DataError, RecipeError
from workbench.recipe.schema import Data
from workbench.scaffold.first_recipe import propose

TABLE = """\
# measured by hand
   mpg   weight\tname            level
  18.0     3504\t"a long name"   1.5e3

  NA       3693\tb                 -2
15.5\t4   "c  d"  7   \r
"""


@pytest.fixture
def table(tmp_path: Path) -> Path:
    (tmp_path / "t.txt").write_bytes(TABLE.encode())
    (tmp_path / "t.txt.gz").write_bytes(gzip.compress(TABLE.encode()))
    return tmp_path


def columns(catalog: Catalog, folder: Path, **section: Any) -> dict[str, list[Any]]:
    source = whole(read(Data.model_validate({"use": "csv", **section}), catalog, folder))
    return {name: values.tolist() for name, values in source.columns.items()}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("name", ["t.txt", "t.txt.gz"])
def test_values_are_those_between_runs_of_blanks(
    catalog: Catalog, table: Path, stream: bool, name: str
) -> None:
    found = columns(catalog, table, path=name, delimiter="whitespace", comment="#", stream=stream)
    assert list(found) == ["mpg", "weight", "name", "level"]
    assert found["mpg"][0] == 18.0
    assert np.isnan(found["mpg"][1])
    assert found["mpg"][2] == 15.5
    assert found["weight"] == [3504, 3693, 4]
    assert found["name"] == ["a long name", "b", "c  d"]
    assert found["level"] == [1500.0, -2.0, 7.0]


def test_large_tables_are_those_of_numpy(catalog: Catalog, tmp_path: Path) -> None:
    """Lines end within blocks of a megabyte, and blanks before their ends."""
    rows = np.random.default_rng(0).normal(size=(60_000, 3))
    with open(tmp_path / "n.dat", "w") as file:
        file.write("a b c\n")
        np.savetxt(file, rows, fmt="  %12.6f   %9.4f\t%8.3f  ")
    expected = np.loadtxt(tmp_path / "n.dat", skiprows=1)
    for stream in (False, True):
        source = read(
            Data.model_validate({"use": "csv", "path": "n.dat", "stream": stream}), catalog, tmp_path
        )
        assert isinstance(source, StreamedSource) == stream
        assert dict(source.options) == {"delimiter": "whitespace"}
        found = whole(source).columns
        assert np.array_equal(np.stack([found[name] for name in "abc"], axis=1), expected)


def test_it_is_found_out_and_proposed_where_there_are_numbers(
    catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    lines = [f"  {at:4d}   {at % 7:6.2f}   {3 * at:5d}" for at in range(40)]
    Path("t.csv").write_text("\n".join(["  a   b  price", *lines]) + "\n")
    proposal = propose("t.csv", catalog)
    assert proposal.suggestion.recipe["data"]["delimiter"] == "whitespace"
    assert "a run of blanks stands between the columns" in proposal.text
    assert proposal.targets == ("price",)
    Path("words.csv").write_text("two words\nmore words\nthree words\n")
    assert columns(catalog, tmp_path, path="words.csv") == {"two words": ["more words", "three words"]}


def test_what_cannot_be_is_said(catalog: Catalog, table: Path) -> None:
    (table / "odd.txt").write_text("a b\n1 2\n1 2 3\n")
    with pytest.raises(DataError, match="this line has 3 columns, and the table 2") as caught:
        columns(catalog, table, path="odd.txt", delimiter="whitespace")
    assert caught.value.where == "odd.txt:3"
    with pytest.raises(RecipeError, match="cannot be divided at blanks"):
        columns(catalog, table, path="odd.txt", delimiter="whitespace", encoding="utf-16")
