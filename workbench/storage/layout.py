"""Find where each weight of a model is in a weight file, and check that a file's weights fit a model."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np

from workbench.errors import FileError
from workbench.storage import archive, container, hdf5, layer_paths, matching, structure
from workbench.storage.matching import FileLayer, Matched


def weight_names(model: Any, saved: Path) -> dict[str, str]:
    """The weight path of each dataset of a file just saved from the model, by the dataset's name.

    Keras' weight tree numbers the weights of a layer. They are found again by the layer's name and their
    values; two of one layer that are equal in shape and value go by their order.
    """
    with container.open_weights(saved) as file:
        found = {path: dataset for dataset, path in _match(model, file).items()}
    return {found[path]: path for path in layer_paths.weights_by_path(model) if path in found}


def layer_table(model: Any) -> list[dict[str, str]]:
    """Path, class and registered name of each layer, for those who look into the file without Keras."""
    table = []
    for path, layer in layer_paths.layers_by_path(model).items():
        registered = keras.saving.get_registered_name(type(layer))
        custom = registered if ">" in registered else ""
        if path:
            table.append({"path": path, "class": type(layer).__name__, "registered": custom})
    return table


@contextmanager
def in_order(model: Any, weights: Path, where: Path) -> Iterator[Matched]:
    """A file in `.weights.h5` layout with each layer's weights where the model has the layer of that name.

    Raises:
        FileError: as `check_fits`.
    """
    with _expected(model) as expected:
        with h5py.File(weights, "r") as file:
            translated = "_layer_checkpoint_dependencies" in file  # before Keras 3.0; Keras itself reads it
        if translated:
            yield Matched(weights)
            return
        with matching.in_order(expected, weights) as matched:
            check_fits(model, expected, matched.path, where)
            yield matched


@contextmanager
def legacy_in_order(model: Any, path: Path) -> Iterator[Matched]:
    """As `in_order`, for a file in the legacy layout."""
    layers = [layer for layer in model.layers if layer.weights]
    kinds = [matching.snake_case(type(layer).__name__) for layer in layers]
    wanted = [
        FileLayer(str(at), layer.name, "", matching.is_numbered(layer.name, kinds[at]))
        for at, layer in enumerate(layers)
    ]
    with matching.legacy_in_order(wanted, path) as matched:
        check_fits_legacy(model, matched.path, path)
        yield matched


@contextmanager
def _expected(model: Any) -> Iterator[Path]:
    """A weight file that the model itself writes."""
    with tempfile.TemporaryDirectory(prefix="kwb-") as folder:
        path = Path(folder) / archive.WEIGHTS
        model.save_weights(path)
        yield path


def check_fits(model: Any, expected: Path, weights: Path, where: Path) -> None:
    """The file in `.weights.h5` layout has just the weights that the model has, in their shapes.

    Args:
        expected: what the model itself writes.

    Raises:
        FileError: naming the first weight that does not fit, with both shapes.
    """
    names, wanted, found = _compare(model, expected, weights)
    order = {path: index for index, path in enumerate(layer_paths.weights_by_path(model))}
    for name in sorted(wanted, key=lambda item: order.get(names.get(item, ""), len(order))):
        label = names.get(name, name)
        if name not in found:
            raise FileError(
                f"has no weight '{label}' {_shape(wanted[name])}, which the model needs.",
                where=str(where),
                hint="The file belongs to a model of another structure.",
            )
        if found[name] != wanted[name]:
            raise _misfit(label, wanted[name], found[name], where)
    for name in found:
        if name not in wanted:
            raise FileError(
                f"has a weight '{name}' {_shape(found[name])}, which the model lacks.",
                where=str(where),
                hint="The file belongs to a model of another structure.",
            )


def unplaced(model: Any, weights: Path) -> list[str]:
    """The datasets of a file in `.weights.h5` layout that the model has no weight for."""
    with _expected(model) as expected:
        _, wanted, found = _compare(model, expected, weights)
    return [name for name in found if name not in wanted]


def check_fits_legacy(model: Any, path: Path, where: Path) -> None:
    """As `check_fits`, for a file in the legacy layout, whose layers go by their order."""
    layers = [layer for layer in model.layers if layer.weights]
    with h5py.File(path, "r") as file:
        group = matching.legacy_group(file)
        stored = [
            (name, hdf5.attribute_names(group[name], "weight_names"))
            for name in hdf5.attribute_names(group, "layer_names")
        ]
        stored = [(name, weights) for name, weights in stored if weights]
        shapes = {(name, weight): group[name][weight].shape for name, weights in stored for weight in weights}
    if len(layers) != len(stored):
        raise FileError(
            f"has weights for {len(stored)} layers, and the model has {len(layers)} layers with weights.",
            where=str(where),
            hint="The file belongs to a model of another structure.",
        )
    for layer, (name, names) in zip(layers, stored, strict=True):
        weights = layer.trainable_weights + layer.non_trainable_weights
        if len(weights) != len(names):
            raise FileError(
                f"has {len(names)} weights for the layer '{name}', and '{layer.name}' has {len(weights)}.",
                where=str(where),
            )
        for weight, stored_name in zip(weights, names, strict=True):
            if tuple(weight.shape) != shapes[name, stored_name]:
                raise _misfit(
                    layer_paths.path_of(model, weight), tuple(weight.shape), shapes[name, stored_name], where
                )


_Shapes = dict[str, tuple[int, ...]]


def _compare(model: Any, expected_path: Path, weights: Path) -> tuple[dict[str, str], _Shapes, _Shapes]:
    """Weight paths by dataset, and the shapes of the datasets the model would write and of the file's."""
    with h5py.File(expected_path, "r") as expected, h5py.File(weights, "r") as given:
        wanted = {name: expected[name].shape for name in hdf5.weight_datasets(expected)}
        found = {name: given[name].shape for name in hdf5.weight_datasets(given)}
        if "_layer_checkpoint_dependencies" in given:  # before Keras 3.0; Keras itself translates
            found = wanted
        return _match(model, expected), wanted, found


def _match(model: Any, file: Any) -> dict[str, str]:
    by_layer: dict[str, list[tuple[str, Any]]] = {}
    weights = layer_paths.weight_paths(model)
    for layer in layer_paths.layers_by_path(model).values():
        own = [(weights[id(v)], v) for v in layer.weights if id(v) in weights]
        by_layer.setdefault(layer.name, []).extend(own)
    found: dict[str, str] = {}
    taken: set[str] = set()
    for name in hdf5.weight_datasets(file):
        layer_name = file[name].parent.attrs.get("name")
        for path, weight in by_layer.get(str(layer_name), ()):
            if path not in taken and tuple(weight.shape) == file[name].shape and _equal(file[name], weight):
                found[name] = path
                taken.add(path)
                break
    return found


def _equal(dataset: Any, weight: Any) -> bool:
    value = structure.value_of(weight)
    return np.asarray(dataset).tobytes() == np.ascontiguousarray(value).tobytes()


def _misfit(label: str, wanted: tuple[int, ...], found: tuple[int, ...], where: Path) -> FileError:
    return FileError(
        f"does not fit: the weight '{label}' has shape {_shape(wanted)} in the model "
        f"and {_shape(found)} in the file.",
        where=str(where),
    )


def _shape(shape: tuple[int, ...]) -> str:
    return "(" + ", ".join(str(size) for size in shape) + ")"
