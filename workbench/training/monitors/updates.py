"""What is measured where an optimizer moves the weights: gradients, how far weights move, what is not finite.

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

from workbench.training.monitors.layers import layer_paths, owners
from workbench.training.monitors.means import Means, merged, variable
from workbench.training.monitors.nonfinite import Fault, NonFinite, Place
from workbench.training.monitors.seen import Seen

GLOBAL = "global"
SAMPLES = 16  # of an epoch, at least
LONGEST_INTERVAL = 32  # steps
WHOLE = 2**15  # numbers; of a larger weight a part spread evenly over it shows how far it moves


class Updates:
    """Measures gradients, updates and what is not finite.

    Args:
        wanted: which of "gradients", "updates", "nan".
        steps: the steps of an epoch; 0 where it is not known.
    """

    def __init__(self, wanted: Iterable[str], steps: int) -> None:
        self._wanted = frozenset(wanted)
        self._interval = max(1, min(LONGEST_INTERVAL, steps // SAMPLES)) if steps else LONGEST_INTERVAL
        self._step = variable(np.int64(0))
        self._probes: dict[Any, _Probe] = {}
        self._told = False

    def before_update(
        self, seen: Seen, optimizer: Any, gradients: Sequence[Any], weights: Sequence[Any]
    ) -> None:
        """Measure, if it is the time. Called before an optimizer moves the weights."""
        owner = owners(layer_paths(seen.model))  # anew: a layer may have been built in this step
        by_layer: dict[str, list[int]] = {}
        for index, weight in enumerate(weights):
            by_layer.setdefault(owner.get(id(weight), seen.model.name), []).append(index)
        scale = optimizer.scale_loss(1.0)  # what the loss was multiplied with, in mixed precision
        skips = isinstance(
            optimizer, keras.optimizers.LossScaleOptimizer
        )  # steps whose gradient is not finite
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
        for probe in self._probes.values():
            probe.finish()
        found = {
            "gradients": merged(probe.gradients for probe in self._probes.values()),
            "updates": merged(probe.updates for probe in self._probes.values()),
        }
        for probe in self._probes.values():
            probe.reset()
        return {name: found[name] for name in found if name in self._wanted}

    def read_fault(self) -> Fault | None:
        """The first place that was not finite; given once."""
        faults = [fault for probe in self._probes.values() if (fault := probe.nonfinite.fault())]
        if self._told or not faults:
            return None
        self._told = True
        return min(faults, key=lambda fault: fault.step)

    def reset(self) -> None:
        """Begin a new epoch."""
        self._step.assign(0)

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
        with_gradient = {
            path: [index for index in indices if gradients[index] is not None]
            for path, indices in by_layer.items()
        }
        names = tuple(path for path, indices in with_gradient.items() if indices)
        key = (seen.updates, names, tuple(by_layer), tuple(places))
        if key not in self._probes:
            self._probes[key] = _Probe(names, by_layer, weights, places, self._wanted)
        probe = self._probes[key]
        position = self._step % self._interval
        every = self._interval == 1
        loss_is_bad: Any = False
        if "nan" in self._wanted and seen.losses:
            finite = tf.math.is_finite(tf.reduce_sum(seen.losses[-1].total))
            loss_is_bad = tf.logical_and(~finite, probe.nonfinite.nothing_found)
        sampled: Any = True if every else tf.equal(position, 0)
        after: Any = True if every else tf.equal(position, 1)

        def measure() -> None:
            if "updates" in self._wanted:
                _when(after, probe.compare)
                _when(sampled, probe.keep)
            if "gradients" in self._wanted:
                groups = [[gradients[index] for index in with_gradient[path]] for path in names]
                _when(sampled, lambda: probe.measure_gradients(groups, scale, skips=skips))
            if "nan" in self._wanted:
                due = True if every else tf.logical_or(sampled, loss_is_bad)
                _when(due, lambda: probe.nonfinite.check([_dense(t) for t in tensors], self._step))

        if every:
            measure()
        else:
            due = sampled
            if "updates" in self._wanted:
                due = tf.logical_or(due, after)
            _when(tf.logical_or(due, loss_is_bad), _one_call(measure))


class _Probe:
    """The variables of one update: each trace of a step has one for every time it calls an optimizer."""

    def __init__(
        self,
        names: Sequence[str],
        by_layer: dict[str, list[int]],
        weights: Sequence[Any],
        places: Sequence[Place],
        wanted: frozenset[str],
    ) -> None:
        self._weights = list(weights) if "updates" in wanted else []
        self._by_layer = by_layer if "updates" in wanted else {}
        self.gradients = Means((GLOBAL, *names) if names and "gradients" in wanted else ())
        self.updates = Means(tuple(self._by_layer))
        self.nonfinite = NonFinite(places if "nan" in wanted else ())
        sizes = [_part_size(weight) for weight in self._weights]
        self._borders = np.cumsum([0, *sizes]).tolist()
        self._kept = variable(np.zeros(self._borders[-1], np.float32))
        self._armed = variable(np.float32(0.0))

    def measure_gradients(self, groups: Sequence[Sequence[Any]], scale: Any, *, skips: bool) -> None:
        """Count the norm of the gradient of each layer, and of all. An optimizer that skips the steps whose gradient
        is not finite has them left out."""
        if groups:
            scale = tf.cast(scale, tf.float32)
            squares = [tf.add_n([_square_sum(_dense(g)) for g in group]) for group in groups]
            squares.insert(0, tf.add_n(squares))
            counted = tf.math.is_finite(squares[0]) if skips else tf.constant(True)
            norms = [tf.where(counted, tf.sqrt(square) / scale, 0.0) for square in squares]
            self.gradients.add(norms, tf.cast(counted, tf.float32))

    def keep(self) -> None:
        """Keep the weights, to compare with those of the next step."""
        if self._weights:
            self._kept.assign(tf.concat([_part(weight) for weight in self._weights], 0))
            self._armed.assign(1.0)

    def compare(self) -> None:
        """Count how far the weights have moved since they were kept, if they were."""
        if not self._weights:
            return
        kept = tf.convert_to_tensor(self._kept)
        ratios = []
        for indices in self._by_layer.values():
            moved, before = [], []
            for index in indices:
                weight = self._weights[index]
                old = kept[self._borders[index] : self._borders[index + 1]]
                share = math.prod(weight.shape) / max(1, _part_size(weight))
                moved.append(_square_sum(_part(weight) - old) * share)
                before.append(_square_sum(old) * share)
            ratio = tf.sqrt(tf.math.divide_no_nan(tf.add_n(moved), tf.add_n(before)))
            ratios.append(tf.where(self._armed > 0, ratio, 0.0))
        self.updates.add(ratios, tf.convert_to_tensor(self._armed))
        self._armed.assign(0.0)

    def finish(self) -> None:
        """Count the update of the last step of an epoch, if its weights were kept."""
        if self._armed.numpy() > 0:
            self.compare()

    def reset(self) -> None:
        self.gradients.reset()
        self.updates.reset()


def _places(
    seen: Seen, by_layer: dict[str, list[int]], weights: Sequence[Any], gradients: Sequence[Any]
) -> tuple[list[Place], list[Any]]:
    """What is checked, each with its tensor."""
    found: list[tuple[Place, Any]] = [(Place("output", output.name), output.value) for output in seen.outputs]
    for loss in seen.losses[-1:]:
        found += [(Place("input"), value) for value in loss.inputs if value.dtype.is_floating]
        found += [(Place("target"), value) for value in loss.targets if value.dtype.is_floating]
        found.append((Place("loss"), loss.total))
    for path, indices in by_layer.items():
        found += [(Place("weights", path), weights[index]) for index in indices]
        found += [
            (Place("gradient", path), gradients[index])
            for index in indices
            if gradients and gradients[index] is not None
        ]
    return [place for place, _ in found], [value for _, value in found]


def _when(condition: Any, action: Callable[[], None]) -> None:
    """Do it if the condition holds, which may be known only when the step runs."""
    if condition is True:
        action()
        return

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


def _dense(tensor: Any) -> tf.Tensor:
    return tf.convert_to_tensor(tensor)


def _square_sum(tensor: tf.Tensor) -> tf.Tensor:
    return 2.0 * tf.nn.l2_loss(tf.cast(tensor, tf.float32))


def _part(weight: Any) -> tf.Tensor:
    """The numbers of a weight, or of a large one every so-many-th, flat and as float32."""
    return tf.cast(tf.reshape(tf.convert_to_tensor(weight), [-1])[:: _stride(weight)], tf.float32)


def _part_size(weight: Any) -> int:
    return -(-math.prod(weight.shape) // _stride(weight))


def _stride(weight: Any) -> int:
    """Shares no factor with the last axis, so that every unit has its part."""
    stride = max(1, -(-math.prod(weight.shape) // WHOLE))
    while stride > 1 and math.gcd(stride, weight.shape[-1]) > 1:
        stride += 1
    return stride
