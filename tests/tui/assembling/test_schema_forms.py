"""Every setting of the schema can be set in the app, with the schema's own choices, default and description."""

from __future__ import annotations

import json
from typing import Any, Literal, get_args, get_origin

import pytest
from pydantic import BaseModel

from workbench.catalog.lookup import Catalog
from workbench.recipe.editing import Editor
from workbench.recipe.options.split import Split
from workbench.recipe.outline import Role
from workbench.recipe.schema import Data, Recipe
from workbench.recipe.train_schema import Train
from workbench.tui.forms.fields import Field, read_value
from workbench.tui.screens.assemble import subjects
from workbench.tui.screens.data import settings_form

CATALOG = Catalog(())
RECIPE = """\
kwb: 1
data: {use: csv}
model: {sequential: [Dense]}
train: {optimizer: Adam, loss: mse, metrics: [mae], weighted_metrics: [mse], callbacks: [EarlyStopping]}
save: [a.keras]
"""
EDITOR = Editor(RECIPE)
BY_COLUMN = {
    "inputs",
    "targets",
    "ignore",
    "categories",
    "classes",
    "sample_weight",
}  # the data screen's columns

NOT_SETTINGS = {"kwb", "data", "train", "layers"}  # sections of their own; `layers` holds layers


def training_form() -> dict[str, Field]:
    row = next(row for row in EDITOR.rows if row.role is Role.TRAIN)
    return {field.name: field for field in subjects.subject_of(row, EDITOR, None, CATALOG).fields}


def data_form() -> dict[str, Field]:
    return {field.name: field for field in settings_form.subject_of("csv", None, CATALOG).fields}


def has_own_row(key: str) -> bool:
    rows = any(row.key == key or row.key.startswith((f"{key}[", f"{key}.")) for row in EDITOR.rows)
    return rows or key == "layers"  # each has a row of its own where there are some


@pytest.mark.parametrize("name", Train.model_fields)
def test_every_setting_of_a_training(name: str) -> None:
    if not has_own_row(f"train.{name}"):
        assert_as_in_the_schema(training_form()[f"train.{name}"], Train, name)


@pytest.mark.parametrize("name", sorted({*Data.model_fields} - BY_COLUMN - {"use", "split"}))
def test_every_setting_of_the_data(name: str) -> None:
    assert_as_in_the_schema(data_form()[f"data.{name}"], Data, name)


@pytest.mark.parametrize("name", Split.model_fields)
def test_every_setting_of_the_split(name: str) -> None:
    assert_as_in_the_schema(data_form()[f"data.split.{name}"], Split, name)


def test_no_two_settings_of_the_data_have_one_label_and_what_is_used_most_comes_first() -> None:
    own = [{"name": "delimiter", "type": "text"}, {"name": "path", "type": "text", "required": True}]
    fields = settings_form.subject_of("csv", {"parameters": own, "summary": ""}, CATALOG).fields
    labels = [field.label for field in fields]
    assert len(labels) == len(set(labels))
    assert labels[:3] == ["path", "validation share", "test share"]
    assert {"train files", "validation files", "test files"} < set(labels)
    headings = {field.label: field.heading for field in fields if field.heading}
    assert list(headings.values()) == [
        "Training, validation and test part",
        "Scaling and missing values",
        "Columns",
        "Files of the parts",
        "Windows and batches",
        "How it is read",
    ]
    assert headings["validation share"] == "Training, validation and test part"
    reading = labels[labels.index(next(label for label in headings if headings[label] == "How it is read")) :]
    assert sorted(reading) == ["delimiter", "rows"]


@pytest.mark.parametrize("name", sorted({*Recipe.model_fields} - NOT_SETTINGS))
def test_every_setting_at_the_top(name: str) -> None:
    if not has_own_row(name):
        assert_as_in_the_schema(training_form()[name], Recipe, name)


def assert_as_in_the_schema(field: Field, model: type[BaseModel], name: str) -> None:
    of_field = model.model_fields[name]
    assert field.label.removesuffix(" files").removesuffix(" share") == name
    assert field.documentation == of_field.description
    assert field.documentation
    assert json.dumps(field.default) == json.dumps(of_field.default)
    words = literals(of_field.annotation)
    if get_origin(of_field.annotation) is Literal:
        assert field.type == "choice"
        assert set(field.choices) == words
    else:
        assert words <= {read_value(Field(name), text) for text in field.suggestions if "{" not in text}
    # the schema and the field refuse the same numbers
    for number in (-1, 0, 1):
        if field.type in ("integer", "number"):
            assert accepted(field, number) == valid(model, name, number), number


def literals(annotation: Any) -> set[Any]:
    """All words that a type names, however deep."""
    if get_origin(annotation) is Literal:
        return set(get_args(annotation))
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return set()
    return {word for inside in get_args(annotation) for word in literals(inside)}


def accepted(field: Field, number: int) -> bool:
    try:
        read_value(field, str(number))
    except ValueError:
        return False
    return True


def valid(model: type[BaseModel], name: str, number: int) -> bool:
    needed = {Recipe: {"kwb": 1, "data": "csv", "model": "M"}, Data: {"use": "csv"}}.get(model, {})
    try:
        model.model_validate({**needed, name: number})
    except ValueError:
        return False
    return True
