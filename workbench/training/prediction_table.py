"""The predictions of a saved model as a table, with the true values where the data has them, and its order."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from workbench.data.loading import Rows
from workbench.data.predictions import prediction_columns, unique_headings
from workbench.data.specs import ClassTarget, NumberTarget, Target
from workbench.errors import DataError, RecipeError
from workbench.events import plain
from workbench.training.saved_model import SavedModel, plain_columns

BLOCK = 1 << 14  # rows


@dataclass(frozen=True)
class Predicted:
    """Predictions for rows.

    Attributes:
        outputs: by output name, (rows, ...).
        targets: the true values by target name, empty where there are none.
        index: (rows,) each row's position in the data, from 0.
        no_truth: why there are no true values.
        beside: columns that say which row it is, as the time of a window's last row.
        left_out: how many rows have no prediction, for a missing value or an unknown category.
    """

    outputs: Mapping[str, np.ndarray]
    targets: Mapping[str, np.ndarray]
    index: np.ndarray
    no_truth: str = ""
    beside: Mapping[str, np.ndarray] = field(default_factory=dict)
    left_out: int = 0


@dataclass(frozen=True)
class Judged:
    """Predictions of one target beside its true values.

    Attributes:
        name: the target, or the column of it.
        column: its column among the predictions.
        true, predicted: (rows,) numbers; for classes their numbers. A true number may be NaN: it is not known yet.
        classes: the names of the classes; empty where the file does not know them, None for a target of numbers.
        scores: for classes, the score of the class predicted where scores are probabilities; else None.
    """

    name: str
    column: str
    true: np.ndarray
    predicted: np.ndarray
    classes: tuple[str, ...] | None = None
    scores: np.ndarray | None = None

    @property
    def right(self) -> np.ndarray:
        """Per row, whether the class is the true one."""
        return self.true == self.predicted

    @property
    def error(self) -> np.ndarray:
        """Per row, predicted minus true; float64."""
        with np.errstate(over="ignore", invalid="ignore"):
            return self.predicted.astype(np.float64) - self.true.astype(np.float64)

    @property
    def badness(self) -> np.ndarray:
        """Per row, how wrong it is: the distance; for classes first the wrong ones that are most sure of themselves,
        last the right ones that are."""
        if self.classes is None:
            distance = np.abs(self.error)
            return np.where(np.isfinite(distance), distance, np.where(np.isnan(self.true), -1.0, np.inf))
        scores = np.zeros(len(self.true)) if self.scores is None else self.scores
        return np.where(self.right, -scores, 1.0 + scores)


@dataclass(frozen=True)
class PredictionTable:
    """One row for each row of the data.

    Attributes:
        columns: arrays by heading.
        kinds: of each: `row`, `beside`, `true`, `predicted`, `error`, `right`, `confidence` or `share`.
        judged: the targets with true values.
        no_truth: why there are none.
    """

    columns: Mapping[str, np.ndarray]
    kinds: Mapping[str, str]
    judged: tuple[Judged, ...] = ()
    no_truth: str = ""
    _orders: dict[tuple[str, bool], np.ndarray] = field(default_factory=dict, compare=False)

    @property
    def rows(self) -> int:
        return len(self.columns["row"])

    def order(self, by: str = "", *, wrong: bool = False) -> np.ndarray:
        """The rows to show, in their order.

        Args:
            by: the judged target by whose error to sort, the worst first; "" keeps the order of the data.
            wrong: only the rows whose class is not the true one; of a target of numbers all.
        """
        key = (by, wrong)
        if key not in self._orders:
            judged = next((each for each in self.judged if each.name == by), None)
            chosen = judged or (self.judged[0] if self.judged else None)
            # A test part was drawn at random: its rows are shown as they stand in the data.
            order = np.argsort(self.columns["row"], kind="stable")
            if judged is not None:
                order = np.argsort(-judged.badness, kind="stable")
            if wrong and chosen is not None and chosen.classes is not None:
                order = order[~chosen.right[order]]
            self._orders[key] = order
        return self._orders[key]

    def ordered(self, *, sort: bool, wrong: bool) -> np.ndarray:
        """As `order`, for the first target.

        Raises:
            RecipeError: there are no true values to sort by or to be wrong about.
        """
        if (sort or wrong) and not self.judged:
            raise RecipeError(f"there are no true values to compare with: {self.no_truth}", where="--data")
        if wrong and self.judged[0].classes is None:
            raise RecipeError(
                f"'{self.judged[0].name}' is a number, which is never quite right.",
                where="--wrong",
                hint="`--sort error` puts the worst first.",
            )
        return self.order(self.judged[0].name if sort else "", wrong=wrong)

    def as_csv(self, order: np.ndarray) -> str:
        """Rows as CSV with a heading; `right` is 1 or 0."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(self.columns)
        for block in _blocks(order):
            writer.writerows(zip(*map(_with_numbers, self._values(block)), strict=True))
        return text.getvalue()

    def as_json(self, order: np.ndarray) -> str:
        """Rows as a list of objects."""
        texts = []
        for block in _blocks(order):
            rows = [
                dict(zip(self.columns, row, strict=True)) for row in zip(*self._values(block), strict=True)
            ]
            texts.append(json.dumps(plain(rows))[1:-1])
        return f"[{', '.join(texts)}]"

    def cells(self, order: np.ndarray, most: int | None = None) -> list[list[Any]]:
        """Rows as lists of values: None where the truth is not known yet, as ahead of the data's end.

        Args:
            order: the rows.
            most: at most so many columns.
        """
        return [list(row) for row in zip(*self._values(order, most), strict=True)]

    def _values(self, order: np.ndarray, most: int | None = None) -> Iterator[list[Any]]:
        """As `cells`, by column."""
        for name in list(self.columns)[:most]:
            values: list[Any] = self.columns[name][order].tolist()
            late = self.kinds[name] in ("beside", "true", "error") and self.columns[name].dtype.kind == "f"
            yield [None if value != value else value for value in values] if late else values


