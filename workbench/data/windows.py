"""Windows of prepared rows: what a saved file knows of them, and how they are gathered, a batch at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from workbench.data.naive import Naive
from workbench.data.preparation import Part, Preparation, Weights
from workbench.data.specs import ClassTarget, NumberTarget, Target
from workbench.data.window_spec import WindowSpec


@dataclass(frozen=True)
class Sheet:
    """Encoded rows in the order of time, those that can be used only.

    Attributes:
        rows: the rows.
        at: for every row in the order of time, its place in `rows`, or -1.
    """

    rows: Part
    at: np.ndarray

    @property
    def complete(self) -> np.ndarray:
        return self.at >= 0


@dataclass(frozen=True)
class WindowedPart:
    """Windows of one part of the data. Rows are held once; a window's are gathered when a batch is made.

    Attributes:
        preparation: of the data.
        spec: of the windows.
        past: the rows of inputs.
        starts: (windows,) each window's first row, as a place in the order of time.
        order: (rows,) the source's position of each row in the order of time.
        known: the rows of inputs that are known ahead.
        targets: the rows of targets and weights; None where there are none.
        beside: (rows,) columns by name that say which row it is.
        naive: what can be forecast without a model; None without targets.
    """

    preparation: Preparation
    spec: WindowSpec
    past: Sheet
    starts: np.ndarray
    order: np.ndarray
    known: Sheet | None = None
    targets: Sheet | None = None
    beside: Mapping[str, np.ndarray] | None = None
    naive: Naive | None = None

    @property
    def rows(self) -> int:
        """How many windows there are."""
        return len(self.starts)

    @property
    def index(self) -> np.ndarray:
        """(windows,) The position of each window's last row in the source."""
        return self.order[self.starts + self.spec.length - 1]

    @property
    def bytes(self) -> int:
        """What the windows would take in memory, each with its rows."""
        return self.rows * self.preparation.row_bytes

    def take(self, windows: np.ndarray | slice) -> Part:
        """Some windows, in the order given: inputs (windows, length, columns), targets (windows, steps x columns)."""
        starts = self.starts[windows]
        last = starts + self.spec.length - 1
        ahead = last[:, None] + np.asarray(self.spec.ahead)
        # The rows of a window are complete, so they follow each other among the complete ones as well.
        own = self.past.at[starts][:, None] + np.arange(self.spec.length)
        inputs = {name: array[own] for name, array in self.past.rows.inputs.items()}
        if self.known is not None:
            inputs |= {name: array[self.known.at[ahead]] for name, array in self.known.rows.inputs.items()}
        targets: dict[str, np.ndarray] = {}
        weights: Weights | None = None
        if self.targets is not None:
            at = self.targets.at[ahead]
            targets = {
                spec.name: _steps(self.targets.rows.targets[spec.name], at, spec)
                for spec in self.spec.targets
            }
            weights = _weights(self.targets.rows.sample_weight, at)
        beside = {name: values[last] for name, values in (self.beside or {}).items()}
        naive = self.naive.of(last, np.asarray(self.spec.ahead)) if self.naive is not None else {}
        return Part(inputs, targets, weights, self.order[last], beside, naive)

    def batches(
        self, batch_size: int, *, epoch: int = 0, step: int = 0, seed: int | None = None, at_once: int = 1
    ) -> Iterator[Part]:
        """The batches of an epoch, as of a `StreamedPart`."""
        order = np.arange(self.rows)
        if seed is not None:
            np.random.default_rng([seed, epoch]).shuffle(order)
        size = batch_size * at_once
        for start in range(step * batch_size, self.rows, size):
            yield self.take(order[start : start + size])

    def head(self, rows: int) -> Part:
        """The first windows."""
        return self.take(slice(rows))

    def read_all(self) -> Part:
        """Every window, in memory."""
        return self.take(slice(None))

    def class_counts(self) -> dict[str, np.ndarray]:
        """For each target of classes, the windows of each class."""
        targets = self._targets_alone()
        return {
            spec.name: np.bincount(targets[spec.name], minlength=len(spec.classes))
            for spec in self.preparation.targets
            if isinstance(spec, ClassTarget)
        }

    def labels(self) -> dict[str, tuple[float, float]]:
        """For each target that is one number a window, its lowest and highest."""
        targets = self._targets_alone()
        return {
            spec.name: (float(targets[spec.name].min()), float(targets[spec.name].max()))
            for spec in self.preparation.targets
            if isinstance(spec, NumberTarget) and len(spec.columns) == 1
        }

    def _targets_alone(self) -> Mapping[str, np.ndarray]:
        """The targets of all windows, without their inputs."""
        empty = replace(self.past.rows, inputs={})
        own = replace(self, past=Sheet(empty, self.past.at), known=None, naive=None)
        return own.read_all().targets


def _steps(rows: np.ndarray, at: np.ndarray, spec: Target) -> np.ndarray:
    """The targets of windows, from those of rows: numbers side by side, step after step."""
    if at.shape[1] == 1:
        return rows[at[:, 0]]
    found = rows[at]
    return found.reshape(len(at), -1) if isinstance(spec, NumberTarget) else found


def _weights(rows: Weights | None, at: np.ndarray) -> Weights | None:
    """A window weighs what the rows of its targets weigh on the mean."""
    if isinstance(rows, Mapping):
        return {name: _of_steps(array, at) for name, array in rows.items()}
    return None if rows is None else _of_steps(rows, at)


def _of_steps(rows: np.ndarray, at: np.ndarray) -> np.ndarray:
    return rows[at[:, 0]] if at.shape[1] == 1 else rows[at].mean(axis=1, dtype=np.float32)
