"""Suggest a recipe for given data: a stack of layers, a loss and metrics.

The recipe is a start, not a solution: small, standard, and correct where mistakes are easy (the last layer, the loss,
the scaling, missing values).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from workbench.errors import RecipeError
from workbench.recipe.columns import (
    MOST_CLASSES,
    ColumnFacts,
    learnable,
    missing_policy,
    remarks,
    why_left_out,
)
from workbench.recipe.suggestion import pictures as suggest_pictures
from workbench.recipe.suggestion import pixel_masks
from workbench.recipe.suggestion.columns import column_options
from workbench.recipe.suggestion.model import suggested_model, suggested_training, variable_name
from workbench.recipe.suggestion.series_facts import SeriesFacts
from workbench.recipe.suggestion.windows import as_windows, is_series
from workbench.recipe.targets import called_like_a_target

__all__ = ["MOST_CLASSES", "ColumnFacts", "Facts", "Suggestion", "likely_targets", "suggest"]

_MOST_REASONS = 6
_WRITTEN = {
    "delimiter": "{} stands between the columns.",
    "decimal": "{} marks the decimals.",
    "thousands": "{} stands between the thousands.",
}


@dataclass(frozen=True)
class Facts:
    """The facts about data that a suggestion needs."""

    rows: int
    columns: tuple[ColumnFacts, ...]
    targets: tuple[str, ...] = ()
    test_rows: int = 0
    options: Mapping[str, Any] = field(default_factory=dict)
    series: SeriesFacts | None = None

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Facts:
        """From the `preview` part of the answer of the worker's `preview` command."""
        columns = tuple(ColumnFacts.from_record(column) for column in record["columns"])
        options = record.get("options", {})
        series = SeriesFacts.from_record(record.get("series"))
        return cls(record["rows"], columns, tuple(record["targets"]), record["test_rows"], options, series)

    def column(self, name: str) -> ColumnFacts:
        return next(column for column in self.columns if column.name == name)


@dataclass(frozen=True)
class Suggestion:
    """A recipe as plain data, and the reasons for it, one sentence each."""

    recipe: dict[str, Any]
    reasons: tuple[str, ...] = field(default=())


def likely_targets(facts: Facts) -> tuple[str, ...]:
    """The columns to learn: the source's own, else one that is called like a target, else the last."""
    if facts.targets:
        return facts.targets
    usable = [each for each in facts.columns if each.kind not in ("unusable", "date") and not each.text]
    names = [each.name for each in usable if each.missing < facts.rows] or [each.name for each in usable]
    if (called := called_like_a_target(names)) is not None:
        return (called,)
    return tuple(names[-1:])


def suggest(
    name: str,
    data: Mapping[str, Any],
    facts: Facts,
    targets: Sequence[str] | None = None,
    *,
    windows: bool = True,
) -> Suggestion:
    """A recipe for data.

    Args:
        name: the recipe's name; made to fit where it does not.
        data: the data section so far: `{use: csv, path: prices.csv}`.
        facts: what the data looks like.
        targets: the columns to learn; by default those that are likely.
        windows: whether rows that follow each other in time may become windows.

    Raises:
        RecipeError: no column is left for the inputs, or there is one row only.
    """
    if facts.rows < 2:
        raise RecipeError(
            f"there {'is one row' if facts.rows else 'are no rows'}: nothing can be learned from that.",
            hint="A model learns from many rows, and needs others to be tested with.",
        )
    targets = tuple(targets) if targets is not None else likely_targets(facts)
    facts = replace(facts, columns=tuple(column.filled_up() for column in facts.columns))
    reasons: list[str] = []
    section = {**data, **facts.options}
    reasons += [
        _WRITTEN[name].format(_spelt(mark)) for name, mark in facts.options.items() if name in _WRITTEN
    ]
    if stated := data.get("missing_values"):
        reasons.append(f"{_listed(list(map(str, stated)))} stands for no value.")
    kept, gaps = learnable([facts.column(target) for target in targets], facts.rows)
    targets = tuple(column.name for column in kept)
    if len(targets) > 1:
        section["targets"] = {variable_name(target): [target] for target in targets}
    elif targets != facts.targets or gaps:
        section["targets"] = list(targets)
    learned = [facts.column(target) for target in targets]
    classes = {column.name: column.classes for column in learned if column.classes}
    named = [column.name for column in learned if column.classes and not facts.targets]
    if named:
        section["classes"] = named
    inputs = [column for column in facts.columns if column.name not in targets]
    inputs = [column.with_gap(facts.rows) for column in inputs if column not in gaps]
    left_out = {column.name: why for column in inputs if (why := why_left_out(column, facts.rows))}
    inputs = [column for column in inputs if column.name not in left_out]
    left_out |= {
        column.name: f"has no value in {column.missing:,} of {facts.rows:,} rows, which the other targets would lose"
        for column in gaps
    }
    if left_out:
        section["ignore"] = list(left_out)
        reasons += [
            f"'{name}' is left out: it {why}." for name, why in list(left_out.items())[:_MOST_REASONS]
        ]
        if len(left_out) > _MOST_REASONS:
            reasons.append(
                f"{_listed(list(left_out)[_MOST_REASONS:])}: left out, as they are of no use either."
            )
    if not inputs:
        raise RecipeError("no column is left to learn from.", hint=" ".join(reasons))
    options, of_columns = column_options(inputs, learned, facts.rows)
    section |= options
    reasons += [*of_columns, *remarks(inputs, facts.rows)]
    if (policy := missing_policy(inputs, learned)) is not None:
        section["missing"] = policy
        reasons.append(_about_gaps(inputs, learned, facts.rows))
    if words := _words(learned, facts) if named else []:
        section["missing_values"] = words
        reasons.append(
            f"{_listed(words)} stands for no value: take it out of `missing_values` where it is one."
        )
    section["split"] = _split(facts, classes, learned)
    if left := [
        part for part in ("validation", "test") if part not in section["split"] and not facts.test_rows
    ]:
        reasons.append(f"{facts.rows} rows are too few to keep some for the {' and the '.join(left)}.")
    alone = [column for column in inputs if column.own_shape or column.is_embedded(facts.rows)]
    if any(not column.name.isidentifier() for column in alone):
        section["inputs"] = _named_inputs(inputs, alone)
    if (scaling := _scaling(inputs)) is not None:
        section["scale"] = scaling
        reasons.append("Inputs of different size are scaled, measured on the training part only.")
    if any(column.name not in classes and _needs_scaling(column) for column in learned):
        section["scale_targets"] = "standard"
        reasons.append("Numbers to learn are scaled too; metrics and predictions stay in their own units.")
    pictures = [column.shape for column in inputs if column.kind == suggest_pictures.PICTURE]
    if pictures and (augment := suggest_pictures.augmentation(pictures[0], reasons)):
        section["augment"] = augment
    training = suggested_training(
        facts.rows,
        learned,
        classes,
        monitor="val_loss" if "validation" in section["split"] else "loss",
    )
    if pixel_masks.are_learned(inputs, learned):
        model = pixel_masks.mask_model(inputs[0], learned[0], reasons)
        training |= pixel_masks.mask_training(learned[0])
    elif windows and facts.series is not None and is_series(facts.series, inputs, learned, classes):
        model = as_windows(section, facts.series, inputs, targets[0], reasons)
    else:
        model = suggested_model(facts.rows, inputs, learned, classes, reasons)
    return Suggestion(
        {
            "kwb": 1,
            "name": _recipe_name(name),
            "seed": 42,
            "data": section,
            "model": model,
            "train": training | ({"epochs": suggest_pictures.MOST_EPOCHS} if pictures else {}),
            "save": [f"saved/{_recipe_name(name)}.keras"],
        },
        tuple(reasons),
    )


