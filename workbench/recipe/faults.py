"""pydantic's errors in the user's terms: which key, what is wrong, what would be right."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from workbench.errors import did_you_mean
from workbench.recipe.schema import Graph, Load, Recipe, Sequential, Split, Train, tag

_BY_TAG: dict[str, type[BaseModel]] = {tag("sequential"): Sequential, tag("graph"): Graph, tag("load"): Load}
_BY_KEY: dict[tuple[str | int, ...], type[BaseModel]] = {
    (): Recipe,
    ("train",): Train,
    ("data", "split"): Split,
}
_WANTED = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "string": "a text",
    "tuple": "a list",
    "dict": "a map",
}
_TAGS = frozenset(map(tag, ("use", "load", "sequential", "graph")))


def explain(faults: ValidationError) -> tuple[tuple[str | int, ...], str, str]:
    """The key, what is wrong and the hint of the first fault; the others are counted in the hint."""
    errors = faults.errors()
    key, what, hint = _explain_one(errors[0])
    if len(errors) > 1:
        hint = f"{hint} ({len(errors) - 1} more to mend.)".strip()
    return key, what, hint


def _explain_one(error: ErrorDetails) -> tuple[tuple[str | int, ...], str, str]:
    location = error["loc"]
    # pydantic adds its own steps for unions; only a recipe's own keys help a reader.
    key = tuple(part for part in location if part not in _TAGS and not _is_internal(part))
    name = key[-1] if key else ""
    match error["type"]:
        case "extra_forbidden":
            known = _fields_at(location)
            hint = did_you_mean(str(name), known) or f"Known here: {', '.join(known)}."
            return key, f"unknown key '{name}'.", hint
        case "missing":
            return key[:-1], f"the key '{name}' is missing.", ""
        case "literal_error":
            expected = error.get("ctx", {}).get("expected", "")
            return key, f"{error['input']!r} is not one of {expected}.", ""
        case "value_error":
            return key, f"{error.get('ctx', {}).get('error', error['msg'])}.", ""
        case "layer_form" | "model_form":
            return key, f"{error['msg']}, not {_shown(error['input'])}.", ""
    for family, wanted in _WANTED.items():
        if error["type"].startswith(family):
            return key, f"must be {wanted}, not {_shown(error['input'])}.", ""
    message = error["msg"].replace("Input should be", "must be")
    return key, f"{message[0].lower()}{message[1:]}, not {_shown(error['input'])}.", ""


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _is_internal(part: str | int) -> bool:
    return isinstance(part, str) and ("[" in part or part in ("Use", "tuple", "dict", "str"))


def _fields_at(location: tuple[str | int, ...]) -> list[str]:
    parents = location[:-1]
    for part in reversed(parents):
        if part in _BY_TAG:
            return list(_BY_TAG[str(part)].model_fields)
    return list(_BY_KEY.get(parents, Recipe).model_fields)
