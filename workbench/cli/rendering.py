"""Show the results of `kwb inspect` as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from workbench.escaping import escape_line

_LONGEST = 200  # characters of a name
_WIDEST = 60  # columns of names


def _optimizer(record: Mapping[str, Any]) -> str:
    """`Adam, learning rate 0.001`, or the name of the schedule."""
    rate = record["config"].get("learning_rate")
    if isinstance(rate, Mapping):
        rate = rate.get("class_name")
    shown = f"{rate:.6g}" if isinstance(rate, float) else rate
    return f"{record['class']}, learning rate {shown}" if shown is not None else str(record["class"])


def inspection_lines(found: Mapping[str, Any], file: str) -> list[str]:
    """The inspection as the lines of a short page: model, layers, weights, what it needs."""
    lines = [f"{file}  ({found['format']})"]
    model = found.get("model")
    if model:
        registered = f"  registered as {_cut(model['registered'])}" if model.get("registered") else ""
        lines.append(f"model    {_cut(model['class'])} '{_cut(model['name'])}'{registered}")
    lines.append(f"weights  {len(found['weights'])} arrays, {found['parameters']:,} parameters")
    if found.get("optimizer"):
        lines.append(f"trained  with {_cut(_optimizer(found['optimizer']))}")
    for need in found.get("needs", ()):
        state = "installed" if need["installed"] else "NOT INSTALLED"
        lines.append(f"needs    {_cut(need['registered'])} from '{_cut(need['distribution'])}' ({state})")
    if found.get("refusal"):
        lines.append(f"loading  {_cut(found['refusal'])}")
    if found.get("layers"):
        rows = [(_cut(layer["name"]), _cut(layer["class"])) for layer in found["layers"]]
        lines += ["", "layers", *_columns(rows)]
    if found["weights"]:
        rows = []
        for weight in found["weights"]:
            shape = " x ".join(map(str, weight["shape"])) or "scalar"
            rows.append((_cut(weight["path"]), f"{shape}  {weight['dtype']}"))
        lines += ["", "weights", *_columns(rows)]
    return lines


def _columns(rows: Sequence[tuple[str, str]]) -> list[str]:
    width = min(max(len(name) for name, _ in rows), _WIDEST)
    return [f"  {name:<{width}}  {rest}" for name, rest in rows]


def _cut(name: str) -> str:
    """A name as it is shown, so that its length can be counted."""
    shown = escape_line(name[: _LONGEST + 1])
    return shown if len(shown) <= _LONGEST else f"{shown[:_LONGEST]}…"
