"""The main loss, and separately each term that layers, weights and activations add to it."""

from __future__ import annotations

from collections.abc import Mapping

import keras
import tensorflow as tf

from workbench.training.monitors.naming import distinct
from workbench.training.monitors.running_means import RunningMeans, taken
from workbench.training.monitors.seen import Loss, Seen

MAIN = "main"


class Losses:
    """Means over the epoch, weighted by the rows of each batch, as Keras' `loss` is: main and terms add up to it."""

    def __init__(self) -> None:
        self._means: dict[tuple[str, ...], RunningMeans] = {}

    def step_ends(self, seen: Seen) -> str:
        """Count a step.

        Returns:
            What cannot be had of this model, in words for the user; empty where all can.
        """
        for loss in seen.losses:
            self._count(loss)
        if seen.losses:
            return ""
        if terms := seen.terms():
            self._of(tuple(terms)).add(tf.stack([_scalar(value) for value in terms.values()]))
        return "the main loss cannot be shown apart: the model's train_step does not call compute_loss"

    def read(self) -> dict[str, float]:
        """The means since the last reading."""
        return taken(self._means.values())

    def _count(self, loss: Loss) -> None:
        terms = [_scalar(value) for value in loss.terms.values()]
        total = _scalar(loss.total)
        main = total - tf.add_n(terms) if terms else total
        names = [MAIN]
        for name in loss.terms:
            names.append(distinct(name, names))
        self._of(tuple(names)).add(tf.stack([main, *terms]), loss.rows)

    def _of(self, names: tuple[str, ...]) -> RunningMeans:
        if names not in self._means:
            self._means[names] = RunningMeans(names)
        return self._means[names]


def has_output_losses(model: keras.Model) -> bool:
    """True if the model has several outputs, each with a loss of its own."""
    return len(getattr(model, "output_names", None) or ()) > 1


def output_losses(model: keras.Model, results: Mapping[str, float]) -> dict[str, float]:
    """The main loss by output, before `loss_weights`, for a model of several; from the values of its metrics."""
    if not has_output_losses(model):
        return {}
    return {
        f"{MAIN}/{name}": results[f"{name}_loss"] for name in model.output_names if f"{name}_loss" in results
    }


def _scalar(value: tf.Tensor) -> tf.Tensor:
    return tf.reduce_sum(tf.cast(value, tf.float32))
