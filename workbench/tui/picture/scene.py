"""Make boxes from a model's calls (see `workbench.assembly.trace.Call`): the model itself, or the inside of one
layer."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from workbench.sentence import short_path
from workbench.tui.picture.drawing import box_size
from workbench.tui.picture.layout import Box


@dataclass(frozen=True)
class Scene:
    """The boxes and lines to draw.

    Attributes:
        boxes, texts, edges: for `layout.lay_out` and `drawing.draw`.
        paths: from a box to the path of the layer it stands for.
        open: boxes with layers inside.
        shared: boxes of layers that are called more than once.
    """

    boxes: tuple[Box, ...] = ()
    texts: Mapping[str, Sequence[str]] = field(default_factory=dict)
    edges: tuple[tuple[str, str], ...] = ()
    paths: Mapping[str, str] = field(default_factory=dict)
    open: frozenset[str] = frozenset()
    shared: frozenset[str] = frozenset()


def scene_of(answer: Mapping[str, Any], inside: str | None = None) -> Scene:
    """The boxes of a model, as the `examine` command describes it.

    Args:
        answer: its `calls`, `outputs`, `input_names`, `output_names`, `inputs`, `layers`.
        inside: the call to look into; None for the model.
    """
    calls = answer.get("calls") or ()
    here = [call for call in calls if call["parent"] == inside]
    if not here:
        return Scene()
    times = Counter(call["path"] for call in here if call["class"])
    open_calls = frozenset(call["parent"] for call in calls if call["parent"] and call["class"])
    parameters = {row["path"]: row["parameters"] for row in answer.get("layers", ())}
    used = dict.fromkeys(source for call in here for source in call["sources"] if _is_input(source))
    texts: dict[str, Sequence[str]] = {}
    for source in sorted(used, key=lambda name: int(name[2:])):
        texts[source] = _input_lines(answer, source, inside)
    for call in here:
        texts[call["id"]] = _lines(call, times[call["path"]], parameters)
    edges = [(source, call["id"]) for call in here for source in call["sources"]]
    ends = answer.get("outputs", ()) if inside is None else _ends(calls, inside)
    names = answer.get("output_names", ())
    for index, end in enumerate(ends):
        if end is None or (end not in texts):
            continue
        name = f"out{index}"
        label = str(names[index]) if inside is None and index < len(names) else "output"
        texts[name] = [f"▸ {label}"]
        edges.append((end, name))
    boxes = tuple(Box(name, *box_size(lines)) for name, lines in texts.items())
    return Scene(
        boxes,
        texts,
        tuple(edges),
        {call["id"]: call["path"] for call in here if call["class"]},
        frozenset(call["id"] for call in here) & open_calls,
        frozenset(call["id"] for call in here if call["class"] and times[call["path"]] > 1),
    )


def shape_text(shape: Any) -> str:
    """`(batch, 30)`; several of the same shape as `3 × (batch, 30)`."""
    if not isinstance(shape, list | tuple):
        return ""
    if shape and isinstance(shape[0], list | tuple):
        texts = [shape_text(each) for each in shape]
        return f"{len(texts)} × {texts[0]}" if len(set(texts)) == 1 else ", ".join(texts)
    words = ["batch" if index == 0 and size is None else "any" if size is None else str(size)
             for index, size in enumerate(shape)]  # fmt: skip
    return f"({', '.join(words)})"


def _is_input(source: str) -> bool:
    return re.fullmatch(r"in\d+", source) is not None


def _ends(calls: Sequence[Mapping[str, Any]], inside: str) -> Sequence[str]:
    return next((call["ends"] for call in calls if call["id"] == inside), ())


def _input_lines(answer: Mapping[str, Any], source: str, inside: str | None) -> list[str]:
    index = int(source[2:])
    names = answer.get("input_names", ())
    if inside is not None or index >= len(names):
        return ["▾ input" if index == 0 else f"▾ input {index + 1}"]
    shape = list(answer.get("inputs", {}).values())
    named = answer.get("inputs", {}).get(names[index], shape[index] if index < len(shape) else None)
    text = "" if named is None else f" {shape_text([None, *named])}"
    return [f"▾ {names[index]}{text}"]


def _lines(call: Mapping[str, Any], times: int, parameters: Mapping[str, int]) -> list[str]:
    if not call["class"]:
        return [call["path"]]
    name, kind = short_path(call["path"]), call["class"]
    plain = re.sub(r"_\d+$", "", name).replace("_", "") == kind.lower()
    again = f"  ↻ {call['number']} of {times}" if times > 1 else ""
    count = parameters.get(call["path"], 0)
    weights = "" if not count else "  same weights" if call["number"] > 1 else f"  {count:,}"
    return [(kind if plain else f"{name}  {kind}") + again, shape_text(call["output_shape"]) + weights]
