"""The values that a search tries, and the recipe of one trial: the recipe with these values set."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from workbench.catalog.lookup import Catalog
from workbench.errors import RecipeError
from workbench.recipe.document import Document, parse
from workbench.recipe.names import check_names
from workbench.recipe.options.search import Range, Repeat, Search
from workbench.recipe.yaml_values import one_line

MOST_IN_A_GRID = 10_000
LONGEST_NAME = 80  # of the recipe's name in that of a trial

Settings = Mapping[str, Any]  # the value of each key of a trial, as in the recipe's `over`


@dataclass(frozen=True)
class Base:
    """The recipe that trials are made from.

    Attributes:
        text: the YAML.
        document: the same, validated.
        search: its `search`; None for a repeat alone.
        repeat: its `repeat`, if there is one.
    """

    text: str
    document: Document
    search: Search | None
    repeat: Repeat | None

    @property
    def repetitions(self) -> int:
        """How many trainings each trial has."""
        return self.repeat.repetitions if self.repeat is not None else 1

    @property
    def over(self) -> Mapping[str, Any]:
        return self.search.over if self.search is not None else {}

    def overrides(self, trial: int, settings: Settings, repetition: int) -> tuple[str, ...]:
        """What makes the recipe of one training of this one, as `--set` assignments."""
        recipe = self.document.recipe
        name = f"{recipe.name[:LONGEST_NAME]}-t{trial}" + (f"-{repetition}" if self.repetitions > 1 else "")
        # A model of a trial is in its run's folder; the files of the recipe are not for each trial to replace.
        own = {"name": name, "save": [], "search": None, "repeat": None, **settings}
        if self.repeat is not None and self.repeat.seeds:
            own["seed"] = settings.get("seed", recipe.seed) + repetition
        elif self.repeat is not None:
            own |= {"data.split.group": self.repeat.by} if self.repeat.by else {}
            own["data.split.validation"] = 0.0  # the fold is the validation part
            own["data.split.fold"] = {"of": self.repeat.folds, "number": repetition}
        return (*self.document.overrides, *(f"{key}={one_line(value)}" for key, value in own.items()))

    def epochs(self, settings: Settings) -> int:
        """How many epochs a trial has."""
        if {"train", "train.epochs"} & set(settings):
            return self.trial(0, settings).recipe.train.epochs
        return self.document.recipe.train.epochs

    def trial(self, trial: int, settings: Settings, repetition: int = 0) -> Document:
        """The document of one training.

        Raises:
            RecipeError: these values do not fit the recipe.
        """
        document = self.document
        return parse(
            self.text,
            name=document.name,
            folder=document.folder,
            overrides=self.overrides(trial, settings, repetition),
        )


def check_space(base: Base, catalog: Catalog) -> None:
    """Try each choice, and both ends of each range, as far as that needs no TensorFlow.

    Raises:
        RecipeError: a key that names nothing, or a value that does not fit it; with the line of the recipe's `over`.
    """
    for key, values in base.over.items():
        for value in _ends(values):
            place = base.document.place_of(("search", "over", key))
            try:
                check_names(base.trial(0, {key: value}), catalog)
            except RecipeError as error:
                what = error.what if isinstance(values, Range) else f"{one_line(value)}: {error.what}"
                raise RecipeError(what, where=place, hint=error.hint) from None
    for repetition in range(base.repetitions):
        base.trial(0, {}, repetition)


def settings_to_try(base: Base) -> Iterator[Settings]:
    """Few settings that together have each choice, and both ends of each range."""
    ends = {key: _ends(values) for key, values in base.over.items()}
    for number in range(max(map(len, ends.values()), default=1)):
        yield {key: values[min(number, len(values) - 1)] for key, values in ends.items()}


def _ends(values: Any) -> list[Any]:
    return [values.start, values.to] if isinstance(values, Range) else list(values)


def grid(base: Base) -> list[Settings]:
    """Every combination of the values, the last key changing fastest.

    Raises:
        RecipeError: a range has no steps, or there are too many combinations.
    """
    lists = {key: _listed(base, key, values) for key, values in base.over.items()}
    count = math.prod(map(len, lists.values()))
    if count > MOST_IN_A_GRID:
        raise RecipeError(
            f"a grid of {count:,} combinations is too many.",
            where=base.document.place_of(("search", "over")),
            hint="`method: random` or `tpe` tries some of them.",
        )
    combinations: list[Settings] = [{}]
    for key, values in lists.items():
        combinations = [{**each, key: value} for each in combinations for value in values]
    return combinations


def _listed(base: Base, key: str, values: Any) -> list[Any]:
    if not isinstance(values, Range):
        return list(values)
    step = values.step if values.step is not None else 1 if values.whole and not values.log else None
    if step is None:
        raise RecipeError(
            "a grid needs single values, and this is a range.",
            where=base.document.place_of(("search", "over", key)),
            hint="Give it a `step`, or a list of values; or use `method: random`.",
        )
    return [values.start + number * step for number in range(values.count(step))]
