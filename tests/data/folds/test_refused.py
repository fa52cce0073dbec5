"""Folds that cannot be: errors with their place and what to do."""

from pathlib import Path

import pandas as pd
import pytest

from tests.data.folds.conftest import fold
from workbench.data import loading
from workbench.errors import DataError, RecipeError
from workbench.recipe.document import parse
from workbench.recipe.schema import Data


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("split", "what"),
    [
        (fold(0, 13), "12 rows cannot be divided into 13 folds.*lower `of`"),
        (fold(0, 12, test=0.25), "9 rows cannot be divided into 12 folds"),
        (fold(0, 13, shuffle=False), "12 rows cannot be divided into 13 folds"),
        (
            fold(0, 4, stratify="k"),
            "'k' is 'b' in 3 of the rows that are not for the test: too few for 4 folds",
        ),
        (fold(0, 5, group="g"), "column 'g' holds 4 groups, for 5 folds.*in one fold only"),
        (fold(0, 4, time="g"), "column 'g' holds 4 different times, for 4 folds and the rows before them"),
        (fold(0, 3, time="g", test=0.25), "column 'g' holds 3 different times, for 3 folds"),
    ],
)
def test_more_folds_than_there_is_to_divide(parts, split: dict, what: str, stream: bool) -> None:
    frame = pd.DataFrame({"a": range(12), "k": ["a"] * 9 + ["b"] * 3, "g": [0, 1, 2, 3] * 3, "y": range(12)})
    with pytest.raises(DataError, match=what) as caught:
        parts(frame, split, stream=stream)
    assert caught.value.where == "data.split.fold"


@pytest.mark.parametrize(
    ("split", "more", "where", "what"),
    [
        (
            "{of: 5, number: 5}",
            "",
            "r.yaml:5: data.split.fold.number",
            "the numbers 0 to 4, and there is no 5",
        ),
        ("{of: 5, number: -1}", "", "r.yaml:5: data.split.fold.number", "greater than or equal to 0"),
        ("{of: 1}", "", "r.yaml:5: data.split.fold.of", "greater than or equal to 2"),
        ("{number: 1}", "", "r.yaml:5: data.split.fold", "the key 'of' is missing"),
        ("{of: 5, nubmer: 1}", "", "r.yaml:5: data.split.fold.nubmer", "Did you mean 'number'"),
        ("5", "", "r.yaml:5: data.split.fold", "must be a map"),
        ("{of: 5}\n    validation: 0.2", "", "r.yaml:5: data.split.fold", "keep `fold` or `validation`"),
        ("{of: 5}", "\n  validation: v.csv", "r.yaml:6: data.validation", "keep one of the two"),
    ],
)
def test_a_fold_that_makes_no_sense_is_refused(split: str, more: str, where: str, what: str) -> None:
    text = (
        f"kwb: 1\ndata:\n  use: iris\n  split:\n    fold: {split}{more}\nmodel: {{sequential: [Flatten]}}\n"
    )
    with pytest.raises(RecipeError) as caught:
        parse(text, name="r.yaml")
    assert caught.value.where == where
    assert what in str(caught.value)


def test_data_that_brings_a_validation_part_has_no_folds(stranger, tmp_path: Path) -> None:
    catalog = stranger(
        "import numpy as np\nfrom workbench.plugin import Source\n"
        "def theirs():\n    x = {'a': np.arange(20.0), 'y': np.arange(20.0)}\n"
        "    return Source(x, targets=('y',), validation=x)\n"
    )
    data = Data.model_validate({"use": "theirs", "split": fold(0)})
    with pytest.raises(RecipeError, match="brings a validation part of its own") as caught:
        loading.load(data, catalog, folder=tmp_path, seed=0)
    assert caught.value.where == "data.split.fold"
