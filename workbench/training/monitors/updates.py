"""Measure an optimizer's updates: gradients, how far the weights move, and numbers that are not finite.

All of it is measured at a sample of the steps, inside one branch of the compiled step, right before the update. How
far a step moved the weights is seen at the next: the weights are kept at one step and compared at the one after.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from workbench.storage.layer_paths import labelled_layers, owners
from workbench.training.monitors.nonfinite import CheckedPlace, FirstNonFinite, NonFinite
from workbench.training.monitors.running_means import RunningMeans, taken, variable
from workbench.training.monitors.seen import Seen
from workbench.training.variables import put, value_of

GLOBAL = "global"
SAMPLES = 8  # of an epoch, at least
LONGEST_INTERVAL = 64  # steps
WHOLE = 2**15  # numbers; of a larger weight a part spread evenly over it shows how far it moves


class Updates:
    """Measures gradients, updates and what is not finite.

    Args:
        wanted: which of "gradients", "updates", "nan".
        steps: the steps of an epoch; 0 where it is not known.
        accumulate: batches of one update.
    """

    def __init__(self, wanted: Iterable[str], steps: int, accumulate: int = 1) -> None:
        self._wanted = frozenset(wanted)
        interval = max(1, min(LONGEST_INTERVAL, steps // SAMPLES)) if steps else LONGEST_INTERVAL
        # Of so many batches one ends with an update.
        self._interval = -(-interval // accumulate) * accumulate
        self._compared = accumulate % self._interval
        self._first = tf.constant(0, tf.int64)
        self._step = variable(self._first)
        self._probes: dict[Any, _Probe] = {}
        self._reported = False

    def before_update(
        self, seen: Seen, optimizer: Any, gradients: Sequence[Any], weights: Sequence[Any]
    ) -> None:
        """Measure, if it is the time. Called before an optimizer moves the weights."""
        owner = owners(labelled_layers(seen.model))  # again: a layer may have been built in this step
        by_layer: dict[str, list[int]] = {}
        for index, weight in enumerate(weights):
            by_layer.setdefault(owner.get(id(weight), seen.model.name), []).append(index)
        scale = optimizer.scale_loss(1.0)  # what the loss was multiplied with, in mixed precision
        # That optimizer skips steps whose gradient is not finite.
        skips = isinstance(optimizer, keras.optimizers.LossScaleOptimizer)
        self._measure(seen, by_layer, gradients, weights, scale, skips=skips)

    def step_ends(self, seen: Seen) -> str:
        """Count a step.

        Returns:
            What cannot be had of this model, in words for the user; empty where all can.
        """
        left_out = ""
        if seen.updates == 0:
            if "nan" in self._wanted:
                self._measure(seen, {}, [], [], 1.0, skips=False)
            if missing := [name for name in ("gradients", "updates") if name in self._wanted]:
                left_out = (
                    f"{' and '.join(missing)} cannot be shown: the model's train_step does not call `apply` or "
                    "`apply_gradients` of an optimizer that the model holds"
                )
        self._step.assign_add(1)
        return left_out

    def read(self) -> dict[str, dict[str, float]]:
        """Gradients and updates since the last reading."""
        found = {}
        if "gradients" in self._wanted:
            found["gradients"] = taken(probe.gradients for probe in self._probes.values())
        if "updates" in self._wanted:
            for probe in self._probes.values():
                probe.finish()
            found["updates"] = taken(probe.updates for probe in self._probes.values())
        return found

    def read_error(self) -> FirstNonFinite | None:
        """The first place that was not finite; given once."""
        errors = [error for probe in self._probes.values() if (error := probe.nonfinite.error())]
        if self._reported or not errors:
            return None
        self._reported = True
        return min(errors, key=lambda error: error.step)

    def reset(self) -> None:
        """Begin a new epoch."""
        put(self._step, self._first)

    def _measure(
        self,
        seen: Seen,
        by_layer: dict[str, list[int]],
        gradients: Sequence[Any],
        weights: Sequence[Any],
        scale: Any,
        *,
        skips: bool,
    ) -> None:
        places, tensors = _places(seen, by_layer, weights, [] if skips else gradients)
        key = (
            seen.updates,
            tuple(by_layer),
            tuple(gradient is None for gradient in gradients),
            tuple(places),
        )
        if key not in self._probes:
            self._probes[key] = _Probe(by_layer, gradients, weights, places)
        probe = self._probes[key]
        compares = "updates" in self._wanted and bool(weights)

        def measure() -> None:
            position = self._step % self._interval
            sampled = tf.equal(position, 0)
            if compares:
                _when(tf.equal(position, self._compared), probe.compare)
                _when(sampled, probe.keep)
            if "gradients" in self._wanted:
                _when(sampled, lambda: probe.measure_gradients(gradients, scale, skips=skips))
            if "nan" in self._wanted:
                probe.nonfinite.check(tensors, self._step)

        if self._interval == 1:
            measure()
            return
        due = tf.equal(self._step % self._interval, 0)
        if compares:
            due = tf.logical_or(due, tf.equal(self._step % self._interval, self._compared))
        if "nan" in self._wanted and seen.losses:
            due = tf.logical_or(due, ~tf.math.is_finite(tf.reduce_sum(seen.losses[-1].total)))
        _when(due, _one_call(measure))


class _Probe:
    """The variables of one update: each trace of a step has one for every time it calls an optimizer."""

    def __init__(
        self,
        by_layer: dict[str, list[int]],
        gradients: Sequence[Any],
        weights: Sequence[Any],
        places: Sequence[CheckedPlace],
    ) -> None:
        # Those of one layer stand side by side.
        self._weights = [weights[index] for indices in by_layer.values() for index in indices]
        self._sizes = [sum(_part_size(weights[index]) for index in indices) for indices in by_layer.values()]
        with_gradient = [
            path
            for path, indices in by_layer.items()
            if any(gradients[index] is not None for index in indices)
        ]
        self._layer_of = {
            index: with_gradient.index(path)
            for path, indices in by_layer.items()
            for index in indices
            if gradients[index] is not None
        }
        self.gradients = RunningMeans((GLOBAL, *with_gradient))
        self.updates = RunningMeans(tuple(by_layer))
        self.nonfinite = NonFinite(places)
        self._kept = variable(np.zeros(sum(self._sizes), np.float32))
        self._armed = variable(np.float32(0.0))

    def measure_gradients(self, gradients: Sequence[Any], scale: Any, *, skips: bool) -> None:
        """Count the norm of the gradient of each layer, and of all. An optimizer that skips the steps whose gradient
        is not finite has them left out."""
        if not self._layer_of:
            return
        squares = tf.stack([_square_sum(tf.convert_to_tensor(gradients[index])) for index in self._layer_of])
        layers = tf.constant(list(self._layer_of.values()))
        by_layer = tf.math.unsorted_segment_sum(squares, layers, len(self.gradients.names) - 1)
        norms = tf.sqrt(tf.concat([[tf.reduce_sum(squares)], by_layer], 0)) / tf.cast(scale, tf.float32)
        if skips:
            counted = tf.math.is_finite(norms[0])
            self.gradients.add(tf.where(counted, norms, 0.0), tf.cast(counted, tf.float32))
        else:
            self.gradients.add(norms)

    def keep(self) -> None:
        """Keep the weights, to compare with those of the next step."""
        self._kept.assign(self._parts())
        self._armed.assign(1.0)

    def compare(self) -> None:
        """Count how far the weights have moved since they were kept, if they were."""
        before = tf.convert_to_tensor(self._kept)
        ratios = tf.sqrt(
            tf.math.divide_no_nan(self._by_layer(self._parts() - before), self._by_layer(before))
        )
        armed = tf.convert_to_tensor(self._armed)
        self.updates.add(tf.where(armed > 0, ratios, 0.0), armed)
        self._armed.assign(0.0)

    def finish(self) -> None:
        """Count the update of the last step of an epoch, if its weights were kept."""
        if value_of(self._armed) > 0:
            self.compare()

    def _parts(self) -> tf.Tensor:
        return tf.concat([_part(weight) for weight in self._weights], 0)

    def _by_layer(self, parts: tf.Tensor) -> tf.Tensor:
        """The sum of the squares for each layer."""
        return tf.stack([_square_sum(part) for part in tf.split(parts, self._sizes)])


def _places(
    seen: Seen, by_layer: dict[str, list[int]], weights: Sequence[Any], gradients: Sequence[Any]
) -> tuple[list[CheckedPlace], list[Any]]:
    """What is checked, each with its tensor."""
    found: list[tuple[CheckedPlace, Any]] = [
        (CheckedPlace("output", output.name), output.value) for output in seen.outputs
    ]
    for loss in seen.losses[-1:]:
        found += [(CheckedPlace("input"), value) for value in loss.inputs if value.dtype.is_floating]
        found += [(CheckedPlace("target"), value) for value in loss.targets if value.dtype.is_floating]
        found.append((CheckedPlace("loss"), loss.total))
    for path, indices in by_layer.items():
        found += [(CheckedPlace("weights", path), weights[index]) for index in indices]
        found += [
            (CheckedPlace("gradient", path), gradients[index])
            for index in indices
            if gradients and gradients[index] is not None
        ]
    return [place for place, _ in found], [value for _, value in found]


def _when(condition: tf.Tensor, action: Callable[[], None]) -> None:
    """Do it if the condition holds, which is known when the step runs."""

    def done() -> tf.Tensor:
        action()
        return tf.constant(0)

    tf.cond(condition, done, lambda: tf.constant(0))


def _one_call(action: Callable[[], None]) -> Callable[[], None]:
    """The action as one call of a function. In a branch not taken TensorFlow still visits every operation: so it
    visits one."""
    if tf.executing_eagerly():
        return action
    return tf.function(action, autograph=False, experimental_attributes={"_noinline": True})


def _square_sum(tensor: tf.Tensor) -> tf.Tensor:
    return 2.0 * tf.nn.l2_loss(tf.cast(tensor, tf.float32))


def _part(weight: Any) -> tf.Tensor:
    """The numbers of a weight, flat and as float32; of a large one every so-many-th, scaled to the norm of all."""
    flat = tf.reshape(tf.convert_to_tensor(weight), [-1])
    if _stride(weight) > 1:
        flat = flat[:: _stride(weight)] * math.sqrt(math.prod(weight.shape) / _part_size(weight))
    return tf.cast(flat, tf.float32)


def _part_size(weight: Any) -> int:
    return -(-math.prod(weight.shape) // _stride(weight))


def _stride(weight: Any) -> int:
    """Shares no factor with the last axis, so that every unit has its part."""
    stride = max(1, -(-math.prod(weight.shape) // WHOLE))
    while stride > 1 and math.gcd(stride, weight.shape[-1]) > 1:
        stride += 1
    return stride
