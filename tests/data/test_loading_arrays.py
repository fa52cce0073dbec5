"""Arrays as data: images, ids, targets of several columns, and arrays that do not fit."""

from pathlib import Path

import numpy as np
import pytest

from workbench.data import apply_to
from workbench.errors import DataError, WorkbenchError
from workbench.recipe.schema import Data


def arrays(tmp_path: Path, **named: np.ndarray) -> dict:
    np.savez(tmp_path / "arrays.npz", **named)
    return {"use": "npz", "path": "arrays.npz"}


def test_images_scale_per_channel(prepare, tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    x = random.normal([5, -3], [2, 7], (50, 4, 4, 2))
    prepared = prepare(**arrays(tmp_path, x=x, y=np.arange(50.0)), targets="y", scale="standard")
    images = prepared.train.inputs["x"]
    assert images.dtype == np.float32
    np.testing.assert_allclose(images.mean(axis=(0, 1, 2)), 0, atol=1e-5)
    np.testing.assert_allclose(images.std(axis=(0, 1, 2)), 1, atol=1e-5)


@pytest.mark.parametrize(
    ("dtype", "scale", "expected"),
    [
        (np.int64, "none", "int32"),  # token ids
        (np.int64, "minmax", "float32"),
        (np.uint8, "none", "float32"),  # pixels
        (np.float64, "none", "float32"),
        (np.bool_, "none", "float32"),
    ],
)
def test_whole_numbers_stay_whole_where_they_are_ids(prepare, tmp_path, dtype, scale, expected) -> None:
    x = np.arange(12).reshape(4, 3).astype(dtype)
    prepared = prepare(**arrays(tmp_path, x=x, y=np.arange(4)), targets="y", scale=scale)
    assert prepared.train.inputs["x"].dtype == expected
    assert prepared.preparation.input_dtypes() == {"x": expected}
    if scale == "none":
        np.testing.assert_array_equal(prepared.train.inputs["x"], x)


def test_missing_values_in_arrays(prepare, tmp_path: Path) -> None:
    x = np.arange(8.0).reshape(4, 2)
    x[1, 0] = np.nan
    section = {**arrays(tmp_path, x=x, y=np.arange(4)), "targets": "y"}
    assert prepare(**section, missing="drop").train.index.tolist() == [0, 2, 3]
    assert prepare(**section, missing="mean").train.inputs["x"][1].tolist() == [pytest.approx(10 / 3), 3]
    with pytest.raises(DataError, match="array 'x' holds NaN") as error:
        prepare(**section)
    assert error.value.where == "arrays.npz, row 2"


def test_arrays_as_targets_and_class_columns(prepare, tmp_path: Path) -> None:
    x = np.ones((4, 2), np.float32)
    section = arrays(tmp_path, x=x, again=2 * x, label=np.array([[3], [5], [3], [5]]))
    prepared = prepare(
        **section, inputs={"x": "x"}, targets={"again": "again", "kind": "label"}, classes="kind"
    )
    assert prepared.train.targets["again"].tolist() == [[2, 2]] * 4
    assert prepared.train.targets["kind"].tolist() == [0, 1, 0, 1]
    assert prepared.preparation.classes() == {"kind": ("3", "5")}


@pytest.mark.parametrize(
    ("named", "section", "what"),
    [
        ({"x": np.ones((4, 2)), "y": np.ones(3)}, {"targets": "y"}, "'x' has 4 rows and 'y' has 3"),
        ({"x": np.ones((0, 2)), "y": np.ones(0)}, {"targets": "y"}, "no rows"),
        ({"x": np.full((2, 2), 2**40), "y": np.ones(2)}, {"targets": "y"}, "no 32-bit whole number"),
        ({"x": np.full((2, 2), 1e300), "y": np.ones(2)}, {"targets": "y"}, "too large for a 32-bit"),
        ({"x": np.full((2, 2), "a"), "y": np.ones(2)}, {"targets": "y"}, "hold numbers"),
        ({"x": np.ones((2, 2)), "y": np.ones((2, 3))}, {"targets": "y", "classes": "y"}, "one value a row"),
    ],
)
def test_arrays_that_do_not_fit(prepare, tmp_path, named, section, what) -> None:
    with pytest.raises(WorkbenchError, match=what):
        prepare(**arrays(tmp_path, **named), **section)


def test_data_that_brings_a_test_part(prepare, catalog, tmp_path: Path) -> None:
    section = {
        **arrays(
            tmp_path,
            x_train=np.arange(8.0).reshape(4, 2),
            y_train=np.array(["a", "b", "a", "b"]),
            x_test=np.full((2, 2), 9.0),
            y_test=np.array(["b", "c"]),
        ),
        "test": {"x_train": "x_test", "y_train": "y_test"},
        "targets": "y_train",
        "classes": "y_train",
        "split": {"validation": 0.25, "test": 0.25},
    }
    prepared = prepare(**section)
    assert (prepared.train.rows, prepared.validation.rows, prepared.test.rows) == (3, 1, 2)
    assert prepared.test.inputs["x_train"].tolist() == [[9, 9], [9, 9]]
    assert prepared.test.targets["y_train"].tolist() == [1, 2]  # 'c' occurs in the test part only
    assert prepared.rows_read == 6
    data = Data.model_validate(section)
    again = apply_to(prepared.preparation, data, catalog, folder=tmp_path, seed=0)
    assert again.targets["y_train"].tolist() == [1, 2]
