"""Checks of calling a layer or a model: its inputs and its outputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from unittest.mock import patch

import keras
import numpy as np

from workbench.assembly.errors import shape_text
from workbench.check.comparing import compare, distance, equal, shapes_of
from workbench.check.finding import NoInput
from workbench.check.results import CheckFailed, CheckWarning, NotApplicable, Skipped, error_text
from workbench.check.source import own_method
from workbench.check.subject import CheckedEntry
from workbench.keras_private import finds_shape_by_calling

_IN_CALL_HINT = "Make weights and inner layers in build() or __init__, where they are trained and saved."


def call(subject: CheckedEntry) -> str:
    try:
        tensors = subject.inputs.tensors
    except NoInput as error:
        if error.state_in_call:
            raise NotApplicable(
                "its call makes weights, which Keras refuses: see `weights_in_build`"
            ) from error
        if error.broken:
            raise CheckFailed(f"it cannot be {error}", hint=error.hint) from error.__cause__
        raise Skipped(f"no input was found that it accepts: {error} {error.hint}".rstrip(".")) from error
    return f"on {' and '.join(shape_text((None, *t.shape[1:])) for t in tensors)}"


def weights_in_build(subject: CheckedEntry) -> None:
    try:
        layer = subject.built
    except NoInput as error:
        if not error.state_in_call:  # its author says that it cannot be called
            raise
        raise CheckFailed("its call makes weights, which Keras refuses.", hint=_IN_CALL_HINT) from error
    before = len(layer.variables)
    made = _variables_made_by(lambda: layer(*subject.inputs.arguments, training=False))
    if made or len(layer.variables) != before:
        count = max(made, len(layer.variables) - before)
        weights = "a weight" if count == 1 else f"{count} weights"
        raise CheckFailed(
            f"its call makes {weights} again each time: they are neither trained nor saved.",
            hint=_IN_CALL_HINT,
        )


def _variables_made_by(run: Any) -> int:
    count = 0
    original = keras.Variable.__init__

    def counted(self: Any, *args: Any, **kwargs: Any) -> None:
        nonlocal count
        count += 1
        original(self, *args, **kwargs)

    with patch.object(keras.Variable, "__init__", counted):
        run()
    return count


def declared_inputs(subject: CheckedEntry) -> None:
    declared, taken = subject.entry.inputs, subject.inputs.count
    if declared is None:
        raise NotApplicable("its entry says that the number varies")
    if declared != taken:
        raise CheckFailed(
            f"its entry says that it expects {_tensors(declared)}; it expects {taken}.",
            hint=f"Let the entry say inputs={taken}.",
        )


def declared_outputs(subject: CheckedEntry) -> None:
    declared, given = subject.entry.outputs, len(subject.outputs())
    if declared is None:
        raise NotApplicable("its entry says that the number varies")
    if declared != given:
        raise CheckFailed(
            f"its entry says that it returns {_tensors(declared)}; it returns {given}.",
            hint=f"Let the entry say outputs={given}.",
        )


def _tensors(count: int) -> str:
    return "1 tensor" if count == 1 else f"{count} tensors"


def finite(subject: CheckedEntry) -> None:
    for array in subject.outputs():
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise CheckFailed(
                f"{np.count_nonzero(~np.isfinite(array))} of {array.size} outputs are not finite."
            )


def deterministic(subject: CheckedEntry) -> None:
    first, second = (subject.raw_outputs(subject.built) for _ in range(2))
    if not subject.is_random:
        compare(first, second, "under the same seed, a second time", hint=_COUNTING_HINT)
        return
    if not equal(*(subject.seeded_outputs(subject.built, python=False) for _ in range(2))):
        raise CheckFailed("it draws random numbers of Python or numpy in inference.", hint=GRAPH_HINT)
    apart = f"a second time its outputs differ by up to {distance(first, second):.2g}"
    layer = subject.fresh()
    if equal(*(subject.raw_outputs(layer, training=True) for _ in range(2))):
        raise CheckFailed(
            f"it draws random numbers in inference and none in training: {apart}.",
            hint="Is the condition on `training` the wrong way round?",
        )
    raise CheckWarning(
        f"it draws random numbers in inference: {apart}. The other checks compare it under one seed.",
        hint="Unless that is meant (as in a variational autoencoder), put it under `if training:`.",
    )


_COUNTING_HINT = "What counts calls, or remembers the call before, belongs under `if training:`."


# A compiled graph, which trains it, does once what Python does.
GRAPH_HINT = (
    "Draw with keras.random and a SeedGenerator of its own: a compiled graph would draw these once, for good."
)


def batch_sizes(subject: CheckedEntry) -> None:
    usual = subject.outputs()
    for size in (1, 2, 7):
        try:
            given = subject.outputs(None, *subject.inputs.of_batch(size))
        except Exception as error:
            raise CheckFailed(
                f"a batch of {size} fails, one of {subject.inputs.rows} does not: {error_text(error)}."
            ) from error
        if [array.shape[1:] for array in given] != [array.shape[1:] for array in usual]:
            raise CheckFailed(
                f"a batch of {size} results in {shapes_of(given)}, another one in {shapes_of(usual)}: "
                "axes beside the first depend on it."
            )


def output_shape(subject: CheckedEntry) -> None:
    layer = subject.built
    own_spec = subject.is_class and own_method(subject.target, "compute_output_spec") is not None
    if not own_spec and finds_shape_by_calling(layer):
        raise NotApplicable("it does not define compute_output_shape; Keras finds the shape by calling it")
    name = "compute_output_spec" if own_spec else "compute_output_shape"
    arguments = subject.inputs.packed(subject.inputs.symbols())
    try:
        spec = layer.compute_output_spec(*arguments)
    except NotImplementedError as error:
        raise NotApplicable("it does not say its output's shape") from error
    except Exception as error:
        raise CheckFailed(f"{name} fails: {error_text(error)}.") from error
    promised = [each for each in keras.tree.flatten(spec) if each is not None]
    given = subject.outputs()
    if len(promised) != len(given) or not all(
        map(_agree, (tuple(p.shape) for p in promised), (g.shape for g in given))
    ):
        raise CheckFailed(
            f"{name} says {' and '.join(shape_text(tuple(each.shape)) for each in promised)}; "
            f"it returns {' and '.join(shape_text((None, *array.shape[1:])) for array in given)}."
        )
    for each, array in zip(promised, given, strict=True):
        if own_spec and each.dtype != array.dtype:
            raise CheckFailed(f"{name} says {each.dtype}; it returns {array.dtype}.")


def _agree(promised: Sequence[int | None], given: Sequence[int]) -> bool:
    return len(promised) == len(given) and all(
        a is None or a == b for a, b in zip(promised, given, strict=True)
    )


CHECKS = {
    "call": call,
    "weights_in_build": weights_in_build,
    "declared_inputs": declared_inputs,
    "declared_outputs": declared_outputs,
    "finite": finite,
    "deterministic": deterministic,
    "batch_sizes": batch_sizes,
    "output_shape": output_shape,
}
