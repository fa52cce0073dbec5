"""Suggest a recipe for given data: a stack of layers, a loss and metrics.

The recipe is a start, not a solution: small, standard, and correct where mistakes are easy (the last layer, the loss,
the scaling, missing values).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
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
from workbench.recipe.reach import about_size, epochs_and_batch
from workbench.recipe.suggest_columns import column_options
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

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Facts:
        """From the `preview` part of the answer of the worker's `preview` command."""
        columns = tuple(ColumnFacts.from_record(column) for column in record["columns"])
        options = record.get("options", {})
        return cls(record["rows"], columns, tuple(record["targets"]), record["test_rows"], options)

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
    usable = [column.name for column in facts.columns if column.kind not in ("unusable", "date")]
    if (called := called_like_a_target(usable)) is not None:
        return (called,)
    return tuple(usable[-1:])


def suggest(
    name: str, data: Mapping[str, Any], facts: Facts, targets: Sequence[str] | None = None
) -> Suggestion:
    """A recipe for data.

    Args:
        name: the recipe's name; made to fit where it does not.
        data: the data section so far: `{use: csv, path: prices.csv}`.
        facts: what the data looks like.
        targets: the columns to learn; by default those that are likely.

    Raises:
        RecipeError: no column is left for the inputs.
    """
    targets = tuple(targets) if targets is not None else likely_targets(facts)
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
        section["targets"] = {_variable(target): [target] for target in targets}
    elif targets != facts.targets or gaps:
        section["targets"] = list(targets)
    learned = [facts.column(target) for target in targets]
    classes = {column.name: column.classes for column in learned if column.classes}
    named = [column.name for column in learned if column.classes and not facts.targets]
    if named:
        section["classes"] = named
    inputs = [column for column in facts.columns if column.name not in targets]
    inputs = [column for column in inputs if column not in gaps]
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
    options, of_columns = column_options(inputs, learned)
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
    if any(column.shape and not column.name.isidentifier() for column in inputs):
        section["inputs"] = _named_inputs(inputs)
    if (scaling := _scaling(inputs)) is not None:
        section["scale"] = scaling
        reasons.append("Inputs of different size are scaled, measured on the training part only.")
    model = _model(facts.rows, inputs, learned, classes, reasons)
    return Suggestion(
        {
            "kwb": 1,
            "name": _recipe_name(name),
            "seed": 42,
            "data": section,
            "model": model,
            "train": _train(facts.rows, learned, classes, reasons),
            "save": [f"saved/{_recipe_name(name)}.keras"],
        },
        tuple(reasons),
    )


def _spelt(mark: object) -> str:
    return "a tab" if mark == "\t" else f"'{mark}'"


def _about_gaps(inputs: Sequence[ColumnFacts], learned: Sequence[ColumnFacts], rows: int) -> str:
    parts = []
    if any(column.missing for column in inputs):
        parts.append("Missing inputs are filled in with the mean (texts: the commonest).")
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
    split: dict[str, Any] = {"validation": 0.2}
    if not facts.test_rows:
        split["test"] = 0.1
    if len(learned) == 1 and classes and facts.rows >= 30 * next(iter(classes.values())):
        counts = [count for _, count in learned[0].commonest]
        if not counts or len(counts) < learned[0].distinct or min(counts) >= 10:
            split["stratify"] = True
    return split


def _named_inputs(inputs: Sequence[ColumnFacts]) -> dict[str, list[str]]:
    """Inputs with names that a graph line can use."""
    table = [column.name for column in inputs if not column.shape]
    named = {"features": table} if table else {}
    return named | {_variable(column.name): [column.name] for column in inputs if column.shape}


def _scaling(inputs: Sequence[ColumnFacts]) -> str | None:
    """Tables are brought to mean 0 and deviation 1; pixels of 0..255 to 0..1; what is small already stays."""
    numbers = [column for column in inputs if column.kind in ("number", "date")]
    if numbers:
        return "standard"
    arrays = [column for column in inputs if column.shape and column.high is not None]
    if any((column.high or 0) > 2 or (column.low or 0) < -2 for column in arrays):
        return "minmax" if all((column.low or 0) >= 0 for column in arrays) else "standard"
    return None


