"""The reader of ARFF files: the values as they were written, and one clear error for what is not read."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import Kwb
from workbench.catalog.discovery import discover
from workbench.catalog.lookup import Catalog
from workbench.data import load
from workbench.data.chunks import StreamedSource
from workbench.data.reading.calls import read
from workbench.errors import WorkbenchError
from workbench.recipe.schema import Data

HEAD = """% birds of an island
@RELATION 'birds of an island'
@ATTRIBUTE 'bill length' NUMERIC
@ATTRIBUTE kind {Adelie, 'Gentoo II', Zürich}
@attribute seen date "yyyy-MM-dd"
@attribute count integer
@DATA
"""
ROWS = """5.25,Adelie,"2020-01-02",3
% a comment
?,'Gentoo II',"2020-02-29",4
-1e3,?,?,?
7,Zürich,"2021-12-31",0
"""


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return Catalog(discover())


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "birds.arff"
    path.write_text(HEAD + ROWS)
    return path


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("packed", [False, True])
def test_the_values_are_those_of_the_file(catalog: Catalog, file: Path, stream: bool, packed: bool) -> None:
    if packed:
        path = file.with_suffix(".arff.gz")
        path.write_bytes(gzip.compress(file.read_bytes()))
        file = path
    source = read(Data(use="arff", path=str(file), stream=stream), catalog, file.parent)
    columns = source.sample().columns if isinstance(source, StreamedSource) else source.columns
    assert list(columns) == ["bill length", "kind", "seen", "count"]
    np.testing.assert_array_equal(columns["bill length"], [5.25, np.nan, -1000, 7])
    assert list(columns["kind"]) == ["Adelie", "Gentoo II", None, "Zürich"]
    assert list(columns["seen"]) == ["2020-01-02", "2020-02-29", None, "2021-12-31"]
    np.testing.assert_array_equal(columns["count"], [3, 4, np.nan, 0])


def test_sparse_rows_texts_and_quotes(catalog: Catalog, tmp_path: Path) -> None:
    text = (
        "@relation x\n@attribute 'a b' {no, 'yes, yes'}\n@attribute n integer\n@attribute t string\n@data\n"
    )
    (tmp_path / "sparse.arff").write_text(f"{text}{{1 3.5, 2 word}}\n{{0 'yes, yes', 2 \"it's\"}}\n")
    columns = read(Data(use="arff", path="sparse.arff"), catalog, tmp_path).columns
    assert list(columns["a b"]) == ["no", "yes, yes"]  # what is left out is 0, or the first of the values
    assert list(columns["n"]) == [3.5, 0]
    assert list(columns["t"]) == ["word", "it's"]
    only = read(Data(use="arff", path="sparse.arff", columns=["n"]), catalog, tmp_path)
    assert list(only.columns) == ["n"]
    assert only.locate(1) == "sparse.arff:7"


def test_it_trains_and_predicts(catalog: Catalog, tmp_path: Path, kwb: Kwb) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 2)).round(3)
    rows = [f"{a},{b},{'high' if a + b > 0 else 'low'}" for a, b in x]
    text = "@relation x\n@attribute a real\n@attribute b real\n@attribute class {low,high}\n@data\n"
    (tmp_path / "t.arff").write_text(text + "\n".join(rows))
    data = Data(use="arff", path="t.arff", targets="class", classes="class")
    prepared = load(data, catalog, folder=tmp_path, seed=0)
    np.testing.assert_allclose(
        np.sort(prepared.train.inputs["features"][:, 0]), np.sort(x[prepared.train.index, 0]), rtol=1e-6
    )
    made = kwb("new", "t.arff", cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    done = kwb("--batch", "t.yaml", "--set", "train.epochs=1", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    (saved,) = (tmp_path / "saved").glob("*.keras")
    predicted = kwb("predict", str(saved), "--data", "t.arff", cwd=tmp_path)
    assert predicted.returncode == 0, predicted.stderr


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (
            "@relation x\n@attribute s real\n@data\n1\n% c\nfoo\n",
            "t.arff:6: it cannot be read: Invalid numerical",
        ),
        (
            "@relation x\n@attribute s {a,b}\n@data\nc\n",
            "t.arff:4: it cannot be read: Data value c not found",
        ),
        ("@relation x\n@attribute s real\n@attribute t real\n@data\n1,2\n3\n", "t.arff:6: it cannot be read"),
        ("@relation x\n@attribute s real\n@data\n", "there are no rows"),
        ("@relation x\n@attribute s real\n@attribute s real\n@data\n1,2\n", "t.arff:3: it cannot be read"),
        ("@relation x\n@attribute s relational\n@data\n1\n", "t.arff:2: it cannot be read"),
        ("@relation x\n", "t.arff:1: it cannot be read: Invalid layout"),
    ],
)
def test_what_is_wrong_is_one_message(catalog: Catalog, tmp_path: Path, text: str, what: str) -> None:
    (tmp_path / "t.arff").write_text(text)
    with pytest.raises(WorkbenchError) as caught:
        read(Data(use="arff", path="t.arff"), catalog, tmp_path)
    assert what in str(caught.value)


def test_a_file_in_another_encoding(catalog: Catalog, tmp_path: Path) -> None:
    (tmp_path / "t.arff").write_bytes((HEAD + ROWS).encode("latin-1"))
    with pytest.raises(WorkbenchError, match="not in UTF-8"):
        read(Data(use="arff", path="t.arff"), catalog, tmp_path)


def test_csv_names_the_reader(catalog: Catalog, file: Path) -> None:
    with pytest.raises(WorkbenchError) as caught:
        read(Data(use="csv", path=str(file)), catalog, file.parent)
    assert caught.value.hint == "`use: arff` reads it."
