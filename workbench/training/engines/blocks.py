"""Batches of a stream, many at a time, and the next ones read in a thread while the device trains on these."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf
from keras import tree

BLOCK_BYTES = 8 << 20  # as much as the inner caches take; three of them are in memory at most
BLOCK_STEPS = 4096
READING = 0.1  # seconds of reading after which a block is long enough: pause and stop wait for no more
_PIECES = 16  # a block is read in so many parts

Position = tuple[int, int]
"""An epoch, and a step of it, both from 0."""

Read = Callable[[int, int, int], Generator[Any]]
"""Called with an epoch, a step and a number: the rows from that step on, so many batches at a time."""


@dataclass(frozen=True)
class Block:
    """Batches of an epoch that follow one another.

    Attributes:
        epoch: the epoch that they are of.
        first: the step of the first.
        steps: how many there are.
        batch_size: rows of each but the last of an epoch.
        rows: the rows of them all.
        data: `rows` rows, and behind them what nobody reads: every block of a stream has the same shape.
    """

    epoch: int
    first: int
    steps: int
    batch_size: int
    rows: int
    data: Any

    def holds(self, epoch: int, step: int) -> bool:
        return self.epoch == epoch and self.first <= step < self.first + self.steps

    def batch(self, step: int) -> Any:
        """The batch of a step of the epoch, as arrays."""
        start = (step - self.first) * self.batch_size
        end = min(start + self.batch_size, self.rows)
        return tree.map_structure(lambda array: array.numpy()[start:end], self.data)


class Blocks:
    """The blocks of a stream in the order of training; a jump costs reading from there on.

    Args:
        read: reads rows, in the structure of `example`.
        example: some rows.
        batch_size: rows of a batch.
        steps: the batches of an epoch.

    Attributes:
        size: how many batches a block has at most.
    """

    def __init__(self, read: Read, example: Any, batch_size: int, steps: int) -> None:
        arrays = tree.flatten(example)
        row = sum(array.dtype.itemsize * math.prod(array.shape[1:]) for array in arrays)
        self.size = max(1, min(BLOCK_BYTES // max(1, row * batch_size), BLOCK_STEPS, steps))
        self._read = read
        self._example = example
        self._batch_size = batch_size
        self._steps = steps
        self._pool: ThreadPoolExecutor | None = None
        self._current: Block | None = None
        self._ahead: tuple[Position, Future[Block]] | None = None
        # Of the thread alone: what it reads, and the position behind what it has read.
        self._rows: Generator[Any] | None = None
        self._behind: Position = (-1, -1)

    def at(self, epoch: int, step: int, epochs: int) -> Block:
        """The block that holds a step.

        Args:
            epochs: the epoch before which training ends: nothing is read ahead of it.

        Raises:
            Exception: whatever reading raised.
        """
        if self._current is None or not self._current.holds(epoch, step):
            self._current = self._taken(epoch, step)
            later = self._current.first + self._current.steps
            following = (epoch, later) if later < self._steps else (epoch + 1, 0)
            if following[0] < epochs:
                self._ahead = following, self._started().submit(self._made, following)
        return self._current

    def held(self, epoch: int, step: int) -> Block | None:
        """The block at hand, if it holds a step."""
        return self._current if self._current is not None and self._current.holds(epoch, step) else None

    def empty(self) -> Any:
        """The data of a block without rows."""
        return tree.map_structure(tf.convert_to_tensor, self._buffers())

    def close(self) -> None:
        """End the thread, and let go of what it reads."""
        self._current = self._ahead = None
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
            self._pool = None
        self._stop_reading()

    def _started(self) -> ThreadPoolExecutor:
        if self._pool is None:
            self._pool = ThreadPoolExecutor(1, thread_name_prefix="kwb-blocks")
        return self._pool

    def _taken(self, epoch: int, step: int) -> Block:
        ahead, self._ahead = self._ahead, None
        if ahead is not None and ahead[0] == (epoch, step):
            return ahead[1].result()
        if ahead is not None and not ahead[1].cancel():
            with suppress(Exception):  # not asked for: should it be, it is raised then
                ahead[1].result()
        return self._started().submit(self._made, (epoch, step)).result()

    def _made(self, position: Position) -> Block:
        """Called in the thread."""
        if self._rows is None or self._behind != position:
            self._stop_reading()
            self._rows = self._read(*position, max(1, self.size // _PIECES))
        try:
            return self._filled(*position, self._rows)
        except BaseException:
            self._stop_reading()
            raise

    def _filled(self, epoch: int, step: int, pieces: Generator[Any]) -> Block:
        buffers = self._buffers()
        arrays = tree.flatten(buffers)
        wanted = min(self.size, self._steps - step)
        piece_steps = max(1, self.size // _PIECES)
        steps, rows, until = 0, 0, math.inf
        # What does not fit is what the next block begins with.
        while steps < wanted and steps + piece_steps <= self.size and time.perf_counter() < until:
            piece = tree.flatten(next(pieces))
            more = len(piece[0])
            for array, own in zip(arrays, piece, strict=True):
                array[rows : rows + more] = own
            rows += more
            steps += -(-more // self._batch_size)
            if until == math.inf:  # the first may have waited for much to be read at once
                until = time.perf_counter() + READING
        self._behind = (epoch, step + steps)
        if step + steps >= self._steps:
            self._behind = (epoch + 1, 0)
            self._stop_reading()
        data = tree.map_structure(tf.convert_to_tensor, buffers)
        return Block(epoch, step, steps, self._batch_size, rows, data)

    def _buffers(self) -> Any:
        """Arrays for a block. They are new each time: TensorFlow may take them over without copying."""
        rows = self.size * self._batch_size

        def buffer(array: np.ndarray) -> np.ndarray:
            shape = (rows, *array.shape[1:])
            if array.dtype.kind in "OUS":
                return np.full(shape, "", dtype=object)
            return np.zeros(shape, array.dtype)

        return tree.map_structure(buffer, self._example)

    def _stop_reading(self) -> None:
        if self._rows is not None:
            self._rows.close()
            self._rows = None
