"""Checks of saving and reloading, by the code that saves and reloads every model."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from workbench.catalog import Kind
from workbench.catalog.resolve import Resolver
from workbench.check.placing import functional_model
from workbench.check.results import CheckFailed
from workbench.check.subject import CheckedEntry
from workbench.errors import FileError
from workbench.storage import formats, layer_paths, structure


def saves_keras(subject: CheckedEntry) -> str:
    return _saves(subject, ".keras")


def saves_h5(subject: CheckedEntry) -> str:
    return _saves(subject, ".h5")


def saves_weights_h5(subject: CheckedEntry) -> str:
    return _saves(subject, ".weights.h5")


def _saves(subject: CheckedEntry, extension: str) -> str:
    model, call = _model(subject)
    _move_weights(model)
    expected = call(model)
    with tempfile.TemporaryDirectory(prefix="kwb-") as folder:
        path = Path(folder) / f"model{extension}"
        try:
            # Weights by path, arguments and outputs are compared in there.
            saved = formats.save(model, path, {}, resolver=Resolver(subject.catalog), probe=_probe(subject))
            if extension == ".weights.h5":
                again, _ = _model(subject)
                formats.load_weights(again, path)
            else:
                again = formats.load(path, Resolver(subject.catalog)).model
        except FileError as error:
            raise CheckFailed(error.what.replace(str(path), path.name), hint=error.hint) from error
    for (name, mine), its in zip(
        layer_paths.weights_by_path(model).items(), layer_paths.weights_by_path(again).values(), strict=True
    ):
        if not np.array_equal(structure.value_of(mine), structure.value_of(its)):
            raise CheckFailed(f"the weight '{name}' has other values after reloading.")
    for mine, its in zip(expected, call(again), strict=True):
        if not np.allclose(mine, its, rtol=1e-5, atol=1e-6, equal_nan=True):
            raise CheckFailed("its outputs differ after reloading, with all weights equal.")
    return "; ".join(saved.warnings)


def _model(subject: CheckedEntry) -> tuple[Any, Any]:
    """A new built model of the entry, and how it is called: a model as it is, a layer in a functional one."""
    layer = subject.make()
    if subject.entry.kind is Kind.MODEL and _calls_with_one(subject):
        layer(*subject.inputs.arguments)
        return layer, lambda model: subject.outputs(model)
    return functional_model(subject, layer), lambda model: subject.outputs(model, _probe(subject))


def _calls_with_one(subject: CheckedEntry) -> bool:
    """True if a call has one argument, with all the tensors in it."""
    return len(subject.inputs.arguments) == 1


def _probe(subject: CheckedEntry) -> Any:
    """The batch in the form for a functional model, and for a model class with one argument."""
    tensors = list(subject.inputs.tensors)
    if subject.entry.kind is Kind.MODEL and _calls_with_one(subject):
        return subject.inputs.packed(tensors)[0]
    return tensors[0] if len(tensors) == 1 else tensors


def _move_weights(model: Any) -> None:
    """Other values than those that a new instance begins with: zeros would hide that they did not come back."""
    random = np.random.default_rng(1)
    for weight in model.weights:
        value = structure.value_of(weight)
        if value.dtype.kind == "f":
            weight.assign(value + random.uniform(0.01, 0.05, value.shape).astype(value.dtype))


CHECKS = {
    "saves_keras": saves_keras,
    "saves_h5": saves_h5,
    "saves_weights_h5": saves_weights_h5,
}
