"""The class or function that is checked, and instances of it."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from workbench.assembly.forms import maker_of
from workbench.assembly.make import Made, Maker
from workbench.assembly.own_training import lacks_call
from workbench.catalog import Entry, Kind
from workbench.catalog.lookup import Catalog
from workbench.catalog.resolve import resolve
from workbench.check.comparing import as_arrays, copy_weights, equal
from workbench.check.finding import (
    Accepted,
    Guess,
    NoInput,
    call_on,
    find_bound_inputs,
    find_inputs,
    guess_arguments,
)
from workbench.check.guessing import argument_sets
from workbench.check.inputs import Inputs
from workbench.check.randomness import reseed
from workbench.check.results import NotApplicable, Skipped, error_text
from workbench.check.source import is_stock
from workbench.errors import RecipeError, WorkbenchError
from workbench.recipe.model_schema import Use

# The arguments that any layer has; the base class keeps and returns most of them, and `from_config` tests it.
OF_EVERY_LAYER = frozenset({"name", "dtype", "trainable", "autocast", "activity_regularizer"})


@dataclass(frozen=True)
class RecipePart:
    """What a recipe makes of an entry: the maker that made it, with what, and what it is fed with (None: not seen)."""

    maker: Maker
    made: Made
    fed: Inputs | None


class CheckedEntry:
    """One entry under check. Objects that checks share are made at their first use.

    Args:
        part: what is checked of it, where that is a part of a recipe.
    """

    def __init__(self, entry: Entry, catalog: Catalog, part: RecipePart | None = None) -> None:
        self.entry = entry
        self.catalog = catalog
        self._part = part
        self._maker = part.maker if part else maker_of(catalog, Path, _no_file)

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
        return is_stock(self.target)

    @property
    def from_file(self) -> bool:
        """True if it is from a single file, whose entries have no examples."""
        return self.entry.distribution.endswith(".py")

    @property
    def is_fed(self) -> bool:
        """True if its inputs are those that a recipe gives it."""
        return self._part is not None and self._part.fed is not None

    @cached_property
    def arguments(self) -> Mapping[str, Any]:
        """The arguments of instances: those of the entry's example; for a plugin file without one, guesses.

        Raises:
            Skipped: the constructor refuses all guesses.
        """
        if self._part is not None:
            return self._part.made.arguments
        return self.entry.example if self._guess is None else self._guess.arguments

    @cached_property
    def _guess(self) -> Guess | None:
        """What was found for an entry whose example is not known; None where it is, or none is needed."""
        if self._part or not self.from_file or self.entry.example or not self.required():
            return None
        sets = (self._qualified(each) for each in argument_sets(self.target, self.required()))
        found = guess_arguments(self.entry, self.make_with, sets, called=self._is_called)
        if isinstance(found, Guess):
            return found
        names = ", ".join(f"'{name}'" for name in self.required())
        raise Skipped(
            f"no value can be guessed for {names} ({error_text(found).rstrip('.')}). Say in the file what makes one, "
            f'KWB_EXAMPLES = {{"{self.entry.name}": {{...}}}}, or check a recipe that uses it'
        )

    def _is_called(self, instance: Any) -> bool:
        """True for what is called on tensors: a layer, and a model that has a `call`."""
        return self.entry.kind in (Kind.LAYER, Kind.MODEL) and not lacks_call(instance)

    def _qualified(self, value: Any) -> Any:
        """A value with Keras' own layers under the names by which the catalog has them."""
        if isinstance(value, Mapping):
            named = {key: self._qualified(item) for key, item in value.items()}
            return named | ({"use": self._stock.get(value["use"], value["use"])} if "use" in value else {})
        return [self._qualified(item) for item in value] if type(value) is list else value

    @cached_property
    def _stock(self) -> dict[str, str]:
        entries = self.catalog.of_kind(Kind.LAYER)
        return {each.name: each.qualified_name for each in entries if each.target.startswith("keras.")}

    def make(self, **changes: Any) -> Any:
        """A new instance, of the example's arguments with some changed.

        Raises:
            WorkbenchError: it refuses them.
        """
        return self.make_with({**self.arguments, **changes})

    def make_with(self, arguments: Mapping[str, Any]) -> Any:
        """A new instance of these arguments alone."""
        if self._part is not None:
            return self._maker.make_again(self._part.made, arguments)
        use = Use.model_validate({**arguments, "use": self.entry.qualified_name})
        return self._maker.make(self.entry.kind, use, self.entry.name)

    def own_arguments(self) -> dict[str, inspect.Parameter]:
        """The constructor's arguments, without those of every layer.

        This class fills in the other arguments of its base class, or passes them on for the base class to keep.
        """
        return {name: p for name, p in self._parameters().items() if name not in OF_EVERY_LAYER}

    def _parameters(self) -> dict[str, inspect.Parameter]:
        if not self.is_class and self.entry.kind not in (Kind.LAYER, Kind.MODEL, Kind.DATASET):
            return {}  # a recipe gives such a function as it is
        init = self.target.__init__ if self.is_class else self.target
        # A function has no self; that of a layer has a tensor there.
        no_self = self.entry.kind is Kind.DATASET or (self.entry.kind is Kind.MODEL and not self.is_class)
        own = list(inspect.signature(init).parameters.values())[0 if no_self else 1 :]
        return {p.name: p for p in own if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)}

    def required(self) -> list[str]:
        """The arguments that have no default, one that every layer has (`name`) among them."""
        return [name for name, p in self._parameters().items() if p.default is p.empty]

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
    def _search(self) -> Accepted | NoInput | None:
        if self._guess is not None:
            return self._guess.search
        if not self._is_called(self.make()):
            return None
        if self._part is not None and self._part.fed is not None:
            return call_on(self._part.fed, self.make)
        found = find_inputs(self.entry, self.make)
        if isinstance(found, NoInput) and not found.broken and not found.state_in_call:
            return find_bound_inputs(self.entry, self.make) or found
        return found

    @property
    def _accepted(self) -> Accepted:
        """What was found.

        Raises:
            NoInput: no input was found.
            NotApplicable: it cannot be called on any.
        """
        if self._search is None:
            raise NotApplicable(
                "it has no call(), and nothing to compare: it is trained by its own train_step"
            )
        if isinstance(self._search, NoInput):
            raise self._search
        return self._search

    @property
    def inputs(self) -> Inputs:
        """A batch that it accepts.

        Raises:
            NoInput: none was found.
        """
        return self._accepted.inputs

    @property
    def built(self) -> Any:
        """The instance that took `inputs`, built by it."""
        return self._accepted.layer

    def fresh(self) -> Any:
        """A new instance, built by a call, with the weights of `built`."""
        layer = self.make()
        layer(*self.inputs.arguments)
        copy_weights(self.built, layer)
        return layer

    def outputs(self, layer: Any = None, *arguments: Any, training: bool = False) -> list[np.ndarray]:
        """The outputs of a layer (`built`, unless another is passed), as arrays; of a random one under one seed."""
        layer = self.built if layer is None else layer
        if self.is_random:
            reseed(layer)
        return self.raw_outputs(layer, *arguments, training=training)

    @cached_property
    def is_random(self) -> bool:
        """True if it is random in inference: its outputs differ from call to call, and not under one seed."""
        first, second = (self.raw_outputs(self.built) for _ in range(2))
        if equal(first, second):
            return False
        return equal(*(self.seeded_outputs(self.built) for _ in range(2)))

    def seeded_outputs(self, layer: Any, *, training: bool = False, python: bool = True) -> list[np.ndarray]:
        """The outputs of a layer under one seed.

        Args:
            python: see `reseed`.
        """
        reseed(layer, python=python)
        return self.raw_outputs(layer, training=training)

    def raw_outputs(self, layer: Any, *arguments: Any, training: bool = False) -> list[np.ndarray]:
        """The outputs of a layer with the seeds as they are."""
        result = layer(*(arguments or self.inputs.arguments), training=training)
        return as_arrays(result)


def _no_file(path: Path, compile: bool) -> Any:
    raise RecipeError(f"an example loads no files: '{path}'.")


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
