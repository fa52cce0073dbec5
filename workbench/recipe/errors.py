"""Turn pydantic's errors into clear ones: which key, what is wrong, what would be right."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from workbench.errors import RecipeError, did_you_mean
from workbench.recipe.model_schema import ARGUMENT, Graph, Load, Sequential, tag
from workbench.recipe.options.columns import DateFeatures, NumberFormat
from workbench.recipe.options.missing import ColumnMissing, Missing
from workbench.recipe.options.search import Goal, Limit, Prune, Range, Repeat, Search
from workbench.recipe.options.split import Fold, Split
from workbench.recipe.options.windows import Windows
from workbench.recipe.schema import Recipe
from workbench.recipe.train_schema import Train

_BY_TAG: dict[str, type[BaseModel]] = {
    tag("sequential"): Sequential,
    tag("graph"): Graph,
    tag("load"): Load,
    tag("by role"): Missing,
    tag("range"): Range,
}
_BY_KEY: dict[tuple[str | int, ...], type[BaseModel]] = {
    (): Recipe,
    ("train",): Train,
    ("data", "split"): Split,
    ("data", "split", "fold"): Fold,
    ("data", "windows"): Windows,
    ("search",): Search,
    ("search", "goal"): Goal,
    ("search", "prune"): Prune,
    ("search", "limit"): Limit,
    ("repeat",): Repeat,
}
_WANTED = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "string": "a text",
    "tuple": "a list",
    "dict": "a map",
}
_TAGS = frozenset(
    map(
        tag,
        (
            *("use", "load", "sequential", "graph", "list", "map", "value", "by output", "policy", "by role"),
            *("share", "values", "shape", "of the data", "range", "choices"),
        ),
    )
)


def explain(found: ValidationError) -> tuple[tuple[str | int, ...], str, str]:
    """The key, what is wrong and the hint of the first error; the others are counted in the hint."""
    groups = _without_misspelt(_by_key(found.errors()))
    place, errors = next(iter(groups.items()))
    key, what, hint = _explain_one(_most_specific(errors, len(place)))
    if len(groups) > 1:
        hint = f"{hint} ({len(groups) - 1} more to mend.)".strip()
    return key, what, hint


def _without_misspelt(
    groups: dict[tuple[str | int, ...], list[ErrorDetails]],
) -> dict[tuple[str | int, ...], list[ErrorDetails]]:
    """Without the errors of missing keys that are there in another spelling: that one's error names them."""
    unknown = [place for place, errors in groups.items() if place and errors[0]["type"] == "extra_forbidden"]

    def misspelt(place: tuple[str | int, ...]) -> bool:
        return any(
            other[:-1] == place[:-1] and did_you_mean(str(other[-1]), [str(place[-1])]) for other in unknown
        )

    return {
        place: errors
        for place, errors in groups.items()
        if not (place and errors[0]["type"] == "missing" and misspelt(place))
    }


def as_argument(value: Any, where: str) -> Any:
    """A map of a graph line that stands for something to be made, checked as those of YAML are.

    Raises:
        RecipeError: it is none.
    """
    try:
        return ARGUMENT.validate_python(value)
    except ValidationError as found:
        key, what, hint = explain(found)
        raise RecipeError(what, where=".".join([where, *map(str, key)]), hint=hint) from None


def _by_key(errors: Sequence[ErrorDetails]) -> dict[tuple[str | int, ...], list[ErrorDetails]]:
    """Errors that are one to a reader: a value that fits none of a union's types has one for each."""
    groups: dict[tuple[str | int, ...], list[ErrorDetails]] = {}
    for error in errors:
        steps = (i for i, part in enumerate(error["loc"]) if _is_internal(part))
        place = _key(error["loc"][: next(steps, None)])
        if error["type"] == "too_short" and any(_within(other, place) for other in groups):
            continue  # its items are wrong: without them the list is too short as well
        groups.setdefault(place, []).append(error)
    return groups