def _model(
    rows: int,
    inputs: Sequence[ColumnFacts],
    learned: Sequence[ColumnFacts],
    classes: Mapping[str, int],
    reasons: list[str],
) -> dict[str, Any]:
    """A stack where there is one input and one target, else a graph that joins and divides."""
    arrays = [column for column in inputs if column.shape]
    table = [column for column in inputs if not column.shape]
    if len(arrays) + bool(table) <= 1 and len(learned) <= 1:
        shape = arrays[0].shape if arrays else None
        stack = [*_body(shape, len(table), reasons), *_head(rows, learned, classes, reasons)]
        return {"sequential": stack}
    shapes: dict[str, list[int]] = {_variable(column.name): list(column.shape) for column in arrays}
    if table:
        shapes = {"features": [_width(table)], **shapes}
    lines: list[str] = []
    ends = []
    for name, sizes in shapes.items():
        variable = f"{name}_in"
        for layer in _body(tuple(sizes), sizes[0], []):
            lines.append(f"{variable} = {_call(layer)}({variable if _made(lines, variable) else name})")
        ends.append(variable)
    joined = ends[0]
    if len(ends) > 1:
        joined = "joined"
        lines.append(f"joined = Concatenate()({', '.join(ends)})")
    outputs = []
    for column in learned:
        layers = _head(rows, [column], classes, [])
        output = _variable(column.name)
        output = f"{output}_out" if output in shapes or output in (joined, *ends) else output
        for number, layer in enumerate(layers):
            last = number == len(layers) - 1
            named = layer | {"name": output} if last else layer
            lines.append(f"{output} = {_call(named)}({joined if number == 0 else output})")
        outputs.append(output)
    reasons.append(
        "Several inputs or targets: a graph joins the first and has an end for each of the second."
    )
    return {"inputs": shapes, "graph": lines, "outputs": outputs}


def _body(shape: tuple[int, ...] | None, columns: int, reasons: list[str]) -> list[dict[str, Any]]:
    """The layers before the last one; `shape` is an array's, None for a table of so many columns."""
    if shape is not None and len(shape) == 3 and shape[-1] <= 4 and min(shape[:2]) >= 6:
        reasons.append("Arrays of height, width and channels are taken for pictures: two convolutions.")
        return [
            {"use": "Conv2D", "filters": 16, "kernel_size": 3, "activation": "relu"},
            {"use": "Conv2D", "filters": 32, "kernel_size": 3, "activation": "relu"},
            {"use": "MaxPooling2D"},
            {"use": "Flatten"},
            {"use": "Dropout", "rate": 0.25},
        ]
    if shape is not None and len(shape) > 1:
        return [{"use": "Flatten"}, _dense(128), _dense(64)]
    width = 64 if (shape[0] if shape else columns) >= 8 else 32
    return [_dense(width), _dense(width // 2)]


def _dense(units: int) -> dict[str, Any]:
    return {"use": "Dense", "units": units, "activation": "relu"}


def _head(
    rows: int, learned: Sequence[ColumnFacts], classes: Mapping[str, int], reasons: list[str]
) -> list[dict[str, Any]]:
    if not learned:
        return [{"use": "Dense", "units": 1}]
    column = learned[0]
    if count := classes.get(column.name):
        reasons.append(f"'{column.name}' has {count} classes: a probability for each, so softmax.")
        return [{"use": "Dense", "units": count, "activation": "softmax"}]
    if len(column.shape) > 1:
        size = math.prod(column.shape)
        return [
            {"use": "Flatten"},
            {"use": "Dense", "units": size},
            {"use": "Reshape", "target_shape": list(column.shape)},
        ]
    reasons.append(f"'{column.name}' is a number: a last layer without activation, and the squared error.")
    if large := about_size(column.name, column.low or 0.0, column.high or 0.0, rows):
        reasons.append(large)
    return [{"use": "Dense", "units": column.shape[0] if column.shape else 1}]


def _train(
    rows: int, learned: Sequence[ColumnFacts], classes: Mapping[str, int], reasons: list[str]
) -> dict[str, Any]:
    epochs, batch = epochs_and_batch(rows)
    losses = {
        column.name: "sparse_categorical_crossentropy" if column.name in classes else "mse"
        for column in learned
    }
    metrics = {column.name: "accuracy" if column.name in classes else "mae" for column in learned}
    train: dict[str, Any] = {
        "epochs": epochs,
        "batch_size": batch,
        "optimizer": {"use": "Adam", "learning_rate": 1e-3},
    }
    if len(learned) == 1:
        train["loss"] = losses[learned[0].name]
        train["metrics"] = [metrics[learned[0].name]]
    elif learned:
        train["loss"] = {_variable(name): loss for name, loss in losses.items()}
        train["metrics"] = {_variable(name): [metric] for name, metric in metrics.items()}
    train["callbacks"] = [
        {"use": "EarlyStopping", "monitor": "val_loss", "patience": 10, "restore_best_weights": True}
    ]
    return train


def _width(table: Sequence[ColumnFacts]) -> int:
    """How wide a table's input is: a number a column, and one for each category of a text column."""
    return sum(column.width for column in table)


def _call(layer: Mapping[str, Any]) -> str:
    arguments = ", ".join(f"{name}={value!r}" for name, value in layer.items() if name != "use")
    return f"{layer['use']}({arguments})".replace("'", '"')


def _made(lines: Iterable[str], variable: str) -> bool:
    return any(line.startswith(f"{variable} =") for line in lines)


def _variable(name: str) -> str:
    variable = re.sub(r"\W+", "_", name).strip("_").lower() or "value"
    return f"_{variable}" if variable[0].isdigit() else variable


def _recipe_name(name: str) -> str:
    return re.sub(r"[^\w.-]+", "-", name).strip("-._")[:100] or "model"


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:5])
    return f"{shown} and {len(names) - 5} more" if len(names) > 5 else shown
