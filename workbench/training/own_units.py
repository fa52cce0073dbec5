"""Metrics of scaled targets in the targets' own units.

What a metric gets is unscaled on its way to it, inside the step, whatever engine runs that: so the metric itself, its
name and how it is saved stay Keras' own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import tensorflow as tf

from workbench.data.cells.target_scaling import TargetScale, of_outputs
from workbench.data.preparation import Preparation
from workbench.keras_private import compiled_metrics
from workbench.training.engines.programs import Step
from workbench.training.monitors.seen import attribute


@dataclass(frozen=True)
class OwnUnits:
    """Undoes the scaling of targets, in the form of a model's outputs.

    Attributes:
        model: the model, compiled.
        outputs: the names of its outputs in their order.
        scales: of each output that learns a scaled target.
    """

    model: Any
    outputs: Sequence[str]
    scales: Mapping[str, TargetScale]

    @classmethod
    def of(cls, model: Any, outputs: Sequence[str], preparation: Preparation | None) -> OwnUnits:
        """Of a model that was trained on data prepared so; None where that is not known."""
        if preparation is None:
            return cls(model, outputs, {})
        scales = of_outputs(preparation.scales(), len(preparation.targets), outputs)
        return cls(model, outputs, scales)

    def wrap_step(self, step: Step) -> Step:
        """A `train_step` or `test_step` whose compiled metrics get numbers in their own units."""
        if not self.scales:
            return step

        def in_own_units(data: Any) -> Any:
            metrics = compiled_metrics(self.model)
            if metrics is None:
                return step(data)
            update = metrics.update_state

            def update_state(y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
                return update(*self._both(y_true, y_pred), sample_weight=sample_weight)

            with attribute(metrics, "update_state", update_state):
                return step(data)

        return in_own_units

    def _both(self, true: Any, predicted: Any) -> tuple[Any, Any]:
        """The targets and the predictions of a batch, each as one tensor, or by name, or in the outputs' order."""
        if isinstance(true, Mapping) and isinstance(predicted, Mapping):
            pairs = {
                name: self._pair(name, value, predicted[name]) if name in predicted else (value, None)
                for name, value in true.items()
            }
            new = {name: pair[1] for name, pair in pairs.items() if pair[1] is not None}
            return {name: pair[0] for name, pair in pairs.items()}, {**predicted, **new}
        if isinstance(true, list | tuple) and isinstance(predicted, list | tuple):
            found = [
                self._pair(name, one, other)
                for name, one, other in zip(self.outputs, true, predicted, strict=True)
            ]
            return type(true)(pair[0] for pair in found), type(predicted)(pair[1] for pair in found)
        if isinstance(predicted, Mapping | list | tuple) or isinstance(true, Mapping | list | tuple):
            return true, predicted
        return self._pair(self.outputs[0], true, predicted)

    def _pair(self, name: str, true: Any, predicted: Any) -> tuple[Any, Any]:
        scale = self.scales.get(name)
        if scale is None or not (scale.fits(tuple(true.shape)) and scale.fits(tuple(predicted.shape))):
            return true, predicted
        return _in_own_units(scale, true), _in_own_units(scale, predicted)


def _in_own_units(scale: TargetScale, values: Any) -> Any:
    factor, center = (tf.constant(numbers, tf.float32) for numbers in (scale.factor, scale.center))
    own = tf.cast(values, tf.float32) * factor + center
    return tf.exp(own) if scale.kind == "log" else own
