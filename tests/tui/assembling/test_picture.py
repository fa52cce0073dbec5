"""Graphs as boxes and lines: nothing overlaps, every line arrives, and it looks as one would draw it."""

from __future__ import annotations

import random
from itertools import combinations

import pytest

from workbench.tui.picture.drawing import box_size, draw
from workbench.tui.picture.layout import Box, lay_out
from workbench.tui.picture.scene import scene_of, shape_text


def picture(texts: dict[str, list[str]], edges: list[tuple[str, str]]) -> str:
    layout = lay_out([Box(name, *box_size(lines)) for name, lines in texts.items()], edges)
    lines = ["".join(span.text for span in line).rstrip() for line in draw(layout, texts)]
    return "\n".join(lines)


def test_a_skip_connection() -> None:
    texts = {"x": ["▾ x"], "a": ["Dense", "(8)"], "b": ["Dense", "(8)"], "+": ["+"], "y": ["▸ y"]}
    edges = [("x", "a"), ("a", "b"), ("b", "+"), ("x", "+"), ("+", "y")]
    assert (
        picture(texts, edges)
        == """\
      (▾ x)
    ╭───┴───╮
╭───┴───╮   │
│ Dense │   │
│ (8)   │   │
╰───┬───╯   │
    │       │
╭───┴───╮   │
│ Dense │   │
│ (8)   │   │
╰───┬───╯   │
    ╰───┬───╯
       (+)
        │
      (▸ y)"""
    )


def test_two_inputs_meet() -> None:
    texts = {"x": ["▾ x"], "y": ["▾ y"], "m": ["Both", "(8)"]}
    assert (
        picture(texts, [("x", "m"), ("y", "m")])
        == """\
(▾ x)   (▾ y)
  ╰───┬───╯
  ╭───┴──╮
  │ Both │
  │ (8)  │
  ╰──────╯"""
    )


def test_nothing_is_a_picture_too() -> None:
    assert picture({}, []) == ""
    assert picture({"a": ["A", "(1)"]}, [("a", "a"), ("a", "gone")]).count("│") == 4


@pytest.mark.parametrize("seed", range(30))
def test_random_graphs_have_no_overlap_and_every_line_arrives(seed: int) -> None:
    chance = random.Random(seed)
    names = [f"n{index}" for index in range(chance.randint(2, 14))]
    texts = {name: [name * chance.randint(1, 4), "()"] for name in names}
    edges = [pair for pair in combinations(names, 2) if chance.random() < 0.3]
    layout = lay_out([Box(name, *box_size(lines)) for name, lines in texts.items()], edges)
    taken: set[tuple[int, int]] = set()
    for placed in layout.boxes.values():
        cells = {
            (x, y)
            for x in range(placed.x, placed.x + placed.box.width)
            for y in range(placed.y, placed.bottom)
        }
        assert not cells & taken
        taken |= cells
    for wire in layout.wires:
        between = {(wire.x, y) for y in range(wire.y, wire.bend)} | {
            (wire.x2, y) for y in range(wire.bend, wire.y2)
        }
        low, high = sorted((wire.x, wire.x2))
        between |= {(x, wire.bend) for x in range(low, high + 1)}
        assert not between & taken
    for source, target in edges:
        assert layout.boxes[source].bottom <= layout.boxes[target].y
        reached, before = {(layout.boxes[source].centre, layout.boxes[source].bottom)}, set()
        while reached != before:  # along the wires of this source
            before = set(reached)
            reached |= {(w.x2, w.y2) for w in layout.wires if w.source == source and (w.x, w.y) in reached}
        assert (layout.boxes[target].centre, layout.boxes[target].y) in reached


def call(
    id: str, sources: tuple[str, ...], parent: str | None = None, cls: str = "Dense", **more: object
) -> dict:
    path, _, number = id.partition("#")
    return {"id": id, "path": path, "class": cls, "parent": parent, "number": int(number or 1), "sources": sources,
            "output_shape": [None, 8], "ends": (), **more}  # fmt: skip


def test_shared_layers_and_insides_are_marked() -> None:
    answer = {
        "calls": [
            call("block/inner#1", ("in0",), "block#1"),
            call("block#1", ("in0",), cls="Block", ends=("block/inner#1",)),
            call("block/inner#2", ("in0",), "block#2"),
            call("block#2", ("block#1",), cls="Block", ends=("block/inner#2",)),
        ],
        "outputs": ["block#2"],
        "input_names": ["x"],
        "output_names": ["price"],
        "inputs": {"x": [8]},
        "layers": [{"path": "block", "parameters": 1234}],
    }
    scene = scene_of(answer)
    assert scene.shared == scene.open == {"block#1", "block#2"}
    assert scene.texts["block#1"] == ["Block  ↻ 1 of 2", "(batch, 8)  1,234"]
    assert scene.texts["block#2"] == ["Block  ↻ 2 of 2", "(batch, 8)  same weights"]
    assert scene.texts["in0"] == ["▾ x (batch, 8)"]
    assert scene.texts["out0"] == ["▸ price"]
    inside = scene_of(answer, "block#2")
    assert inside.edges == (("in0", "block/inner#2"), ("block/inner#2", "out0"))
    assert scene_of({}).boxes == ()


def test_shapes_in_words() -> None:
    assert shape_text([None, 8]) == "(batch, 8)"
    assert shape_text([None, None, 3]) == "(batch, any, 3)"
    assert shape_text([[None, 1]] * 3) == "3 × (batch, 1)"
    assert shape_text([[None, 1], [None, 2]]) == "(batch, 1), (batch, 2)"
    assert shape_text(None) == ""
