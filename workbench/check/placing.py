"""Checks of a layer in models and in compiled graphs: its weights and outputs are the same there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from workbench.check.comparing import TOLERANCE, as_arrays, compare, copy_weights, equal
from workbench.check.randomness import compare_draws, reseed
from workbench.check.results import CheckFailed, NotApplicable, Skipped, error_text
from workbench.check.subject import CheckedEntry

XLA_TOLERANCE = 1e-4  # it changes the order of sums

# What TensorFlow says of an operation that is not there for XLA.
_NO_KERNEL = re.compile(r"Detected unsupported operations.*?XLA_\w+: (\w+)", re.S)


def functional_model(subject: CheckedEntry, layer: Any) -> Any:
    """A functional model of one layer."""
    symbols = subject.inputs.symbols()
    outputs = layer(*subject.inputs.packed(symbols))
    return keras.Model(symbols, outputs)


def functional(subject: CheckedEntry) -> None:
    layer = subject.make()
    model = functional_model(subject, layer)
    _compare_with_built(subject, layer, "in a functional model")
    tensors = [tf.constant(tensor) for tensor in subject.inputs.tensors]
    given = subject.outputs(model, tensors if len(tensors) > 1 else tensors[0])
    compare(subject.outputs(), given, "in a functional model")


def sequential(subject: CheckedEntry) -> None:
    if subject.inputs.count != 1 or len(subject.outputs()) != 1:
        raise NotApplicable("it does not take one tensor and give one")
    layer = subject.make()
    model = keras.Sequential([*subject.inputs.symbols(), layer])
    _compare_with_built(subject, layer, "in a stack")
    given = subject.outputs(model)
    compare(subject.outputs(), given, "in a stack")


class _Holder(keras.Model):
    def __init__(self, inner: Any) -> None:
        super().__init__()
        self.inner = inner

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        return self.inner(*inputs, training=training)


def subclassed(subject: CheckedEntry) -> None:
    layer = subject.make()
    model = _Holder(layer)
    model(subject.inputs.arguments, training=False)
    _compare_with_built(subject, layer, "inside a model class")
    if len(model.weights) != len(layer.weights):
        raise CheckFailed(
            f"a model class that holds it has {len(model.weights)} weights, it has {len(layer.weights)}."
        )
    given = subject.outputs(model, subject.inputs.arguments)
    compare(subject.outputs(), given, "inside a model class")


def _compare_with_built(subject: CheckedEntry, layer: Any, where: str) -> None:
    """True if a new layer has the same weights as `built`; it gets their values."""
    mine, its = ([tuple(w.shape) for w in each.weights] for each in (subject.built, layer))
    if mine != its:
        raise CheckFailed(
            f"{where} it has {len(its)} weights, called on a batch {len(mine)}.",
            hint="Build every inner layer in build(), for the shape it gets.",
        )
    copy_weights(subject.built, layer)


def graph(subject: CheckedEntry) -> None:
    _compiled(subject, "in a compiled graph", TOLERANCE, xla=False)


def xla(subject: CheckedEntry) -> None:
    _compiled(subject, "compiled by XLA", XLA_TOLERANCE, xla=True)


def _compiled(subject: CheckedEntry, where: str, tolerance: float, *, xla: bool) -> None:
    layer = subject.built
    run = tf.function(lambda *arguments: layer(*arguments, training=False), jit_compile=xla, autograph=False)
    try:
        traced = run.get_concrete_function(*subject.inputs.arguments)  # once; TensorFlow warns of more
        tensors = keras.tree.flatten(subject.inputs.arguments)
        if subject.is_random:
            reseed(layer)
        given = as_arrays(traced(*tensors))
    except Exception as error:
        if xla and (lacking := lacking_kernel(error)):
            raise Skipped(f"XLA cannot compile {lacking}; other engines train it") from error
        hint = "Engines that compile with XLA are not for it; say so in expected_failures." if xla else ""
        raise CheckFailed(f"it does not run {where}: {error_text(error)}.", hint=hint) from error
    if subject.is_random and not equal(subject.outputs(), given):  # the seed gives other numbers there
        compare_draws(lambda: subject.raw_outputs(layer), lambda: as_arrays(traced(*tensors)), where)
        return
    expected = subject.outputs()
    if _leaves_order_open(traced):
        expected, given = ([np.sort(array, axis=-1) for array in some] for some in (expected, given))
    compare(expected, given, where, tolerance=tolerance)


def _leaves_order_open(traced: Any) -> bool:
    """True if it takes the largest values in no promised order (`top_k(sorted=False)`): XLA has another, as right."""
    return any(node.op == "TopKV2" and not node.attr["sorted"].b for node in graph_nodes(traced))


def graph_nodes(traced: Any) -> Iterator[Any]:
    """The operations of a compiled graph, with those of the functions that it calls."""
    graph = traced.graph.as_graph_def()
    yield from graph.node
    for function in graph.library.function:
        yield from function.node_def


def lacking_kernel(error: BaseException) -> str:
    """The operation that XLA cannot compile, where that is the error; empty where it is another."""
    found = _NO_KERNEL.search(str(error))
    return found[1] if found else ""


CHECKS = {
    "functional": functional,
    "sequential": sequential,
    "subclassed": subclassed,
    "graph": graph,
    "xla": xla,
}
