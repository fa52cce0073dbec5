"""Estimate the least memory that a configuration needs: a file of 5 KB must not build a model of 8 GB.

A sound file holds the weights that its configuration declares. So the least size of its
stock layers is counted from their arguments and shapes, and compared with the size of the file's weights.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from workbench.storage.limits import Refused

# Arguments that are a number of weights, or a factor of it, in stock layers and in most others.
_A_SIZE = re.compile(r"(^|_)(units|filters|neurons|dim|heads|channels|width|hidden|features)$")


def check_sizes(config: Any, allowed: int) -> None:
    """Refuse a configuration that declares more weights than `allowed`.

    Raises:
        Refused: it does, and which layer.
    """
    declared = 0
    counted: set[int] = set()
    for layer in _layers(config):
        shared = layer.get("shared_object_id")
        if isinstance(shared, int):
            if shared in counted:
                continue
            counted.add(shared)
        arguments = layer["config"]
        for name, value in arguments.items():
            if _A_SIZE.search(name) and _count(value) > allowed:
                raise Refused(_words(layer, f"{name}={value}"))
        declared += _weights_at_least(layer)
        if declared > allowed:
            raise Refused(_words(layer, f"{declared:,} weights up to it"))


def _words(layer: Mapping[str, Any], what: str) -> str:
    name = layer["config"].get("name") or layer["class_name"]
    return f"refused: its configuration declares {what} (layer '{name}'), far more than the file holds."


def _layers(config: Any) -> Iterable[Mapping[str, Any]]:
    stack = [config]
    while stack:
        item = stack.pop()
        if isinstance(item, dict):
            if isinstance(item.get("config"), dict) and isinstance(item.get("class_name"), str):
                yield item
            stack.extend(item.values())
        elif isinstance(item, list):
            stack.extend(item)


def _weights_at_least(layer: Mapping[str, Any]) -> int:
    """The weights of a stock layer that its shape and arguments make certain; 0 for any other."""
    count = _FORMULAS.get(layer["class_name"])
    if count is None:
        return 0
    build = layer.get("build_config")
    shape = build.get("input_shape") if isinstance(build, dict) else None
    last = _count(shape[-1]) if isinstance(shape, list) and shape else 1
    return count(layer["config"], max(last, 1))


def _dense(arguments: Mapping[str, Any], last: int) -> int:
    return _count(arguments.get("units")) * last


def _embedding(arguments: Mapping[str, Any], last: int) -> int:
    return _count(arguments.get("input_dim")) * _count(arguments.get("output_dim"))


def _recurrent(arguments: Mapping[str, Any], last: int) -> int:
    units = _count(arguments.get("units"))
    return units * (units + last)


def _convolution(arguments: Mapping[str, Any], last: int) -> int:
    if arguments.get("data_format") == "channels_first":
        last = 1
    kernel = arguments.get("kernel_size")
    places = math.prod(_count(size) for size in kernel) if isinstance(kernel, list) else _count(kernel)
    return _count(arguments.get("filters")) * places * max(last // max(_count(arguments.get("groups")), 1), 1)


def _count(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0


_FORMULAS: dict[str, Callable[[Mapping[str, Any], int], int]] = {
    "Dense": _dense,
    "Embedding": _embedding,
    **dict.fromkeys(("LSTM", "GRU", "SimpleRNN", "LSTMCell", "GRUCell", "SimpleRNNCell"), _recurrent),
    **dict.fromkeys(("Conv1D", "Conv2D", "Conv3D"), _convolution),
    **dict.fromkeys(("Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose"), _convolution),
}
