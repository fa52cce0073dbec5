"""Which rows of each batch this process takes, where several processes train one model together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import tensorflow as tf
from keras import tree


@dataclass(frozen=True)
class Share:
    """The part of one process in each batch.

    A batch of fewer rows than there are processes is taken whole by each of them: no process is without a row, and the
    mean of equal gradients is the gradient.

    Attributes:
        rank: the number of this process, from 0.
        size: how many processes there are.
    """

    rank: int = 0
    size: int = 1

    def bounds(self, rows: int) -> tuple[int, int]:
        """The first row of a batch that this process takes, and the one behind its last."""
        if self.undivided(rows):
            return 0, rows
        return rows * self.rank // self.size, rows * (self.rank + 1) // self.size

    def rows_of(self, rows: int) -> int:
        """How many rows of a batch this process takes."""
        first, last = self.bounds(rows)
        return last - first

    def undivided(self, rows: int) -> bool:
        """True if every process takes the whole batch."""
        return rows < self.size

    def take(self, rows: tf.Tensor) -> tf.Tensor:
        """Inside a graph: of the numbers of a batch's rows, shape (rows,), those of this process."""
        if self.size == 1:
            return rows
        count = tf.size(rows)
        alone = count < self.size
        first = tf.where(alone, 0, count * self.rank // self.size)
        return rows[first : tf.where(alone, count, count * (self.rank + 1) // self.size)]

    def of_batch(self, batch: Any) -> Any:
        """Of a batch of arrays, in any structure, the rows of this process."""
        if self.size == 1:
            return batch
        arrays = tree.flatten(batch)
        first, last = self.bounds(len(arrays[0]))
        return tree.map_structure(lambda array: array[first:last], batch)


ALL_ROWS = Share()
"""Of a process that trains alone."""