# Maps from a column to its options.
_BY_COLUMN: dict[tuple[str | int, ...], type[BaseModel]] = {
    ("data", "missing"): ColumnMissing,
    ("data", "dates"): DateFeatures,
    ("data", "numbers"): NumberFormat,
}


def _within(place: tuple[str | int, ...], outer: tuple[str | int, ...]) -> bool:
    return len(place) > len(outer) and place[: len(outer)] == outer


def _most_specific(errors: Sequence[ErrorDetails], depth: int) -> ErrorDetails:
    """Of the errors of one union, that of the type the value was meant to have."""
    if len(errors) == 1:
        return errors[0]
    meant = [e for e in errors if e["type"] == "literal_error" and isinstance(e["input"], str)]
    deeper = [e for e in errors if len(_key(e["loc"])) > depth]
    empty = [e for e in errors if e["type"] == "too_short"]  # of the right type
    return (meant or deeper or empty or errors)[0]


def _key(location: tuple[str | int, ...]) -> tuple[str | int, ...]:
    """A location without pydantic's own steps for unions; only a recipe's own keys help a reader."""
    return tuple(part for part in location if part not in _TAGS and not _is_internal(part))


def _explain_one(error: ErrorDetails) -> tuple[tuple[str | int, ...], str, str]:
    location = error["loc"]
    key = _key(location)
    name = key[-1] if key else ""
    match error["type"]:
        case "extra_forbidden":
            known = _fields_at(location)
            hint = did_you_mean(str(name), known) or f"Known here: {', '.join(known)}."
            return key, f"unknown key '{name}'.", hint
        case "missing":
            hint = "A recipe begins with `kwb: 1`." if key == ("kwb",) else ""
            return key[:-1], f"the key '{name}' is missing.", hint
        case "literal_error":
            expected = error.get("ctx", {}).get("expected", "")
            if key == ("kwb",):
                return (
                    key,
                    f"this kwb reads recipes with `kwb: {expected}`, not {_shown(error['input'])}.",
                    "",
                )
            return key, f"{error['input']!r} is not one of {expected}.", ""
        case "value_error":
            return key, f"{error.get('ctx', {}).get('error', error['msg'])}.", ""
        case "layer_form" | "model_form":
            return key, f"{error['msg']}, not {_shown(error['input'])}.", ""
        case "model_type":
            named = error.get("ctx", {}).get("class_name") in ("Use", "Data")
            wanted = "a name, or a map with 'use'" if named else "a map"
            return key, f"must be {wanted}, not {_shown(error['input'])}.", ""
        case "invalid_key":
            return key, f"a key must be a text, not {_shown(error['input'])}.", "Put it in quotes."
        case "too_short":
            return key, "must not be empty.", ""
        case "string_pattern_mismatch":
            what = "must begin with a letter or digit and hold only those, '_', '-' and '.'"
            return key, f"{what}, not {_shown(error['input'])}.", ""
        case "recursion_loop":
            return key[:3], "it is nested too deeply.", ""
        case "string_too_long":
            return key, f"is longer than {error.get('ctx', {}).get('max_length')} characters.", ""
    for family, wanted in _WANTED.items():
        if error["type"].startswith(family):
            return key, f"must be {wanted}, not {_shown(error['input'])}.", ""
    message = error["msg"].replace("Input should be", "must be")
    return key, f"{message[0].lower()}{message[1:]}, not {_shown(error['input'])}.", ""


def _shown(value: Any) -> str:
    """The value as the recipe's YAML has it, cut short."""
    if value is None or isinstance(value, bool):
        return "empty" if value is None else str(value).lower()
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _is_internal(part: str | int) -> bool:
    return isinstance(part, str) and ("[" in part or part in ("Use", "tuple", "dict", "str"))


def _fields_at(location: tuple[str | int, ...]) -> list[str]:
    parents = location[:-1]
    if len(_key(parents)) == 3 and (of_column := _BY_COLUMN.get(_key(parents)[:2])):
        return list(of_column.model_fields)
    for part in reversed(parents):
        if part in _BY_TAG:
            return list(_BY_TAG[str(part)].model_fields)
    return list(_BY_KEY.get(parents, Recipe).model_fields)
