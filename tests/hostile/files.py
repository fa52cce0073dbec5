"""Model files made without Keras, so that anything can stand in them."""

from __future__ import annotations

import io
import json
import struct
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np

Config = dict[str, Any]

# What a name can do: clear the screen, set a title, go back, turn the direction, hide, break the line, be markup.
NASTY = "a\x1b[2J\x1b]0;owned\x07\x9b31m\r\b\u202egnp\u2066\u200b\u2028z\nb\tc[red]d[/red][@click=app.quit]e"
SHOWN = (
    r"a\x1b[2J\x1b]0;owned\x07\x9b31m\r\x08\u202egnp\u2066\u200b\u2028z\nb\tc[red]d[/red][@click=app.quit]e"
)


def dense_config(**changes: Any) -> Config:
    """The configuration of a stack of one Dense layer, as Keras writes it."""
    dense: Config = {
        "module": "keras.layers",
        "class_name": "Dense",
        "config": {
            "name": "dense",
            "trainable": True,
            "dtype": "float32",
            "units": 1,
            "activation": "linear",
            "use_bias": True,
            "kernel_initializer": {
                "module": "keras.initializers",
                "class_name": "GlorotUniform",
                "config": {"seed": None},
                "registered_name": None,
            },
            "bias_initializer": {
                "module": "keras.initializers",
                "class_name": "Zeros",
                "config": {},
                "registered_name": None,
            },
            "kernel_regularizer": None,
            "bias_regularizer": None,
            "kernel_constraint": None,
            "bias_constraint": None,
        },
        "registered_name": None,
        "build_config": {"input_shape": [None, 2]},
    }
    first: Config = {
        "module": "keras.layers",
        "class_name": "InputLayer",
        "config": {"batch_shape": [None, 2], "dtype": "float32", "sparse": False, "name": "input_layer"},
        "registered_name": None,
    }
    return {
        "module": "keras",
        "class_name": "Sequential",
        "config": {"name": "plain", "trainable": True, "dtype": "float32", "layers": [first, dense]},
        "registered_name": None,
        "build_config": {"input_shape": [None, 2]},
        "compile_config": {
            "optimizer": {
                "module": "keras.optimizers",
                "class_name": "Adam",
                "config": {"name": "adam", "learning_rate": 0.001},
                "registered_name": None,
            },
            "loss": "mse",
            "loss_weights": None,
            "metrics": None,
            "weighted_metrics": None,
            "run_eagerly": False,
            "steps_per_execution": 1,
            "jit_compile": False,
        },
        **changes,
    }


def weights(fill: Callable[[Any], None] | None = None) -> bytes:
    """The weights of that model, with what `fill` puts into the HDF5 file."""
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        group = file.create_group("layers/dense/vars")
        group["0"] = np.array([[1.0], [2.0]], "float32")
        group["1"] = np.array([0.5], "float32")
        if fill is not None:
            fill(file)
    return content.getvalue()


def keras_file(
    path: Path,
    config: Any = None,
    *,
    edit: Callable[[Config], None] | None = None,
    members: Mapping[str, bytes] | None = None,
    packing: int = zipfile.ZIP_STORED,
) -> Path:
    """A `.keras` file: `config` (JSON text or a value), edited, and other members in place of the usual ones."""
    config = dense_config() if config is None else config
    if edit is not None:
        edit(config)
    text = config if isinstance(config, str) else json.dumps(config)
    whole = {
        "config.json": text.encode(errors="surrogatepass"),
        "metadata.json": json.dumps({"keras_version": "3.15.1"}).encode(),
        "model.weights.h5": weights(),
        **(members or {}),
    }
    with zipfile.ZipFile(path, "w", packing) as file:
        for name, content in whole.items():
            file.writestr(name, content)
    return path


def h5_file(path: Path, config: Any = None, fill: Callable[[Any], None] | None = None) -> Path:
    """An `.h5` file in the legacy layout of plain Keras."""
    config = {"class_name": "Sequential", "config": dense_config()["config"]} if config is None else config
    with h5py.File(path, "w") as file:
        file.attrs["keras_version"] = "3.15.1"
        file.attrs["model_config"] = config if isinstance(config, str) else json.dumps(config)
        group = file.create_group("model_weights")
        group.attrs["layer_names"] = [b"dense"]
        dense = group.create_group("dense")
        dense.attrs["weight_names"] = [b"dense/kernel", b"dense/bias"]
        dense["dense/kernel"] = np.array([[1.0], [2.0]], "float32")
        dense["dense/bias"] = np.array([0.5], "float32")
        if fill is not None:
            fill(file)
    return path


def hanging_h5_file(path: Path) -> Path:
    """An `.h5` file on which HDF5 loops for ever, in C: a text in its heap is so long that the next one is itself."""
    h5_file(path)
    content = bytearray(path.read_bytes())
    heap = content.index(b"GCOL")
    struct.pack_into("<Q", content, heap + 24, 2**64 - 16)
    path.write_bytes(content)
    return path


def swelling_h5_file(path: Path) -> Path:
    """An `.h5` file for which HDF5 allocates memory for ever: the free blocks of a group's heap of names are a ring."""
    h5_file(path)
    content = bytearray(path.read_bytes())
    start = 0
    while (start := content.find(b"HEAP", start)) >= 0:
        free, data = struct.unpack_from("<QQ", content, start + 16)
        if free < 1 << 32:
            struct.pack_into("<QQ", content, data + free, free, 16)  # the next one, and its size
        start += 4
    path.write_bytes(content)
    return path


def weights_h5_file(path: Path, fill: Callable[[Any], None] | None = None) -> Path:
    """A `.weights.h5` file."""
    path.write_bytes(weights(fill))
    return path
