"""Check that a saved file loads as the same model: weights by path, optimizer, arguments, predictions.

Keras saves some models without an error and loads different ones: a `get_config` that forgets an argument
reloads with its default, layers in attributes that Keras does not track are not saved, weights of a layer that is
built only in training are dropped. So a file is reloaded and compared before it replaces another.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import starmap
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from workbench.errors import FileError
from workbench.storage import draws, layer_paths, structure
from workbench.storage.arguments import LostArgument, code_of_config, likely_lost, lost_arguments

Arrays = list[np.ndarray]


def compare(model: Any, reloaded: Any, probe: Any = None) -> tuple[str, ...]:
    """Compare a model with the one loaded from its file.

    Args:
        probe: a batch of inputs; with it predictions are compared too. The model's state is put back.

    Returns:
        What a reload does not bring back without being an error of the file.

    Raises:
        FileError: the first difference, naming the weight or the argument.
    """
    lost = _lost_arguments(model, reloaded)
    _compare_variables(layer_paths.weights_by_path(model), layer_paths.weights_by_path(reloaded), lost)
    _compare_variables(layer_paths.state_by_path(model), layer_paths.state_by_path(reloaded), lost)
    found = _compare_compiled(model, reloaded)
    hidden = list(structure.untracked(model))
    if probe is not None:
        found += _compare_predictions(model, reloaded, probe, lost)
    if lost and (probe is None or not _same_training(model, reloaded, probe)):
        raise _loses(lost[0])
    found += [
        f"{argument.reason}; nothing that was compared depends on it"
        for argument in lost
        if not argument.replaced
    ]
    if hidden:
        found.append(structure.not_seen(hidden))
    return tuple(found)


def compare_weights(model: Any, again: Any, probe: Any = None) -> tuple[str, ...]:
    """Compare a model with one that was built again and given its weights.

    Args:
        probe: as in `compare`.

    Returns:
        Warnings.

    Raises:
        FileError: the first difference.
    """
    _compare_variables(layer_paths.weights_by_path(model), layer_paths.weights_by_path(again), [])
    found = [] if probe is None else _compare_predictions(model, again, probe, [])
    if hidden := list(structure.untracked(model)):
        found.append(structure.not_seen(hidden))
    return tuple(found)


def explain(error: FileError, model: Any) -> FileError:
    """The error of a file that does not reload, with its likely cause in the model's classes."""
    for path, layer in layer_paths.layers_by_path(model).items():
        for argument in likely_lost(layer, path):
            return FileError(
                f"would not give the model back: {argument.reason} ({argument.value!r}). ({error.what})",
                hint=error.hint or argument.hint,
            )
    return error


def missing_config(model: Any) -> str:
    """What to add to the first class of a model that cannot say how its layers were made; empty where all can."""
    codes = map(code_of_config, layer_paths.layers_by_path(model).values())
    return next(filter(None, codes), "")


def _lost_arguments(model: Any, reloaded: Any) -> list[LostArgument]:
    again = layer_paths.layers_by_path(reloaded)
    return [
        argument
        for path, layer in layer_paths.layers_by_path(model).items()
        if path in again
        for argument in lost_arguments(layer, again[path], path)
    ]


def _loses(argument: LostArgument) -> FileError:
    return FileError(
        f"would not give the model back: {argument.reason} ({argument.value!r} in the model, {argument.again!r} "
        "after reloading).",
        hint=argument.hint,
    )


def _compare_variables(saved: dict[str, Any], again: dict[str, Any], lost: list[LostArgument]) -> None:
    """
    Args:
        lost: the arguments that were lost: the likely reason for a difference.
    """
    try:
        _refuse_other_variables(saved, again)
    except FileError as error:
        raise (_loses(lost[0]) if lost else error) from None


def _refuse_other_variables(saved: dict[str, Any], again: dict[str, Any]) -> None:
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


def _compare_predictions(model: Any, reloaded: Any, probe: Any, lost: list[LostArgument]) -> list[str]:
    """
    Returns:
        A warning where a model draws random numbers that no seed repeats, so that there is nothing to compare.
    """
    mine = _outputs(model, probe)
    if _all_close(mine, _outputs(reloaded, probe)):
        return []
    if not _all_close(mine, _outputs(model, probe)):
        return ["it draws random numbers that no seed repeats: only weights and arguments were compared"]
    if lost:
        raise _loses(lost[0])
    hidden = list(structure.untracked(model))
    raise FileError(
        "would not give the model back: its predictions differ after reloading, with all weights equal.",
        hint=_hidden_hint(hidden) if hidden else "A layer keeps something that its get_config leaves out.",
    )


def _hidden_hint(hidden: Sequence[tuple[str, Any]]) -> str:
    named = ", ".join(starmap(structure.hidden_text, hidden))
    return f"Keras does not see {named}. {structure.hidden_hint([item for _, item in hidden])}"


def _same_training(model: Any, reloaded: Any, probe: Any) -> bool:
    """True if a step of training finds the same outputs, losses, gradients and new states of layers in both."""
    try:
        return _all_close(_training(model, probe), _training(reloaded, probe))
    except Exception:  # the model's own code, called in a way that it may not know
        return False


def _outputs(model: Any, probe: Any) -> Arrays:
    """The predictions, from the same random state each time and with the model's own state put back."""
    return _called(model, lambda: keras.tree.flatten(model(probe, training=False)))


def _training(model: Any, probe: Any) -> Arrays:
    def step() -> list[Any]:
        weights = [weight.value for weight in model.trainable_weights]
        inputs = keras.tree.map_structure(tf.convert_to_tensor, probe)
        sources = [each for each in keras.tree.flatten(inputs) if each.dtype.is_floating]
        with tf.GradientTape() as tape:
            tape.watch(sources)
            outputs = keras.tree.flatten(model(inputs, training=True))
            terms = [tf.reduce_sum(tf.square(tf.cast(each, "float32") + 0.5)) for each in outputs]
            losses = [tf.cast(each, "float32") for each in model.losses]
            total = tf.add_n([*terms, *map(tf.reduce_sum, losses)])
        gradients = tape.gradient(total, [*weights, *sources], unconnected_gradients="zero")
        dense = [tf.convert_to_tensor(each) for each in gradients]
        return [*outputs, *losses, *dense, *(variable.value for variable in model.non_trainable_variables)]

    return _called(model, step)


def _called(model: Any, call: Any) -> Arrays:
    states = structure.states(model)
    moving = [*model.non_trainable_variables, *model.metrics_variables, *states]
    before = [structure.value_of(variable) for variable in moving]
    for state in states:
        state.assign(np.zeros(state.shape))  # what is remembered of the batch before is not in the file
    try:
        with draws.repeated():
            return [structure.value_of(each) for each in call()]
    finally:
        for variable, value in zip(moving, before, strict=True):
            variable.assign(value)


def _all_close(mine: Arrays, its: Arrays) -> bool:
    return len(mine) == len(its) and all(map(_close, mine, its))


def _close(a: np.ndarray, b: np.ndarray) -> bool:
    if a.dtype.kind not in "fc":
        return a.shape == b.shape and bool(np.array_equal(a, b))
    return a.shape == b.shape and bool(np.allclose(a, b, rtol=1e-5, atol=1e-6, equal_nan=True))


def _same_bytes(mine: Any, its: Any) -> bool:
    a, b = structure.value_of(mine), structure.value_of(its)
    return np.ascontiguousarray(a).tobytes() == np.ascontiguousarray(b).tobytes()
