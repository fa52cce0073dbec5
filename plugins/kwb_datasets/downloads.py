"""Data that Keras downloads once and keeps in its own folder."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import urllib.parse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from workbench.plugin import DataError, Source

# A dead network differs from a slow one by silence, not by the whole time of a download.
_SILENCE = 15.0

_GOOGLE = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"
_CIFAR = "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz"

_HOUSING = (
    "longitude",
    "latitude",
    "housing_median_age",
    "total_rooms",
    "total_bedrooms",
    "population",
    "households",
    "median_income",
)
_CLOTHES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)
_CIFAR_CLASSES = (
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
)
_DIGITS = tuple(str(digit) for digit in range(10))

Arrays = tuple[np.ndarray, np.ndarray]


def california_housing() -> Source:
    """20,640 districts of California in 1990; the target is the median house value in dollars."""
    (x, y), _ = _loaded("california_housing", "california_housing.npz", _GOOGLE, test_split=0.0)
    columns = {name: x[:, at] for at, name in enumerate(_HOUSING)}
    return Source(
        columns=columns | {"median_house_value": y},
        targets=("median_house_value",),
        origin="california_housing",
    )


def mnist() -> Source:
    """70,000 handwritten digits as `image`, (28, 28, 1) from 0 to 1."""
    return images(*_loaded("mnist", "mnist.npz", _GOOGLE), target="digit", classes=_DIGITS, origin="mnist")


def fashion_mnist() -> Source:
    """70,000 pictures of clothes as `image`, (28, 28, 1) from 0 to 1."""
    parts = _loaded("fashion_mnist", "fashion-mnist/train-images-idx3-ubyte.gz", _GOOGLE)
    return images(*parts, target="article", classes=_CLOTHES, origin="fashion_mnist")


def cifar10() -> Source:
    """60,000 colour pictures as `image`, (32, 32, 3) from 0 to 1."""
    parts = _loaded("cifar10", "cifar-10-batches-py-target", _CIFAR)
    return images(*parts, target="subject", classes=_CIFAR_CLASSES, origin="cifar10")


def images(train: Arrays, test: Arrays, *, target: str, classes: tuple[str, ...], origin: str) -> Source:
    """Pixels of 0..255 as (rows, height, width, channels) from 0 to 1, with the test part apart."""

    def columns(arrays: Arrays) -> dict[str, np.ndarray]:
        pixels, labels = arrays
        if pixels.ndim == 3:
            pixels = pixels[..., None]
        return {"image": pixels.astype(np.float32) / 255.0, target: labels.reshape(-1)}

    return Source(
        columns=columns(train),
        targets=(target,),
        test=columns(test),
        classes={target: classes},
        origin=origin,
    )


def _loaded(name: str, cached: str, address: str, **arguments: Any) -> tuple[Arrays, Arrays]:
    """Keras' own loader, with a silent network bounded in time and its progress kept off standard output.

    Raises:
        DataError: it cannot be downloaded, or the kept file is damaged.
    """
    import keras

    file = _keras_folder() / cached
    load: Callable[..., tuple[Arrays, Arrays]] = getattr(keras.datasets, name).load_data
    was_there = file.exists()
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(_SILENCE)
    try:
        with contextlib.redirect_stdout(sys.stderr):
            return load(**arguments)
    except Exception as error:  # Keras wraps every network error in a bare Exception
        kept = f"the kept file {file} cannot be used" if was_there else f"there is no file {file}"
        host = urllib.parse.urlsplit(address).hostname
        raise DataError(
            f"'{name}' is not at hand: {kept}, and downloading it failed: {error}.",
            where="data.use",
            hint=f"Connect to {host} once, or copy the file there from a machine that has it.",
        ) from error
    finally:
        socket.setdefaulttimeout(before)


def _keras_folder() -> Path:
    """Where Keras keeps downloaded data."""
    home = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras")
    return home / "datasets"
