"""Checks of calling a layer or a model: its inputs and its outputs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any
from unittest.mock import patch

import keras
import numpy as np
import tensorflow as tf

from workbench.assembly.errors import shape_text
from workbench.check.comparing import compare, distance, equal, shapes_of
from workbench.check.finding import NoInput
from workbench.check.results import CheckFailed, CheckWarning, NotApplicable, Skipped, error_text
from workbench.check.subject import CheckedEntry
from workbench.storage.layer_paths import path_of

# What TensorFlow says of an operation that is not there for a device in a type.
_NO_DEVICE = re.compile(r"Could not find device for node: .*? = (\w+)\[", re.S)

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
    if getattr(layer.compute_output_shape, "_is_default", False):
        raise NotApplicable("it does not define compute_output_shape; Keras finds the shape by calling it")
    arguments = subject.inputs.packed(subject.inputs.symbols())
    try:
        spec = layer.compute_output_spec(*arguments)
    except NotImplementedError as error:
        raise NotApplicable("it does not say its output's shape") from error
    except Exception as error:
        raise CheckFailed(f"compute_output_shape fails: {error_text(error)}.") from error
    promised = [tuple(each.shape) for each in keras.tree.flatten(spec) if each is not None]
    given = [array.shape for array in subject.outputs()]
    if len(promised) != len(given) or not all(map(_agree, promised, given)):
        raise CheckFailed(
            f"compute_output_shape says {' and '.join(map(shape_text, promised))}; "
            f"it returns {' and '.join(shape_text((None, *shape[1:])) for shape in given)}."
        )


def _agree(promised: Sequence[int | None], given: Sequence[int]) -> bool:
    return len(promised) == len(given) and all(
        a is None or a == b for a, b in zip(promised, given, strict=True)
    )


def mixed_precision(subject: CheckedEntry) -> None:
    subject.inputs  # noqa: B018  raises where there is nothing to call it on
    keras.config.set_dtype_policy("mixed_float16")  # put back by who makes the checks
    layer = subject.make()
    try:
        given = subject.outputs(layer)
    except Exception as error:
        if lacking := _NO_DEVICE.search(str(error)):
            raise Skipped(f"TensorFlow has no {lacking[1]} in float16 for this device") from error
        raise CheckFailed(
            f"under the policy mixed_float16 it fails: {error_text(error)}.",
            hint="Make constants of the input's dtype, and inner layers with dtype=self.dtype_policy.",
        ) from error
    wrong = [path_of(layer, w) for w in layer.trainable_weights if w.dtype == "float16"]
    if wrong:
        raise CheckFailed(
            f"under the policy mixed_float16 the weight '{wrong[0]}' is float16, too coarse to be trained.",
            hint="add_weight without a dtype makes it float32.",
        )
    bad = [array for array in given if array.dtype.kind == "f" and not np.isfinite(array).all()]
    if bad:
        raise CheckFailed("under the policy mixed_float16 its outputs are not finite.")


def masking(subject: CheckedEntry) -> str:
    layer = subject.make()
    if not layer.supports_masking:
        raise NotApplicable("it does not say that it supports masks")
    if subject.inputs.count != 1 or subject.inputs.whole_numbers:
        raise NotApplicable("a mask belongs to one sequence of vectors, which it does not take")
    *_, width = subject.inputs.tensors[0].shape
    sequence = np.resize(subject.inputs.tensors[0], (3, 6, width)).astype("float32")
    try:
        subject.make()(tf.constant(sequence))
    except Exception as error:
        raise NotApplicable("a mask belongs to a sequence of vectors, which it does not take") from error
    sequence[:, 4:] = 0.0  # the steps that the mask leaves out
    try:
        keras.Sequential([keras.Input((6, width)), keras.layers.Masking(), layer])(sequence)
    except Exception as error:
        if re.search(r"\bmask", error_text(error), re.I):
            return f"refused: {error_text(error)}"
        raise CheckFailed(
            f"it says that it supports masks and fails on one: {error_text(error)}.",
            hint="Set supports_masking only where call or compute_mask can handle one.",
        ) from error
    return ""


CHECKS = {
    "call": call,
    "weights_in_build": weights_in_build,
    "declared_inputs": declared_inputs,
    "declared_outputs": declared_outputs,
    "finite": finite,
    "deterministic": deterministic,
    "batch_sizes": batch_sizes,
    "output_shape": output_shape,
    "mixed_precision": mixed_precision,
    "masking": masking,
}