def _blocks(order: np.ndarray) -> Iterator[np.ndarray]:
    """Some rows after the other: all of them as Python's objects would take many times the memory of the numbers."""
    return (order[start : start + BLOCK] for start in range(0, len(order), BLOCK))


def _with_numbers(values: list[Any]) -> list[Any]:
    """1 and 0 in place of true and false."""
    if bool not in set(map(type, values)):
        return values
    return [int(value) if isinstance(value, bool) else value for value in values]


def predict(saved: SavedModel, read: Callable[[bool], Rows]) -> Predicted:
    """Predict, block by block where the rows are streamed.

    Args:
        saved: the model.
        read: returns the data, with its targets (True) or without.
    """
    if saved.notes is not None and saved.notes.preparation.windows is not None:
        return _forecast(saved, read)
    try:
        return _predict(saved, read(True))
    except DataError as error:  # perhaps only the targets are missing
        return replace(_predict(saved, read(False)), targets={}, no_truth=str(error))


def _forecast(saved: SavedModel, read: Callable[[bool], Rows]) -> Predicted:
    """Predict for every window, also those at the end whose truth is not known yet."""
    found = _predict(saved, read(False))
    targets: dict[str, list[np.ndarray]] = {}
    index: list[np.ndarray] = []
    try:
        for part in saved.blocks(read(True)):
            index.append(part.index)
            for name, values in part.targets.items():
                targets.setdefault(name, []).append(values)
    except DataError as error:
        return Predicted(found.outputs, {}, found.index, str(error), found.beside)
    known = {int(row): at for at, row in enumerate(np.concatenate(index))}
    places = np.array([known.get(int(row), -1) for row in found.index])
    missing = int((places < 0).sum())
    true: dict[str, np.ndarray] = {}
    for name, blocks in targets.items():
        values = np.concatenate(blocks)[places]
        if missing and values.dtype.kind != "f":
            reason = f"the last {missing:,} windows have no target yet."
            return Predicted(found.outputs, {}, found.index, reason, found.beside)
        if missing:
            values[places < 0] = np.nan
        true[name] = values
    return Predicted(found.outputs, true, found.index, beside=found.beside)


def _predict(saved: SavedModel, rows: Rows) -> Predicted:
    outputs: dict[str, list[np.ndarray]] = {}
    targets: dict[str, list[np.ndarray]] = {}
    index: list[np.ndarray] = []
    beside: dict[str, list[np.ndarray]] = {}
    for part in saved.blocks(rows):
        for name, values in saved.predict(part).items():
            outputs.setdefault(name, []).append(np.asarray(values))
        for name, values in part.targets.items():
            targets.setdefault(name, []).append(values)
        for name, values in part.beside.items():
            beside.setdefault(name, []).append(values)
        index.append(part.index)
    places = np.concatenate(index)
    if (file := getattr(rows, "file", None)) is not None:
        beside["file"] = [np.array([file(int(row)) for row in places], dtype=object)]
    return Predicted(
        {name: np.concatenate(blocks) for name, blocks in outputs.items()},
        {name: np.concatenate(blocks) for name, blocks in targets.items()},
        places,
        beside={name: np.concatenate(blocks) for name, blocks in beside.items()},
        left_out=getattr(rows, "left_out", 0),  # windows have none
    )


