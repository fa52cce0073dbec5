"""Check the names a recipe uses against the catalog: in milliseconds, before TensorFlow is imported for it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from workbench.catalog import Entry, Kind
from workbench.catalog.lookup import Catalog
from workbench.errors import WorkbenchError
from workbench.recipe.document import Document
from workbench.recipe.graph import Apply, Make, parse_line
from workbench.recipe.schema import Graph, Load, Sequential, Use

# What can stand inside another thing's arguments: `kernel_regularizer: {use: L2, l2: 0.01}`.
NESTED = (
    Kind.LAYER,
    Kind.REGULARIZER,
    Kind.INITIALIZER,
    Kind.CONSTRAINT,
    Kind.SCHEDULE,
    Kind.OPTIMIZER,
    Kind.LOSS,
    Kind.METRIC,
)

# Words for which Keras chooses the metric by the shapes of targets and outputs.
METRIC_WORDS = frozenset({"accuracy", "acc", "crossentropy", "ce"})

# What an argument's name says of the thing it holds: `Identity` is a layer, and an initializer too.
_BY_ARGUMENT = {
    "initializer": Kind.INITIALIZER,
    "regularizer": Kind.REGULARIZER,
    "constraint": Kind.CONSTRAINT,
}

Named = tuple[Kind | None, str, str]


def find_nested(catalog: Catalog, name: str, where: str) -> Entry:
    """The entry inside an argument of another one: `kernel_regularizer: {use: L2}`.

    Args:
        catalog: where the name is looked up.
        name: the entry's.
        where: its key in the recipe. The last part is the argument: `kernel_initializer` holds an initializer
            and nothing else.

    Raises:
        RecipeError: nothing of that name can stand there.
    """
    kind = _BY_ARGUMENT.get(re.split(r"[._]", where)[-1])
    return catalog.find_any(NESTED, name, where) if kind is None else catalog.find(kind, name, where)


def check_names(document: Document, catalog: Catalog) -> None:
    """Look every name up.

    Raises:
        RecipeError: a name is unknown, or a graph line cannot be read; with the recipe's file and line.
    """
    try:
        for kind, name, where in _names(document):
            if kind is None:
                find_nested(catalog, name, where)
            else:
                catalog.find(kind, name, where)
    except WorkbenchError as error:
        raise document.located(error) from error


def _names(document: Document) -> Iterator[Named]:
    recipe = document.recipe
    yield Kind.DATASET, recipe.data.use, "data.use"
    match recipe.model:
        case Use() as use:
            yield from _item(Kind.MODEL, use, "model")
        case Sequential(sequential=items):
            for index, item in enumerate(items):
                if not isinstance(item, Load):
                    yield from _item(Kind.LAYER, item, f"model.sequential[{index}]")
        case Graph() as graph:
            for name, layer in graph.layers.items():
                if not isinstance(layer, Load):
                    yield from _item(Kind.LAYER, layer, f"model.layers.{name}")
            for index, text in enumerate(graph.graph):
                where = f"model.graph[{index}]"
                yield from _call(parse_line(text, where).value, where)
    train = recipe.train
    yield from _item(Kind.OPTIMIZER, train.optimizer, "train.optimizer")
    for index, callback in enumerate(train.callbacks):
        yield from _item(Kind.CALLBACK, callback, f"train.callbacks[{index}]")
    losses = train.loss if isinstance(train.loss, Mapping) else {"": train.loss} if train.loss else {}
    for name, loss in losses.items():
        yield from _item(Kind.LOSS, loss, f"train.loss.{name}".rstrip("."))
    for key in ("metrics", "weighted_metrics"):
        metrics = getattr(train, key)
        for name, group in (metrics if isinstance(metrics, Mapping) else {"": metrics}).items():
            for index, metric in enumerate(group):
                if metric.use not in METRIC_WORDS:
                    yield from _item(Kind.METRIC, metric, f"train.{key}{'.' if name else ''}{name}[{index}]")


def _item(kind: Kind, item: Use, where: str) -> Iterator[Named]:
    yield kind, item.use, where
    for key, value in item.arguments.items():
        yield from _value(value, f"{where}.{key}")


def _value(value: Any, where: str) -> Iterator[Named]:
    if isinstance(value, Make):
        yield None, value.name, where
        yield from _arguments(value, where)
    elif isinstance(value, Mapping):
        if isinstance(value.get("use"), str):
            yield None, value["use"], where
        for key, item in value.items():
            yield from _value(item, f"{where}.{key}")
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _value(item, f"{where}[{index}]")


def _arguments(made: Make, where: str) -> Iterator[Named]:
    for value in made.positional:
        yield from _value(value, where)
    for key, value in made.keywords:
        yield from _value(value, f"{where}.{key}")


def _call(call: Apply, where: str) -> Iterator[Named]:
    if isinstance(call.layer, Make):
        yield Kind.LAYER, call.layer.name, where
        yield from _arguments(call.layer, where)
    for item in (*call.inputs, *(value for _, value in call.keywords)):
        yield from _tensors(item, where)


def _tensors(item: Any, where: str) -> Iterator[Named]:
    if isinstance(item, Apply):
        yield from _call(item, where)
    elif isinstance(item, tuple):
        for part in item:
            yield from _tensors(part, where)
