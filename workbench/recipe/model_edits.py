"""Edits of a recipe's model as a whole, in whichever form it is written. Each edit is one step to undo.

What only a graph has is edited in `graph_edits`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import PurePath
from typing import Any

from workbench.errors import RecipeError
from workbench.recipe import graph_edits, yaml_edit
from workbench.recipe import graph_text as graphs
from workbench.recipe import model_reading as reading
from workbench.recipe.document import join_key, split_key
from workbench.recipe.editing import Editor
from workbench.recipe.graph import Apply, Line, Make, Ref
from workbench.recipe.model_schema import OF_DATA
from workbench.recipe.outline import WRITTEN_OUT, ModelForm, arguments_of, use_of
from workbench.recipe.yaml_nodes import Key


def add_layer(
    editor: Editor,
    index: int,
    name: str,
    arguments: Mapping[str, Any] | None = None,
    *,
    inputs: int | None = 1,
    outputs: int | None = 1,
    sources: Sequence[str] = (),
    only_next: bool = False,
) -> str:
    """Add a layer to a stack or a line to a graph. Returns its key.

    In a graph the new line uses the tensor before it, and the lines after it use the new line's tensor.

    Args:
        editor: the recipe.
        index: its position among layers or lines.
        name: the layer's name in the catalog.
        arguments: what its constructor is given.
        inputs: how many input tensors it has; None for any number.
        outputs: how many tensors it returns.
        sources: in a graph, the tensors to use instead of those of the line before.
        only_next: in a graph, only the next line uses the new line's tensor.

    Raises:
        RecipeError: the model is neither a stack nor a graph.
    """
    given = arguments or {}
    if editor.form is ModelForm.STACK:
        text = yaml_edit.insert_item(
            editor.text, reading.STACK, index, {"use": name, **given} if given else name
        )
        key = join_key((*reading.STACK, index))
    elif editor.form is ModelForm.GRAPH:
        made = Make(name, (), tuple((each, graphs.from_yaml(value)) for each, value in given.items()))
        text, key = graph_edits.with_line(editor, index, made, inputs, outputs, sources, only_next=only_next)
    else:
        raise RecipeError(
            "this model is one class: it has no list of layers.",
            where="model",
            hint="Choose a stack or a graph as the model first.",
        )
    editor.replace_text(text, what=f"adding {name}")
    return key


def add_loaded(editor: Editor, index: int, file: str) -> str:
    """Add a saved file's model to a stack, or to a graph as a layer with a line that calls it; its key is returned.

    Raises:
        RecipeError: the model is neither a stack nor a graph.
    """
    if editor.form is ModelForm.STACK:
        text = yaml_edit.insert_item(editor.text, reading.STACK, index, {"load": file})
        key = join_key((*reading.STACK, index))
    else:
        reading.need_graph(editor)
        stem = re.sub(r"\W+", "_", PurePath(file).name.partition(".")[0]).strip("_").lower()
        called = graphs.fresh_name(stem if stem.isidentifier() else "loaded", reading.names_taken(editor))
        text, key = graph_edits.with_line(editor, index, called, 1, 1)
        text = yaml_edit.set_value(text, (*reading.LAYERS, called), {"load": file}, order=reading.MODEL_KEYS)
    editor.replace_text(text, what=f"adding {file}")
    return key


def duplicate(editor: Editor, key: str) -> str:
    """A second one right below; its key is returned. A name is not copied: it must be unique.

    Raises:
        RecipeError: there is nothing at the key, or there can be one only.
    """
    parts = split_key(key)
    value = editor.get(parts)
    if value is None:
        raise RecipeError("there is nothing to duplicate.", where=key)
    last = parts[-1]
    if reading.is_line(parts):
        value = _second_line(reading.line_at(editor, parts))
    elif isinstance(value, Mapping):
        value = {name: item for name, item in value.items() if name != "name"}
    if isinstance(last, int):
        new = (*parts[:-1], last + 1)
        text = yaml_edit.insert_item(editor.text, parts[:-1], last + 1, value)
    elif parts[:-1] == reading.LAYERS:
        new = (*reading.LAYERS, graphs.fresh_name(f"{last}2", reading.names_taken(editor)))
        text = yaml_edit.set_value(editor.text, new, value)
    else:
        raise RecipeError("there can be one of these only.", where=key)
    editor.replace_text(text, what="duplicate")
    return join_key(new)


def _second_line(line: Line) -> str:
    """The same layer called again, on the line's own tensor if it has one input and one output."""
    layer, inputs = line.value.layer, line.value.inputs
    if isinstance(layer, Make):
        layer = replace(layer, keywords=tuple(pair for pair in layer.keywords if pair[0] != "name"))
    if len(line.targets) == len(inputs) == 1:
        inputs = tuple(map(Ref, line.targets))
    return graphs.line_text(replace(line, value=replace(line.value, layer=layer, inputs=inputs)))


def delete(editor: Editor, key: str) -> None:
    """Delete the part of a row. In a graph, the lines after a deleted line use its input.

    Raises:
        RecipeError: a recipe needs this part, or nothing can be used in place of a line's tensors.
    """
    parts = split_key(key)
    if not parts or parts in (("model",), ("train",), ("data",), ("kwb",)):
        raise RecipeError("a recipe needs this part.", where=key)
    text = yaml_edit.remove(editor.text, parts)
    if reading.is_line(parts):
        lines, outputs, index = reading.lines_of(editor), reading.outputs_of(editor), int(parts[-1])
        changed, named = graphs.bypass(lines, outputs, index)
        left = [line for at, line in enumerate(lines) if at != index]
        text = graph_edits.with_lines(text, left, changed, outputs, named)
    editor.replace_text(text, what="delete")


