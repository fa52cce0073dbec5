"""Predictions of a saved model to look at: the first rows, and how they lie beside the true values.

Where the data lacks the targets, the predictions come alone, with the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from workbench.data.predictions import prediction_columns
from workbench.data.preparation import Part
from workbench.data.specs import ClassTarget, NumberTarget, Target
from workbench.errors import DataError
from workbench.training.saved import SavedModel, plain_columns

MOST_ROWS = 200  # of the table
MOST_COLUMNS = 60
MOST_POINTS = 5_000  # of a scatter plot
MOST_CLASSES = 40  # of a confusion matrix; rarer ones are counted together
OTHERS = "(others)"


@dataclass(frozen=True)
class Numbers:
    """Predicted numbers beside the true ones.

    Attributes:
        name: the column.
        true, predicted: at most `MOST_POINTS` finite pairs, evenly taken from all.
        count: how many finite pairs there are.
        left_out: pairs with a value that is not finite.
        mae, rmse, bias, r2: over all finite pairs; bias is the mean of predicted - true, r2 the share of the
            variance explained (None where the true values do not vary).
    """

    name: str
    true: list[float]
    predicted: list[float]
    count: int
    left_out: int
    mae: float
    rmse: float
    bias: float
    r2: float | None
    kind: str = "numbers"


@dataclass(frozen=True)
class Classes:
    """Predicted classes beside the true ones: `counts[true][predicted]`."""

    name: str
    classes: list[str]
    counts: list[list[int]]
    kind: str = "classes"


def predictions_of(saved: SavedModel, read: Callable[[bool], Part]) -> dict[str, Any]:
    """Predict, and compare with the targets if the data has them.

    Args:
        saved: the model.
        read: gives the data, with its targets (True) or without.

    Returns:
        rows: how many; columns and first: the table's heading and its first rows, true values before predicted
        ones; comparisons: `Numbers` and `Classes` as records, one for each target; no_truth: why there is none.
    """
    no_truth = ""
    try:
        part = read(True)
    except DataError as fault:  # perhaps only the targets are missing
        part = read(False)
        no_truth = str(fault)
    outputs = saved.predict(part)
    table = _table(saved, part, outputs)
    compared = _comparisons(saved, part, outputs)
    if not compared and not no_truth:
        no_truth = "the data has no targets that fit the model's outputs."
    return {
        "rows": part.rows,
        "columns": list(table),
        "first": [list(row) for row in zip(*(c.tolist() for c in table.values()), strict=True)],
        "left_out_columns": max(len(_all_columns(saved, outputs)) - MOST_COLUMNS, 0),
        "comparisons": [asdict(each) for each in compared],
        "no_truth": "" if compared else no_truth,
    }


def _all_columns(saved: SavedModel, outputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    if saved.notes is None:
        return plain_columns(outputs)
    return prediction_columns(saved.notes.preparation, outputs)


def _table(saved: SavedModel, part: Part, outputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The first rows: row number, true values, predictions."""
    head = part.take(slice(MOST_ROWS))
    columns: dict[str, np.ndarray] = {"row": head.index + 1}
    specs = _targets(saved)
    for name, values in head.targets.items():
        spec = specs.get(name)
        if isinstance(spec, ClassTarget):
            columns[f"true {name}"] = np.array(spec.classes, dtype=object)[values]
        elif isinstance(spec, NumberTarget):
            columns |= {f"true {column}": values[:, at] for at, column in enumerate(spec.columns)}
        elif values.ndim == 1 or values[:1].size == 1:
            columns[f"true {name}"] = values.reshape(-1)
    first = {name: values[:MOST_ROWS] for name, values in outputs.items()}
    predicted = list(_all_columns(saved, first).items())[:MOST_COLUMNS]
    return columns | {name if name not in columns else f"{name} ": values for name, values in predicted}


def _targets(saved: SavedModel) -> dict[str, Target]:
    return {spec.name: spec for spec in saved.notes.preparation.targets} if saved.notes else {}


def _comparisons(saved: SavedModel, part: Part, outputs: Mapping[str, np.ndarray]) -> list[Numbers | Classes]:
    specs = _targets(saved)
    found: list[Numbers | Classes] = []
    for name, true in part.targets.items():
        output = outputs.get(name)
        if output is None and len(outputs) == len(part.targets) == 1:
            (output,) = outputs.values()
        if output is None:
            continue
        spec = specs.get(name)
        flat = np.asarray(output).reshape(len(output), -1)
        classes = spec.classes if isinstance(spec, ClassTarget) else ()
        whole = spec is None and true.dtype.kind in "iu" and true.ndim == 1  # a file that says nothing of it
        if (classes or whole) and (chosen := _chosen(flat, true, len(classes))) is not None:
            found.append(compare_classes(name, true, chosen, classes))
        elif isinstance(spec, NumberTarget) and flat.shape[1] == len(spec.columns):
            found += [
                compare_numbers(column, true[:, at], flat[:, at]) for at, column in enumerate(spec.columns)
            ]
        elif true.size == flat.size:
            found.append(compare_numbers(name, true.reshape(-1), flat.reshape(-1)))
    return found


def _chosen(scores: np.ndarray, true: np.ndarray, named: int) -> np.ndarray | None:
    """The class number that scores (rows, outputs) choose; None where they are no scores of these classes."""
    width, most = scores.shape[1], named or int(true.max(initial=0)) + 1
    if width == 1:
        return (scores[:, 0] >= 0.5).astype(int) if most <= 2 else None
    return scores.argmax(axis=1) if (width == named if named else width >= most) else None


def compare_numbers(name: str, true: np.ndarray, predicted: np.ndarray) -> Numbers:
    """Numbers (rows,) beside each other."""
    true, predicted = true.astype(np.float64), predicted.astype(np.float64)
    finite = np.isfinite(true) & np.isfinite(predicted)
    x, y = true[finite], predicted[finite]
    if not len(x):
        return Numbers(name, [], [], 0, len(true), *(float("nan"),) * 3, None)
    with np.errstate(over="ignore", invalid="ignore"):
        error = y - x
        spread = float(((x - x.mean()) ** 2).sum())
        r2 = 1.0 - float((error**2).sum()) / spread if spread > 0 else None
        mae, rmse = float(np.abs(error).mean()), float(np.sqrt((error**2).mean()))
    shown = np.linspace(0, len(x) - 1, min(len(x), MOST_POINTS)).astype(int)
    return Numbers(
        name,
        x[shown].tolist(),
        y[shown].tolist(),
        count=len(x),
        left_out=len(true) - len(x),
        mae=mae,
        rmse=rmse,
        bias=float(error.mean()),
        r2=r2,
    )


def compare_classes(name: str, true: np.ndarray, predicted: np.ndarray, classes: tuple[str, ...]) -> Classes:
    """Class numbers (rows,) beside each other. Without names the numbers themselves name the classes."""
    number = max(len(classes), int(true.max(initial=0)) + 1, int(predicted.max(initial=0)) + 1)
    names = list(classes) + [str(at) for at in range(len(classes), number)]
    if number > MOST_CLASSES:
        common = np.sort(np.argsort(-np.bincount(true, minlength=number), kind="stable")[: MOST_CLASSES - 1])
        place = np.full(number, MOST_CLASSES - 1)
        place[common] = np.arange(MOST_CLASSES - 1)
        true, predicted = place[true], place[predicted]
        names, number = [*(names[at] for at in common), OTHERS], MOST_CLASSES
    counts = np.bincount(true * number + predicted, minlength=number * number).reshape(number, number)
    return Classes(name, names, counts.tolist())
