"""Epochs as rows of numbers, in bounded memory."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Sequence

from workbench import events

MOST_ROWS = 20_000
SECONDS, RATE = "seconds", "rate"


class EpochRows:
    """The logged values of each epoch, in columns; the oldest rows are dropped when there are more than `most`.

    `columns` has the names in the order they came, `seconds` and `rate` last. An epoch that repeats (a
    resumed run) takes the place of the one before and of those after it.
    """

    def __init__(self, most: int = MOST_ROWS) -> None:
        self.most = most
        self.epochs = array("q")
        self.forgotten = 0
        """How many of the oldest rows are no longer kept."""
        self.best = -1
        """The epoch of the lowest validation loss, or loss; -1 for none."""
        self._columns: dict[str, array[float]] = {}
        self._there: dict[str, bytearray] = {}
        self._lowest = float("inf")

    def __len__(self) -> int:
        return len(self.epochs)

    @property
    def columns(self) -> list[str]:
        ends = [SECONDS, RATE]
        return [name for name in self._columns if name not in ends] + [n for n in ends if n in self._columns]

    @property
    def watched(self) -> str:
        """The column whose lowest value is the best."""
        return "val_loss" if "val_loss" in self._columns else "loss"

    def take(self, event: events.Epoch) -> None:
        """Add an epoch."""
        self._rewind(event.epoch)
        row = len(self.epochs)
        self.epochs.append(event.epoch)
        values = {name: value for name, value in event.logs.items() if name != "learning_rate"}
        for name, value in {**values, SECONDS: event.seconds, RATE: event.learning_rate}.items():
            if name not in self._columns:
                self._columns[name], self._there[name] = array("d", bytes(8 * row)), bytearray(row)
            self._columns[name].append(value)
            self._there[name].append(1)
        for name, column in self._columns.items():
            if len(column) == row:
                column.append(0.0)
                self._there[name].append(0)
        watched = event.logs.get("val_loss", event.logs.get("loss"))
        if watched is not None and watched < self._lowest:
            self._lowest, self.best = watched, event.epoch
        if len(self.epochs) > self.most:
            self._forget(self.most // 4)

    def value(self, row: int, name: str) -> float | None:
        """The value of a row in a column; None where that epoch did not log it."""
        return self._columns[name][row] if self._there[name][row] else None

    def row_of(self, epoch: float) -> int | None:
        """The row of an epoch, or the last one before it; None where there is none."""
        row = bisect_left(self.epochs, epoch + 0.5) - 1
        return row if row >= 0 else None

    def as_text(self, columns: Sequence[str] = ()) -> str:
        """All rows, tab-separated, with a heading: what a spreadsheet takes."""
        names = columns or self.columns
        lines = ["\t".join(["epoch", *names])]
        for row, epoch in enumerate(self.epochs):
            values = (self.value(row, name) for name in names)
            lines.append("\t".join([str(epoch), *("" if v is None else repr(v) for v in values)]))
        return "\n".join(lines)

    def _rewind(self, epoch: int) -> None:
        keep = bisect_left(self.epochs, epoch)
        if keep == len(self.epochs):
            return
        del self.epochs[keep:]
        for name, column in self._columns.items():
            del column[keep:], self._there[name][keep:]
        if self.best >= epoch:
            self._find_best()

    def _find_best(self) -> None:
        values = ((self.value(row, self.watched), epoch) for row, epoch in enumerate(self.epochs))
        found = [(value, epoch) for value, epoch in values if value is not None]
        self._lowest, self.best = min((one for one in found if one[0] == one[0]), default=(float("inf"), -1))

    def _forget(self, count: int) -> None:
        del self.epochs[:count]
        for name, column in self._columns.items():
            del column[:count], self._there[name][:count]
        self.forgotten += count
