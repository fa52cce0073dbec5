"""Text for people of what `kwb inspect` found."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def _optimizer(record: Mapping[str, Any]) -> str:
    """`Adam, learning rate 0.001`, or the name of the schedule."""
    rate = record["config"].get("learning_rate")
    if isinstance(rate, Mapping):
        rate = rate.get("class_name")
    shown = f"{rate:.6g}" if isinstance(rate, float) else rate
    return f"{record['class']}, learning rate {shown}" if shown is not None else str(record["class"])


def inspection_text(found: Mapping[str, Any], file: str) -> str:
    """The inspection as a short page: model, layers, weights, what it needs."""
    lines = [f"{file}  ({found['format']})"]
    model = found.get("model")
    if model:
        registered = f"  registered as {model['registered']}" if model.get("registered") else ""
        lines.append(f"model    {model['class']} '{model['name']}'{registered}")
    lines.append(f"weights  {len(found['weights'])} arrays, {found['parameters']:,} parameters")
    if found.get("optimizer"):
        lines.append(f"trained  with {_optimizer(found['optimizer'])}")
    for need in found.get("needs", ()):
        state = "installed" if need["installed"] else "NOT INSTALLED"
        lines.append(f"needs    {need['registered']} from '{need['distribution']}' ({state})")
    if found.get("layers"):
        lines.append("\nlayers")
        width = max(len(layer["name"]) for layer in found["layers"])
        lines += [f"  {layer['name']:<{width}}  {layer['class']}" for layer in found["layers"]]
    if found["weights"]:
        lines.append("\nweights")
        width = max(len(weight["path"]) for weight in found["weights"])
        for weight in found["weights"]:
            shape = " x ".join(map(str, weight["shape"])) or "scalar"
            lines.append(f"  {weight['path']:<{width}}  {shape}  {weight['dtype']}")
    return "\n".join(lines)
