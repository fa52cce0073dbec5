"""The form for a data section: the dataset's own arguments, split, scaling, missing values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
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
    fields = [
        replace(field, name=f"data.{field.name}", label=field.name)
        for field in own
        if field.name not in Data.model_fields
    ]
    about = str(description["summary"]) if description else ""
    return FormSubject(f"data {use}", use, about, tuple(_in_groups([*fields, *_setting_fields()])))


def _in_groups(fields: Sequence[Field]) -> Iterator[Field]:
    """The fields that are changed most first, in groups; the first of a group has its heading."""
    groups: dict[str, list[Field]] = {heading: [] for heading in ("", *_GROUPS, _READING)}
    for field in fields:
        name = field.name.removeprefix("data.")
        found = (heading for heading, names in _GROUPS.items() if name.startswith(names))
        first = name == "path" or (field.required and name not in Data.model_fields)
        groups["" if first else next(found, _READING)].append(field)
    for heading, own in groups.items():
        own.sort(key=_place)
        yield from (replace(field, heading="" if at else heading) for at, field in enumerate(own))


def _place(field: Field) -> int:
    """Where a field stands in its group."""
    name = field.name.removeprefix("data.")
    named = [each for names in _GROUPS.values() for each in names]
    return next((at for at, each in enumerate(named) if name.startswith(each)), len(named))


# The names of settings, or their beginnings. What is in no group is about how the data is read.
_READING = "How it is read"
_GROUPS = {
    "Training, validation and test part": ("split.", "seed"),
    "Scaling and missing values": ("scale", "missing"),
    "Columns": ("text", "embed", "strings", "integers", "numbers", "dates", "several", "unknown", "rare"),
    "Files of the parts": ("train", "validation", "test"),
    "Windows and batches": ("windows", "pad", "padding", "augment"),
}


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
    """A field for each setting of the schema. Where two have one name, the label says which is which."""
    labels = {f"data.{name}": f"{name} files" for name in ("train", "validation", "test")}
    labels |= {f"data.split.{name}": f"{name} share" for name in ("validation", "test")}
    fields = [field_of(record) for record in data_settings()]
    return tuple(replace(field, label=labels.get(field.name, field.label)) for field in fields)
