"""Make the objects that a recipe names: layers, losses, optimizers, and the objects in their arguments."""

from __future__ import annotations

import inspect
from collections import ChainMap
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.assembly.adapting import Adapter
from workbench.assembly.call_sites import CallSites
from workbench.assembly.errors import construction_error
from workbench.assembly.functions import from_function, numbered
from workbench.assembly.named_arguments import object_named, policy
from workbench.catalog import Entry, Kind
from workbench.catalog.lookup import Catalog
from workbench.catalog.resolve import resolve
from workbench.errors import RecipeError, WorkbenchError, did_you_mean
from workbench.recipe.errors import as_argument
from workbench.recipe.graph import LayerRef, Make
from workbench.recipe.model_schema import Graph, Load, Sequential, Use, is_made
from workbench.recipe.names import argument_of, find_nested, has_arguments, is_policy, not_a_layer

# From a file, and whether to compile it, to its model.
LoadModel = Callable[[Path, bool], Any]

# Called for each layer of the recipe that was built: its key, the layer, and its output (None if it was not called).
OnBuilt = Callable[[str, Any, Any], None]


@dataclass(frozen=True)
class Made:
    """A thing that a maker made.

    Attributes:
        entry: what it is an instance of.
        arguments: what the recipe gives for it, by name.
        where: its key in the recipe.
    """

    entry: Entry
    arguments: Mapping[str, Any]
    where: str
    thing: Any


