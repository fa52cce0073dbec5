"""Scaling: as the column is filled, and fitted on the training part."""

import numpy as np
import pytest

from tests.data.test_loading import table
from workbench.errors import RecipeError


def test_scaling_sees_the_column_as_it_is_filled(prepare) -> None:
    prepared = prepare("x,y\n0,1\n4,1\n,1\n,1\n", targets="y", missing="mean", scale="standard")
    features = prepared.train.inputs["features"][:, 0]
    np.testing.assert_allclose([features.mean(), features.std()], [0, 1], atol=1e-6)


@pytest.mark.parametrize(
    ("scaling", "expected"),
    [
        ("none", [1, 2, 3, 4, 10]),
        ("standard", (np.array([1, 2, 3, 4, 10]) - 4) / np.sqrt(10)),
        ("minmax", [0, 1 / 9, 2 / 9, 3 / 9, 1]),
        ("robust", [-1, -0.5, 0, 0.5, 3.5]),
    ],
)
def test_scalings(prepare, scaling, expected) -> None:
    rows = [f"{x},7,{k},0" for x, k in zip([1, 2, 3, 4, 10], "abaaa", strict=True)]
    features = prepare(table("x,constant,k,y", *rows), targets="y", scale=scaling).train.inputs["features"]
    np.testing.assert_allclose(features[:, 0], expected, rtol=1e-6, atol=1e-7)
    np.testing.assert_array_equal(features[:, 1], 7 if scaling == "none" else 0)
    np.testing.assert_array_equal(features[:, 2], [1, 0, 1, 1, 1])  # one-hot columns stay 0 and 1


def test_columns_of_a_list_of_targets_are_scaled_each_in_its_way(prepare) -> None:
    text = "x,a,b,c\n1,10,7,0\n2,20,8,5\n3,60,9,10\n"
    several = {"a": "standard", "b": "none", "c": "minmax"}
    (target,) = prepare(text, targets=["a", "b", "c"], scale_targets=several).preparation.targets
    np.testing.assert_allclose(target.scale.center, [30, 0, 0])
    np.testing.assert_allclose(target.scale.factor, [np.std([10, 20, 60]), 1, 10])
    values = np.array([[60.0, 9.0, 5.0]])
    np.testing.assert_allclose(target.scale.scaled(values), [[30 / np.std([10, 20, 60]), 9, 0.5]], rtol=1e-6)
    all_but_one = {"targets": "standard", "b": "none"}
    (target,) = prepare(text, targets=["a", "b"], scale_targets=all_but_one).preparation.targets
    np.testing.assert_allclose(target.scale.center, [30, 0])
    with pytest.raises(RecipeError, match="cannot be scaled by `log` in part"):
        prepare(text, targets=["a", "b"], scale_targets={"a": "log"})
    with pytest.raises(RecipeError, match="there is no target 'x'"):
        prepare(text, targets=["a", "b"], scale_targets={"x": "standard"})


def test_scaling_is_fitted_on_the_training_part_only(prepare) -> None:
    prepared = prepare(
        "x,y\n1,0\n3,0\n1000,0\n", targets="y", scale="minmax", split={"test": 0.333, "shuffle": False}
    )
    assert prepared.train.inputs["features"].tolist() == [[0], [1]]
    assert prepared.test.inputs["features"].tolist() == [[499.5]]


def test_true_and_false_are_one_and_zero_unscaled(prepare) -> None:
    prepared = prepare("x,y\ntrue,0\nfalse,0\ntrue,1\n", targets="y", scale="standard")
    assert prepared.train.inputs["features"].tolist() == [[1], [0], [1]]


def test_large_numbers_keep_their_differences_when_scaled(prepare) -> None:
    prepared = prepare("t,y\n1700000000,0\n1700000001,0\n1700000002,0\n", targets="y", scale="minmax")
    assert prepared.train.inputs["features"].tolist() == [[0], [0.5], [1]]
