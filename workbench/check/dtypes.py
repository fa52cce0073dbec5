"""Checks of a layer under other dtype policies than float32."""

from __future__ import annotations

import re
from typing import Any

import keras
import numpy as np

from workbench.catalog import Kind
from workbench.check.results import CheckFailed, NotApplicable, Skipped, error_text
from workbench.check.subject import CheckedEntry
from workbench.keras_private import all_layers
from workbench.storage.layer_paths import path_of

# What TensorFlow says of an operation that is not there for a device in a type.
_NO_DEVICE = re.compile(r"Could not find device for node: .*? = (\w+)\[", re.S)

_CONSTANT_HINT = "Make constants of the input's dtype, and inner layers with dtype=self.dtype_policy."


def mixed_precision(subject: CheckedEntry) -> None:
    layer, _ = _called(subject, "mixed_float16")
    wrong = [path_of(layer, w) for w in layer.trainable_weights if w.dtype == "float16"]
    if wrong:
        raise CheckFailed(
            f"under the policy mixed_float16 the weight '{wrong[0]}' is float16, too coarse to be trained.",
            hint="add_weight without a dtype makes it float32.",
        )
    bad = [
        array for array in subject.outputs(layer) if array.dtype.kind == "f" and not np.isfinite(array).all()
    ]
    if bad:
        raise CheckFailed("under the policy mixed_float16 its outputs are not finite.")


def output_dtype(subject: CheckedEntry) -> None:
    if subject.entry.kind is not Kind.LAYER:
        raise NotApplicable("a model may end in another dtype than it computes in")
    for policy in ("float32", "float64", "mixed_float16"):
        layer, given = _called(subject, policy)
        if subject.inputs.whole_numbers and not layer.weights:
            raise NotApplicable("of whole numbers it makes numbers of no dtype that a policy is about")
        inner = {each.compute_dtype for each in all_layers(layer)}
        if len(inner) > 1:
            return  # a layer of it is set to another one, as the last activation often is
        for array in given:
            if array.dtype.kind == "f" and array.dtype != layer.compute_dtype:
                raise CheckFailed(
                    f"under the policy {policy} it computes in {layer.compute_dtype} and returns {array.dtype}.",
                    hint="Cast the result to self.compute_dtype, and make constants of the input's dtype.",
                )


def _called(subject: CheckedEntry, policy: str) -> tuple[Any, list[np.ndarray]]:
    """A new layer of a policy, and its outputs."""
    subject.inputs  # noqa: B018  raises where there is nothing to call it on
    keras.config.set_dtype_policy(policy)  # put back by who makes the checks
    layer = subject.make()
    try:
        return layer, [*subject.outputs(layer), *subject.outputs(layer, training=True)]
    except Exception as error:
        if lacking := _NO_DEVICE.search(str(error)):
            raise Skipped(
                f"TensorFlow has no {lacking[1]} for this device under the policy {policy}"
            ) from error
        raise CheckFailed(
            f"under the policy {policy} it fails: {error_text(error)}.", hint=_CONSTANT_HINT
        ) from error


CHECKS = {"mixed_precision": mixed_precision, "output_dtype": output_dtype}
