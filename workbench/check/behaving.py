"""Checks of what a call may depend on and may change: rows apart, arguments in use, nothing kept, inputs unchanged."""

from __future__ import annotations

import ast
import contextlib
import copy
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from workbench.check.comparing import as_arrays, distance, equal
from workbench.check.results import CheckFailed, CheckWarning, NotApplicable, error_text
from workbench.check.source import own_method, parsed
from workbench.check.subject import CheckedEntry
from workbench.keras_private import holds_seed
from workbench.storage import layer_paths, structure


def independent_rows(subject: CheckedEntry) -> None:
    rows = subject.inputs.rows
    if rows < 2:
        raise NotApplicable("it takes one row only")
    others = [_other_rows(tensor) for tensor in subject.inputs.tensors]
    before = subject.outputs()
    try:
        after = subject.outputs(None, *subject.inputs.packed([tf.constant(tensor) for tensor in others]))
    except Exception as error:
        raise NotApplicable(f"it refuses other rows: {error_text(error)}") from error
    firsts = [[a[:1] for a in some if a.shape[:1] == (rows,)] for some in (before, after)]
    if not firsts[0]:
        raise NotApplicable("it returns no row for each row of the batch")
    if not equal(*firsts):
        raise CheckFailed(
            f"in inference the output of the first row changes by up to {distance(*firsts):.2g} "
            "where only the other rows of the batch change: predictions depend on what is predicted with them.",
            hint="Reduce over the axes of a row only (axis=-1, or axis=(1, 2)), not over the first; "
            "what needs the whole batch belongs under `if training:`.",
        )


def _other_rows(tensor: np.ndarray) -> np.ndarray:
    """The first row as it is, the others changed."""
    other = tensor.copy()
    other[1:] = tensor[1:][::-1] * 1.5 + 0.25 if tensor.dtype.kind == "f" else 2 - tensor[1:]
    return other


def training_argument(subject: CheckedEntry) -> None:
    if not _unread(subject, "training"):
        return
    if subject.is_random:
        raise CheckFailed(
            "its call accepts `training` and never reads it, and draws random numbers in inference.",
            hint="Put what is for training only under `if training:`.",
        )
    raise CheckWarning(
        "its call accepts `training` and never reads it: training and inference are the same for what it does itself.",
        hint="Use it, or leave it out: Keras passes it on to inner layers by itself.",
    )


def _unread(subject: CheckedEntry, name: str) -> bool:
    """True if the class' own call has an argument of this name that its code does not mention.

    Raises:
        NotApplicable: it has no such argument.
    """
    call = own_method(subject.target, "call") if subject.is_class else None
    function = (
        next((n for n in ast.walk(parsed(call)) if isinstance(n, ast.FunctionDef)), None) if call else None
    )
    if function is None or name not in {
        each.arg for each in (*function.args.args, *function.args.kwonlyargs)
    }:
        raise NotApplicable(f"its call has no argument `{name}`")
    used = {node.id for each in function.body for node in ast.walk(each) if isinstance(node, ast.Name)}
    return name not in used and "locals" not in used


def keeps_nothing(subject: CheckedEntry) -> None:
    layer = subject.fresh()
    subject.outputs(layer)  # what is kept once, such as a table, is kept now
    before = _values(layer)
    kept = []
    for _ in range(3):
        subject.outputs(layer)
        kept.append(_sizes(layer))
    for path, value in _values(layer).items():
        if not np.array_equal(value, before[path], equal_nan=value.dtype.kind == "f"):
            raise CheckFailed(
                f"a call in inference changes its variable '{path}' by up to {distance([before[path]], [value]):.2g}.",
                hint="Assign to a variable under `if training:` only.",
            )
    for path, first in kept[0].items():
        sizes = [first, *(each.get(path, first) for each in kept[1:])]
        if sizes[0] < sizes[1] < sizes[2]:
            shown = ", ".join(f"{size:g}" for size in sizes)
            raise CheckFailed(
                f"what it keeps in '{path}' grows with each call in inference: {shown}. "
                "It takes memory without end, and a compiled graph does not count it.",
                hint="Keep nothing between calls, or a variable that is assigned under `if training:`.",
            )


def _values(layer: Any) -> dict[str, np.ndarray]:
    """The values of the variables that no call in inference has to change; those of seeds, metrics and states may."""
    free = {id(v) for each in layer_paths.layers_by_path(layer).values() for v in each.metrics_variables}
    free |= {id(state) for state in structure.states(layer)}
    return {
        path: structure.value_of(variable)
        for path, variable in layer_paths.variables_by_path(layer).items()
        if id(variable) not in free and not holds_seed(variable)
    }


def _sizes(layer: Any) -> dict[str, float]:
    """Numbers that layers keep as attributes, and how many items their lists, dicts and sets have."""
    found: dict[str, float] = {}
    for path, each in layer_paths.layers_by_path(layer).items():
        for name, value in layer_paths.attributes(each):
            where = f"{path}/{name}" if path else name
            if isinstance(value, list | dict | set | tuple):
                found[where] = len(value)
            elif isinstance(value, int | float) and not isinstance(value, bool):
                found[where] = value
    return found


def inputs_unchanged(subject: CheckedEntry) -> None:
    layer = subject.built
    arguments = subject.inputs.arguments
    tensors = keras.tree.flatten(arguments)
    before = [np.array(tensor) for tensor in tensors]
    layer(*arguments, training=False)
    if not all(np.array_equal(a, b) for a, b in zip(before, as_arrays(tensors), strict=True)):
        raise CheckFailed("its call changes the values of its input in place.", hint=_COPY_HINT)
    given = [copy.copy(each) for each in arguments]  # lists and dicts of its own; Keras passes copies too
    if not any(isinstance(each, list | dict) for each in given):
        return
    with contextlib.suppress(Exception):  # what the call itself does not support is not the question
        layer.call(*given)
    if any(_items(a) != _items(b) for a, b in zip(given, arguments, strict=True)):
        raise CheckFailed("its call changes the list or dict that it is given.", hint=_COPY_HINT)


_COPY_HINT = "Make a new one: `x = list(inputs)`, or a new tensor."


def _items(value: Any) -> list[Any]:
    """What a list or dict holds, by identity."""
    if isinstance(value, dict):
        return [(key, id(item)) for key, item in value.items()]
    return [id(item) for item in value] if isinstance(value, list) else []


def built_once(subject: CheckedEntry) -> None:
    layer = subject.fresh()
    if not layer.variables:
        raise NotApplicable("it has no weights")
    before = {id(variable) for variable in layer.variables}
    values = _values(layer)
    config = layer.get_build_config()
    if not config:
        raise NotApplicable("Keras keeps no shapes that it was built for")
    try:
        layer.build_from_config(config)
    except Exception:  # Keras refuses new weights of what is built, as it should
        return
    made = [variable for variable in layer.variables if id(variable) not in before]
    if made:
        raise CheckFailed(
            f"a second build() makes {len(made)} weights again, among them '{made[0].name}'.",
            hint="Make weights where build() is called for the first time only; leave Keras' lock of the layer alone.",
        )
    for path, value in _values(layer).items():
        if path in values and not np.array_equal(value, values[path]):
            raise CheckFailed(
                f"a second build() sets '{path}' to other values: it would lose what was trained.",
                hint="Give add_weight an initializer, and assign nothing in build().",
            )


CHECKS = {
    "independent_rows": independent_rows,
    "training_argument": training_argument,
    "keeps_nothing": keeps_nothing,
    "inputs_unchanged": inputs_unchanged,
    "built_once": built_once,
}
