"""Checks of a layer's weights: Keras sees them all, they learn, and a shared layer shares them."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from workbench.check.calling import GRAPH_HINT
from workbench.check.comparing import equal
from workbench.check.results import CheckFailed, NotApplicable, error_text
from workbench.check.subject import CheckedEntry
from workbench.storage import structure
from workbench.storage.layer_paths import path_of, weights_by_path


def no_hidden_layers(subject: CheckedEntry) -> None:
    hidden = list(structure.untracked(subject.built))
    if hidden:
        named = ", ".join(structure.hidden_text(f"'{path}'", item) for path, item in hidden[:3])
        raise CheckFailed(
            f"Keras does not see {named}: not trained and not saved.",
            hint=structure.hidden_hint([item for _, item in hidden]),
        )


def shared(subject: CheckedEntry) -> None:
    layer = subject.make()
    twice = [subject.inputs.symbols() for _ in range(2)]
    outputs = [layer(*subject.inputs.packed(symbols)) for symbols in twice]
    model = keras.Model([symbol for symbols in twice for symbol in symbols], keras.tree.flatten(outputs))
    once = len(subject.built.weights)
    if len(model.weights) != once:
        raise CheckFailed(
            f"used twice in a model it has {len(model.weights)} weights, used once {once}.",
            hint="Make weights in build(), which Keras calls once.",
        )


def training_mode(subject: CheckedEntry) -> None:
    layer = subject.fresh()
    before = {id(weight) for weight in layer.weights}
    subject.outputs(layer, training=True)
    made = [path for path, weight in weights_by_path(layer).items() if id(weight) not in before]
    if made:
        raise CheckFailed(
            f"training makes '{made[0]}', which inference does not have: it would not be saved.",
            hint="Build every inner layer in build(), also one that is used only in training.",
        )
    if subject.is_stock:
        return  # some of Keras' own draw by Python's random numbers
    start = [np.array(variable) for variable in layer.variables]

    def outputs() -> list[np.ndarray]:
        for variable, value in zip(layer.variables, start, strict=True):
            variable.assign(value)
        return subject.seeded_outputs(layer, training=True, python=False)

    first = outputs()
    if not equal(first, outputs()):
        if equal(*(subject.seeded_outputs(subject.fresh(), training=True) for _ in range(2))):
            raise CheckFailed("it draws random numbers of Python or numpy in training.", hint=GRAPH_HINT)
        return
    if bad := sum(int(np.count_nonzero(~np.isfinite(each))) for each in first if each.dtype.kind == "f"):
        raise CheckFailed(f"in training {bad} of {sum(each.size for each in first)} outputs are not finite.")
    try:
        layer(*subject.inputs.of_batch(7), training=True)
    except Exception as error:
        raise CheckFailed(
            f"in training a batch of 7 fails, one of {subject.inputs.rows} does not: {error_text(error)}."
        ) from error


def added_losses(subject: CheckedEntry) -> None:
    layer = subject.fresh()
    layer(*subject.inputs.arguments, training=True)
    losses = layer.losses
    if not losses:
        raise NotApplicable("it adds no loss")
    for loss in losses:
        shape = tuple(loss.shape)
        if shape:
            raise CheckFailed(
                f"add_loss is given a tensor of shape {shape}, which has no one meaning as a loss.",
                hint="Give its mean or its sum.",
            )


def gradients(subject: CheckedEntry) -> str:
    layer = subject.fresh()
    weights = list(layer.trainable_weights)
    if not weights:
        raise NotApplicable("it has no trainable weights")
    lacking = weights
    remark = ""
    for training in (False, True):
        reached = _reached(subject, layer, lacking, training=training)
        if reached is None:
            raise NotApplicable("it returns whole numbers, which have no gradient")
        lacking = [weight for weight, got in zip(lacking, reached, strict=True) if not got]
        if not lacking:
            return remark
        remark = "some only in training"
    raise CheckFailed(
        f"no gradient reaches {', '.join(repr(path_of(layer, w)) for w in lacking[:3])}: never trained.",
        hint="Use every weight in call(), in operations of Keras or TensorFlow; or make it with trainable=False.",
    )


def _reached(subject: CheckedEntry, layer: Any, weights: list[Any], *, training: bool) -> list[bool] | None:
    """Which weights a gradient reaches; None where the outputs have none."""
    with tf.GradientTape() as tape:
        outputs = keras.tree.flatten(layer(*subject.inputs.arguments, training=training))
        floats = [tensor for tensor in outputs if tensor is not None and tensor.dtype.is_floating]
        if not floats and not layer.losses:
            return None
        # Weighted, for the sum of a softmax or a normalization is the same whatever the weights are.
        terms = [tf.reduce_sum(tf.square(tf.cast(tensor, "float32") + 0.5)) for tensor in floats]
        loss = tf.add_n([*terms, *(tf.reduce_sum(tf.cast(each, "float32")) for each in layer.losses)])
    return [gradient is not None for gradient in tape.gradient(loss, [weight.value for weight in weights])]


CHECKS = {
    "no_hidden_layers": no_hidden_layers,
    "shared": shared,
    "training_mode": training_mode,
    "added_losses": added_losses,
    "gradients": gradients,
}
