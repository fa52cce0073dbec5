"""The hooks that a plugin may implement: one for each kind of entry.

A plugin is a light module (it must not import keras) named by an entry point of the group `kwb`. It holds
`KWB_API = 1` and any of these functions, each marked with `@hookimpl`.
"""

from __future__ import annotations

import pluggy

from workbench.catalog.entries import Registry

GROUP = "kwb"
API_VERSION = 1

hookspec = pluggy.HookspecMarker(GROUP)
hookimpl = pluggy.HookimplMarker(GROUP)


@hookspec
def kwb_register_layers(registry: Registry) -> None:
    """Offer layers: `keras.Layer` subclasses, or plain functions of tensors (weightless layers)."""


@hookspec
def kwb_register_models(registry: Registry) -> None:
    """Offer models: `keras.Model` subclasses. A model can also be used as a layer."""


@hookspec
def kwb_register_datasets(registry: Registry) -> None:
    """Offer datasets: functions that return a `workbench.data.source.Source`."""


@hookspec
def kwb_register_losses(registry: Registry) -> None:
    """Offer losses: `keras.Loss` subclasses, or functions `(y_true, y_pred) -> loss`."""


@hookspec
def kwb_register_metrics(registry: Registry) -> None:
    """Offer metrics: `keras.Metric` subclasses, or functions `(y_true, y_pred) -> value`."""


@hookspec
def kwb_register_optimizers(registry: Registry) -> None:
    """Offer optimizers: `keras.Optimizer` subclasses."""


@hookspec
def kwb_register_schedules(registry: Registry) -> None:
    """Offer learning-rate schedules: `keras.optimizers.schedules.LearningRateSchedule` subclasses."""


@hookspec
def kwb_register_callbacks(registry: Registry) -> None:
    """Offer callbacks: `keras.callbacks.Callback` subclasses."""


@hookspec
def kwb_register_initializers(registry: Registry) -> None:
    """Offer initializers: `keras.Initializer` subclasses."""


@hookspec
def kwb_register_regularizers(registry: Registry) -> None:
    """Offer regularizers: `keras.Regularizer` subclasses."""


@hookspec
def kwb_register_constraints(registry: Registry) -> None:
    """Offer constraints: `keras.constraints.Constraint` subclasses."""


@hookspec
def kwb_register_recipes(registry: Registry) -> None:
    """Offer recipes: YAML files inside the package, as `package:folder/file.yaml`."""
