"""Settings for trainings of small operations: a single thread, and no rewriting of graphs.

TensorFlow offers every operation to as many threads as there are cores. Where all are small, the threads hand work to
and fro for longer than they work on it: a chain of small operations (a recurrent layer, a deep stack of narrow layers)
takes up to twice as long, most where the cores share no cache, and the cores that only wait cannot draw a terminal
meanwhile. The results are the same to the last bit, for what is small is never split.

The number of threads has to be set before the first operation of a process, which building the model is. So a forked
process builds the model first, looks at it, sends the answer, and ends.

TensorFlow rewrites each graph before it first runs it, which takes a tenth of a second, finds nothing in graphs of
small operations, and leaves them a tenth slower.
"""

from __future__ import annotations

import math
import multiprocessing
import os
import signal
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Any

import keras
import tensorflow as tf

from workbench.assembly.layers import output_shapes, sublayers
from workbench.keras_private import own_trainable_variables

LONG_RUN = 4_000  # steps: a shorter training is over before a look at its model has paid
LARGE_PRODUCT = 2**20  # multiplications of one layer on one batch: a tenth of a millisecond on one core
LARGE_TENSOR = 2**16  # numbers in one layer's output for a batch
PATIENCE = 10.0  # seconds for building the model once more

Build = Callable[[], tuple[Any, Any]]
"""Returns a built model, and symbolic tensors in the form it is called with."""


def fit_threads(build: Build, batch_size: int, steps: int) -> bool:
    """Have one thread run the operations of this process, if that serves a training; whether it will.

    Nothing is changed where TensorFlow has begun to work in this process, where the user has set its threads, on a
    machine with a GPU, and where a process cannot be forked safely (anywhere but on Linux).

    Args:
        build: builds the model that will be trained; called in another process.
        batch_size: rows of a batch.
        steps: the steps that the training will run.
    """
    threading = tf.config.threading
    if steps < LONG_RUN or sys.platform != "linux" or threading.get_intra_op_parallelism_threads():
        return False
    try:
        threading.set_intra_op_parallelism_threads(1)
    except RuntimeError:  # TensorFlow has begun to work
        return False
    # In a process of its own, although the model is built there once more: to build it is to have TensorFlow begin.
    if not _in_fork(lambda: is_small(*build(), batch_size)):
        threading.set_intra_op_parallelism_threads(0)
        return False
    return True


@contextmanager
def graphs_as_they_are() -> Iterator[None]:
    """While inside, TensorFlow does not rewrite the graphs that are traced and run."""
    option = "disable_meta_optimizer"
    before = tf.config.optimizer.get_experimental_options().get(option, False)
    tf.config.optimizer.set_experimental_options({option: True})
    try:
        yield
    finally:
        tf.config.optimizer.set_experimental_options({option: before})


def is_small(model: Any, example: Any, batch_size: int, shapes: Mapping[int, Any] | None = None) -> bool:
    """True if no operation of a model on one batch is worth splitting, judged by the sizes of its layers.

    Args:
        model: a built model.
        example: symbolic tensors in the form it is called with.
        batch_size: rows of a batch.
        shapes: see `output_shapes`, where they are known.
    """
    if tf.config.list_physical_devices("GPU"):
        return False
    if shapes is None:
        shapes = output_shapes(model, example)
    tensors = [tensor.shape for tensor in keras.tree.flatten(example)]
    products = [0]
    for layer in sublayers(model):
        given = _several(shapes.get(id(layer)))
        tensors += given
        # A kernel is applied at every position of a sequence or an image. (Recurrent layers call a cell at each
        # position.)
        positions = max((_numbers(shape[1:-1]) for shape in given), default=1)
        weights = [_numbers(weight.shape) for weight in own_trainable_variables(layer)]
        products += [positions * weight for weight in weights]
    largest = max(_numbers(shape[1:]) for shape in tensors)
    return batch_size * largest <= LARGE_TENSOR and batch_size * max(products) <= LARGE_PRODUCT


def _numbers(shape: Sequence[int | None]) -> int:
    return math.prod(size or 1 for size in shape)


def _several(shapes: Any) -> list[Sequence[int | None]]:
    """The output shapes of a layer: of one tensor, of several, or unknown."""
    if not shapes:
        return []
    return list(shapes) if isinstance(shapes[0], list) else [shapes]


def _in_fork(look: Callable[[], bool]) -> bool:
    """What `look` finds, in a process of its own; False where it fails or takes too long."""
    fork = multiprocessing.get_context("fork")
    receiving, sending = fork.Pipe(duplex=False)
    process = fork.Process(target=_send_answer, args=(look, sending), daemon=True)
    with warnings.catch_warnings():
        # Python warns of threads that a forked process lacks. It needs none of them: TensorFlow has not begun.
        warnings.simplefilter("ignore", DeprecationWarning)
        process.start()
    sending.close()
    try:
        return receiving.poll(PATIENCE) and bool(receiving.recv())
    except EOFError:
        return False
    finally:
        process.kill()
        process.join()


def _send_answer(look: Callable[[], bool], sending: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the training it looks for understands it
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(2 * math.ceil(PATIENCE))  # should the training be killed, nobody ends this process
    with open(os.devnull, "w") as nowhere:  # what a plugin prints, it prints again when the model is trained
        for descriptor in (1, 2):
            os.dup2(nowhere.fileno(), descriptor)
    sending.send(look())