def prediction_table(
    saved: SavedModel, predicted: Predicted, parts: np.ndarray | None = None
) -> PredictionTable:
    """Predictions as columns: the true value before each, what is wrong with it behind.

    Args:
        saved: the model.
        predicted: its predictions.
        parts: for each row of the data the part of the training that it was in, where that is known: a column.
    """
    if saved.notes is None:
        values = {name: plain_columns({name: array}) for name, array in predicted.outputs.items()}
    else:
        values = prediction_columns(saved.notes.preparation, predicted.outputs)
    columns: dict[str, np.ndarray] = {"row": predicted.index + 1}
    kinds = {"row": "row"}

    def add(name: str, kind: str, array: np.ndarray) -> None:
        columns[name], kinds[name] = array, kind

    beside = predicted.beside if parts is None else {"part": parts[predicted.index], **predicted.beside}
    for name, array in beside.items():
        while name in columns:
            name = f"data.{name}"
        add(name, "beside", array)
    headings = unique_headings(values, columns)
    judged = tuple(judge(saved, predicted, headings))
    of_column = {each.column: each for each in judged}
    for output, column in ((output, column) for output, own in values.items() for column in own):
        name, array = headings[output, column], values[output][column]
        found = of_column.get(name)
        if found is not None:
            add(f"true {name}", "true", _shown_classes(found, found.true))
        is_share = column.startswith(f"{next(iter(values[output]))}=") and _are_shares(array)
        add(name, "share" if is_share else "predicted", array)
        if found is not None and found.classes is None:
            add(f"error {name}", "error", found.error)
        elif found is not None:
            add(f"right {name}", "right", found.right)
            if found.scores is not None:
                add(f"confidence {name}", "confidence", found.scores)
        elif not judged and (scores := _scores_of(column, values[output])) is not None:
            add(f"confidence {name}", "confidence", scores)
    no_truth = predicted.no_truth or "the data has no targets that fit the model's outputs."
    return PredictionTable(columns, kinds, judged, "" if judged else no_truth)


def _scores_of(name: str, columns: Mapping[str, np.ndarray]) -> np.ndarray | None:
    """The confidence of a column of classes, from the shares beside it; None for any other column."""
    shares = [array for column, array in columns.items() if column.startswith(f"{name}=")]
    return _confidence(np.stack(shares, axis=1)) if shares else None


def _shown_classes(judged: Judged, numbers: np.ndarray) -> np.ndarray:
    return np.array(judged.classes, dtype=object)[numbers] if judged.classes else numbers


def judge(
    saved: SavedModel, predicted: Predicted, headings: Mapping[tuple[str, str], str]
) -> Iterable[Judged]:
    """The outputs that can be compared with a target; `headings` by output name and column."""
    specs: dict[str, Target] = (
        {spec.name: spec for spec in saved.notes.preparation.targets} if saved.notes else {}
    )
    outputs, targets = predicted.outputs, predicted.targets
    for name, true in targets.items():
        output_name = name if name in outputs else None
        if output_name is None and len(outputs) == len(targets) == 1:
            output_name = next(iter(outputs))
        if output_name is None:
            continue
        spec = specs.get(name)
        flat = outputs[output_name].reshape(len(true), -1)
        classes = spec.classes if isinstance(spec, ClassTarget) else ()
        whole = spec is None and true.dtype.kind in "iu" and true.ndim == 1  # a file that says nothing of it
        if (classes or whole) and (chosen := _chosen(flat, true, len(classes))) is not None:
            column = name if spec is not None else output_name
            column = headings.get((output_name, column), column)
            yield Judged(name, column, true, chosen, classes, _confidence(flat))
        elif isinstance(spec, NumberTarget) and flat.shape[1] == len(spec.columns):
            for at, column in enumerate(spec.columns):
                column = headings.get((output_name, column), column)
                yield Judged(column, column, true[:, at], flat[:, at])
        elif true.size == len(true) == flat.size:
            column = name if spec is not None else output_name
            column = headings.get((output_name, column), column)
            yield Judged(name, column, true.reshape(-1), flat.reshape(-1))


def _chosen(scores: np.ndarray, true: np.ndarray, named: int) -> np.ndarray | None:
    """The class number that scores (rows, outputs) choose; None where they are no scores of these classes."""
    width, most = scores.shape[1], named or int(true.max(initial=0)) + 1
    if width == 1:
        return (scores[:, 0] >= 0.5).astype(int) if most <= 2 else None
    return scores.argmax(axis=1) if (width == named if named else width >= most) else None


def _confidence(scores: np.ndarray) -> np.ndarray | None:
    """The share given to the class chosen, where the scores of a row (rows, outputs) are shares of one."""
    if not _are_shares(scores):
        return None
    if scores.shape[1] == 1:
        return np.maximum(scores[:, 0], 1 - scores[:, 0])
    return scores.max(axis=1) if np.allclose(scores.sum(axis=1), 1, atol=1e-2) else None


def _are_shares(values: np.ndarray) -> bool:
    return values.dtype.kind == "f" and bool(np.all((values >= -1e-6) & (values <= 1 + 1e-6)))
