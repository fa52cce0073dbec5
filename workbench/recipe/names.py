"""Check the names a recipe uses against the catalog: in milliseconds, before TensorFlow is imported for it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from workbench.catalog import Entry, Kind
from workbench.catalog.lookup import Catalog
from workbench.errors import RecipeError, RecipeWarning, WorkbenchError, did_you_mean
from workbench.recipe.document import Document
from workbench.recipe.errors import as_argument
from workbench.recipe.graph import Apply, LayerRef, Make, parse_line
from workbench.recipe.model_schema import Graph, Load, Sequential, Use, is_made

# What can stand inside another thing's arguments: `kernel_regularizer: {use: L2, l2: 0.01}`.
NESTED = (
    Kind.LAYER,
    Kind.MODEL,
    Kind.REGULARIZER,
    Kind.INITIALIZER,
    Kind.CONSTRAINT,
    Kind.SCHEDULE,
    Kind.OPTIMIZER,
    Kind.LOSS,
    Kind.METRIC,
    Kind.CALLBACK,
)

# Words for which Keras chooses the metric by the shapes of targets and outputs.
METRIC_WORDS = frozenset({"accuracy", "acc", "crossentropy", "ce"})

# What an argument's name says of the thing it holds: `Identity` is a layer, and an initializer too.
_BY_ARGUMENT = {
    "initializer": Kind.INITIALIZER,
    "regularizer": Kind.REGULARIZER,
    "constraint": Kind.CONSTRAINT,
    "activation": Kind.LAYER,
    "loss": Kind.LOSS,
    "metric": Kind.METRIC,
    "metrics": Kind.METRIC,
    "optimizer": Kind.OPTIMIZER,
    "schedule": Kind.SCHEDULE,
}
_NOTHING_ELSE = (Kind.INITIALIZER, Kind.REGULARIZER, Kind.CONSTRAINT)

Named = tuple[Kind | None, str, str]


def argument_of(where: str) -> str:
    """The name of the argument that a key ends with: `metrics` for `train.compile.metrics[0]`."""
    return re.sub(r"\[\d+\]", "", where).rpartition(".")[2]


def kind_of_argument(argument: str) -> Kind | None:
    """What an argument of that name holds; None where its name does not say."""
    if argument == "learning_rate":
        return Kind.SCHEDULE
    return _BY_ARGUMENT.get(argument.removesuffix("_fn").rpartition("_")[2])


def is_policy(where: str) -> bool:
    """True if a key is in an argument that holds a dtype policy: Keras' own classes, which no plugin lists."""
    return re.search(r"\.(dtype|dtype_policy)(\.|\Z)", where) is not None


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
    kind = kind_of_argument(argument_of(where))
    if kind in _NOTHING_ELSE or (kind is not None and catalog.named(kind, name)):
        return catalog.find(kind, name, where)
    return catalog.find_any(NESTED, name, where)


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


def about_hidden(document: Document, catalog: Catalog) -> list[RecipeWarning]:
    """For each name of the recipe that a file of the command line offers and a plugin too: whose it is."""
    found: dict[str, RecipeWarning] = {}
    for kind, name, where in _names(document):
        entry = find_nested(catalog, name, where) if kind is None else catalog.find(kind, name, where)
        hidden = catalog.hidden_by(entry, name)
        if hidden and name not in found:
            others = " or ".join(f"'{each.qualified_name}'" for each in hidden)
            text = f"'{name}' is that of {entry.distribution}; for the other one write {others}."
            found[name] = RecipeWarning(text, where)
    return list(found.values())


def used_entries(document: Document, catalog: Catalog) -> list[Entry]:
    """What the recipe names, each once. Raises as `check_names` does."""
    found: dict[tuple[Kind, str], Entry] = {}
    for kind, name, where in _names(document):
        entry = find_nested(catalog, name, where) if kind is None else catalog.find(kind, name, where)
        found.setdefault((entry.kind, entry.qualified_name), entry)
    return list(found.values())


