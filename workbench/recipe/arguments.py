"""Read and edit the arguments of one item in a recipe, in whichever form it is written.

An item is a name (`Exponential`), a map (`{use: MyDense, units: 30}`), or the layer that a graph line makes
(`z = Dense(30, activation="relu")(x)`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from workbench.errors import RecipeError
from workbench.recipe import yaml_edit
from workbench.recipe.document import join_key
from workbench.recipe.graph import Line, Make, parse_line
from workbench.recipe.graph_text import from_yaml, line_text, to_yaml_value
from workbench.recipe.yaml_nodes import Key


def arguments_at(item: Any, key: Key, order: Sequence[str] = ()) -> dict[str, Any]:
    """The arguments by name.

    Args:
        item: the value at the key.
        key: shows whether it is a graph line or a name.
        order: the constructor's arguments, to name a line's positional ones; without it those are left out.
    """
    if is_line(key):
        try:
            made = _made(item, key)
        except RecipeError:
            return {}
        named = dict(zip(order, made.positional, strict=False)) | dict(made.keywords)
        return {name: to_yaml_value(value) for name, value in named.items()}
    if isinstance(item, Mapping):
        return {str(name): value for name, value in item.items() if name not in ("use", "load")}
    return {}


def set_argument(text: str, key: Key, item: Any, name: str, value: Any, order: Sequence[str] = ()) -> str:
    """The recipe's text with one argument set."""
    if is_line(key):
        made = _made(item, key)
        at = order.index(name) if name in order else len(made.positional)
        given = from_yaml(value)
        if at < len(made.positional):
            positional = (*made.positional[:at], given, *made.positional[at + 1 :])
            return _write_line(text, key, item, replace(made, positional=positional))
        keywords = dict(made.keywords) | {name: given}
        return _write_line(text, key, item, replace(made, keywords=tuple(keywords.items())))
    if isinstance(item, str):
        return yaml_edit.set_value(text, key, {"use": item, name: value})
    if item is None and key == ("train", "optimizer"):  # the default, written out to hold the argument
        return yaml_edit.set_value(text, key, {"use": DEFAULT_OPTIMIZER, name: value})
    if not isinstance(item, Mapping):
        raise RecipeError("there is nothing that has arguments.", where=join_key(key))
    return yaml_edit.set_value(text, (*key, name), value)


def unset_argument(text: str, key: Key, item: Any, name: str, order: Sequence[str] = ()) -> str:
    """The recipe's text with one argument left to its default."""
    if is_line(key):
        made = _made(item, key)
        at = order.index(name) if name in order else len(made.positional)
        keywords = {label: value for label, value in made.keywords if label != name}
        if at < len(made.positional):  # those after it need their names now
            later = dict(zip(order[at + 1 :], made.positional[at + 1 :], strict=False))
            made = replace(made, positional=made.positional[:at])
            keywords = later | keywords
        return _write_line(text, key, item, replace(made, keywords=tuple(keywords.items())))
    if isinstance(item, Mapping) and name in item:
        return yaml_edit.remove(text, (*key, name))
    return text


def use(text: str, key: Key, item: Any, name: str, arguments: Mapping[str, Any], keep: Sequence[str]) -> str:
    """The recipe's text with another entry at a key.

    Args:
        text, key, item: the text, the key in it, and the item there.
        name: the new entry.
        arguments: those it gets, unless the old one has them and they are kept.
        keep: the old one's arguments to keep.
    """
    old = arguments_at(item, key, keep)
    arguments = {**arguments, **{label: value for label, value in old.items() if label in keep}}
    if is_line(key):
        line = parse_line(str(item), join_key(key))
        made = Make(name, (), tuple((label, from_yaml(value)) for label, value in arguments.items()))
        return yaml_edit.set_value(text, key, line_text(replace(line, value=replace(line.value, layer=made))))
    return yaml_edit.set_value(text, key, {"use": name, **arguments} if arguments else name)


def is_line(key: Key) -> bool:
    """True if the key is that of a graph line."""
    return len(key) == 3 and key[:2] == ("model", "graph")


DEFAULT_OPTIMIZER = "Adam"


def _made(item: Any, key: Key) -> Make:
    line = parse_line(str(item), join_key(key))
    if not isinstance(line.value.layer, Make):
        raise RecipeError(f"'{line.value.layer}' has its arguments under `layers`.", where=join_key(key))
    return line.value.layer


def _write_line(text: str, key: Key, item: Any, made: Make) -> str:
    line: Line = parse_line(str(item), join_key(key))
    return yaml_edit.set_value(text, key, line_text(replace(line, value=replace(line.value, layer=made))))
