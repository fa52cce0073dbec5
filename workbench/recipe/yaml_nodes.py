"""Find the position of each value in a YAML text: a tree of spans, from the parser's own events.

An edit of a span changes nothing else: comments, order, spacing and quotes of the
rest stay as they were written.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from ruamel.yaml.events import (
    AliasEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

Key = tuple[str | int, ...]


@dataclass(slots=True)
class Node:
    """A value: its kind, and its position in the text as [start, end) in characters.

    Attributes:
        line: of the first character, from 1.
        column: of the first character; in a block list that is the column of its dashes.
        flow: written with brackets.
        keys: of a map, the nodes of its keys, in the order of `items`.
        items: the values of a map or of a list.
        text: of a scalar, its value as text.
    """

    kind: Literal["map", "list", "scalar", "alias"]
    start: int
    end: int
    line: int
    column: int
    flow: bool = False
    text: str = ""
    keys: list[Node] = field(default_factory=list)
    items: list[Node] = field(default_factory=list)

    def child(self, part: str | int) -> Node | None:
        """The value under one part of a key."""
        if self.kind == "list" and isinstance(part, int):
            return self.items[part] if 0 <= part < len(self.items) else None
        index = self.position(part)
        return None if index is None else self.items[index]

    def position(self, part: str | int) -> int | None:
        """The index of a map's entry with that key."""
        if self.kind != "map":
            return None
        return next((index for index, key in enumerate(self.keys) if key.text == str(part)), None)

    def at(self, key: Key) -> Node | None:
        """The value at a key."""
        node: Node | None = self
        for part in key:
            node = node.child(part) if node else None
        return node

    def line_of(self, key: Key) -> int | None:
        """The line (from 1) of a key, or of the nearest key above it; None where there is neither."""
        node = self
        line: int | None = None
        for part in key:
            index = node.position(part)
            child = node.child(part)
            if child is None:
                break
            line = child.line if index is None else node.keys[index].line
            node = child
        return line


def tree_of(events: Iterable[Any], text: str) -> Node | None:
    """The tree of a text, from the parser's events; None for an empty text."""
    wanted = iter(events)
    return _read(wanted, text, next(_content(wanted), None))


def _content(events: Iterator[Any]) -> Iterator[Any]:
    """The events that stand for values."""
    wanted = (ScalarEvent, AliasEvent, MappingStartEvent, SequenceStartEvent)
    return (event for event in events if isinstance(event, wanted))


def _read(events: Iterator[Any], text: str, event: Any) -> Node | None:
    if event is None:
        return None
    start, line, column = event.start_mark.index, event.start_mark.line + 1, event.start_mark.column
    if isinstance(event, AliasEvent):
        return Node("alias", start, event.end_mark.index, line, column)
    if isinstance(event, ScalarEvent):
        end = event.end_mark.index
        if event.style in ("|", ">"):  # the scanner reads on over the blank lines below
            end = start + len(text[start:end].rstrip())
        return Node("scalar", start, end, line, column, text=event.value)
    node = Node(
        "map" if isinstance(event, MappingStartEvent) else "list",
        start,
        event.end_mark.index,
        line,
        column,
        flow=bool(event.flow_style),
    )
    is_key = node.kind == "map"
    for inner in events:
        if isinstance(inner, MappingEndEvent | SequenceEndEvent):
            last = node.items[-1] if node.items else None
            # A block's own end mark is beyond the comments after it.
            node.end = inner.end_mark.index if node.flow else last.end if last else node.start
            return node
        child = _read(events, text, inner)
        if child is None:
            continue
        if node.kind == "list":
            node.items.append(child)
            continue
        (node.keys if is_key else node.items).append(child)
        is_key = not is_key
    return node
