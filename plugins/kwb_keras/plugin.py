"""What kwb_keras offers: the rows of `entries.json`, and a recipe."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from workbench.plugin import Registry, hookimpl

KWB_API = 1

ENTRIES = Path(__file__).with_name("entries.json")


@cache
def _rows() -> dict[str, list[dict[str, Any]]]:
    rows: dict[str, list[dict[str, Any]]] = json.loads(ENTRIES.read_text(encoding="utf-8"))["entries"]
    return rows


def _register(registry: Registry) -> None:
    for row in _rows()[registry.kind.plural]:
        registry.add(
            row["name"],
            row["target"],
            summary=row["summary"],
            tags=row.get("tags", ()),
            inputs=row.get("inputs", 1),
            outputs=row.get("outputs", 1),
            example=row.get("example"),
            aliases=row.get("aliases", ()),
            input_shapes=row.get("shapes", ()),
            expected_failures=row.get("expected_failures"),
        )


@hookimpl
def kwb_register_layers(registry: Registry) -> None:
    _register(registry)


@hookimpl
def kwb_register_models(registry: Registry) -> None:
    _register(registry)


@hookimpl
def kwb_register_losses(registry: Registry) -> None:
    _register(registry)


@hookimpl
def kwb_register_metrics(registry: Registry) -> None:
    _register(registry)


@hookimpl
def kwb_register_optimizers(registry: Registry) -> None:
    _register(registry)


@hookimpl
def kwb_register_schedules(registry: Registry) -> None:
    _register(registry)


@hookimpl
def kwb_register_callbacks(registry: Registry) -> None:
    _register(registry)


@hookimpl
def kwb_register_initializers(registry: Registry) -> None:
    _register(registry)


@hookimpl
def kwb_register_regularizers(registry: Registry) -> None:
    _register(registry)


@hookimpl
def kwb_register_constraints(registry: Registry) -> None:
    _register(registry)


@hookimpl
def kwb_register_recipes(registry: Registry) -> None:
    registry.add(
        "digits",
        "kwb_keras:recipes/digits.yaml",
        summary="A small convolutional network that reads handwritten digits of 8x8 pixels.",
        tags=["classification", "images"],
    )
