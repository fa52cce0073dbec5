"""Make the objects that a recipe names: layers, losses, optimizers, and the objects in their arguments."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from workbench.assembly.errors import construction_error
from workbench.catalog import Entry, Kind
from workbench.catalog.lookup import Catalog
from workbench.catalog.resolve import resolve
from workbench.errors import RecipeError, WorkbenchError
from workbench.recipe.graph import Make
from workbench.recipe.names import find_nested
from workbench.recipe.schema import Load, Use

# From a file, and whether to compile it, to its model.
LoadModel = Callable[[Path, bool], Any]

# Called for each layer of the recipe that was built: its key, the layer, and its output (None if it was not called).
OnBuilt = Callable[[str, Any, Any], None]


class Maker:
    """Makes instances of entries.

    Args:
        catalog: where names are looked up.
        find: from a path in the recipe to the file it names.
        load_model: reads a saved model file; it may refuse with a FileError.
    """

    def __init__(self, catalog: Catalog, find: Callable[[str], Path], load_model: LoadModel) -> None:
        self.catalog = catalog
        self._find = find
        self._load_model = load_model

    def layer(self, spec: Use | Load | Make, where: str) -> Any:
        """A new layer, or a model standing as one."""
        if isinstance(spec, Load):
            # Compiled, it would bring an optimizer of its own along, into every file of the new model too.
            return self.load(spec, f"{where}.load", compile=False)
        return self.make(Kind.LAYER, spec, where)

    def load(self, spec: Load, where: str, *, compile: bool) -> Any:
        """The model of a saved file; compiled, with its optimizer and loss where the file has them."""
        path = self._find(spec.load)
        if not path.exists():
            raise RecipeError(f"there is no file '{spec.load}'.", where=where)
        model = self._load_model(path, compile)
        if spec.name is not None:
            model.name = spec.name
        if not spec.trainable:
            model.trainable = False
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

    def _instance(
        self, entry: Entry, positional: tuple[Any, ...], keywords: Mapping[str, Any], where: str
    ) -> Any:
        target = resolve(entry)
        args = [self._value(value, where) for value in positional]
        kwargs = {key: self._value(value, f"{where}.{key}") for key, value in keywords.items()}
        try:
            if not inspect.isclass(target):
                return _from_function(entry, target, args, kwargs)
            return target(*args, **kwargs)
        except (KeyboardInterrupt, WorkbenchError):
            raise
        except BaseException as error:  # plugin code: SystemExit included
            failure = construction_error(entry, target, len(args), kwargs, error, where)
            failure.hint = failure.hint or self._use_hint(keywords)
            raise failure from error

    def _use_hint(self, keywords: Mapping[str, Any]) -> str:
        """`layer: LSTM` names a layer where the layer itself is wanted."""
        layers = {entry.name for entry in self.catalog.of_kind(Kind.LAYER)}
        for key, value in keywords.items():
            if isinstance(value, str) and value in layers:
                return f"To make a layer for it write `{key}: {{use: {value}}}`."
        return ""

    def _value(self, value: Any, where: str) -> Any:
        """An argument's value, with the things it names by `use` made."""
        if isinstance(value, Make):
            return self._nested(value.name, value.positional, dict(value.keywords), where)
        if isinstance(value, Mapping):
            if "use" in value:
                rest = {key: item for key, item in value.items() if key != "use"}
                return self._nested(str(value["use"]), (), rest, where)
            return {key: self._value(item, f"{where}.{key}") for key, item in value.items()}
        if isinstance(value, list | tuple):
            return type(value)(self._value(item, f"{where}[{i}]") for i, item in enumerate(value))
        return value

    def _nested(self, name: str, positional: tuple[Any, ...], keywords: Mapping[str, Any], where: str) -> Any:
        return self._instance(find_nested(self.catalog, name, where), positional, keywords, where)


def _from_function(entry: Entry, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
    """A plain function as what its kind needs. A layer becomes a Lambda around a registered function.

    Such a Lambda is safe to save: the file holds the function's registered name and no code.
    """
    if entry.kind is not Kind.LAYER:
        if args or kwargs:
            raise TypeError(f"{entry.name} is a function and has no arguments in a recipe")
        return function
    import keras

    own = ("name", "dtype", "trainable")
    inspect.signature(function).bind(None, *args, **{k: v for k, v in kwargs.items() if k not in own})
    names = list(inspect.signature(function).parameters)[1:]
    arguments = dict(zip(names, args, strict=False)) | {k: v for k, v in kwargs.items() if k not in own}
    rest = {key: kwargs[key] for key in ("dtype", "trainable") if key in kwargs}
    name = kwargs.get("name") or _numbered(_snake(entry.name))
    return keras.layers.Lambda(function, arguments=arguments, name=name, **rest)


def _snake(name: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() and i else c.lower() for i, c in enumerate(name))


def _numbered(prefix: str) -> str:
    """Keras' own numbering of layer names: exponential, exponential_1, ..."""
    import keras

    count = keras.backend.get_uid(prefix)
    return prefix if count == 1 else f"{prefix}_{count - 1}"
