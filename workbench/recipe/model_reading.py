"""Read the parts of a model in a recipe, also where it is unfinished; check names for new parts."""

from __future__ import annotations

import keyword
from collections.abc import Mapping, Sequence
from typing import Any

from workbench.errors import RecipeError, did_you_mean
from workbench.recipe.document import join_key
from workbench.recipe.editing import Editor
from workbench.recipe.graph import Line, parse_line
from workbench.recipe.graph_text import read_lines
from workbench.recipe.outline import ModelForm
from workbench.recipe.yaml_nodes import Key

Lines = list[Line | None]

STACK: Key = ("model", "sequential")
GRAPH: Key = ("model", "graph")
LAYERS: Key = ("model", "layers")
INPUTS: Key = ("model", "inputs")
OUTPUTS: Key = ("model", "outputs")
MODEL_KEYS = ("inputs", "layers", "graph", "outputs")


def is_line(key: Key) -> bool:
    """True if the key is that of a graph line."""
    return len(key) == 3 and key[:2] == GRAPH


def map_at(editor: Editor, key: Key) -> dict[str, Any]:
    """The map at a key; empty where there is none."""
    found = editor.get(key)
    return {str(name): item for name, item in found.items()} if isinstance(found, Mapping) else {}


def lines_of(editor: Editor) -> Lines:
    """The lines of the graph; None for one that cannot be read."""
    found = editor.get(GRAPH)
    return read_lines(found) if isinstance(found, list) else []


def line_at(editor: Editor, key: Key) -> Line:
    """The line of the graph at a key.

    Raises:
        RecipeError: there is none, or it cannot be read.
    """
    if not is_line(key):
        raise RecipeError("this is no line of a graph.", where=join_key(key))
    return parse_line(str(editor.get(key)), join_key(key))


def outputs_of(editor: Editor) -> list[str]:
    """The names of the graph's outputs."""
    found = editor.get(OUTPUTS)
    return [found] if isinstance(found, str) else [str(name) for name in found or ()]


def tensors_after(editor: Editor, lines: Lines) -> list[str]:
    """The names of tensors after these lines; one given twice is as new as its last time."""
    names: dict[str, None] = dict.fromkeys(map_at(editor, INPUTS))
    for line in lines:
        for name in line.targets if line else ():
            names.pop(name, None)
            names[name] = None
    return list(names)


def names_taken(editor: Editor) -> set[str]:
    """The names of the graph's layers and tensors."""
    return {*map_at(editor, LAYERS), *tensors_after(editor, lines_of(editor))}


def need_graph(editor: Editor) -> None:
    """Raise a RecipeError unless the model is a graph."""
    if editor.form is not ModelForm.GRAPH:
        raise RecipeError(
            "only a graph has named inputs and layers.", where="model", hint="Make it a graph first."
        )


def check_identifier(name: str, where: str) -> None:
    """Raise a RecipeError if it cannot be a name."""
    if not name.isidentifier() or keyword.iskeyword(name):
        raise RecipeError(f"'{name}' cannot be a name: letters, digits and '_' only.", where=where)


def check_name(name: str, taken: set[str], where: str) -> None:
    """Raise a RecipeError if it cannot be a name, or means something else already."""
    check_identifier(name, where)
    if name in taken:
        raise RecipeError(f"'{name}' is the name of something else here.", where=where)


def check_known(names: Sequence[str], known: Sequence[str], where: str) -> None:
    """Raise a RecipeError if one of the names is no tensor."""
    for name in names:
        if name not in known:
            hint = did_you_mean(name, known) or f"There are: {', '.join(known)}."
            raise RecipeError(f"no tensor is called '{name}' here.", where=where, hint=hint)
