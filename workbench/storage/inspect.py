"""Look inside a model file without Keras: its format, layers and weights, and what it needs to load."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from workbench.errors import FileError, did_you_mean
from workbench.storage import archive, container, guard, hdf5, sizes
from workbench.storage.container import Container
from workbench.storage.limits import SLACK, Refused


@dataclass(frozen=True)
class FileLayerRow:
    """One layer: its path in the model, its class, and the name a plugin registered it under, if one did."""

    name: str
    layer_class: str
    registered: str = ""


@dataclass(frozen=True)
class WeightRow:
    """One weight as it is stored in the file."""

    path: str
    shape: tuple[int, ...]
    dtype: str

    @property
    def size(self) -> int:
        return math.prod(self.shape)


@dataclass(frozen=True)
class Need:
    """A class or function that the file needs from a plugin, and the distribution that provides it."""

    registered: str
    distribution: str
    installed: bool


@dataclass(frozen=True)
class Inspection:
    """The content of a model file.

    `model` is None where it holds weights only, `kwb` (its notes) is None for a file of plain Keras. `parameters`
    counts the numbers in the model's weights, the optimizer's slots not included.
    """

    path: Path
    format: str
    model: FileLayerRow | None
    layers: tuple[FileLayerRow, ...]
    weights: tuple[WeightRow, ...]
    optimizer: Mapping[str, Any] | None
    needs: tuple[Need, ...]
    kwb: Mapping[str, Any] | None
    keras_version: str = ""
    refusal: str = ""  # why it could not be loaded, plugins aside

    @property
    def parameters(self) -> int:
        return sum(weight.size for weight in self.weights)

    def as_record(self) -> dict[str, Any]:
        """The record that `kwb inspect --json` prints."""
        model = self.model
        return {
            "format": self.format,
            "keras_version": self.keras_version,
            "model": _layer_record(model) if model else None,
            "layers": [_layer_record(row) for row in self.layers],
            "weights": [{"path": w.path, "shape": list(w.shape), "dtype": w.dtype} for w in self.weights],
            "parameters": self.parameters,
            "optimizer": self.optimizer,
            "needs": [
                {"registered": n.registered, "distribution": n.distribution, "installed": n.installed}
                for n in self.needs
            ],
            "refusal": self.refusal,
            "kwb": self.kwb,
        }


def inspect_file(path: str | os.PathLike[str], installed: Collection[str] = ()) -> Inspection:
    """Look inside a `.keras`, `.h5` or `.weights.h5` file, made by kwb or by plain Keras.

    Args:
        installed: the distributions whose plugins are loaded, or the names that they registered.

    Raises:
        FileError: the file is missing, damaged, or of a structure that is refused.
    """
    found = container.read(path)
    config = found.config or {}
    with container.errors(found.path), _weights(found) as (tree, names):
        weights = tuple(_weight_row(path, tree[dataset]) for dataset, path in names.items())
    with container.errors(found.path):
        needs, refusal = _needs(found, installed)
        return Inspection(
            path=found.path,
            format=found.format,
            model=_model_row(config) if config else None,
            layers=_layers(found, config),
            weights=weights,
            optimizer=_optimizer(found),
            needs=needs,
            kwb=found.record["notes"] if found.made_by_kwb else None,
            keras_version=found.keras_version,
            refusal=refusal,
        )


def read_weight(path: str | os.PathLike[str], weight_path: str) -> np.ndarray:
    """The values of one weight, named as `Inspection.weights` names it. Only this weight is read.

    Raises:
        FileError: the file is refused, or has no such weight.
    """
    found = container.read(path)
    with container.errors(found.path), _weights(found) as (tree, names):
        for dataset, name in names.items():
            if name == weight_path:
                return _values(tree[dataset])
        raise FileError(
            f"has no weight '{weight_path}'.",
            where=os.fspath(path),
            hint=did_you_mean(weight_path, names.values()),
        )


def same_weights(one: str | os.PathLike[str], other: str | os.PathLike[str]) -> bool:
    """True if two files hold the same weights under the same paths, to the last bit.

    Raises:
        FileError: a file is refused.
    """
    first, second = container.read(one), container.read(other)
    with (
        container.errors(first.path),
        _weights(first) as (tree, names),
        _weights(second) as (other_tree, other_names),
    ):
        datasets = {path: dataset for dataset, path in other_names.items()}
        return set(names.values()) == set(datasets) and all(
            np.asarray(tree[dataset]).tobytes() == np.asarray(other_tree[datasets[path]]).tobytes()
            for dataset, path in names.items()
        )


@contextmanager
def _weights(found: Container) -> Iterator[tuple[Any, dict[str, str]]]:
    """The group that holds the weights, and the path of each of them by dataset, in the model's order."""
    with container.open_weights(found.path) as file:
        if found.legacy:
            group = file if "layer_names" in file.attrs else file["model_weights"]
            yield group, hdf5.legacy_datasets(group)
            return
        tree = file
        if found.made_by_kwb and found.format == ".h5":
            tree = file[archive.GROUP][archive.WEIGHT_TREE]
        present = dict.fromkeys(hdf5.weight_datasets(tree))
        named = {name: path for name, path in found.record.get("weights", {}).items() if name in present}
        yield tree, named or {name: name for name in present}


