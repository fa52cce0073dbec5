"""Programs: each is one way to run steps of a model over a source of batches.

A program is asked to run some steps from a position on, and says how many it ran and the logs of the last. All four
end with the same weights, up to the order in which floating-point sums are taken.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, Protocol

import keras
import numpy as np
import tensorflow as tf
from keras import tree

from workbench.tensorflow_private import call_with_others
from workbench.training.engines.chunk_rows import ChunkRows
from workbench.training.engines.data import Source
from workbench.training.engines.metrics import Logs, is_quick, is_stock

Step = Callable[[Any], Any]
Mode = Literal["train", "test"]


class Program(Protocol):
    """A way to run steps.

    Attributes:
        name: the engine's.
        gives_metrics: whether the logs are those of `model.get_metrics_result()`, after the step.
    """

    @property
    def name(self) -> str: ...
    @property
    def gives_metrics(self) -> bool: ...

    def prepare(self) -> None:
        """Trace and compile, without running a step or changing any variable."""

    def run(self, epoch: int, step: int, count: int) -> tuple[int, Logs]:
        """Run up to `count` steps of an epoch, which must have as many left, from `step` on.

        Returns:
            How many steps were run (at least one), and the logs after the last of them.
        """


class TracedStep:
    """A model's `train_step` or `test_step`, traced once for batches of one signature.

    Tracing builds what is not yet built: the model's weights, its metrics, the optimizer's slots.
    """

    def __init__(self, model: keras.Model, mode: Mode, step: Step, signature: Any) -> None:
        self._model = model
        self.gives_metrics = _gives_metrics(model, mode)
        function = tf.function(step, jit_compile=model.jit_compile or None, autograph=False)
        self.function = function.get_concrete_function(signature)

    @property
    def operations(self) -> list[str]:
        """The type of every operation in the step, those of inner functions included."""
        graph = self.function.graph.as_graph_def()
        bodies = [graph.node, *(function.node_def for function in graph.library.function)]
        return [node.op for body in bodies for node in body]

    @property
    def variables(self) -> tuple[tf.Variable, ...]:
        """Every variable that the step reads or writes, of any owner."""
        return tuple(self.function.graph.variables)

    def repeat(self, batch_at: Callable[[tf.Tensor], Any], count: tf.Tensor) -> Logs:
        """Inside a graph: the step on `batch_at(0)` … `batch_at(count - 1)`; the logs after the last."""
        outputs = self.function.structured_outputs
        # The usual logs are the metrics' results, which can be read once, after the loop. A step with logs of its
        # own has them carried through the loop.
        logs = () if self.gives_metrics else tree.map_structure(lambda t: tf.zeros(t.shape, t.dtype), outputs)

        def body(index: tf.Tensor, logs: Any) -> tuple[tf.Tensor, Any]:
            new = self.function(batch_at(index))
            return index + 1, logs if self.gives_metrics else new

        _, logs = tf.while_loop(lambda index, _: index < count, body, (tf.constant(0), logs))
        return self._model.get_metrics_result() if self.gives_metrics else logs


def _gives_metrics(model: keras.Model, mode: Mode) -> bool:
    """True if the step's logs are those of `model.get_metrics_result()`: the methods involved are Keras' own."""
    methods = (f"{mode}_step", "compute_metrics", "get_metrics_result")
    return all(is_stock(model, method) or is_quick(model, method) for method in methods)


_ENDLESS = np.iinfo(np.int64).max  # epochs


class _Batches:
    """An iterator over a source that follows the position asked for, and starts again when it jumps.

    Where all epochs are alike, as those of a validation, it goes on from the end of one to the start of any other: to
    make a pipeline again takes a tenth of a second.
    """

    def __init__(self, source: Source, epochs: int) -> None:
        self._source = source
        self._epochs = epochs
        self._position = (-1, -1)
        self._iterator: Any = None

    def at(self, epoch: int, step: int, count: int) -> Any:
        """The iterator at position `step`, from which the caller reads `count` batches."""
        alike = self._source.epochs_are_alike
        epoch, epochs = (0, _ENDLESS) if alike else (epoch, self._epochs)
        if self._position != (epoch, step):
            self._iterator = iter(self._source.dataset(epoch, step, epochs))
        later = step + count
        self._position = (epoch, later) if later < self._source.steps else (0 if alike else epoch + 1, 0)
        return self._iterator


class Plain:
    """Stock Keras: its own train or test function, one step a call."""

    name = "plain"
    gives_metrics = False  # it may, which nobody knows

    def __init__(self, function: Callable[[Any], Logs], source: Source, epochs: int) -> None:
        self._function = function
        self._batches = _Batches(source, epochs)

    def prepare(self) -> None:
        """Nothing: Keras traces at the first step."""

    def run(self, epoch: int, step: int, count: int) -> tuple[int, Logs]:
        return 1, self._function(self._batches.at(epoch, step, 1))


class Steps:
    """Several steps a call, batches from a tf.data pipeline."""

    name = "steps"

    def __init__(self, traced: TracedStep, source: Source, epochs: int) -> None:
        self.gives_metrics = traced.gives_metrics
        self._source = source
        self._batches = _Batches(source, epochs)
        self._function = tf.function(
            lambda iterator, count: traced.repeat(lambda _: iterator.get_next(), count), autograph=False
        )

    def prepare(self) -> None:
        self._function(self._batches.at(0, 0, 0), tf.constant(0))

    def run(self, epoch: int, step: int, count: int) -> tuple[int, Logs]:
        return count, self._function(self._batches.at(epoch, step, count), tf.constant(count))


class Chunk:
    """Several steps a call, in a compiled loop over rows held in tensors.

    The step is traced for batches of any size, so the short last batch needs no function of its own.
    """

    name = "chunk"
    _jit_compile: bool | None = None

    def __init__(self, traced: TracedStep, rows: ChunkRows) -> None:
        self.gives_metrics = traced.gives_metrics
        self._traced = traced
        self._rows = rows
        self._function: Any = None
        self._ready = False

    def trace(self) -> None:
        """Trace the loop, which `prepare` does if need be."""
        if self._function is not None:
            return
        zero = tf.constant(0)
        function = tf.function(self._chunk, jit_compile=self._jit_compile, autograph=False)
        # Called directly, a concrete function saves half of what a call costs.
        self._function = function.get_concrete_function(*self._rows.form(), zero, zero)

    def prepare(self) -> None:
        if self._ready:
            return
        self.trace()
        zero = tf.constant(0)
        self._function(*self._rows.example(), zero, zero)
        self._ready = True

    def over(self, rows: ChunkRows) -> Chunk | None:
        """The same compiled loop over other rows; None where it cannot run over them."""
        if self._function is None or type(rows) is not type(self._rows):
            return None
        forms = [(str(each.form()), each.source.batch_size) for each in (rows, self._rows)]
        if not rows.any_rows or forms[0] != forms[1]:
            return None
        other = Chunk(self._traced, rows)
        other._function = self._function
        other._ready = True
        return other

    def run(self, epoch: int, step: int, count: int) -> tuple[int, Logs]:
        given, start, count = self._rows.at(epoch, step, count)
        return count, self._function(*given, tf.constant(start), tf.constant(count))

    def _chunk(self, data: Any, taken: tf.Tensor, start: tf.Tensor, count: tf.Tensor) -> Logs:
        return self._traced.repeat(lambda index: self._rows.batch(data, taken, start + index), count)


class ChunkXLA(Chunk):
    """The chunk's loop compiled by XLA, which wants batches of one size: a short last batch goes to `short`, a
    `Chunk` of the same step.

    Args:
        rows: the whole batches.
    """

    name = "chunk-xla"
    _jit_compile = True

    def __init__(self, traced: TracedStep, rows: ChunkRows, short: Chunk) -> None:
        super().__init__(traced, rows)
        self._short = short
        self._whole_batches = rows.source.rows // rows.source.batch_size

    def prepare(self) -> None:
        if self._whole_batches < self._rows.source.steps:
            self._short.prepare()
        super().prepare()

    def compile_apart(self) -> None:
        """Compile the traced loop without touching the model's variables, which may be in use meanwhile."""
        zero = tf.constant(0)
        call_with_others(self._function, tree.flatten((*self._rows.example(), zero, zero)))

    def run(self, epoch: int, step: int, count: int) -> tuple[int, Logs]:
        count = min(count, self._whole_batches - step)
        return super().run(epoch, step, count) if count > 0 else self._short.run(epoch, step, 1)
