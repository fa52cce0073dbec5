from dataclasses import replace

import numpy as np
import pytest

from workbench.data.roles import Roles, choose_roles
from workbench.data.source import as_source
from workbench.errors import RecipeError
from workbench.recipe.schema import Data

COLUMNS = {
    "age": [1.0, 2.0],
    "sex": ["f", "m"],
    "price": [3.0, 4.0],
    "image": np.zeros((2, 4, 4, 1)),
    "sound": np.zeros((2, 9)),
}


def roles(source_targets: tuple[str, ...] = ("price",), **section: object) -> Roles:
    source = replace(as_source(COLUMNS, "shop.csv"), targets=source_targets)
    return choose_roles(Data.model_validate({"use": "csv", **section}), source)


def test_what_is_left_over_is_the_input() -> None:
    got = roles()
    assert got.inputs == {"features": ("age", "sex"), "image": ("image",), "sound": ("sound",)}
    assert got.targets == {"price": ("price",)}


def test_the_recipe_names_inputs_and_targets() -> None:
    got = roles(
        inputs={"who": ["sex"], "what": "image"},
        targets={"cost": ["price"], "years": ["age"]},
        ignore="sound",
    )
    assert got.inputs == {"who": ("sex",), "what": ("image",)}
    assert got.targets == {"cost": ("price",), "years": ("age",)}
    assert set(got.used) == {"sex", "image", "price", "age"}


def test_one_target_of_several_columns() -> None:
    assert roles(targets=["price", "age"]).targets == {"targets": ("price", "age")}
    assert roles(source_targets=("price", "age")).targets == {"targets": ("price", "age")}


def test_weights_and_ignored_columns_are_no_inputs() -> None:
    got = roles(sample_weight="age", ignore=["image", "sound"])
    assert got.inputs == {"features": ("sex",)}
    assert got.sample_weight == "age"


def test_an_array_may_be_input_and_target_at_once() -> None:
    got = roles(inputs={"x": "sound"}, targets={"again": ["sound"]})
    assert got.inputs["x"] == got.targets["again"] == ("sound",)


def test_scaling_by_input_and_by_column() -> None:
    got = roles(scale={"features": "standard", "age": "minmax", "sound": "robust"})
    assert got.scaling == {"age": "minmax", "sex": "standard", "image": "none", "sound": "robust"}


@pytest.mark.parametrize(
    ("section", "where", "what"),
    [
        ({"targets": "prize"}, "data.targets", "Did you mean 'price'"),
        ({"targets": {"cost": ["prize"]}}, "data.targets.cost", "Did you mean 'price'"),
        ({"inputs": {"x": ["agee"]}}, "data.inputs.x", "Did you mean 'age'"),
        ({"inputs": {"x": []}}, "data.inputs.x", "no columns"),
        ({"inputs": {"x": ["age", "age"]}}, "data.inputs.x", "listed 2 times"),
        ({"inputs": {"x": ["age", "image"]}}, "data.inputs.x", "cannot be joined"),
        ({"inputs": {}}, "data.inputs", "no column is left"),
        ({"inputs": {"x": ["age"]}, "ignore": "age"}, "data.inputs.x", "ignored and wanted"),
        ({"ignore": "foto"}, "data.ignore", "no column 'foto'"),
        ({"ignore": ["age", "sex", "image", "sound"]}, "data.inputs", "no column is left"),
        ({"sample_weight": "aage"}, "data.sample_weight", "Did you mean 'age'"),
        ({"sample_weight": "image"}, "data.sample_weight", "one number a row"),
        ({"sample_weight": {"prize": "age"}}, "data.sample_weight.prize", "Did you mean 'price'"),
        ({"sample_weight": {"price": "aage"}}, "data.sample_weight.price", "Did you mean 'age'"),
        ({"sample_weight": {"price": "image"}}, "data.sample_weight.price", "one number a row"),
        ({"classes": "sex"}, "data.classes", "not a target"),
        ({"classes": "image", "targets": "image"}, "data.classes", "one value a row"),
        ({"classes": "sex", "targets": ["sex", "price"]}, "data.targets", "joins 2 columns"),
        ({"categories": "prise"}, "data.categories", "Did you mean 'price'"),
        ({"categories": "price"}, "data.categories", "is no input"),
        ({"categories": "image"}, "data.categories", "one value a row"),
        ({"scale": {"ages": "standard"}}, "data.scale.ages", "Did you mean 'age'"),
        ({"split": {"test": 0.1, "stratify": "x"}}, "data.split.stratify", "no column 'x'"),
        ({"split": {"test": 0.1, "stratify": "image"}}, "data.split.stratify", "one value a row"),
        (
            {"split": {"test": 0.1, "stratify": True}, "targets": ["age", "price"]},
            "data.split.stratify",
            "which to stratify by",
        ),
        ({"split": {"test": 0.1, "stratify": "sex", "shuffle": False}}, "data.split.stratify", "at random"),
    ],
)
def test_a_wrong_name_or_wish_is_reported_with_its_key(section: dict, where: str, what: str) -> None:
    with pytest.raises(RecipeError, match=what) as error:
        roles(**section)
    assert error.value.where == where


def test_data_that_does_not_say_what_to_learn_lists_its_columns() -> None:
    with pytest.raises(RecipeError, match=r"age, sex, price, image, sound") as error:
        roles(source_targets=())
    assert error.value.where == "data"


def test_learning_nothing_can_be_asked_for() -> None:
    assert roles(targets=[]).targets == {}