def _spelt(mark: object) -> str:
    return {"\t": "a tab", "whitespace": "a run of blanks"}.get(str(mark), f"'{mark}'")


def _about_gaps(inputs: Sequence[ColumnFacts], learned: Sequence[ColumnFacts], rows: int) -> str:
    parts = []
    if any(column.missing and not column.gap for column in inputs):
        parts.append("Missing inputs are filled in with the mean (texts: the commonest).")
    if own := [column.name for column in inputs if column.gap]:
        parts.append(f"No value is a category of its own in {_listed(own)}.")
    lost = sum(column.missing for column in learned)
    if lost:
        most = "" if len(learned) == 1 else "up to "
        parts.append(f"{most}{lost:,} of {rows:,} rows have no target and are dropped.")
    return " ".join(parts)


def _words(learned: Sequence[ColumnFacts], facts: Facts) -> list[str]:
    """The words for no value, where a target of classes has some: its cells are read as they are written."""
    if not any(column.classes and column.word for column in learned):
        return []
    return sorted({column.word for column in facts.columns if column.word})


def _split(facts: Facts, classes: Mapping[str, int], learned: Sequence[ColumnFacts]) -> dict[str, Any]:
    shares = {"validation": 0.2} if facts.test_rows else {"validation": 0.2, "test": 0.1}
    split: dict[str, Any] = {name: share for name, share in shares.items() if int(facts.rows * share + 0.5)}
    if len(learned) == 1 and classes and facts.rows >= 30 * next(iter(classes.values())):
        counts = [count for _, count in learned[0].commonest]
        rarest = min(counts, default=10) if learned[0].rarest is None else learned[0].rarest
        if rarest >= 10:
            split["stratify"] = True
    return split


def _named_inputs(inputs: Sequence[ColumnFacts], alone: Sequence[ColumnFacts]) -> dict[str, list[str]]:
    """Inputs with names that a graph line can use; those `alone` are not joined with others."""
    table = [column.name for column in inputs if column not in alone]
    named = {"features": table} if table else {}
    return named | {variable_name(column.name): [column.name] for column in alone}


def _scaling(inputs: Sequence[ColumnFacts]) -> str | None:
    """Tables are brought to mean 0 and deviation 1; pixels of 0..255 to 0..1; what is small already stays."""
    numbers = [column for column in inputs if column.kind in ("number", "date")]
    if numbers:
        return "standard"
    arrays = [column for column in inputs if column.shape and column.high is not None]
    arrays = [column for column in arrays if column.kind != suggest_pictures.PICTURE]  # a layer scales them
    if any((column.high or 0) > 2 or (column.low or 0) < -2 for column in arrays):
        return "minmax" if all((column.low or 0) >= 0 for column in arrays) else "standard"
    return None


def _needs_scaling(column: ColumnFacts) -> bool:
    """True of numbers to learn; of arrays such as pictures only where they are far from 0, and of no masks."""
    if column.pixel_classes:
        return False
    return len(column.shape) < 2 or max(abs(column.low or 0.0), abs(column.high or 0.0)) > 2


def _recipe_name(name: str) -> str:
    return re.sub(r"[^\w.-]+", "-", name).strip("-._")[:100] or "model"


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:5])
    return f"{shown} and {len(names) - 5} more" if len(names) > 5 else shown
