"""Read checkpoints of the first version, which kept plain values and arrays of callbacks, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def translated(position: Mapping[str, Any]) -> dict[str, Any]:
    """The state of callbacks in the present format (see `python_state`); empty where nothing was kept."""
    if "callbacks" not in position:
        return {}
    callbacks = [
        {
            "class": kept["class"],
            "memory": {
                name: _record(value, f"callback/{number}/{name}") for name, value in kept["memory"].items()
            }
            | _comparison(kept["memory"]),
        }
        for number, kept in enumerate(position["callbacks"])
    ]
    return {"layers": {}, "callbacks": callbacks, "modules": {}, "random": []}


def not_kept(record: Mapping[str, Any]) -> list[str]:
    """The parts of the present format that the first version did not keep: all except callbacks."""
    layers = [
        f"{path}.{name}" if path else f"the model's {name}"
        for path, attributes in record["layers"].items()
        for name in attributes
    ]
    return [*layers, *record["modules"]]


def _comparison(memory: Mapping[str, Any]) -> dict[str, Any]:
    """How a callback of Keras compares, which it chooses once: it then turns `min_delta` about if less is better."""
    delta = memory.get("min_delta")
    if "monitor" in memory and isinstance(delta, int | float) and delta < 0:
        return {"monitor_op": {"t": "comparison", "v": "less"}}
    return {}


def _record(value: Any, key: str) -> Any:
    if isinstance(value, list):
        return {"t": "list", "v": [_record(item, key) for item in value]}
    if not isinstance(value, dict):
        return value
    if value.get("array") is True:
        return {"t": "array", "key": key}
    if isinstance(count := value.get("arrays"), int):
        return {"t": "list", "v": [{"t": "array", "key": f"{key}/{at:05d}"} for at in range(count)]}
    return {"t": "dict", "v": [[name, _record(item, key)] for name, item in value.items()]}
