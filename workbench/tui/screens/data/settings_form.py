"""The form for a data section: the dataset's own arguments, split, scaling, missing values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workbench.catalog.lookup import Catalog
from workbench.recipe.editing import Editor
from workbench.recipe.schema import Data
from workbench.tui.forms.fields import UNSET, Field, Type, field_of
from workbench.tui.forms.form import FormSubject


def subject_of(use: str, description: Mapping[str, Any] | None, catalog: Catalog) -> FormSubject:
    """The form for a dataset.

    Args:
        use: its name in the recipe.
        description: of its function, as the worker sends it; None where it is not known yet.
        catalog: for what can stand inside arguments.
    """
    own = [field_of(record, catalog) for record in description["parameters"]] if description else []
    fields = tuple(_argument(field) for field in own if field.name not in Data.model_fields)
    about = str(description["summary"]) if description else ""
    return FormSubject(f"data {use}", use, about, (*fields, *_FIELDS))


def values_of(editor: Editor, subject: FormSubject) -> dict[str, Any]:
    """The recipe's value for each field."""
    found = {field.name: editor.get(field.name, UNSET) for field in subject.fields}
    if isinstance(editor.get("data"), str):
        return {}
    return {name: value for name, value in found.items() if value is not UNSET}


def apply(editor: Editor, name: str, value: Any) -> None:
    """Make a field's value the recipe's.

    Raises:
        RecipeError: it cannot be set.
    """
    data = editor.get("data")
    if isinstance(data, str):  # `data: diabetes`: a map can hold the value
        editor.set("data", {"use": data}, joined=True)
    if value is UNSET:
        editor.remove(name)
        if editor.get("data.split") == {}:
            editor.remove("data.split")
    else:
        editor.set(name, value, joined=True)


def _argument(field: Field) -> Field:
    return Field(
        f"data.{field.name}",
        field.type,
        field.required,
        field.default,
        field.choices,
        field.suggestions,
        field.bounds,
        field.guessed,
        field.documentation,
        field.check,
        label=field.name,
    )


_SHARE = ((">=", 0.0), ("<", 1.0))


def _setting(name: str, type: Type, default: Any, documentation: str, label: str = "", **rest: Any) -> Field:
    return Field(
        f"data.{name}", type, default=default, documentation=documentation, label=label or name, **rest
    )


_FIELDS = (
    _setting("split.validation", "number", 0.0, "Share of rows for validation after each epoch.", "validation",
             bounds=_SHARE),
    _setting("split.test", "number", 0.0, "Share of rows for the evaluation at the end; the data's own test part "
             "goes before it.", "test", bounds=_SHARE),
    _setting("split.stratify", "yaml", False, "Keep the share of each class in every part: true for the target, or a "
             "column's name.", "stratify", suggestions=("true", "false")),
    _setting("split.shuffle", "boolean", True, "False keeps the rows' order: training first, then validation, then "
             "test.", "shuffle"),
    _setting("scale", "yaml", "none", "Scaling of number inputs, fitted on the training part only; or a map from "
             "column to scaling.", suggestions=("standard", "minmax", "robust", "none")),
    _setting("missing", "yaml", "error", "Missing values: refuse them, drop their rows, or fill in the mean; or "
             "one for inputs and one for targets.",
             suggestions=("error", "drop", "mean", "{inputs: mean, targets: drop}")),
    Field("seed", "integer", default=0, documentation="Draws the split, the weights and the order of rows.",
          label="seed", bounds=((">=", 0),)),
)  # fmt: skip
