"""Check that a saved file loads as the same model: weights by path, optimizer, arguments, predictions.

Keras saves some models without an error and loads different ones: a `get_config` that forgets an argument
reloads with its default, layers in attributes that Keras does not track are not saved, weights of a layer that is
built only in training are dropped. So a file is reloaded and compared before it replaces another.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

from workbench.errors import FileError
from workbench.storage import layer_paths, structure

_PLAIN = (str, int, float, bool, type(None))
_OF_EVERY_LAYER = frozenset({"name", "dtype", "trainable", "autocast", "activity_regularizer", "input_shape"})
_ABSENT = object()  # no plain value, nothing to compare
_NOTHING = object()  # no value at all: the class cannot be made again


def compare(model: Any, reloaded: Any, probe: Any = None) -> tuple[str, ...]:
    """Compare a model with the one loaded from its file.

    Args:
        probe: a batch of inputs; with it predictions are compared too. The model's state is put back.

    Returns:
        What a reload does not bring back without being an error of the file.

    Raises:
        FileError: the first difference, naming the weight or the argument.
    """
    _compare_arguments(model, reloaded)
    _compare_variables(layer_paths.weights_by_path(model), layer_paths.weights_by_path(reloaded))
    _compare_variables(layer_paths.state_by_path(model), layer_paths.state_by_path(reloaded))
    found = _compare_compiled(model, reloaded)
    untracked = list(structure.untracked(model))
    hidden = [structure.hidden_text(path, item) for path, item in untracked]
    if probe is not None and not _same_predictions(model, reloaded, probe):
        raise FileError(
            "would not give the model back: its predictions differ after reloading, with all weights equal.",
            hint=f"Keras does not see {', '.join(hidden)}. {structure.hidden_hint([each for _, each in untracked])}"
            if hidden
            else "A layer keeps something that its get_config leaves out.",
        )
    if hidden:
        found.append(f"not trained and not saved, for Keras does not see it: {', '.join(hidden)}")
    return tuple(found)


def compare_weights(model: Any, again: Any) -> None:
    """Compare the weights alone.

    Raises:
        FileError: the first difference.
    """
    _compare_variables(layer_paths.weights_by_path(model), layer_paths.weights_by_path(again))


def explain(error: FileError, model: Any) -> FileError:
    """The error of a file that does not reload, with its likely cause in the model's classes."""
    for path, layer in layer_paths.layers_by_path(model).items():
        for name in _parameters(layer):
            value, given = _argument(layer, name), _given_back(layer, name)
            if value is not _ABSENT and given is not _ABSENT and not _same(value, given):
                return FileError(
                    f"would not give the model back: {_forgets(layer, name, path)} ({value!r}). ({error.what})",
                    hint=error.hint or _config_hint(name),
                )
    return error


def _compare_arguments(model: Any, reloaded: Any) -> None:
    again = layer_paths.layers_by_path(reloaded)
    for path, layer in layer_paths.layers_by_path(model).items():
        other = again.get(path)
        if other is None:
            continue
        given = _config(layer)
        for name in _parameters(layer):
            mine, its = _argument(layer, name), _argument(other, name)
            if mine is _ABSENT or its is _ABSENT or _same(mine, its):
                continue
            reason = (
                _forgets(layer, name, path)
                if name not in given
                else f"{_label(layer, path)}: the argument '{name}' does not come back"
            )
            raise FileError(
                f"would not give the model back: {reason} ({mine!r} in the model, {its!r} after reloading).",
                hint=_config_hint(name),
            )


def _compare_variables(saved: dict[str, Any], again: dict[str, Any]) -> None:
    for path, variable in saved.items():
        layer = path.rpartition("/")[0] or "the model itself"
        if path not in again:
            raise FileError(
                f"would not give the model back: the weight '{path}' is lost, for a reloaded model does not "
                f"build '{layer}'.",
                hint="Build every layer in build() or __init__, also one that is used only in training.",
            )
        if tuple(variable.shape) != tuple(again[path].shape) or variable.dtype != again[path].dtype:
            raise FileError(
                f"would not give the model back: the weight '{path}' has shape {tuple(variable.shape)} "
                f"({variable.dtype}) in the model and {tuple(again[path].shape)} ({again[path].dtype}) after "
                "reloading."
            )
        if not _same_bytes(variable, again[path]):
            raise FileError(
                f"would not give the model back: the weight '{path}' has other values after reloading."
            )
    for path in again:
        if path not in saved:
            raise FileError(
                f"would not give the model back: after reloading there is a weight '{path}', which the model "
                "does not have."
            )


