"""What each layer of a model costs in a training step: measured time forward and backward, floating-point operations.

The compiled step is run under TensorFlow's profiler, which measures each operation. Which layer an operation is of is
known from the trace: while a layer is called, the operations that are added to the graph are its. An operation of the
gradient has the name of the one that it is the gradient of.
"""

from __future__ import annotations

import functools
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import tensorflow as tf

from workbench.probing.operations import count as count_operations
from workbench.probing.operations import loop_counters
from workbench.probing.owners import LOSS, REST, UPDATE, Owners, is_of_gradient, noting
from workbench.probing.probe_report import Cost, LayerCost
from workbench.tensorflow_private import operation_times

SECONDS = 0.6  # for which steps are run, about, and as long once more under the profiler
ROUNDS = 5


def measure(model: Any, step: Callable[[Any], Any], batch: Any, parameters: dict[str, int]) -> Cost:
    """What each layer costs in a step on a batch. The step's effects on the variables stay.

    Args:
        model: compiled and built.
        step: its `train_step`.
        batch: as tensors.
        parameters: how many each layer holds itself, by path.
    """
    owners = Owners()
    specification = tf.nest.map_structure(tf.type_spec_from_value, batch)

    def traced(batch: Any) -> Any:
        result = step(batch)
        return result, loop_counters(tf.compat.v1.get_default_graph(), result)

    with noting(model, owners):
        function = tf.function(traced, autograph=False).get_concrete_function(specification)
    owners.finish(function.graph.name)
    turns = {name: float(number) for name, number in function(batch)[1].items()}
    run = functools.partial(function, batch)
    _seconds(run, 1)
    count = int(np.clip(SECONDS / ROUNDS / max(_seconds(run, 3), 1e-6), 3, 100))
    # In turns, so that what else the machine does weighs on both alike.
    rounds = [(_seconds(run, count), _profiled(run, count)) for _ in range(ROUNDS)]
    measured = float(np.median([seconds for seconds, _ in rounds]))
    names = {name for _, times in rounds for name in times}
    times = {name: float(np.median([each.get(name, 0.0) for _, each in rounds])) for name in names}
    seconds, operations = _by_owner(owners, times), count_operations(function.graph, owners, turns)
    order = [*owners.began, LOSS, UPDATE, REST]
    layers = tuple(
        LayerCost(
            path,
            *seconds.get(path, (0.0, 0.0)),
            *operations.get(path, (0.0, 0.0)),
            parameters=parameters.get(path.partition("#")[0], 0),
        )
        for path in dict.fromkeys(order)
        if any(seconds.get(path, ())) or any(operations.get(path, ()))
    )
    return Cost(measured, tuple(_numbered(layers)))


def _numbered(layers: Sequence[LayerCost]) -> Iterator[LayerCost]:
    """With calls counted from 1 once more: one whose result nothing needs has no line, as that in which a recurrent
    layer looks for the shape that its cell gives. The time of what runs of it all the same is the first other one's."""
    calls: dict[str, list[LayerCost]] = {}
    for layer in layers:
        calls.setdefault(layer.path.partition("#")[0], []).append(layer)
    for layer in layers:
        path = layer.path.partition("#")[0]
        counted = [each for each in calls[path] if each.forward_operations or each.backward_operations]
        kept = counted or calls[path]
        if layer not in kept:
            continue
        number = kept.index(layer) + 1
        rest = [each for each in calls[path] if each not in kept] if number == 1 else []
        yield replace(
            layer,
            path=path if number == 1 else f"{path}#{number}",
            forward=layer.forward + sum(each.forward for each in rest),
            backward=layer.backward + sum(each.backward for each in rest),
        )


def _by_owner(owners: Owners, numbers: Mapping[str, float]) -> dict[str, tuple[float, float]]:
    """Sums of numbers of operations, by their owner: forward and backward."""
    found: dict[str, tuple[float, float]] = {}
    for name, number in numbers.items():
        owner, is_backward = owners.find_measured(name), is_of_gradient(name)
        forward, backward = found.get(owner, (0.0, 0.0))
        found[owner] = (forward, backward + number) if is_backward else (forward + number, backward)
    return found


def _seconds(run: Callable[[], Any], count: int) -> float:
    """The time of one call, in seconds."""
    began = time.perf_counter()
    for _ in range(count):
        result = run()
    tf.nest.map_structure(lambda tensor: tensor.numpy(), result)
    return (time.perf_counter() - began) / count


def _profiled(run: Callable[[], Any], count: int) -> dict[str, float]:
    options = tf.profiler.experimental.ProfilerOptions(
        host_tracer_level=2, python_tracer_level=0, device_tracer_level=0
    )
    with tempfile.TemporaryDirectory(prefix="kwb-profile-") as folder:
        tf.profiler.experimental.start(folder, options)
        try:
            for _ in range(count):
                run()
        finally:
            tf.profiler.experimental.stop()
        return {name: seconds / count for name, seconds in operation_times(folder).items()}
