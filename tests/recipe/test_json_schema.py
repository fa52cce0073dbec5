"""`kwb schema`: what an editor checks a recipe against agrees with what kwb reads."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest
from ruamel.yaml import YAML

from workbench.catalog import Kind
from workbench.catalog.lookup import recipe_file
from workbench.errors import RecipeError
from workbench.recipe.document import parse
from workbench.recipe.json_schema import json_schema


@pytest.fixture(scope="module")
def validator(catalog) -> jsonschema.Draft202012Validator:
    schema = json_schema(catalog)
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def data(text: str) -> Any:
    return YAML(typ="safe").load(text)


def test_every_built_in_recipe_is_valid(validator, catalog):
    for entry in catalog.of_kind(Kind.RECIPE):
        validator.validate(data(recipe_file(entry).read_text()))


RIGHT = [
    "model: M",
    "model: {use: M, units: 3}",
    "model: {load: m.keras}",
    "model: {sequential: [A, {use: B, k: 1}, {load: c.h5, trainable: false}]}",
    "model: {inputs: {x: [null, 3]}, layers: {a: A, b: {use: B}}, graph: ['y = a(x)'], outputs: y}",
    "model: M\ntrain: {loss: mse, metrics: mae, optimizer: Adam, callbacks: [EarlyStopping]}",
    "model: M\ntrain: {loss: {use: Huber, reduction: sum}, metrics: [mae, {use: AUC}]}",
    "model: M\ntrain: {losses: {a: mse, b: {use: Huber}}, weights: {a: 2}, metrics: {a: mae, b: [mse]}}",
    "model: M\ntrain: {class_weight: {0: 1.0}, watch: losses}",
    "model: M\nsave: a.keras",
    "model: M\nsave: [a.keras, b.h5]",
]
WRONG = [
    "modle: M",
    "model: {sequential: []}",
    "model: {sequential: A}",
    "model: {load: m.keras, units: 3}",
    "model: M\ntrain: {epochs: 0}",
    "model: M\ntrain: {epochs: many}",
    "model: M\ntrain: {epoch: 3}",
    "model: M\ntrain: {optimizer: {learning_rate: 1}}",
    "model: M\ntrain: {callbacks: EarlyStopping}",
    "model: M\nsave: 3",
    "model: M\nname: my model",
]


@pytest.mark.parametrize(
    ("fold", "valid"),
    [
        ("{of: 5, number: 4}", True),
        ("{of: 5}", True),
        ("{of: 1}", False),
        ("5", False),
        ("{of: 5, n: 1}", False),
    ],
)
def test_a_fold_of_the_split(validator, fold, valid):
    text = f"kwb: 1\ndata: {{use: csv, path: t.csv, split: {{test: 0.2, fold: {fold}}}}}\nmodel: M\n"
    assert validator.is_valid(data(text)) is valid
    if valid:
        parse(text)
    else:
        with pytest.raises(RecipeError, match="fold"):
            parse(text)


@pytest.mark.parametrize(
    ("weights", "valid"), [("w", True), ("{y: w}", True), ("{}", False), ("{y: 3}", False)]
)
def test_weights_for_all_targets_or_for_each(validator, weights, valid):
    text = f"kwb: 1\ndata: {{use: csv, path: t.csv, sample_weight: {weights}}}\nmodel: M\n"
    assert validator.is_valid(data(text)) is valid
    if valid:
        parse(text)
    else:
        with pytest.raises(RecipeError, match="sample_weight"):
            parse(text)


@pytest.mark.parametrize("rest", RIGHT)
def test_what_kwb_reads_the_schema_allows(validator, rest):
    text = f"kwb: 1\ndata: {{use: csv, path: t.csv, targets: y}}\n{rest}\n"
    parse(text)
    tree = data(text)
    if "class_weight" in rest:
        tree["train"]["class_weight"] = {"0": 1.0}  # JSON's keys are texts
    validator.validate(tree)


@pytest.mark.parametrize("rest", WRONG)
def test_what_kwb_refuses_the_schema_refuses(validator, rest):
    text = f"kwb: 1\ndata: csv\n{rest}\n"
    with pytest.raises(RecipeError):
        parse(text)
    assert not validator.is_valid(data(text))


def test_installed_names_are_examples_only(validator):
    use = validator.schema["$defs"]["Use"]["properties"]["use"]
    assert {"Dense", "MyDense", "Adam", "mse", "EarlyStopping"} - set(use["examples"]) == {"mse"}
    assert "enum" not in use
    assert "diabetes" in validator.schema["$defs"]["Data"]["properties"]["use"]["examples"]
