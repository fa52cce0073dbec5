"""The class or function that is checked, and instances of it."""

from __future__ import annotations

import inspect
import re
import typing
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np

from workbench.assembly.forms import maker_of
from workbench.catalog import Entry, Kind
from workbench.catalog.lookup import Catalog
from workbench.catalog.resolve import resolve
from workbench.check.comparing import as_arrays, copy_weights
from workbench.check.inputs import Inputs, NoInput, find_inputs
from workbench.check.results import Skipped
from workbench.errors import RecipeError, WorkbenchError
from workbench.recipe.model_schema import Use

# The arguments that any layer has; the base class keeps and returns most of them, and `from_config` tests it.
OF_EVERY_LAYER = frozenset({"name", "dtype", "trainable", "autocast", "activity_regularizer"})

_OF_NAME = (
    (re.compile(r"activation"), "relu"),
    (re.compile(r"rate|scale|alpha|weight|std|epsilon|factor|momentum"), 0.5),
)


class CheckedEntry:
    """One entry under check. Objects that checks share are made at their first use."""

    def __init__(self, entry: Entry, catalog: Catalog) -> None:
        self.entry = entry
        self.catalog = catalog
        self._maker = maker_of(catalog, Path, _no_file)

    @cached_property
    def target(self) -> Any:
        """The class or function."""
        return resolve(self.entry)

    @property
    def is_class(self) -> bool:
        return inspect.isclass(self.target)

    @property
    def is_stock(self) -> bool:
        """True if it is Keras' own."""
        return self.target.__module__.partition(".")[0] == "keras"

    @property
    def from_file(self) -> bool:
        """True if it is from a single file, whose entries have no examples."""
        return self.entry.distribution.endswith(".py")

    @cached_property
    def arguments(self) -> Mapping[str, Any]:
        """The arguments of instances: those of the entry's example; guesses for a plugin file.

        Raises:
            Skipped: a required argument cannot be guessed.
        """
        return self._guessed() if self.from_file else self.entry.example

    def make(self, **changes: Any) -> Any:
        """A new instance, of the example's arguments with some changed.

        Raises:
            WorkbenchError: it refuses them.
        """
        return self.make_with({**self.arguments, **changes})

    def make_with(self, arguments: Mapping[str, Any]) -> Any:
        """A new instance of these arguments alone."""
        use = Use.model_validate({**arguments, "use": self.entry.qualified_name})
        return self._maker.make(self.entry.kind, use, self.entry.name)

    def own_arguments(self) -> dict[str, inspect.Parameter]:
        """The constructor's arguments, without those of every layer.

        This class fills in the other arguments of its base class, or passes them on for the base class to keep.
        """
        if not self.is_class and self.entry.kind not in (Kind.LAYER, Kind.MODEL, Kind.DATASET):
            return {}  # a recipe gives such a function as it is
        init = self.target.__init__ if self.is_class else self.target
        # A function has no self; that of a layer has a tensor there.
        no_self = self.entry.kind is Kind.DATASET or (self.entry.kind is Kind.MODEL and not self.is_class)
        own = list(inspect.signature(init).parameters.values())[0 if no_self else 1 :]
        return {
            p.name: p
            for p in own
            if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD) and p.name not in OF_EVERY_LAYER
        }

    def required(self) -> list[str]:
        return [name for name, p in self.own_arguments().items() if p.default is p.empty]

    def given(self, name: str) -> Any:
        """The value of an argument: the example's, or the default."""
        return self.arguments.get(name, self.own_arguments()[name].default)

    def varied(self) -> Iterator[tuple[str, Any, Any]]:
        """For each argument: its name, another value than the example's, an instance made with it.

        An argument is left out where nothing plain stands for its type, or the constructor refuses what is tried.
        """
        for name in self.own_arguments():
            for other in _others(self.given(name)):
                try:
                    instance = self.make(**{name: other})
                except WorkbenchError:
                    continue
                yield name, other, instance
                break

    @cached_property
    def _search(self) -> tuple[Inputs, Any] | NoInput:
        return find_inputs(self.entry, self.make)

    @property
    def inputs(self) -> Inputs:
        """A batch that it accepts.

        Raises:
            NoInput: none was found.
        """
        if isinstance(self._search, NoInput):
            raise self._search
        return self._search[0]

    @property
    def built(self) -> Any:
        """The instance that took `inputs`, built by it."""
        if isinstance(self._search, NoInput):
            raise self._search
        return self._search[1]

    def fresh(self) -> Any:
        """A new instance, built by a call, with the weights of `built`."""
        layer = self.make()
        layer(*self.inputs.arguments)
        copy_weights(self.built, layer)
        return layer

    def outputs(self, layer: Any = None, *arguments: Any, training: bool = False) -> list[np.ndarray]:
        """The outputs of a layer (`built`, unless another is passed), as arrays."""
        layer = self.built if layer is None else layer
        result = layer(*(arguments or self.inputs.arguments), training=training)
        return as_arrays(result)

    def _guessed(self) -> dict[str, Any]:
        required = self.required()
        init = self.target.__init__ if self.is_class else self.target
        try:
            hints = typing.get_type_hints(init)
        except Exception:  # a plugin's annotations may hold anything
            hints = {}
        guesses = {name: _guess(name, hints.get(name)) for name in required}
        unknown = [name for name, value in guesses.items() if value is None]
        if unknown:
            raise Skipped(
                f"no value can be guessed for its argument '{unknown[0]}'; give it a default, or make a "
                "distribution, whose entries have an example"
            )
        return guesses


def _no_file(path: Path, compile: bool) -> Any:
    raise RecipeError(f"an example loads no files: '{path}'.")


def _guess(name: str, hint: Any) -> Any:
    """A value for a required argument, by its type hint or its name."""
    if typing.get_origin(hint) is Literal:
        return typing.get_args(hint)[0]
    if hint in (bool, float, int):
        return {bool: True, float: 0.5, int: 8}[hint]
    return next((value for pattern, value in _OF_NAME if pattern.search(name)), 8 if hint is None else None)


def _others(value: Any) -> tuple[Any, ...]:
    """Other values to try in place of one: of its own type; for None, some that arguments often have."""
    if value is None:
        return (1, 0.5, "relu", True, [0.5])
    if isinstance(value, bool):
        return (not value,)
    if isinstance(value, int):
        return (value + 1, value + 2)
    if isinstance(value, float):
        return (value / 2 or 0.5,)
    return ()