def _weight_row(path: str, dataset: Any) -> WeightRow:
    return WeightRow(path, tuple(dataset.shape), "bfloat16" if _is_bfloat16(dataset) else str(dataset.dtype))


def _is_bfloat16(dataset: Any) -> bool:
    return dataset.attrs.get("dtype") == "bfloat16"


def _values(dataset: Any) -> np.ndarray:
    values = np.asarray(dataset)
    if _is_bfloat16(dataset):  # the upper half of a float32; numpy has no such type
        return (values.view(np.uint16).astype(np.uint32) << 16).view(np.float32)
    return values


def _model_row(config: Mapping[str, Any]) -> FileLayerRow:
    return _row(config, _name_of(config))


def _layers(found: Container, config: Mapping[str, Any]) -> tuple[FileLayerRow, ...]:
    if found.made_by_kwb:
        return tuple(
            FileLayerRow(str(row.get("path", "")), str(row.get("class", "")), str(row.get("registered", "")))
            for row in found.record["layers"]
        )
    return tuple(_layers_of(config, ""))


def _layers_of(config: Mapping[str, Any], prefix: str) -> Iterator[FileLayerRow]:
    inner = config.get("config")
    layers = inner.get("layers") if isinstance(inner, dict) else inner
    for layer in layers if isinstance(layers, list) else []:
        if isinstance(layer, dict) and "class_name" in layer:
            place = f"{prefix}{_name_of(layer)}"
            yield _row(layer, place)
            yield from _layers_of(layer, f"{place}/")


def _row(config: Mapping[str, Any], name: str) -> FileLayerRow:
    class_name, registered = str(config.get("class_name", "")), str(config.get("registered_name") or "")
    registered = class_name if ">" in class_name else registered
    return FileLayerRow(name, class_name.split(">")[-1], registered if ">" in registered else "")


def _name_of(config: Mapping[str, Any]) -> str:
    inner = config.get("config")
    return str(inner.get("name", "")) if isinstance(inner, dict) else ""


def _optimizer(found: Container) -> dict[str, Any] | None:
    _, arguments = guard.split_config(found)
    key = "optimizer_config" if found.legacy else "optimizer"
    config = arguments.get(key) if isinstance(arguments, dict) else None
    if not isinstance(config, dict) or "class_name" not in config:
        return None
    row = _row(config, "")
    arguments = config.get("config")
    given = arguments if isinstance(arguments, dict) else {}
    return {"class": row.layer_class, "registered": row.registered, "config": given}


def _needs(found: Container, installed: Collection[str]) -> tuple[tuple[Need, ...], str]:
    model, arguments = guard.split_config(found)
    names: list[str] = []
    try:
        names += [named.registered for named in guard.named_objects(model)]
    except Refused as error:
        return (), str(error)
    with suppress(Refused):  # what the model was compiled with can be left out
        names += [named.registered for named in guard.named_objects(arguments)]
    custom = sorted({name for name in names if ">" in name})
    known = {_canonical(name) for name in installed}
    needs = []
    for name in custom:
        distribution = name.partition(">")[0]
        needs.append(Need(name, distribution, name in installed or _canonical(distribution) in known))
    refusal = ""
    try:
        sizes.check_sizes(model, found.stored + SLACK)
        list(guard.check_config(model, _refuse_unregistered))
    except Refused as error:
        refusal = str(error)
    return tuple(needs), refusal


def _refuse_unregistered(named: guard.Named) -> None:
    if ">" not in named.registered:
        raise guard.unknown(named)


def _canonical(distribution: str) -> str:
    return re.sub(r"[-_.]+", "-", distribution).lower()


def _layer_record(row: FileLayerRow) -> dict[str, Any]:
    return {"name": row.name, "class": row.layer_class, "registered": row.registered or None}
