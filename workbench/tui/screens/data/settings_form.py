"""The form for a data section: the dataset's own arguments, split, scaling, missing values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any

from workbench.catalog.lookup import Catalog
from workbench.recipe.editing import Editor
from workbench.recipe.schema import Data
from workbench.recipe.schema_fields import data_settings
from workbench.tui.forms.fields import UNSET, Field, field_of
from workbench.tui.forms.form import FormSubject


def subject_of(use: str, description: Mapping[str, Any] | None, catalog: Catalog) -> FormSubject:
    """The form for a dataset.

    Args:
        use: its name in the recipe.
        description: of its function, as the worker sends it; None where it is not known yet.
        catalog: for what can stand inside arguments.
    """
    own = [field_of(record, catalog) for record in description["parameters"]] if description else []
    fields = (
        replace(field, name=f"data.{field.name}", label=field.name)
        for field in own
        if field.name not in Data.model_fields
    )
    about = str(description["summary"]) if description else ""
    return FormSubject(f"data {use}", use, about, (*fields, *_setting_fields()))


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


@cache
def _setting_fields() -> tuple[Field, ...]:
    """A field for each setting of the schema; the split comes first."""
    fields = [field_of(record) for record in data_settings()]
    return tuple(sorted(fields, key=lambda each: not each.name.startswith(("data.split.", "data.scale"))))
