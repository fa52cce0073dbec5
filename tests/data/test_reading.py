"""Calling a stranger's dataset function with a recipe's arguments."""

from pathlib import Path

import pytest

from workbench.data.reading.calls import read
from workbench.errors import DataError, ExitCode, FileError, RecipeError, WorkbenchError
from workbench.recipe.schema import Data

CODE = """
from typing import Literal
import numpy as np
def theirs(path: str = "", rows: int = 2, kind: Literal["sum", "mean"] = "sum", *, seed=0):
    if rows == 13: raise ValueError("an unlucky number")
    if rows == 14: raise PermissionError(13, "Permission denied", "x.bin")
    if rows == 15: return "text"
    return {"x": np.arange(rows), "path": [path] * rows, "kind": [kind] * rows, "seed": [seed] * rows}
"""


def test_arguments_arrive_with_their_types_and_absolute_paths(stranger, tmp_path: Path) -> None:
    section = Data.model_validate(
        {"use": "theirs", "rows": 3, "path": "a/b.bin", "kind": "mean", "seed": "x"}
    )
    source = read(section, stranger(CODE), tmp_path)
    assert source.columns["x"].tolist() == [0, 1, 2]
    assert source.columns["path"][0] == str(tmp_path / "a" / "b.bin")
    assert source.columns["kind"][0] == "mean"
    assert source.columns["seed"][0] == "x"
    assert source.origin == "theirs"


@pytest.mark.parametrize(
    ("arguments", "error", "where", "what"),
    [
        ({"row": 3}, RecipeError, "data.row", "Did you mean 'rows'"),
        ({"target": "x"}, RecipeError, "data.target", "Did you mean 'targets'"),
        ({"zzz": 3}, RecipeError, "data.zzz", "Its arguments: path, rows, kind, seed"),
        ({"rows": "many"}, RecipeError, "data.rows", "cannot be 'many'"),
        ({"kind": "max"}, RecipeError, "data.kind", "'sum' or 'mean'"),
        ({"rows": 13}, DataError, "plugin 'acme'", "'theirs' failed: ValueError: an unlucky number"),
        ({"rows": 14}, FileError, "data", "Permission denied"),
        ({"rows": 15}, DataError, "theirs", "returned a str"),
    ],
)
def test_what_goes_wrong_is_reported_as_the_recipes_or_the_plugins(
    stranger, tmp_path, arguments, error, where, what
) -> None:
    with pytest.raises(error, match=what) as caught:
        read(Data.model_validate({"use": "theirs", **arguments}), stranger(CODE), tmp_path)
    assert caught.value.where == where


def test_a_required_argument_is_asked_for(stranger, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="'theirs' needs 'town'") as error:
        read(Data(use="theirs"), stranger("def theirs(town): return {}"), tmp_path)
    assert error.value.where == "data"


def test_a_function_that_takes_anything_gets_it(stranger, tmp_path: Path) -> None:
    catalog = stranger("def theirs(**options): return {'x': [options['a']]}")
    assert read(Data.model_validate({"use": "theirs", "a": 5}), catalog, tmp_path).columns["x"] == [5]


def test_type_hints_that_name_nothing_do_no_harm(stranger, tmp_path: Path) -> None:
    catalog = stranger("def theirs(a: 'Nowhere' = 1): return {'x': [a]}")
    assert read(Data.model_validate({"use": "theirs", "a": 5}), catalog, tmp_path).columns["x"] == [5]


def test_a_module_that_cannot_be_imported_is_the_plugins_error(stranger, tmp_path: Path) -> None:
    with pytest.raises(WorkbenchError, match="no_such_module") as error:
        read(Data(use="theirs"), stranger("import no_such_module"), tmp_path)
    assert "acme" in error.value.where
    assert error.value.exit_code == ExitCode.USAGE