class _RecipeNames:
    """Walks through a recipe; knows the names of its own layers at each place."""

    def __init__(self, own: Collection[str] = ()) -> None:
        self.own = frozenset(own)

    def layer(self, item: Any, where: str, kind: Kind = Kind.LAYER) -> Iterator[Named]:
        """A layer or a model in any form."""
        match item:
            case Use(use=name) if name in self.own and kind is Kind.LAYER:
                self._refuse_arguments(name, item.arguments, where)
            case Use():
                yield from self.item(kind, item, where)
            case Sequential(sequential=items):
                for index, each in enumerate(items):
                    yield from self.layer(each, f"{where}.sequential[{index}]")
            case Graph():
                yield from self._graph(item, where)

    def _graph(self, graph: Graph, where: str) -> Iterator[Named]:
        inside = _RecipeNames(self.own)
        for name, each in graph.layers.items():
            yield from inside.layer(each, f"{where}.layers.{name}")
            inside = _RecipeNames(inside.own | {name})
        for index, text in enumerate(graph.graph):
            key = f"{where}.graph[{index}]"
            yield from inside.call(parse_line(text, key).value, key)

    def item(self, kind: Kind, item: Use, where: str) -> Iterator[Named]:
        yield kind, item.use, where
        for key, value in item.arguments.items():
            yield from self.value(value, f"{where}.{key}")

    def value(self, value: Any, where: str) -> Iterator[Named]:
        """An argument."""
        match value:
            case LayerRef(name=name):
                if name not in self.own:
                    raise not_a_layer(name, self.own, where)
            case Make(name=name) if name in self.own or name == "Sequential":
                yield from self._arguments(value, where)
            case Make():
                yield None, value.name, where
                yield from self._arguments(value, where)
            case Use(use=name) if name in self.own:
                self._refuse_arguments(name, value.arguments, where)
            case Use():
                if not is_policy(where):
                    yield None, value.use, where
                for key, each in value.arguments.items():
                    yield from self.value(each, f"{where}.{key}")
            case Sequential() | Graph():
                yield from self.layer(value, where)
            case Mapping() if is_made(value):
                yield from self.value(as_argument(value, where), where)
            case Mapping():
                for key, each in value.items():
                    yield from self.value(each, f"{where}.{key}")
            case list() | tuple():
                for index, each in enumerate(value):
                    yield from self.value(each, f"{where}[{index}]")

    def _arguments(self, made: Make, where: str) -> Iterator[Named]:
        for value in made.positional:
            yield from self.value(value, where)
        for key, value in made.keywords:
            yield from self.value(value, f"{where}.{key}")

    def call(self, call: Apply, where: str) -> Iterator[Named]:
        """A graph line's call."""
        if isinstance(call.layer, Make):
            if call.layer.name != "Sequential":
                yield Kind.LAYER, call.layer.name, where
            yield from self._arguments(call.layer, where)
        for item in (*call.inputs, *(value for _, value in call.keywords)):
            yield from self._tensors(item, where)

    def _tensors(self, item: Any, where: str) -> Iterator[Named]:
        if isinstance(item, Apply):
            yield from self.call(item, where)
        elif isinstance(item, tuple):
            for part in item:
                yield from self._tensors(part, where)

    def _refuse_arguments(self, name: str, arguments: Mapping[str, Any], where: str) -> None:
        if arguments:
            raise has_arguments(name, where)


def layers_named(value: Any) -> Iterator[str]:
    """The names among the arguments of a thing that may be those of the recipe's own layers."""
    match value:
        case LayerRef(name=name):
            yield name
        case Make():
            yield value.name
            for each in (*value.positional, *(item for _, item in value.keywords)):
                yield from layers_named(each)
        case Use():
            yield value.use
            yield from layers_named(value.arguments)
        case Sequential(sequential=items):
            yield from layers_named(list(items))
        case Mapping():
            yield from layers_named(list(value.values()))
        case list() | tuple():
            for each in value:
                yield from layers_named(each)


def not_a_layer(name: str, known: Collection[str], where: str) -> RecipeError:
    """An argument is a bare name, which can only be that of a layer of the recipe."""
    hint = did_you_mean(name, known) or f'Name it under `layers`; a text has quotes: "{name}".'
    return RecipeError(f"no layer is named '{name}' here.", where=where, hint=hint)


def has_arguments(name: str, where: str) -> RecipeError:
    """Arguments beside the name of a layer that is there already."""
    return RecipeError(
        f"'{name}' is a layer of this recipe, made once: it has no arguments here.",
        where=where,
        hint=f"Give them where it is made, under `layers.{name}`.",
    )


def _names(document: Document) -> Iterator[Named]:
    recipe = document.recipe
    yield Kind.DATASET, recipe.data.use, "data.use"
    names = _RecipeNames()
    for index, item in enumerate(recipe.data.augment):
        yield from names.item(Kind.LAYER, item, f"data.augment[{index}]")
    for label, layer in recipe.layers.items():
        yield from names.layer(layer, f"layers.{label}")
        names = _RecipeNames(names.own | {label})
    if not isinstance(recipe.model, Load):
        yield from names.layer(recipe.model, "model", Kind.MODEL)
    train = recipe.train
    yield from names.item(Kind.OPTIMIZER, train.optimizer, "train.optimizer")
    for key, value in train.compile.items():
        yield from names.value(value, f"train.compile.{key}")
        if isinstance(value, str) and kind_of_argument(key) is Kind.OPTIMIZER:
            yield Kind.OPTIMIZER, value, f"train.compile.{key}"
    for index, callback in enumerate(train.callbacks):
        yield from names.item(Kind.CALLBACK, callback, f"train.callbacks[{index}]")
    losses = train.loss if isinstance(train.loss, Mapping) else {"": train.loss} if train.loss else {}
    for name, loss in losses.items():
        yield from names.item(Kind.LOSS, loss, f"train.loss.{name}".rstrip("."))
    for key in ("metrics", "weighted_metrics"):
        metrics = getattr(train, key)
        for name, group in (metrics if isinstance(metrics, Mapping) else {"": metrics}).items():
            for index, metric in enumerate(group):
                if metric.use not in METRIC_WORDS:
                    where = f"train.{key}{'.' if name else ''}{name}[{index}]"
                    yield from names.item(Kind.METRIC, metric, where)
