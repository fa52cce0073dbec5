"""What each layer of a model costs in a training step: measured time forward and backward, floating-point operations.

The compiled step is run under TensorFlow's profiler, which measures each operation. Which layer an operation is of is
known from the trace: while a layer is called, the operations that are added to the graph are its. An operation of the
gradient has the name of the one that it is the gradient of.
"""

from __future__ import annotations

import functools
import logging
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import tensorflow as tf

from workbench.keras_private import operation_times
from workbench.probing.probe_report import Cost, LayerCost
from workbench.storage.layer_paths import labelled_layers
from workbench.storage.optimizers import optimizers
from workbench.training.monitors.seen import attribute

LOSS, UPDATE, REST = "(loss)", "(update)", "(rest)"
SECONDS = 0.6  # for which steps are run, about, and as long once more under the profiler
ROUNDS = 5
_GRADIENT = "gradient_tape/"


@dataclass
class _Owners:
    """Which layer each operation of a graph is of."""

    of: dict[str, str] = field(default_factory=dict)
    began: list[str] = field(default_factory=list)  # in the order in which they were called
    scopes: dict[str, str] = field(default_factory=dict)

    def add(self, name: str, owner: str) -> None:
        if name in self.of:
            return  # of a layer inside of this one
        self.of[name] = owner

    def finish(self) -> None:
        """Know the scopes that hold operations of one owner alone: what TensorFlow adds has names in them."""
        for name, owner in self.of.items():
            for scope in _scopes(name):
                before = self.scopes.setdefault(scope, owner)
                if before != owner:
                    self.scopes[scope] = ""

    def find(self, name: str) -> tuple[str, bool]:
        """The owner of an operation, and whether it is of the gradient."""
        backward = name.startswith(_GRADIENT)
        name = name.removeprefix(_GRADIENT)
        if name in self.of:
            return self.of[name], backward
        for scope in _scopes(name):
            if found := self.of.get(scope) or self.scopes.get(scope):
                return found, backward
        return REST, backward


def _scopes(name: str) -> Iterator[str]:
    """`a/b/c`: `a/b`, `a`."""
    while "/" in name:
        name = name.rpartition("/")[0]
        yield name


def measure(model: Any, step: Callable[[Any], Any], batch: Any, parameters: dict[str, int]) -> Cost:
    """What each layer costs in a step on a batch. The step's effects on the variables stay.

    Args:
        model: compiled and built.
        step: its `train_step`.
        batch: as tensors.
        parameters: how many each layer holds itself, by path.
    """
    owners = _Owners()
    specification = tf.nest.map_structure(tf.type_spec_from_value, batch)
    with _noting(model, owners):
        function = tf.function(step, autograph=False).get_concrete_function(specification)
    owners.finish()
    run = functools.partial(function, batch)
    _seconds(run, 1)
    count = int(np.clip(SECONDS / ROUNDS / max(_seconds(run, 3), 1e-6), 3, 100))
    # In turns, so that what else the machine does weighs on both alike.
    rounds = [(_seconds(run, count), _profiled(run, count)) for _ in range(ROUNDS)]
    measured = float(np.median([seconds for seconds, _ in rounds]))
    names = {name for _, times in rounds for name in times}
    times = {name: float(np.median([each.get(name, 0.0) for _, each in rounds])) for name in names}
    flops = _flops(function.graph)
    seconds, operations = _by_owner(owners, times), _by_owner(owners, flops)
    order = [*owners.began, LOSS, UPDATE, REST]
    layers = tuple(
        LayerCost(
            path,
            *seconds.get(path, (0.0, 0.0)),
            *operations.get(path, (0.0, 0.0)),
            parameters=parameters.get(path.partition("#")[0], 0),
        )
        for path in dict.fromkeys(order)
        if path in seconds or path in operations
    )
    return Cost(measured, layers)


def _by_owner(owners: _Owners, numbers: Mapping[str, float]) -> dict[str, tuple[float, float]]:
    """Sums of numbers of operations, by their owner: forward and backward."""
    found: dict[str, tuple[float, float]] = {}
    for name, number in numbers.items():
        owner, is_backward = owners.find(name)
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


def _flops(graph: Any) -> dict[str, float]:
    """The floating-point operations of each operation that TensorFlow knows a number for."""
    profiler = tf.compat.v1.profiler
    options = {**profiler.ProfileOptionBuilder.float_operation(), "output": "none"}
    found: dict[str, float] = {}

    def collect(node: Any) -> None:
        if node.float_ops:
            found[node.name] = float(node.float_ops)
        for child in node.children:
            collect(child)

    logger = logging.getLogger("tensorflow")  # it says which of its own functions are old
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with graph.as_default():
            collect(profiler.profile(graph, cmd="graph", options=options))
    finally:
        logger.setLevel(level)
    return found


@contextmanager
def _noting(model: Any, owners: _Owners) -> Iterator[None]:
    """While inside, operations that are added to a graph in a layer's call, the loss or the update are noted as its."""
    calls: dict[str, int] = {}

    def note(owner: str, original: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        graph = tf.compat.v1.get_default_graph()
        before = len(graph.get_operations())
        if owner not in (LOSS, UPDATE):
            number = calls[owner] = calls.get(owner, 0) + 1
            owner = owner if number == 1 else f"{owner}#{number}"
            owners.began.append(owner)
        result = original(*args, **kwargs)
        for operation in graph.get_operations()[before:]:
            owners.add(operation.name, owner)
        return result

    watched = [(layer, "call", path) for path, layer in labelled_layers(model).items() if layer is not model]
    watched += [(model, "compute_loss", LOSS)]
    watched += [(each, "apply", UPDATE) for each in optimizers(model).values()]
    with ExitStack() as stack:
        for thing, name, owner in watched:
            original = getattr(thing, name)
            noted = functools.wraps(original)(functools.partial(note, owner, original))
            stack.enter_context(attribute(thing, name, noted))
        yield
