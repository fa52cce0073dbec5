"""Edit a YAML text and keep everything else in it as it was written, above all comments.

Each function gets a text and a key and returns the new text. A comment at the end of an item's line, and its
continuation right below, go with the item; comments on lines of their own above it travel with it when it moves, and
stay when it is deleted.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from workbench.errors import RecipeError
from workbench.recipe.document import join_key
from workbench.recipe.yaml_nodes import Key, Node
from workbench.recipe.yaml_text import root_of
from workbench.recipe.yaml_values import block, one_line


def set_value(text: str, key: Key, value: Any, *, order: Sequence[str] = ()) -> str:
    """Set the value at a key; maps on the way there are made.

    Args:
        text: the YAML.
        key: where.
        value: plain data, written on one line.
        order: of a map's keys: a new one comes after those before it, else last.

    Raises:
        RecipeError: a list has no such item, or there is a plain value on the way to the key.
    """
    root = root_of(text)
    node = root.at(key)
    if node is not None:
        return _replace(text, root, key, node, one_line(value, inside_brackets=_in_brackets(root, key)))
    depth = max(i for i in range(len(key)) if root.at(key[:i]) is not None)
    for part in reversed(key[depth + 1 :]):
        value = {part: value}
    parent = root.at(key[:depth])
    assert parent is not None
    name = key[depth]
    if parent.kind == "scalar" and not parent.text:  # `train:` with nothing in it yet
        return _replace(text, root, key[:depth], parent, one_line({name: value}))
    if parent.kind != "map" or not isinstance(name, str):
        raise RecipeError("there is nothing of that name to change.", where=join_key(key))
    return _add_entry(text, parent, name, value, order)


def set_block(text: str, key: Key, value: dict[str, Any]) -> str:
    """Set a whole section, over several lines.

    Raises:
        RecipeError: the text has no such section.
    """
    root = root_of(text)
    node, parent = root.at(key), root.at(key[:-1])
    if node is None or parent is None:
        raise RecipeError("there is no such section.", where=join_key(key))
    if parent.flow:
        return set_value(text, key, value)
    indent = parent.column + 2
    new = "\n" + " " * indent + block(value, indent)
    name = parent.keys[parent.position(key[-1]) or 0]
    colon = text.index(":", name.end) + 1
    comment = _comment_after(text, colon) if "\n" in text[colon : node.start] else ""
    return text[:colon] + comment + new + text[max(node.end, colon + len(comment)) :]


def insert_item(text: str, key: Key, index: int, value: Any) -> str:
    """Put an item into a list so that it has that index; a list that is missing is made.

    Raises:
        RecipeError: there is no list, or it is written in a way that kwb cannot edit.
    """
    root = root_of(text)
    node = root.at(key)
    if node is None or (node.kind == "scalar" and not node.text):
        return set_value(text, key, [value])
    if node.kind == "scalar":  # `metrics: mae` for `metrics: [mae]`
        text = text[: node.start] + "[" + text[node.start : node.end] + "]" + text[node.end :]
        return insert_item(text, key, index, value)
    if node.kind != "list":
        raise RecipeError("this is not a list.", where=join_key(key))
    if node.flow:
        if not node.items:
            return _first_item(text, root, key, node, value)
        if index < len(node.items):
            at = node.items[index].start
            return text[:at] + one_line(value) + ", " + text[at:]
        at = node.items[-1].end
        return text[:at] + ", " + one_line(value) + text[at:]
    new = f"{' ' * node.column}- {one_line(value, inside_brackets=False)}\n"
    if index < len(node.items):
        at = _with_comments_above(text, _item_lines(text, node, index, key))[0]
    else:
        at = _item_lines(text, node, len(node.items) - 1, key)[1]
    return _join_lines(text, at, at, new)


def remove(text: str, key: Key) -> str:
    """Take an item or an entry away.

    Raises:
        RecipeError: there is none, or it is written in a way that only a person can edit.
    """
    root = root_of(text)
    node, parent = root.at(key), root.at(key[:-1])
    if node is None or parent is None or not key:
        raise RecipeError("there is nothing to delete.", where=join_key(key))
    part = key[-1]
    index = part if isinstance(part, int) else parent.position(part)
    assert index is not None
    if len(parent.items) == 1:
        return _replace(text, root, key[:-1], parent, "[]" if parent.kind == "list" else "{}")
    if parent.flow:
        starts = [item.start for item in (parent.keys or parent.items)]
        ends = [
            _value_end(item, name)
            for item, name in zip(parent.items, parent.keys or parent.items, strict=True)
        ]
        start, end = (ends[index - 1], ends[index]) if index else (starts[0], starts[1])
        return text[:start] + text[end:]
    if parent.kind == "list":
        start, end = _item_lines(text, parent, index, key)
    else:
        start, end = _entry_lines(text, parent, index, key)
    return text[:start] + text[end:]


def move_item(text: str, key: Key, index: int) -> str:
    """Move a list's item so that it has that index.

    Raises:
        RecipeError: there is no such item, or it is written in a way that only a person can edit.
    """
    root = root_of(text)
    parent = root.at(key[:-1])
    old = key[-1] if key else None
    if parent is None or parent.kind != "list" or not isinstance(old, int) or root.at(key) is None:
        raise RecipeError("there is nothing to move.", where=join_key(key))
    if not 0 <= index < len(parent.items):
        raise RecipeError("it is at the end already.", where=join_key(key))
    if index == old:
        return text
    first, last = min(old, index), max(old, index)
    if parent.flow:
        spans = [(item.start, item.end) for item in parent.items]
        pieces = [text[start:end] for start, end in spans]
        pieces.insert(index, pieces.pop(old))
        for at in range(last, first - 1, -1):
            text = text[: spans[at][0]] + pieces[at] + text[spans[at][1] :]
        return text
    regions = [
        _with_comments_above(text, _item_lines(text, parent, at, key)) for at in range(first, last + 1)
    ]
    pieces = [text[start:end] for start, end in regions]
    pieces = [piece if piece.endswith("\n") else piece + "\n" for piece in pieces]
    gaps = [text[left[1] : right[0]] for left, right in pairwise(regions)] + [""]
    pieces.insert(index - first, pieces.pop(old - first))
    moved = "".join(piece + gap for piece, gap in zip(pieces, gaps, strict=True))
    return text[: regions[0][0]] + moved + text[regions[-1][1] :]


def rename_key(text: str, key: Key, name: str) -> str:
    """Give an entry of a map another name.

    Raises:
        RecipeError: there is no such entry, or its map has the new name already.
    """
    parent = root_of(text).at(key[:-1])
    index = parent.position(key[-1]) if parent else None
    if parent is None or index is None:
        raise RecipeError("there is nothing to rename.", where=join_key(key))
    if parent.position(name) is not None:
        raise RecipeError(f"'{name}' is taken.", where=join_key(key))
    old = parent.keys[index]
    return text[: old.start] + one_line(name) + text[old.end :]


# --------------------------------------------------------------------------- spans


def _in_brackets(root: Node, key: Key) -> bool:
    """True if something around the value at a key is written with brackets."""
    around = (root.at(key[:length]) for length in range(len(key)))
    return any(node is not None and node.flow for node in around)


def _replace(text: str, root: Node, key: Key, node: Node, new: str) -> str:
    if node.start == node.end:  # nothing is there: `use:`, or in brackets just `use`
        parent = root.at(key[:-1])
        before = text[: node.start].rstrip(" ")
        if parent is not None and parent.kind == "map":
            name = parent.keys[parent.position(key[-1]) or 0]
            has_colon = ":" in text[name.end : node.start]
            at = text.index(":", name.end) + 1 if has_colon else name.end
            return text[:at] + (" " if has_colon else ": ") + new + text[at:]
        return before + " " + new + text[len(before) :]
    block_below = not node.flow and node.kind in ("map", "list") and key
    if block_below and "\n" in text[_line_start(text, node.start) - 1 : node.start]:
        parent = root.at(key[:-1])
        if parent is not None and parent.kind == "map":
            name = parent.keys[parent.position(key[-1]) or 0]
            colon = text.index(":", name.end) + 1
            if "\n" in text[colon : node.start]:
                comment = _comment_after(text, colon)
                return text[:colon] + " " + new + comment + text[node.end :]
    return text[: node.start] + new + text[node.end :]


def _comment_after(text: str, at: int) -> str:
    """The text from a position to the end of its line: blanks and a comment."""
    return text[at : _line_end(text, at)].rstrip("\n").rstrip()


def _add_entry(text: str, parent: Node, name: str, value: Any, order: Sequence[str]) -> str:
    entry = f"{one_line(name)}: {one_line(value, inside_brackets=parent.flow)}"
    after = len(parent.keys) - 1
    if name in order:
        earlier = order[: order.index(name)]
        known = [i for i, key in enumerate(parent.keys) if key.text in earlier]
        after = known[-1] if known else -1
    if parent.flow:
        if not parent.keys:
            return text[: parent.start] + "{" + entry + "}" + text[parent.end :]
        if after < 0:
            return text[: parent.keys[0].start] + entry + ", " + text[parent.keys[0].start :]
        at = _value_end(parent.items[after], parent.keys[after])
        return text[:at] + ", " + entry + text[at:]
    line = f"{' ' * parent.column}{entry}\n"
    if after < 0:
        at = _line_start(text, parent.keys[0].start)
    else:
        at = _line_end(text, _value_end(parent.items[after], parent.keys[after]))
        at = _comments_below(text, at)
    return _join_lines(text, at, at, line)


def _first_item(text: str, root: Node, key: Key, node: Node, value: Any) -> str:
    """An item for `[]`: in brackets too, but a list of layers or lines begins a block."""
    parent = root.at(key[:-1])
    if parent is None or _in_brackets(root, key) or key[-1] not in ("sequential", "graph"):
        return text[: node.start] + f"[{one_line(value)}]" + text[node.end :]
    before = text[: node.start].rstrip(" ")
    rest = text[node.end : _line_end(text, node.end)].rstrip("\n")
    item = f"{' ' * (parent.column + 2)}- {one_line(value, inside_brackets=False)}"
    return before + rest.rstrip() + "\n" + item + text[node.end + len(rest) :]


def _value_end(value: Node, name: Node) -> int:
    """Where an entry ends; one without a value ends with its key."""
    return max(value.end, name.end) if value.start == value.end else value.end


def _line_start(text: str, at: int) -> int:
    return text.rfind("\n", 0, at) + 1


def _line_end(text: str, at: int) -> int:
    """The start of the next line."""
    found = text.find("\n", at)
    return len(text) if found < 0 else found + 1


def _join_lines(text: str, start: int, end: int, new: str) -> str:
    """Lines in place of lines; a last line without its end gets one."""
    before = text[:start]
    if before and not before.endswith("\n"):
        before += "\n"
    return before + new + text[end:]


def _item_lines(text: str, parent: Node, index: int, key: Key) -> tuple[int, int]:
    """The lines of a block list's item: from its dash to the end of its last line and its comment."""
    item = parent.items[index]
    start = _line_start(text, item.start)
    while start and text[start : start + parent.column + 1].strip() != "-":
        start = _line_start(text, start - 1)
    if text[start : start + parent.column + 1] != " " * parent.column + "-":
        raise RecipeError(
            "this list is written in a way that cannot be edited here.",
            where=join_key(key),
            hint="Edit its text, with one item a line.",
        )
    end = max(item.end, start + parent.column + 1)
    return start, _comments_below(text, _line_end(text, end))


