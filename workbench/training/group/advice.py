"""What several processes gain over one of them alone, found out before the first step.

One process alone would run a step on the whole batch. Each of several runs it on its share, and then gradients are
added up. All three are measured: the first two in the chief while the others wait, the third in all together. What the
steps change is put back.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import keras
import tensorflow as tf
from keras import tree

from workbench import events
from workbench.devices.processor import find_processor
from workbench.keras_private import kept_generators
from workbench.training.engines import operations
from workbench.training.engines.data import Source
from workbench.training.engines.measuring import preserved
from workbench.training.engines.pixels import as_floats
from workbench.training.engines.programs import Step, TracedStep
from workbench.training.engines.shares import Share

WORTH_IT = 1.1  # times as fast as one: below that, several are not
_SLOW = 0.08  # seconds: a step that takes longer is measured twice, and no more: it costs five steps in all
_MEASURING = 0.1  # seconds, for each of the two sizes of a batch


@dataclass(frozen=True)
class SpeedUp:
    """What is expected.

    Attributes:
        processes: how many there are.
        alone: seconds of a step of one process on the whole batch.
        share: seconds of a step of one process on its share.
        sums: seconds for adding up the gradients of all.
        note: about one process with all that the machine has; empty where one of them has it.
    """

    processes: int
    alone: float
    share: float
    sums: float
    note: str = ""

    @property
    def times(self) -> float:
        """How many times as fast they are as one of them alone."""
        return self.alone / (self.share + self.sums)

    def message(self) -> events.Message:
        """In words; a warning where several processes do not pay."""
        pays = self.times >= WORTH_IT
        times = f"{self.times:.2g} times" if pays else f"only {self.times:.2g} times"
        text = (
            f"{self.processes} processes are expected to train {times} as fast as one of them alone: it computes a "
            f"step in {_in_ms(self.alone)}, its share of one in {_in_ms(self.share)}, and adding up gradients takes "
            f"{_in_ms(self.sums)}{self.note}"
        )
        if pays:
            return events.Message("info", text)
        return events.Message("warning", f"{text}. Use one process (`workers: 1`), or a larger batch.")


class LoneStep:
    """The step as one process alone runs it. Made before anything else is run, so that it is traced while the other
    processes trace theirs.

    Args:
        step: that of the model, without sums.
    """

    def __init__(self, model: keras.Model, step: Step, source: Source) -> None:
        traced = TracedStep(model, "train", as_floats(step, source), source.signature())
        self.repeatable = not operations.unrepeatable(traced.operations)
        self._variables = traced.variables
        self._signature = source.signature()
        self._run = tf.function(
            lambda batch, count: traced.repeat(lambda _: batch, count), autograph=False
        ).get_concrete_function(self._signature, tf.TensorSpec([], tf.int32))

    def seconds(self, batch: Any, share: Share) -> tuple[float, float]:
        """Of a step on the whole batch, and on a share of it.

        Args:
            batch: arrays, in the structure that the step is called with.
        """
        whole = tree.map_structure(tf.convert_to_tensor, batch)
        part = tree.map_structure(tf.convert_to_tensor, share.of_batch(batch))
        with preserved(self._variables), kept_generators():
            return self._measured(whole), self._measured(part)

    def _measured(self, batch: Any) -> float:
        self._timed(batch, 1)  # also pays for what TensorFlow does once
        best = min(
            self._timed(batch, 1), self._timed(batch, 1)
        )  # in one the machine may have done something else
        count, spent = 2, 0.0
        while best < _SLOW and spent < _MEASURING:
            took = self._timed(batch, count)
            spent += took
            best = min(best, took / count)
            count *= 2
        return best

    def _timed(self, batch: Any, count: int) -> float:
        began = time.perf_counter()
        logs = self._run(*tree.flatten(batch), tf.constant(count))
        for each in tree.flatten(logs):
            each.numpy()  # only there when the steps are done, also on a GPU
        return time.perf_counter() - began


def expected(lone: LoneStep, batch: Any, share: Share, sums: float) -> SpeedUp | None:
    """What several processes gain; None where a step cannot be tried out."""
    if not lone.repeatable or share.undivided(len(tree.flatten(batch)[0])):
        return None
    alone, part = lone.seconds(batch, share)
    return SpeedUp(share.size, alone, part, sums, _about_cores())


def _in_ms(seconds: float) -> str:
    return f"{1000 * seconds:,.0f} ms" if seconds >= 0.1 else f"{1000 * seconds:.3g} ms"


def _about_cores() -> str:
    """What one process alone would have more than each of several, on this machine."""
    threads, cores = tf.config.threading.get_intra_op_parallelism_threads(), find_processor().cores
    if not threads or threads >= cores or tf.config.list_physical_devices("GPU"):
        return ""
    return f"; here each has {threads} of {cores} cores, and one process has all of them with `workers: 1`"
