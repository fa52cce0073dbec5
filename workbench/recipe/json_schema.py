"""The recipe's JSON Schema, for editors: the keys, and the names that plugins offer here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from workbench.catalog import Kind
from workbench.catalog.lookup import Catalog
from workbench.recipe.schema import Recipe


def json_schema(catalog: Catalog) -> dict[str, Any]:
    """The schema of a recipe. Names of entries are examples only: other machines have other plugins."""
    schema = Recipe.model_json_schema(by_alias=False)
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "kwb recipe"
    definitions = schema["$defs"]
    things = [kind for kind in Kind if kind not in (Kind.DATASET, Kind.RECIPE)]
    definitions["Use"]["properties"]["use"]["examples"] = _names(catalog, things)
    definitions["Data"]["properties"]["use"]["examples"] = _names(catalog, [Kind.DATASET])
    # pydantic's schema does not know what validators let stand for what: a bare name for a map with `use`,
    # one metric for a list of them, and the plural words of maps by output.
    _allow_bare_names(schema)
    train = definitions["Train"]["properties"]
    _allow_one(train["metrics"])
    _allow_one(train["weighted_metrics"])
    train |= {"losses": train["loss"], "weights": train["loss_weights"]}
    return schema


def _names(catalog: Catalog, kinds: Sequence[Kind]) -> list[str]:
    return sorted({entry.name for entry in catalog.entries if entry.kind in kinds})


def _allow_bare_names(node: Any) -> None:
    """Wherever a map with `use` may stand, let its name alone stand too.

    pydantic picks one form by its key and says `oneOf`; without that rule a value may fit two forms.
    """
    if isinstance(node, list):
        for item in node:
            _allow_bare_names(item)
        return
    if not isinstance(node, dict):
        return
    for item in node.values():
        _allow_bare_names(item)
    if "oneOf" in node:
        node["anyOf"] = node.pop("oneOf")
    if any(_is_use(item) for item in node.get("anyOf", [])):
        node["anyOf"].append({"type": "string"})
    for group in ("properties", "$defs"):
        for name, item in node.get(group, {}).items():
            if _is_use(item):
                node[group][name] = {"anyOf": [item, {"type": "string"}]}
    for key in ("items", "additionalProperties"):
        if _is_use(node.get(key)):
            node[key] = {"anyOf": [node[key], {"type": "string"}]}


def _allow_one(metrics: dict[str, Any]) -> None:
    """Allow a single metric where a list of metrics is allowed."""
    listed, by_output = metrics["anyOf"]
    one_or_several = [listed, *listed["items"]["anyOf"]]
    by_output["additionalProperties"] = {"anyOf": one_or_several}
    metrics["anyOf"] = [*one_or_several, by_output]


def _is_use(node: Any) -> bool:
    return isinstance(node, dict) and node.get("$ref") in ("#/$defs/Use", "#/$defs/Data")