def _entry_lines(text: str, parent: Node, index: int, key: Key) -> tuple[int, int]:
    name, value = parent.keys[index], parent.items[index]
    start = _line_start(text, name.start)
    if text[start : name.start].strip():
        raise RecipeError(
            "this entry is written in a way that cannot be edited here.",
            where=join_key(key),
            hint="Edit its text, with one entry a line.",
        )
    return start, _comments_below(text, _line_end(text, _value_end(value, name)))


def _comments_below(text: str, at: int) -> int:
    """Past the lines that continue the comment at the end of the line before `at`: they stand in its column."""
    before = text[_line_start(text, at - 1) : at] if at else ""
    column = before.rfind(" #") + 1
    if column <= 0:
        return at
    while at < len(text):
        line = text[at : _line_end(text, at)]
        if line.strip()[:1] != "#" or line.index("#") != column:
            break
        at += len(line)
    return at


def _with_comments_above(text: str, lines: tuple[int, int]) -> tuple[int, int]:
    """The lines with the comments right above them that begin in the same column."""
    start, end = lines
    indent = len(text[start:]) - len(text[start:].lstrip(" "))
    while start:
        above = _line_start(text, start - 1)
        line = text[above:start]
        if line.strip()[:1] != "#" or line.index("#") != indent:
            break
        start = above
    return start, end
