"""Describe the settings of a recipe for a form, from the schema: type, default, bounds, choices, documentation."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from functools import lru_cache
from typing import Any

from pydantic import BaseModel

from workbench.recipe.schema import Data, Recipe
from workbench.recipe.train_schema import Train
from workbench.recipe.yaml_values import one_line

OWN_ROWS = ("optimizer", "loss", "metrics", "weighted_metrics", "callbacks")
"""The keys of `train` that are entries: they have rows and forms of their own."""
OF_COLUMNS = ("inputs", "targets", "ignore", "categories", "classes", "sample_weight")
"""The keys of `data` that the list of columns sets."""
OF_RECIPE = ("name", "seed", "weights", "search", "repeat")
"""The settings at the recipe's top."""

_BOUNDS = {
    "minimum": "minimum",
    "exclusiveMinimum": "above",
    "maximum": "maximum",
    "exclusiveMaximum": "below",
}
_TYPES = {"integer": "integer", "number": "number", "boolean": "boolean", "string": "text", "array": "list"}

Record = Mapping[str, Any]


@lru_cache(maxsize=1)
def training_settings() -> tuple[Record, ...]:
    """The settings of a training, with those of the recipe's top. See `settings`."""
    return (*settings(Train, "train.", OWN_ROWS), *recipe_settings(OF_RECIPE))


@lru_cache(maxsize=1)
def data_settings() -> tuple[Record, ...]:
    """The settings of a data section that are not about single columns, and the seed of the split. See `settings`."""
    return (*settings(Data, "data.", ("use", *OF_COLUMNS)), *recipe_settings(("seed",)))


def recipe_settings(names: Collection[str]) -> tuple[Record, ...]:
    """These settings of the recipe's top. See `settings`."""
    return tuple(record for record in settings(Recipe, "", ()) if record["name"] in names)


def settings(model: type[BaseModel], prefix: str, without: Collection[str]) -> tuple[Record, ...]:
    """The settings of a part of the recipe, each as `assembly.parameters.describe` describes an argument.

    Beside that each has `label`: its name without what is before the last dot.

    Args:
        model: the part's schema. A section within it (`split`) gives its own settings.
        prefix: of their names: the part's key and a dot.
        without: fields to leave out.
    """
    schema = model.model_json_schema(by_alias=False)
    return tuple(_settings(schema, schema.get("$defs", {}), prefix, without))


def _settings(section: Record, parts: Record, prefix: str, without: Collection[str]) -> Iterator[Record]:
    for name, of_field in section["properties"].items():
        if name in without:
            continue
        inside = parts.get(of_field.get("$ref", "").rpartition("/")[2], {})
        if inside.get("additionalProperties") is False:  # a section, and not an entry with arguments
            yield from _settings(inside, parts, f"{prefix}{name}.", ())
        else:
            yield {"name": f"{prefix}{name}", "label": name} | _setting(of_field)


def _setting(of_field: Record) -> dict[str, Any]:
    options = [
        option
        for option in of_field.get("anyOf", of_field.get("oneOf", [of_field]))
        if option.get("type") != "null"
    ]
    listed = next((option for option in options if option.get("type") == "array"), None)
    if listed is not None and all(option in (listed, listed["items"]) for option in options):
        options = [listed]  # one of them alone may stand for a list of it
    only = options[0] if len(options) == 1 else {}
    found: dict[str, Any] = {
        "type": "choice" if "enum" in only else _TYPES.get(only.get("type", ""), "yaml"),
        "default": of_field.get("default"),
        "documentation": of_field.get("description", ""),
        **{label: only[key] for key, label in _BOUNDS.items() if key in only},
    }
    if "enum" in only:
        return found | {"choices": only["enum"]}
    words = [word for option in options for word in _words(option) if found["type"] != "boolean"]
    return found | {"suggestions": [one_line(each) for each in (*words, *of_field.get("examples", ()))]}


def _words(option: Record) -> list[Any]:
    """The values that a schema names."""
    if option.get("type") == "array":
        return _words(option["items"])
    if "const" in option:
        return [option["const"]]
    return [True, False] if option.get("type") == "boolean" else list(option.get("enum", ()))
