"""Scaling of number targets: fitted on the training part, applied to what a model is trained on, undone in what it
predicts.

A prepared part holds targets in their own units. They are scaled where they are given to the model (`for_model`), so
that the model and its loss are plain Keras on scaled numbers, with every engine and every kind of model.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast

import numpy as np
from pydantic import Field, model_validator

from workbench.data.records import Positive, Record
from workbench.errors import DataError

if TYPE_CHECKING:
    from workbench.data.table import Column


class TargetScale(Record):
    """A target becomes (value - center) / factor, with one number for each of its columns; with `log` it is the natural
    logarithm that does."""

    kind: Literal["standard", "minmax", "log"]
    center: Annotated[tuple[float, ...], Field(min_length=1)]
    factor: tuple[Positive, ...]

    @model_validator(mode="after")
    def _goes_together(self) -> TargetScale:
        if len(self.center) != len(self.factor):
            raise ValueError("center and factor go together")
        return self

    def scaled(self, values: np.ndarray) -> np.ndarray:
        """Numbers (..., columns) in their own units as the model learns them, float32; computed in double precision."""
        values = values.astype(np.float64)
        if self.kind == "log":
            values = np.log(values)
        return ((values - np.asarray(self.center)) / np.asarray(self.factor)).astype(np.float32)

    def in_own_units(self, values: np.ndarray) -> np.ndarray:
        """The reverse of `scaled`, float64: numbers too large for that are infinite."""
        with np.errstate(over="ignore", invalid="ignore"):
            own = values.astype(np.float64) * np.asarray(self.factor) + np.asarray(self.center)
            return np.exp(own) if self.kind == "log" else own

    def fits(self, shape: tuple[int | None, ...]) -> bool:
        """True if numbers of a shape (rows, ...) are those of the target: one for each of its columns."""
        columns = len(self.center)
        if columns == 1:
            return all(size == 1 for size in shape[1:]) or (len(shape) > 2 and shape[-1] == 1)
        return len(shape) > 1 and shape[-1] == columns

    def description(self, name: str) -> str:
        """`'price' is scaled (mean 182,345, deviation 79,443)`."""
        if len(self.center) > 1:
            return f"'{name}' is scaled ({self.kind}, {len(self.center)} columns)"
        center, factor = self.center[0], self.factor[0]
        if self.kind == "minmax":
            return f"'{name}' is scaled ({center:,.6g} to {center + factor:,.6g} become 0 to 1)"
        what = "logarithms of mean" if self.kind == "log" else "mean"
        return f"'{name}' is scaled ({what} {center:,.6g}, deviation {factor:,.6g})"


def refuse_no_logarithm(column: Column, place: Callable[[int], str]) -> None:
    """Raise where a target that is to be scaled by its logarithm has none: it is 0 or less.

    Args:
        column: numbers; missing values are passed over.
        place: from a row of the column to its place in the data, for the message.
    """
    values = column.values.reshape(len(column), -1)
    with np.errstate(invalid="ignore"):
        low = (values <= 0).any(axis=1)
    if low.any():
        row = int(low.argmax())
        raise DataError(
            f"the target '{column.name}' holds {values[row].min():g}, which has no logarithm.",
            where=place(row),
            hint="`scale_targets: standard` scales any numbers.",
        )


def scales(targets: object) -> dict[str, TargetScale]:
    """The scale of each target that has one, by name.

    Args:
        targets: the targets of a preparation.
    """
    return {
        spec.name: spec.scale for spec in cast("Any", targets) if getattr(spec, "scale", None) is not None
    }


def of_outputs(scaled: Mapping[str, TargetScale], targets: int, outputs: object) -> dict[str, TargetScale]:
    """The scale of each output of a model, by the output's name.

    Args:
        scaled: by target name.
        targets: how many targets there are.
        outputs: the names of the outputs. One of each belong together, whatever they are called.
    """
    names = list(cast("Any", outputs))
    if len(names) == targets == 1 and scaled:
        return {names[0]: next(iter(scaled.values()))}
    return {name: scaled[name] for name in names if name in scaled}