def rename(editor: Editor, key: str, name: str) -> None:
    """Rename a layer, a line's tensors (`total, product`), a shared layer or an input, with every use of it.

    Raises:
        RecipeError: the name cannot be one, or means something else already.
    """
    editor.replace_text(_renamed(editor, key, name), what="renaming", joined=True)


def _renamed(editor: Editor, key: str, name: str) -> str:
    text, parts = editor.text, split_key(key)
    lines, outputs = reading.lines_of(editor), reading.outputs_of(editor)
    layers = reading.map_at(editor, reading.LAYERS)
    if parts[: len(reading.STACK)] == reading.STACK:
        reading.check_identifier(name.replace("-", "_"), key)
        item = editor.get(parts)
        if isinstance(item, Mapping):
            return yaml_edit.set_value(text, (*parts, "name"), name)
        return yaml_edit.set_value(text, parts, {"use": use_of(item), "name": name})
    if parts[:-1] == reading.LAYERS:
        reading.check_name(name, reading.names_taken(editor) - {str(parts[-1])}, key)
        if name != parts[-1]:
            text = yaml_edit.rename_key(text, parts, name)
        changed = graphs.rename_layer(lines, str(parts[-1]), name)
        text = graph_edits.with_lines(text, lines, changed, outputs, outputs)
        for place in _uses_of(str(parts[-1]), layers, reading.LAYERS):
            owner = name if place[2] == parts[-1] else place[2]
            text = yaml_edit.set_value(text, (*reading.LAYERS, owner, *place[3:]), name)
        return text
    if parts[:-1] == reading.INPUTS:
        reading.check_name(name, set(layers), key)
        changed, named = graphs.rename_tensor(lines, outputs, -1, str(parts[-1]), name)
        text = yaml_edit.rename_key(text, parts, name)
        if isinstance(editor.get(("data", "inputs", str(parts[-1]))), list | str):
            text = yaml_edit.rename_key(text, ("data", "inputs", parts[-1]), name)
        return graph_edits.with_lines(text, lines, changed, outputs, named)
    if reading.is_line(parts):
        names = [part.strip() for part in name.split(",")]
        return graph_edits.with_targets(editor, parts, names, set(layers))
    raise RecipeError("this has no name to change.", where=key)


def _uses_of(name: str, value: Any, key: Key) -> Iterator[Key]:
    """The keys of `use: NAME` among the arguments of other layers."""
    if isinstance(value, Mapping):
        if value.get("use") == name and len(key) > len(reading.LAYERS) + 1:
            yield (*key, "use")
        for label, item in value.items():
            yield from _uses_of(name, item, (*key, label))
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _uses_of(name, item, (*key, index))


def to_graph(editor: Editor, inputs: Sequence[str], output: str = "output") -> None:
    """Write a stack as a graph that is the same model; the lines keep their comments.

    Args:
        editor: the recipe.
        inputs: the names of the data's inputs; a stack has one.
        output: the name of the last tensor.

    Raises:
        RecipeError: the model is no stack, or there is more than one input.
    """
    text = editor.text
    if editor.form is not ModelForm.STACK:
        raise RecipeError("only a stack can be written as a graph.", where="model")
    if len(inputs) != 1:
        raise RecipeError("a stack has one input.", where="data.inputs")
    (source,) = inputs
    reading.check_identifier(source, "data.inputs")
    items = list(editor.get(reading.STACK) or ())
    shared: dict[str, Any] = {}
    tensor = source
    middle = graphs.fresh_name("z", {source, output})
    for index, item in enumerate(items):
        name = output if index == len(items) - 1 else middle
        layer: Make | str
        if isinstance(item, Mapping) and any(form in item for form in ("load", *WRITTEN_OUT)):
            called = str(item.get("name") or ("loaded" if "load" in item else "part"))
            layer = graphs.fresh_name(called, {source, output, middle, *shared})
            shared[layer] = dict(item)
        elif use_of(item) in reading.map_at(editor, ("layers",)):
            layer = use_of(item)
        else:
            given = tuple((key, graphs.from_yaml(value)) for key, value in arguments_of(item).items())
            layer = Make(use_of(item), (), given)
        line = Line((name,), Apply(layer, (Ref(tensor),)))
        text = yaml_edit.set_value(text, (*reading.STACK, index), graphs.line_text(line))
        tensor = name
    text = yaml_edit.rename_key(text, reading.STACK, "graph")
    text = yaml_edit.set_value(text, reading.INPUTS, {source: OF_DATA}, order=reading.MODEL_KEYS)
    if shared:
        text = yaml_edit.set_value(text, reading.LAYERS, shared, order=reading.MODEL_KEYS)
    text = yaml_edit.set_value(text, reading.OUTPUTS, [output] if items else [], order=reading.MODEL_KEYS)
    editor.replace_text(text, what="conversion to a graph")


def start_stack(editor: Editor) -> None:
    """Begin a new model as an empty stack."""
    editor.replace_text(yaml_edit.set_block(editor.text, ("model",), {"sequential": []}), what="new stack")


def start_graph(editor: Editor, inputs: Sequence[str]) -> None:
    """Begin a new model as an empty graph of the data's inputs of these names."""
    model = {"inputs": dict.fromkeys(inputs, OF_DATA), "graph": [], "outputs": []}
    editor.replace_text(yaml_edit.set_block(editor.text, ("model",), model), what="new graph")
