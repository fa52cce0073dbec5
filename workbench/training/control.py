"""Requests to a running training: pause, go on, stop, change the learning rate, save now."""

from __future__ import annotations

import threading
from collections.abc import Iterable


class Control:
    """Requests from another thread (or a signal handler), read by the training between batches."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stop = ""
        self._learning_rate: float | None = None
        self._save = False
        self._go = threading.Event()
        self._go.set()
        self._hold_after: frozenset[int] = frozenset()

    @property
    def stop_requested(self) -> str:
        """The status to end with (`stopped`, `interrupted`), or nothing."""
        return self._stop

    @property
    def paused(self) -> bool:
        return not self._go.is_set()

    def stop(self, status: str = "stopped") -> None:
        """End after this batch; everything the recipe asks to save is saved."""
        self._stop = self._stop or status
        self._go.set()

    def pause(self) -> None:
        """Hold after this batch."""
        self._go.clear()

    def resume(self) -> None:
        """Go on after a pause."""
        self._go.set()

    def hold_after(self, epochs: Iterable[int]) -> None:
        """Pause at the end of these epochs (counted from 1), until a request to go on or to stop."""
        self._hold_after = frozenset(epochs)

    @property
    def holds(self) -> tuple[int, ...]:
        """The epochs at whose end it pauses."""
        return tuple(sorted(self._hold_after))

    def epoch_ends(self, epoch: int) -> None:
        """The training has come to the end of an epoch, and is about to say so."""
        if epoch in self._hold_after and not self._stop:
            self.pause()

    def set_learning_rate(self, value: float) -> None:
        """Use another learning rate from the next batch on."""
        with self._lock:
            self._learning_rate = value

    def save_now(self) -> None:
        """Write a checkpoint after this batch."""
        with self._lock:
            self._save = True

    def take_learning_rate(self) -> float | None:
        """The learning rate asked for since the last call."""
        with self._lock:
            value, self._learning_rate = self._learning_rate, None
            return value

    def take_save(self) -> bool:
        """True if a checkpoint was asked for since the last call."""
        with self._lock:
            asked, self._save = self._save, False
            return asked

    def wait_while_paused(self) -> None:
        """Block until a command to go on. Short waits let a signal handler run in between."""
        while not self._go.wait(timeout=0.1):
            pass
