"""Edits of one entry in a recipe and of its arguments, in whichever form it is written, and of lists of entries.

An entry is a name (`Exponential`), a map (`{use: MyDense, units: 30}`), or the layer that a graph line makes
(`z = Dense(30, activation="relu")(x)`). Each edit is one step to undo.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from workbench.errors import RecipeError
from workbench.recipe import yaml_edit
from workbench.recipe.document import split_key
from workbench.recipe.editing import Editor
from workbench.recipe.graph import Make, parse_line
from workbench.recipe.graph_text import from_yaml, line_text, to_yaml_value
from workbench.recipe.train_schema import Train
from workbench.recipe.yaml_nodes import Key


def arguments(editor: Editor, key: str, order: Sequence[str] = ()) -> dict[str, Any]:
    """The arguments written at a key: of a layer, a model, an optimizer ..., or of a graph line's layer.

    Args:
        editor: the recipe.
        key: the row's `form`.
        order: the constructor's arguments in their order, to name a line's positional ones; without it those are left
            out.
    """
    item = editor.get(key)
    if _is_line(split_key(key)):
        try:
            made = _made(item, key)
        except RecipeError:
            return {}
        named = dict(zip(order, made.positional, strict=False)) | dict(made.keywords)
        return {name: to_yaml_value(value) for name, value in named.items()}
    if isinstance(item, Mapping):
        return {str(name): value for name, value in item.items() if name not in ("use", "load")}
    return {}


def set_argument(editor: Editor, key: str, name: str, value: Any, order: Sequence[str] = ()) -> None:
    """Give an argument of the entry at a key a value.

    Raises:
        RecipeError: nothing is there that has arguments.
    """
    text, item, parts = editor.text, editor.get(key), split_key(key)
    if _is_line(parts):
        made = _made(item, key)
        at = order.index(name) if name in order else len(made.positional)
        given = from_yaml(value)
        if at < len(made.positional):
            made = replace(made, positional=(*made.positional[:at], given, *made.positional[at + 1 :]))
        else:
            made = replace(made, keywords=tuple((dict(made.keywords) | {name: given}).items()))
        text = _with_layer(text, key, item, made)
    elif isinstance(item, str):
        text = yaml_edit.set_value(text, parts, {"use": item, name: value})
    elif item is None and key == "train.optimizer":  # the default, written out to hold the argument
        text = yaml_edit.set_value(text, parts, {"use": Train().optimizer.use, name: value})
    elif isinstance(item, Mapping):
        text = yaml_edit.set_value(text, (*parts, name), value)
    else:
        raise RecipeError("there is nothing that has arguments.", where=key)
    editor.replace_text(text, what=f"change of {name}", joined=True)


def unset_argument(editor: Editor, key: str, name: str, order: Sequence[str] = ()) -> None:
    """Leave an argument to its default."""
    text, item, parts = editor.text, editor.get(key), split_key(key)
    if _is_line(parts):
        made = _made(item, key)
        at = order.index(name) if name in order else len(made.positional)
        keywords = {label: value for label, value in made.keywords if label != name}
        if at < len(made.positional):  # those after it need their names now
            keywords = dict(zip(order[at + 1 :], made.positional[at + 1 :], strict=False)) | keywords
            made = replace(made, positional=made.positional[:at])
        text = _with_layer(text, key, item, replace(made, keywords=tuple(keywords.items())))
    elif isinstance(item, Mapping) and name in item:
        text = yaml_edit.remove(text, (*parts, name))
    editor.replace_text(text, what=f"default of {name}")


def use(
    editor: Editor,
    key: str,
    name: str,
    first: Mapping[str, Any] | None = None,
    keep: Sequence[str] = (),
    *,
    as_map: bool = False,
) -> None:
    """Put another entry at a key: another layer, optimizer, loss ...

    Args:
        editor: the recipe.
        key: where.
        name: the entry's name.
        first: its arguments to begin with, unless the old entry has them and they are kept.
        keep: arguments of the old entry that the new one has too.
        as_map: the bare name would be a text there, as among the arguments of another thing.
    """
    item, parts = editor.get(key), split_key(key)
    old = arguments(editor, key, keep)
    given = {**(first or {}), **{label: value for label, value in old.items() if label in keep}}
    if _is_line(parts):
        made = Make(name, (), tuple((label, from_yaml(value)) for label, value in given.items()))
        text = _with_layer(editor.text, key, item, made)
    else:
        text = yaml_edit.set_value(editor.text, parts, {"use": name, **given} if given or as_map else name)
    editor.replace_text(text, what=f"choice of {name}")


def insert(
    editor: Editor,
    key: str,
    index: int,
    name: str,
    arguments: Mapping[str, Any] | None = None,
    *,
    as_map: bool = False,
) -> str:
    """Put an entry into a list (callbacks, metrics, save ...); its key is returned. For `as_map` see `use`."""
    value: Any = {"use": name, **(arguments or {})} if arguments or as_map else name
    text = yaml_edit.insert_item(editor.text, split_key(key), index, value)
    editor.replace_text(text, what=f"adding {name}")
    return f"{key}[{index}]"


def move(editor: Editor, key: str, step: int) -> str:
    """Move an item up (-1) or down (1) in its list; its new key is returned.

    Raises:
        RecipeError: it cannot go further.
    """
    *above, index = split_key(key)
    if not isinstance(index, int):
        raise RecipeError("this cannot be moved.", where=key)
    editor.replace_text(yaml_edit.move_item(editor.text, (*above, index), index + step), what="move")
    return key[: key.rindex("[")] + f"[{index + step}]"


def _is_line(key: Key) -> bool:
    """True if the key is that of a graph line, also of a graph inside another thing."""
    return len(key) > 2 and key[-2] == "graph" and isinstance(key[-1], int)


def _made(item: Any, key: str) -> Make:
    line = parse_line(str(item), key)
    if not isinstance(line.value.layer, Make):
        raise RecipeError(f"'{line.value.layer}' has its arguments under `layers`.", where=key)
    return line.value.layer


def _with_layer(text: str, key: str, item: Any, made: Make) -> str:
    """The text with another layer made by a graph's line."""
    line = parse_line(str(item), key)
    return yaml_edit.set_value(
        text, split_key(key), line_text(replace(line, value=replace(line.value, layer=made)))
    )