def _compare_compiled(model: Any, reloaded: Any) -> list[str]:
    if not model.compiled or model.optimizer is None:
        return []
    if not reloaded.compiled or reloaded.optimizer is None:
        if type(model).compile is not keras.Model.compile:
            return []  # which the loader has reported
        return ["reloads uncompiled: optimizer, loss and metrics must be given again"]
    mine, its = structure.optimizer_variables(model), structure.optimizer_variables(reloaded)
    if [tuple(v.shape) for v in mine] != [tuple(v.shape) for v in its]:
        raise FileError(
            f"would not give the model back: its optimizer has {len(mine)} variables in the model and "
            f"{len(its)} after reloading."
        )
    for variable, other in zip(mine, its, strict=True):
        if not _same_bytes(variable, other):
            raise FileError(
                f"would not give the model back: the optimizer's '{variable.path}' has another value after "
                "reloading."
            )
    return []


def _same_predictions(model: Any, reloaded: Any, probe: Any) -> bool:
    moving = model.non_trainable_variables + model.metrics_variables + structure.states(model)
    before = [structure.value_of(variable) for variable in moving]
    for state in structure.states(model) + structure.states(reloaded):
        state.assign(np.zeros(state.shape))  # what is remembered of the batch before is not in the file
    try:
        mine = keras.tree.flatten(model(probe, training=False))
    finally:
        for variable, value in zip(moving, before, strict=True):
            variable.assign(value)
    its = keras.tree.flatten(reloaded(probe, training=False))
    return len(mine) == len(its) and all(_close(a, b) for a, b in zip(mine, its, strict=True))


def _close(mine: Any, its: Any) -> bool:
    a, b = structure.value_of(mine), structure.value_of(its)
    return a.shape == b.shape and bool(np.allclose(a, b, rtol=1e-5, atol=1e-6, equal_nan=True))


def _same_bytes(mine: Any, its: Any) -> bool:
    a, b = structure.value_of(mine), structure.value_of(its)
    return np.ascontiguousarray(a).tobytes() == np.ascontiguousarray(b).tobytes()


def _parameters(layer: Any) -> Iterator[str]:
    """The constructor's own arguments; none for a class of Keras."""
    if type(layer).__module__.startswith("keras."):
        return
    for name, parameter in list(inspect.signature(type(layer).__init__).parameters.items())[1:]:
        named = parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
        if named and name not in _OF_EVERY_LAYER:
            yield name


def _config(layer: Any) -> dict[str, Any]:
    try:
        return dict(layer.get_config())
    except Exception:  # Keras raises for a class without one; any other may raise anything
        return {}


def _given_back(layer: Any, name: str) -> Any:
    """The value of a constructor's argument after a reload: that of the configuration, or else the default."""
    value = _config(layer).get(name, _ABSENT)
    if value is _ABSENT:
        default = inspect.signature(type(layer).__init__).parameters[name].default
        return _NOTHING if default is inspect.Parameter.empty else default
    return _plain(value)


def _argument(layer: Any, name: str) -> Any:
    """A plain value that the layer was made with: its attribute of that name, or what Keras noted."""
    value = getattr(layer, name, _ABSENT)
    if value is _ABSENT:
        noted = getattr(layer, "_auto_config", None)
        value = noted.config.get(name, _ABSENT) if noted is not None else _ABSENT
    return _plain(value)


def _plain(value: Any) -> Any:
    value = value.item() if isinstance(value, np.generic) else value
    if isinstance(value, list | tuple) and all(isinstance(item, _PLAIN) for item in value):
        return list(value)
    return value if isinstance(value, _PLAIN) else _ABSENT


def _same(mine: Any, its: Any) -> bool:
    return bool(mine == its) or (mine != mine and its != its)


def _label(layer: Any, path: str) -> str:
    return f"{type(layer).__name__} ('{path}')" if path else type(layer).__name__


def _forgets(layer: Any, name: str, path: str) -> str:
    at = f" ('{path}')" if path else ""
    return f"{type(layer).__name__}.get_config{at} does not give back '{name}'"


def _config_hint(name: str) -> str:
    return f"Let get_config return {{**super().get_config(), '{name}': self.{name}}}."
