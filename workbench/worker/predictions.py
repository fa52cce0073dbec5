"""Predictions of a saved model for display: pages of rows, and the comparison with the true values."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from workbench.data.loading import Rows
from workbench.data.preparation import Part
from workbench.data.thumbnails import picture_inputs
from workbench.errors import WorkbenchError
from workbench.training.prediction_table import PredictionTable
from workbench.worker.pictures import pictures

FIRST_ROWS = 200
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


class KeptPredictions:
    """The table that was made last; it is shown in pages."""

    def __init__(self) -> None:
        self._table: PredictionTable | None = None
        self._part: Part | None = None
        self._token = 0

    def keep(self, table: PredictionTable, rows: Rows) -> int:
        """Keep a table, and the rows it is of where they are pictures, instead of those before. Returns its token."""
        self._table, self._token = table, self._token + 1
        self._part = rows if isinstance(rows, Part) and picture_inputs(rows) else None
        return self._token

    @property
    def has_pictures(self) -> bool:
        """True if rows can be shown as pictures."""
        return self._part is not None

    def page(self, token: int, start: int, count: int, by: str, wrong: bool) -> dict[str, Any]:
        """Some rows of the table in an order: {rows, total}; see `PredictionTable.order`.

        Raises:
            WorkbenchError: another table was made since.
        """
        table = self._kept(token)
        order = table.order(by, wrong=wrong)
        return {"rows": table.cells(order[start : start + count], MOST_COLUMNS), "total": len(order)}

    def pictures(self, token: int, start: int, count: int, by: str, wrong: bool, most: int) -> dict[str, Any]:
        """As `page`, with a picture of each row: {pictures: [{file, picture, values}], total}.

        Raises:
            WorkbenchError: another table was made since, or its rows are no pictures.
        """
        table = self._kept(token)
        if self._part is None:
            raise WorkbenchError("no input of this data is a picture.")
        order = table.order(by, wrong=wrong)
        rows = order[start : start + count]
        shown = zip(pictures(self._part, rows, most), table.cells(rows, MOST_COLUMNS), strict=True)
        return {"pictures": [{**picture, "values": values} for picture, values in shown], "total": len(order)}

    def _kept(self, token: int) -> PredictionTable:
        if self._table is None or token != self._token:
            raise WorkbenchError(
                "these predictions are not kept any more.", hint="Predict again: Esc, then p."
            )
        return self._table


def predictions_of(table: PredictionTable, token: int) -> dict[str, Any]:
    """The first page of a table.

    Returns:
        rows: how many; token: for `page`; columns: [heading, kind] of each; by: the target that the first page is
        sorted by; first: that page; left_out_columns: how many are not shown; comparisons: `Numbers` and `Classes` as
        records, one for each target, with the positions of its columns (true_at, predicted_at); no_truth: why there is
        none.
    """
    headings = list(table.columns)[:MOST_COLUMNS]
    by = table.judged[0].name if table.judged else ""
    comparisons = []
    for judged in table.judged:
        compared: Numbers | Classes
        if judged.classes is None:
            known = ~np.isnan(judged.true)  # forecasts may be ahead of the truth
            compared = compare_numbers(judged.name, judged.true[known], judged.predicted[known])
        else:
            compared = compare_classes(judged.name, judged.true, judged.predicted, judged.classes)
        places = {
            "true_at": _place(headings, f"true {judged.column}"),
            "predicted_at": _place(headings, judged.column),
        }
        comparisons.append({**asdict(compared), **places})
    return {
        "rows": table.rows,
        "token": token,
        "columns": [[_heading(table, name), table.kinds[name]] for name in headings],
        "by": by,
        "first": table.cells(table.order(by)[:FIRST_ROWS], MOST_COLUMNS),
        "left_out_columns": len(table.columns) - len(headings),
        "comparisons": comparisons,
        "no_truth": table.no_truth,
    }


def _heading(table: PredictionTable, name: str) -> str:
    """A heading; with one target there is no need to say of which something is right or wrong."""
    if len(table.judged) != 1 or table.kinds[name] not in ("true", "error", "right", "confidence"):
        return name
    return name.removesuffix(f" {table.judged[0].column}")


def _place(headings: list[str], name: str) -> int:
    return headings.index(name) if name in headings else -1


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
