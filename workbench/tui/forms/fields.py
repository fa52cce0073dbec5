"""The fields of a form, and how their texts are read as values. Has no widgets.

A field comes from an argument's description as the worker's `describe` command gives it (see
`workbench.assembly.parameters`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from workbench.catalog import Kind
from workbench.catalog.lookup import Catalog
from workbench.recipe.yaml_text import yaml_value
from workbench.recipe.yaml_values import one_line

Type = Literal["number", "integer", "boolean", "text", "choice", "list", "yaml"]

UNSET: Any = object()  # the argument is left to its default


@dataclass(frozen=True)
class Field:
    """One argument.

    Attributes:
        name: the argument's.
        type: how its text is read; `yaml` for anything.
        required: it has no default.
        default: shown where nothing is written.
        choices: the only values, for the type `choice`.
        suggestions: values that fit, among others.
        bounds: (sign, number) pairs such as (">=", 1).
        guessed: the type is likely, not sure.
        documentation: a sentence or more.
        check: from a value to what is wrong with it, "" if nothing; beyond the type.
        label: what the form calls it, if not by its name.
        heading: a line above it: what it and the fields below it are about.
    """

    name: str
    type: Type = "yaml"
    required: bool = False
    default: Any = None
    choices: tuple[Any, ...] = ()
    suggestions: tuple[str, ...] = ()
    bounds: tuple[tuple[str, float], ...] = ()
    guessed: bool = False
    documentation: str = ""
    check: Callable[[Any], str] = lambda value: ""
    label: str = ""
    heading: str = ""


_BOUNDS = (("minimum", ">="), ("above", ">"), ("maximum", "<="), ("below", "<"))
_NESTED = (
    ("_initializer", Kind.INITIALIZER),
    ("_regularizer", Kind.REGULARIZER),
    ("_constraint", Kind.CONSTRAINT),
    ("learning_rate", Kind.SCHEDULE),
)


def field_of(record: Mapping[str, Any], catalog: Catalog | None = None) -> Field:
    """The field for an argument as `describe` gives it, or for a setting of the recipe (`recipe.schema_fields`).

    The catalog knows what else can stand there by name.
    """
    name = str(record["name"])
    suggestions = list(record.get("suggestions", ()))
    for ending, kind in _NESTED:
        if catalog is not None and name.endswith(ending):
            suggestions += [entry.name for entry in catalog.of_kind(kind)]
    return Field(
        name,
        record.get("type", "yaml"),
        bool(record.get("required")),
        record.get("default"),
        tuple(record.get("choices", ())),
        tuple(dict.fromkeys(map(str, suggestions))),
        tuple((sign, record[key]) for key, sign in _BOUNDS if key in record),
        bool(record.get("guessed")),
        str(record.get("documentation", "")),
        label=str(record.get("label", "")),
    )


def read_value(field: Field, text: str) -> Any:
    """The value that a text stands for; `UNSET` for an empty one.

    Raises:
        ValueError: the text is no such value; the message says which values are valid.
    """
    text = text.strip()
    if not text:
        return UNSET
    value = _typed(field, text)
    for sign, bound in field.bounds:
        if isinstance(value, int | float) and not _HOLDS[sign](value, bound):
            raise ValueError(f"must be {sign} {bound:g}")
    if problem := field.check(value):
        raise ValueError(problem)
    return value


_HOLDS: dict[str, Callable[[float, float], bool]] = {
    ">=": lambda value, bound: value >= bound,
    ">": lambda value, bound: value > bound,
    "<=": lambda value, bound: value <= bound,
    "<": lambda value, bound: value < bound,
}


def _typed(field: Field, text: str) -> Any:
    if field.type == "text" and not text.startswith(("{", "[")):
        return text
    value = yaml_value(text)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if field.guessed:
        return _guessed(field, text, value, is_number)
    match field.type:
        case "integer" if not is_number or value != int(value if math.isfinite(value) else 0.5):
            raise ValueError("must be a whole number")
        case "integer":
            return int(value)
        case "number" if not is_number:
            raise ValueError("must be a number")
        case "boolean" if not isinstance(value, bool):
            raise ValueError("must be true or false")
        case "list" if not isinstance(value, list):
            return _list(text)
        case "choice" if value not in field.choices:
            raise ValueError(f"must be one of {', '.join(map(str, field.choices))}")
    return value


def _guessed(field: Field, text: str, value: Any, is_number: bool) -> Any:
    """A likely type: what is surely wrong is refused, what may be right is not."""
    number_wanted = field.type in ("integer", "number")
    if number_wanted and not is_number and not isinstance(value, dict) and value is not None:
        raise ValueError("must be a number")
    if field.type == "boolean" and not isinstance(value, bool) and value is not None:
        raise ValueError("must be true or false")
    return _list(text) if field.type == "list" and isinstance(value, str) else value


def _list(text: str) -> Any:
    """`a, b` for `[a, b]`."""
    value = yaml_value(text if text.startswith("[") else f"[{text}]")
    if not isinstance(value, list):
        raise ValueError("must be a list, as in [a, b]")
    return value


def text_of(field: Field, value: Any) -> str:
    """A value as the text to edit."""
    if value is UNSET:
        return ""
    if isinstance(value, str) and (field.type == "text" or yaml_value(value) == value):
        return value
    return one_line(value)


def default_text(field: Field) -> str:
    """What is shown in an empty field."""
    if field.required:
        return "required"
    return "none" if field.default is None else text_of(field, field.default)


def same(one: Any, other: Any) -> bool:
    """True if two values are the same to a recipe: 1 and true are not."""
    return one is other or (type(one) is type(other) and one == other) or _same_number(one, other)


def _same_number(one: Any, other: Any) -> bool:
    plain = all(isinstance(each, int | float) and not isinstance(each, bool) for each in (one, other))
    return plain and one == other


def fallback_fields(names: Sequence[str]) -> list[Field]:
    """Fields for arguments of which nothing is known yet but the names."""
    return [Field(name) for name in names]
