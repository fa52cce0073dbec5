import datetime
import decimal

import numpy as np
import pytest

from workbench.data.source import as_source
from workbench.data.table import ColumnKind, read_column
from workbench.errors import DataError

nan = float("nan")


def column(values: object):
    return read_column(as_source({"c": values}, "data"), "c")


@pytest.mark.parametrize(
    ("values", "kind", "read", "missing"),
    [
        ([1, 2], "number", [1.0, 2.0], [False, False]),
        (np.array([1, 2], dtype=np.uint64), "number", [1.0, 2.0], [False, False]),
        (np.array([1, 2], dtype=np.float16), "number", [1.0, 2.0], [False, False]),
        ([1, None], "number", [1.0, nan], [False, True]),
        ([1.5, nan], "number", [1.5, nan], [False, True]),
        ([1.5, float("inf")], "number", [1.5, np.inf], [False, True]),
        ([decimal.Decimal("1.5"), 2], "number", [1.5, 2.0], [False, False]),
        ([None, None], "number", [nan, nan], [True, True]),
        ([True, False], "flag", [1.0, 0.0], [False, False]),
        ([True, None], "flag", [1.0, nan], [False, True]),
        (["a", "b"], "text", ["a", "b"], [False, False]),
        (["a", None, " ", nan], "text", ["a", None, None, None], [False, True, True, True]),
        (np.array(["a", ""]), "text", ["a", None], [False, True]),
        (np.array([b"a", b"b"]), "text", ["a", "b"], [False, False]),
        ([[1.0, 2.0], [3.0, nan]], "array", [[1.0, 2.0], [3.0, nan]], [False, True]),
        ([[1, 2], None], "array", [[1.0, 2.0], [nan, nan]], [False, True]),
    ],
)
def test_values_and_missing_values_are_reported_apart(values, kind, read, missing) -> None:
    got = column(values)
    assert got.kind == kind
    np.testing.assert_equal(got.values.tolist(), read)
    assert got.missing.tolist() == missing


@pytest.mark.parametrize(
    ("values", "what"),
    [
        ([datetime.date(2020, 1, 1)], "dates"),
        (np.array(["2020-01-01"], dtype="datetime64[D]"), "dates"),
        (np.array([[1, 2]], dtype="timedelta64[s]"), "dates"),
        ([1, "a"], "mixes numbers and texts: 1 .* and 'a'"),
        (np.array([True, 2.5], dtype=object), "mixes true/false values and numbers"),
        ([{"a": 1}], "dict values"),
        ([b"\xff"], "bytes"),
        (np.array([b"\xff"]), "not text"),
        ([1 + 2j], "complex"),
        ([2**53 + 1, 1], "9007199254740993"),
        ([10**30, 1], "1000000000000000000000000000000"),
        (np.array([-(2**60)]), "-1152921504606846976"),
        ([[1, 2], [3]], "do not form an array"),
        ([["a"], ["b"]], "do not form an array"),
        (np.array([["a", "b"]]), "arrays of several axes hold numbers"),
        (np.zeros((2, 0)), "rows are empty"),
    ],
)
def test_what_no_model_can_use_is_refused_by_name(values: object, what: str) -> None:
    with pytest.raises(DataError, match=what) as error:
        column(values)
    assert "'c'" in error.value.what


def test_numbers_as_categories_lose_the_point_of_whole_numbers_only() -> None:
    assert column([3.0, 0.5, None]).as_text().values.tolist() == ["3", "0.5", None]
    assert column([3, -4]).as_text().values.tolist() == ["3", "-4"]
    assert column([True, False]).as_text().values.tolist() == ["True", "False"]
    assert column(np.array([[3], [4]])).as_text().values.tolist() == ["3", "4"]
    assert column([3]).as_text().kind is ColumnKind.TEXT