class Maker:
    """Makes instances of entries.

    Attributes:
        made: the instances, in the order in which they were made.

    Args:
        catalog: where names are looked up.
        find: from a path in the recipe to the file it names.
        load_model: reads a saved model file; it may refuse with a FileError.
        build: builds a model that is written out inside another thing, of its form, its key and its name.
        on_built: called for each layer that is an argument of another thing.
    """

    def __init__(
        self,
        catalog: Catalog,
        find: Callable[[str], Path],
        load_model: LoadModel,
        build: Callable[[Maker, Sequential | Graph, str, str | None], Any],
        on_built: OnBuilt,
    ) -> None:
        self.catalog = catalog
        self.sites = CallSites()
        self.adapter: Adapter | None = None  # for the layers that learn their state from data
        self.made: list[Made] = []
        self._find = find
        self._load_model = load_model
        self._build = build
        self._on_built = on_built
        self._shared: ChainMap[str, Any] = ChainMap({})

    @contextmanager
    def sharing(self, layers: dict[str, Any]) -> Iterator[None]:
        """Meanwhile, these names stand for these layers, which may become more. Those of outer models stay known."""
        outer = self._shared
        self._shared = outer.new_child(layers)
        try:
            yield
        finally:
            self._shared = outer

    def share(self, name: str, layer: Any) -> None:
        """From now on, a name stands for this layer."""
        self._shared[name] = layer

    def shared(self, name: str) -> Any | None:
        """The layer that a name of the recipe itself stands for."""
        return self._shared.get(name)

    def layer(self, spec: Use | Load | Sequential | Graph | Make, where: str) -> Any:
        """A new layer, or a model standing as one; for the name of a shared layer, that layer."""
        match spec:
            case Load():
                # Compiled, it would bring an optimizer of its own along, into every file of the new model too.
                return self.load(spec, f"{where}.load", compile=False)
            case Sequential() | Graph():
                return self._inner_model(spec, where)
            case Use(use=name) if name in self._shared:
                return self._share(name, spec.arguments, where)
            case Make(name="Sequential") if not self._is_entry("Sequential"):
                return self._nested(spec.name, spec.positional, dict(spec.keywords), where)
        return self.make(Kind.LAYER, spec, where)

    def load(self, spec: Load, where: str, *, compile: bool) -> Any:
        """The model of a saved file; compiled, with its optimizer and loss where the file has them."""
        path = self._find(spec.load)
        if not path.exists():
            raise RecipeError(f"there is no file '{spec.load}'.", where=where)
        model = self._load_model(path, compile)
        if self.adapter is not None:
            self.adapter.leave(model)
        if spec.name is not None:
            model.name = spec.name
        if not spec.trainable:
            model.trainable = False
        self.sites.enter(model, spec.load, where)
        return model

    def entry(self, kind: Kind, spec: Use | Make, where: str) -> Entry:
        """The entry a spec names."""
        return self.catalog.find(kind, spec.use if isinstance(spec, Use) else spec.name, where)

    def make(self, kind: Kind, spec: Use | Make, where: str) -> Any:
        """One instance.

        Raises:
            RecipeError: there is no such entry, or it refuses the arguments.
            WorkbenchError: the plugin's code cannot be imported.
        """
        entry = self.entry(kind, spec, where)
        positional = spec.positional if isinstance(spec, Make) else ()
        keywords = dict(spec.keywords) if isinstance(spec, Make) else spec.arguments
        return self._instance(entry, positional, keywords, where)

    def value(self, value: Any, where: str) -> Any:
        """An argument's value, with the things in it made that it names by `use` or writes out.

        Args:
            where: its key; the last part is the argument's name.
        """
        made = self._made(value, where)
        if isinstance(value, Use | Load | Sequential | Graph) and hasattr(made, "count_params"):
            self._on_built(where, made, None)
        return made

    def _made(self, value: Any, where: str) -> Any:
        match value:
            case LayerRef(name=name):
                return self._share(name, {}, where)
            case Make():
                return self._nested(value.name, value.positional, dict(value.keywords), where)
            case Use():
                return self._nested(value.use, (), value.arguments, where)
            case Load() | Sequential() | Graph():
                return self.layer(value, where)
            case Mapping() if is_made(value):
                return self.value(as_argument(value, where), where)
            case Mapping():
                return {key: self.value(item, f"{where}.{key}") for key, item in value.items()}
            case list() | tuple():
                return type(value)(self.value(item, f"{where}[{i}]") for i, item in enumerate(value))
            case str():
                entry = object_named(self.catalog, value, argument_of(where))
                return value if entry is None else self._instance(entry, (), {}, where)
        return value

    def _instance(
        self, entry: Entry, positional: tuple[Any, ...], keywords: Mapping[str, Any], where: str
    ) -> Any:
        target = resolve(entry)
        args = [self.value(value, where) for value in positional]
        kwargs = {key: self.value(value, f"{where}.{key}") for key, value in keywords.items()}
        try:
            with self.sites.watch():
                if inspect.isclass(target):
                    made = target(*args, **kwargs)
                else:
                    made = from_function(entry, target, args, kwargs, argument_of(where))
        except (KeyboardInterrupt, WorkbenchError):
            raise
        except BaseException as error:  # plugin code: SystemExit included
            if (inner := self.sites.inner_error(None, error)) is not None:
                raise inner from error
            failure = construction_error(entry, target, len(args), kwargs, error, where)
            failure.hint = failure.hint or self._use_hint(keywords)
            raise failure from error
        if self.adapter is not None:
            self.adapter.watch(made)
        self.sites.enter(made, entry.name, where, lambda: self._use_hint(keywords))
        self.made.append(Made(entry, _by_name(target, positional, keywords), where, made))
        return made

    def make_again(self, made: Made, arguments: Mapping[str, Any]) -> Any:
        """Another instance of what was made, of these arguments.

        Raises:
            RecipeError: it refuses them.
        """
        return self._instance(made.entry, (), arguments, made.where)

    def _use_hint(self, keywords: Mapping[str, Any]) -> str:
        """`layer: LSTM` names a layer where the layer itself is wanted."""
        layers = {entry.name for entry in self.catalog.of_kind(Kind.LAYER)} | set(self._shared)
        for key, value in keywords.items():
            if isinstance(value, str) and value in layers:
                return f"To make a layer for it write `{key}: {{use: {value}}}`."
        return ""

    def _nested(self, name: str, positional: tuple[Any, ...], keywords: Mapping[str, Any], where: str) -> Any:
        if name in self._shared:
            return self._share(name, keywords or dict.fromkeys(map(str, positional)), where)
        if is_policy(where):
            return policy(
                name, {key: self.value(each, f"{where}.{key}") for key, each in keywords.items()}, where
            )
        if name == "Sequential" and not self._is_entry(name):
            return self._stack(positional, keywords, where)
        return self._instance(find_nested(self.catalog, name, where), positional, keywords, where)

    def _is_entry(self, name: str) -> bool:
        return any(name in (entry.name, *entry.aliases) for entry in self.catalog.of_kind(Kind.LAYER))

    def _stack(self, positional: tuple[Any, ...], keywords: Mapping[str, Any], where: str) -> Any:
        """`Sequential([Dense(8), Dense(2)])` in a graph line."""
        import keras

        names = ("layers", "name", "trainable")
        given = dict(zip(names, positional, strict=False)) | dict(keywords)
        layers = given.pop("layers", None)
        if unknown := [name for name in given if name not in names]:
            hint = did_you_mean(unknown[0], names) or f"Its arguments: {', '.join(names)}."
            raise RecipeError(f"Sequential has no argument '{unknown[0]}'.", where=where, hint=hint)
        if not isinstance(layers, list | tuple) or not layers:
            raise RecipeError(
                "Sequential needs a list of layers.",
                where=where,
                hint='As in `Sequential([Dense(8, activation="relu"), Dense(2)])`.',
            )
        made = keras.Sequential([self.value(layer, where) for layer in layers], **given)
        self.sites.enter(made, "Sequential", where)
        return made

    def _inner_model(self, spec: Sequential | Graph, where: str) -> Any:
        argument = argument_of(where)
        name = spec.name or (numbered(argument) if argument.isascii() and argument.isidentifier() else None)
        with self.adapter.inner_model() if self.adapter else nullcontext():
            model = self._build(self, spec, where, name)
        if not spec.trainable:
            model.trainable = False
        self.sites.enter(model, name or "the model", where)
        return model

    def _share(self, name: str, arguments: Mapping[str, Any], where: str) -> Any:
        if name not in self._shared:
            raise not_a_layer(name, list(self._shared), where)
        if arguments:
            raise has_arguments(name, where)
        return self._shared[name]


def _by_name(target: Any, positional: tuple[Any, ...], keywords: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments by name, those given by position too."""
    if not positional:
        return dict(keywords)
    names = [name for name in inspect.signature(target).parameters if name not in ("self", "args", "kwargs")]
    return dict(zip(names, positional, strict=False)) | dict(keywords)
