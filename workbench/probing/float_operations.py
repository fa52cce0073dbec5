"""How many floating-point operations one operation of a graph has, and the values of constant parts of a graph."""

from __future__ import annotations

import logging
import math
from typing import Any

import numpy as np
import tensorflow as tf

_UNKNOWN = (
    "Placeholder",
    "Variable",
    "VarHandle",
    "While",
    "StatelessWhile",
    "Call",
)  # in the name of a kind


def float_operations(graph: Any) -> dict[str, float]:
    """The floating-point operations of each operation of a graph that a number is known for, by its name."""
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
    found.update((each.name, number) for each in graph.get_operations() if (number := _of_products(each)))
    return found


def _of_products(operation: Any) -> float:
    """A multiplication and an addition for each product of a batch of matrices or an `Einsum`, which TensorFlow has no
    number for; 0 for others."""
    shapes = [
        tuple(each.shape.as_list()) if each.shape.rank is not None else (None,) for each in operation.inputs
    ]
    if any(size is None for shape in shapes for size in shape):
        return 0.0
    if operation.type in ("BatchMatMul", "BatchMatMulV2", "BatchMatMulV3"):
        inner = shapes[0][-2 if operation.get_attr("adj_x") else -1]
        return 2.0 * inner * math.prod(operation.outputs[0].shape.as_list())
    if operation.type != "Einsum" or len(shapes) != 2:
        return 0.0
    sizes: dict[str, int] = {}
    for labels, shape in zip(
        operation.get_attr("equation").decode().partition("->")[0].split(","), shapes, strict=True
    ):
        if len(labels) != len(shape):  # an ellipsis
            return 0.0
        sizes.update(zip(labels, shape, strict=True))
    return 2.0 * math.prod(sizes.values())


def constant(tensor: Any) -> np.ndarray | None:
    """The value of a tensor of a graph that depends on constants alone; None for others."""
    value = tf.get_static_value(tensor)
    if value is not None:
        return np.asarray(value)
    graph, name = tensor.graph, tensor.op.name
    part = tf.compat.v1.graph_util.extract_sub_graph(graph.as_graph_def(), [name])
    if any(kind in node.op for node in part.node for kind in _UNKNOWN):
        return None

    def imported() -> Any:
        return tf.graph_util.import_graph_def(part, return_elements=[tensor.name])

    (found,) = tf.compat.v1.wrap_function(imported, [])()
    return np.asarray(found.numpy())
