"""Checks of masks: a layer that says it supports them accepts one, uses it and passes it on."""

from __future__ import annotations

import inspect
import re
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from workbench.check.comparing import as_arrays, distance, equal
from workbench.check.randomness import reseed
from workbench.check.results import CheckFailed, NotApplicable, error_text
from workbench.check.source import own_method
from workbench.check.subject import CheckedEntry
from workbench.keras_private import has_mask

STEPS, KEPT = 6, 4  # the last steps are masked


def masking(subject: CheckedEntry) -> str:
    layer = subject.make()
    if not layer.supports_masking:
        raise NotApplicable("it does not say that it supports masks")
    sequence = _sequence(subject)
    sequence[:, KEPT:] = 0.0  # the steps that the mask leaves out
    try:
        keras.Sequential([keras.Input(sequence.shape[1:]), keras.layers.Masking(), layer])(sequence)
    except Exception as error:
        if re.search(r"\bmask", error_text(error), re.I):
            return f"refused: {error_text(error)}"
        raise CheckFailed(
            f"it says that it supports masks and fails on one: {error_text(error)}.",
            hint="Set supports_masking only where call or compute_mask can handle one.",
        ) from error
    return ""


def mask_used(subject: CheckedEntry) -> None:
    layer = subject.make()
    call = own_method(subject.target, "call") if subject.is_class else None
    if call is None or "mask" not in inspect.signature(call).parameters:
        raise NotApplicable("its call has no argument `mask`")
    one = _sequence(subject)
    other = one.copy()
    other[:, KEPT:] = 3.0 - one[:, KEPT:]
    mask = tf.constant([[step < KEPT for step in range(STEPS)]] * len(one))
    outputs, kept = [], True
    for sequence in (one, other):
        tensor = tf.constant(sequence)
        keras.utils.set_random_seed(0)
        if layer.built:
            reseed(layer)
        try:
            result = layer(keras.ops.multiply(tensor, 1.0), mask=mask)
        except Exception as error:
            raise NotApplicable(f"it takes no mask of a sequence's steps: {error_text(error)}") from error
        outputs.append([_unmasked(array, len(one)) for array in as_arrays(result)])
        kept = all(_keeps_mask(each) for each in keras.tree.flatten(result) if each is not None)
    if not equal(*outputs):
        raise CheckFailed(
            f"it accepts a mask, and masked steps change its result at the others by up to {distance(*outputs):.2g}.",
            hint="Leave out the steps where the mask is False.",
        )
    if not kept and own_method(subject.target, "compute_mask") is None:
        raise CheckFailed(
            "it accepts a mask and returns one value for each step, and no mask comes with them: "
            "layers behind it take the masked steps for real ones.",
            hint="Set self.supports_masking = True in __init__, which passes the mask on.",
        )


def _keeps_mask(tensor: Any) -> bool:
    """False for a result of steps that lost its mask."""
    return tuple(tensor.shape[1:2]) != (STEPS,) or has_mask(tensor)


def _unmasked(array: np.ndarray, rows: int) -> np.ndarray:
    return array[:, :KEPT] if array.shape[:2] == (rows, STEPS) else array


def _sequence(subject: CheckedEntry) -> np.ndarray:
    """A batch of sequences of vectors that the layer takes.

    Raises:
        NotApplicable: it takes none.
    """
    if subject.inputs.count != 1 or subject.inputs.whole_numbers:
        raise NotApplicable("a mask belongs to one sequence of vectors, which it does not take")
    *before, width = subject.inputs.tensors[0].shape
    if subject.is_fed and len(before) < 2:
        raise NotApplicable("the recipe gives it no steps that a mask could leave out")
    sequence: np.ndarray = np.resize(subject.inputs.tensors[0], (3, STEPS, width)).astype("float32")
    try:
        subject.make()(tf.constant(sequence))
    except Exception as error:
        raise NotApplicable("a mask belongs to a sequence of vectors, which it does not take") from error
    return sequence


CHECKS = {"masking": masking, "mask_used": mask_used}
