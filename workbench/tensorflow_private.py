"""All that kwb uses of the private parts of TensorFlow, each with its reason; those of Keras are in `keras_private`.

`tests/test_keras_private.py` fails where an upgrade changes what is relied on here, and where another module uses
something private.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import tensorflow as tf
from tensorflow.python import pywrap_tfe
from tensorflow.python.eager import backprop, context
from tensorflow.python.framework import op_callbacks
from tensorflow.tsl.profiler.protobuf import xplane_pb2

OnOperation = Callable[[str, Sequence[Any], Sequence[Any]], None]
OnGradient = Callable[[str, Sequence[Any], Sequence[Any]], AbstractContextManager[None]]


@contextmanager
def around_operations(seen: OnOperation, of_gradient: OnGradient) -> Iterator[None]:
    """While inside, each operation that TensorFlow runs eagerly in this thread is seen. What `tf.debugging` offers of
    this ends at the first number that is not finite, also where the step never uses it.

    Args:
        seen: called behind each operation with its type, its inputs and its outputs.
        of_gradient: called before a tape computes the gradient of an operation, with that operation's type and those of
            its inputs and outputs that the gradient needs; it is computed inside the context.
    """

    def callback(
        kind: Any, inputs: Any, attributes: Any, outputs: Any, op_name: Any = None, graph: Any = None
    ) -> None:
        if graph is None:
            seen(kind.decode() if isinstance(kind, bytes) else kind, inputs, outputs or ())

    own = backprop._gradient_function

    def gradient(kind: str, attributes: Any, count: int, inputs: Any, outputs: Any, *rest: Any) -> Any:
        with of_gradient(kind, inputs or (), outputs or ()):
            return own(kind, attributes, count, inputs, outputs, *rest)

    pywrap_tfe.TFE_Py_RegisterGradientFunction(gradient)
    op_callbacks.add_op_callback(callback)
    try:
        yield
    finally:
        op_callbacks.remove_op_callback(callback)
        pywrap_tfe.TFE_Py_RegisterGradientFunction(own)


def operation_times(folder: str) -> dict[str, float]:
    """Seconds that each operation of a graph took in all, by its name, from what `tf.profiler` has written. Of one that
    ran while another one waited for it, as in a call of a function, that other one has not the time.

    TensorFlow has no public reader of these files but TensorBoard.

    Args:
        folder: the folder that the profiler was given.
    """
    (path,) = Path(folder).glob("**/*.xplane.pb")
    space = xplane_pb2.XSpace()
    space.ParseFromString(path.read_bytes())
    seconds: dict[str, float] = {}
    for plane in space.planes:
        for line in plane.lines:
            around: list[
                tuple[int, str]
            ] = []  # the operations that an event is inside of: their ends and names
            for event in sorted(line.events, key=lambda each: (each.offset_ps, -each.duration_ps)):
                # `dense/MatMul:_MklMatMul`: the operation's name and its kind.
                name, colon, kind = plane.event_metadata[event.metadata_id].name.rpartition(":")
                if not (colon and kind.isidentifier() and ":" not in name):
                    continue
                took, end = event.duration_ps / 1e12, event.offset_ps + event.duration_ps
                while around and around[-1][0] < end:
                    around.pop()
                if around:
                    seconds[around[-1][1]] -= took
                seconds[name] = seconds.get(name, 0.0) + took
                around.append((end, name))
    return seconds


def function_graph(graph: Any, name: str) -> Any:
    """The graph of a function that an operation of another graph runs: the body of a loop, a call, a branch.

    There is no public way from the name to a graph that keeps the names of operations.
    """
    return graph._get_function(name).graph


def call_with_others(function: Any, given: Sequence[Any]) -> None:
    """Call a concrete function of TensorFlow with new variables, all zero, in place of those that it uses.

    Args:
        function: a concrete function.
        given: its arguments as a flat list of tensors.
    """
    others = []
    for captured in function.captured_inputs:
        own = next((each for each in function.graph.variables if each.handle is captured), None)
        others.append(captured if own is None else tf.Variable(tf.zeros(own.shape, own.dtype)))
    function._call_flat(list(given), [getattr(each, "handle", each) for each in others])


def eager_seed() -> int | None:
    """The seed that was set for TensorFlow's eager random operations."""
    return context.context()._seed
