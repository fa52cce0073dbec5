import numpy as np
import pytest

from workbench.data.source import Source, as_source
from workbench.errors import DataError


class Frame:
    """Quacks like a pandas dataframe as far as datasets need it."""

    def __init__(self, columns: list, values: list[list]) -> None:
        self.columns = columns
        self.values = values

    def to_dict(self, orient: str) -> dict:
        assert orient == "list"
        return dict(zip(self.columns, self.values, strict=True))


def test_a_mapping_of_lists_becomes_arrays() -> None:
    source = as_source({"age": [1, 2], "name": ["a", None]}, "people")
    assert source.columns["age"].tolist() == [1, 2]
    assert source.columns["name"].tolist() == ["a", None]
    assert source.origin == "people"


def test_a_dataframe_becomes_columns() -> None:
    source = as_source(Frame(["age", 2], [[1.5, 2.5], ["a", "b"]]), "people")
    assert list(source.columns) == ["age", "2"]
    assert source.columns["age"].tolist() == [1.5, 2.5]


def test_a_source_keeps_its_own_name_and_test_part() -> None:
    given = Source({"x": [1, 2]}, targets=("x",), test={"x": [3]}, origin="file.bin")
    source = as_source(given, "reader")
    assert source.origin == "file.bin"
    assert source.test_source().columns["x"].tolist() == [3]
    assert source.test_source().place(0) == "file.bin (test part), row 1"


@pytest.mark.parametrize(
    ("value", "what"),
    [
        ([1, 2], "a list"),
        (None, "a NoneType"),
        ({}, "no columns"),
        ({"x": 3}, "'x' is one value"),
        ({1: [1], "1": [2]}, "'1' occurs 2 times"),
        (Frame(["a", "a"], [[1], [2]]), "'a' occurs 2 times"),
        (Source(columns=[1, 2]), "not a mapping"),
    ],
)
def test_what_has_no_named_columns_is_refused(value: object, what: str) -> None:
    with pytest.raises(DataError, match=what):
        as_source(value, "theirs")


def test_rows_are_counted_from_one() -> None:
    assert Source({"x": np.arange(3)}, origin="wine").place(0) == "wine, row 1"
