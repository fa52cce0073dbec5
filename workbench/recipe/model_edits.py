"""Edits of a recipe's model: layers of a stack, lines of a graph, shared layers, inputs and outputs.

Each edit gets the recipe's text and its plain data and returns the new text. The other changes that an edit of a graph
needs (lines that use the tensor of a deleted line, or an old name) are found in the parsed lines.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import PurePath
from typing import Any

from workbench.errors import RecipeError, did_you_mean
from workbench.recipe import graph_text as graphs
from workbench.recipe import yaml_edit
from workbench.recipe.arguments import is_line
from workbench.recipe.document import join_key
from workbench.recipe.graph import Apply, Line, Make, Ref, parse_line
from workbench.recipe.outline import ModelForm, arguments_of, form_of, use_of
from workbench.recipe.yaml_nodes import Key

Data = Mapping[str, Any]
Lines = list[Line | None]

STACK: Key = ("model", "sequential")
GRAPH: Key = ("model", "graph")
LAYERS: Key = ("model", "layers")
INPUTS: Key = ("model", "inputs")
OUTPUTS: Key = ("model", "outputs")
MODEL_KEYS = ("inputs", "layers", "graph", "outputs")


def add_layer(
    text: str,
    data: Data,
    index: int,
    name: str,
    arguments: Mapping[str, Any],
    inputs: int | None,
    outputs: int | None,
) -> tuple[str, str]:
    """See `Editor.add_layer`."""
    form = form_of(data)
    if form is ModelForm.STACK:
        value: Any = {"use": name, **arguments} if arguments else name
        return yaml_edit.insert_item(text, STACK, index, value), join_key((*STACK, index))
    if form is not ModelForm.GRAPH:
        raise RecipeError(
            "this model is one class: it has no list of layers.",
            where="model",
            hint="Choose a stack or a graph as the model first.",
        )
    made = Make(name, (), tuple((key, graphs.from_yaml(value)) for key, value in arguments.items()))
    return _add_line(text, data, index, made, inputs, outputs)


def add_loaded(text: str, data: Data, index: int, file: str) -> tuple[str, str]:
    """See `Editor.add_loaded`."""
    if form_of(data) is ModelForm.STACK:
        return yaml_edit.insert_item(text, STACK, index, {"load": file}), join_key((*STACK, index))
    _need_graph(data)
    taken = {*_map(data, LAYERS), *_tensors(data, _lines(data))}
    stem = re.sub(r"\W+", "_", PurePath(file).name.partition(".")[0]).strip("_").lower()
    called = graphs.fresh_name(stem if stem.isidentifier() else "loaded", taken)
    text, key = _add_line(text, data, index, called, 1, 1)
    return yaml_edit.set_value(text, (*LAYERS, called), {"load": file}, order=MODEL_KEYS), key


def call_shared(text: str, data: Data, index: int, called: str) -> tuple[str, str]:
    """See `Editor.call_shared`."""
    return _add_line(text, data, index, called, 1, 1)


def _add_line(
    text: str, data: Data, index: int, layer: Make | str, input_count: int | None, output_count: int | None
) -> tuple[str, str]:
    lines, outputs = _lines(data), _outputs(data)
    before = _tensors(data, lines[:index])
    newest: tuple[str, ...] = next((line.targets for line in reversed(lines[:index]) if line), ())
    # A layer with any number of inputs gets all outputs of the line before.
    count = max(len(newest), 1) if input_count is None else max(input_count, 1)
    sources = _sources(newest, before, count)
    taken = {*before, *_map(data, LAYERS), *_tensors(data, lines)}
    source = sources[-1] if sources else ""
    through = len(sources) == 1 and (output_count or 1) == 1
    own = any(line and source in line.targets for line in lines)
    if through and own:
        # The same name again, as one writes it by hand: lines that used the tensor use the new one.
        names = [source]
    elif (output_count or 1) == 1:
        names = [graphs.fresh_name("z", taken)]
    else:
        names = []
        for _ in range(output_count or 1):
            names.append(graphs.fresh_name("z1", {*taken, *names}))
    call = Apply(layer, tuple(map(Ref, sources)))
    line = Line(tuple(names), call)
    key = (*GRAPH, index)
    if not sources:
        raise RecipeError(
            "the graph has no input to begin with.", where="model.inputs", hint="Add an input first."
        )
    text = yaml_edit.insert_item(text, GRAPH, index, graphs.line_text(line))
    if through and not own and index < len(lines):  # the next line that used the input uses the new tensor
        following = lines[index]
        if following is not None and source in graphs.names_used(following.value):
            rewired = graphs.rename_in_call(following.value, source, names[0])
            changed = graphs.line_text(replace(following, value=rewired))
            text = yaml_edit.set_value(text, (*GRAPH, index + 1), changed)
    previous = lines[-1].targets if lines and lines[-1] else ()
    replaces = not outputs or (len(outputs) == 1 and outputs[0] in previous)
    if index == len(lines) and names[0] not in outputs and replaces:
        text = yaml_edit.set_value(text, OUTPUTS, [names[0]])
    return text, join_key(key)


def _sources(previous: Sequence[str], before: Sequence[str], count: int) -> list[str]:
    """The input tensors of a new line: the newest ones, first of all those of the line before it."""
    if count == 1:
        return [previous[0]] if previous else list(before[:1])
    others = [name for name in before if name not in previous]
    return [*others, *previous][-count:]


def add_shared(
    text: str, data: Data, name: str, arguments: Mapping[str, Any], called: str
) -> tuple[str, str]:
    """See `Editor.add_shared`."""
    _need_graph(data)
    taken = {*_map(data, LAYERS), *_tensors(data, _lines(data))}
    called = called or graphs.fresh_name(_snake(name), taken)
    _check_name(called, taken, "model.layers")
    text = yaml_edit.set_value(text, (*LAYERS, called), {"use": name, **arguments}, order=MODEL_KEYS)
    return text, join_key((*LAYERS, called))


def share(text: str, data: Data, key: Key, called: str) -> tuple[str, str]:
    """See `Editor.share`."""
    line = _line(data, key)
    made = line.value.layer
    if not isinstance(made, Make):
        raise RecipeError(f"'{made}' is shared already.", where=join_key(key))
    if made.positional:
        raise RecipeError(
            "a shared layer needs its arguments by name.",
            where=join_key(key),
            hint="Give them names first, as in `units=30`.",
        )
    arguments = {name: graphs.to_yaml_value(value) for name, value in made.keywords if name != "name"}
    text, new = add_shared(text, data, made.name, arguments, called)
    called = new.rpartition(".")[2]
    changed = replace(line, value=replace(line.value, layer=called))
    return yaml_edit.set_value(text, key, graphs.line_text(changed)), new


def add_input(text: str, data: Data, name: str, shape: Sequence[int | None]) -> tuple[str, str]:
    """See `Editor.add_input`."""
    _need_graph(data)
    _check_name(name, {*_map(data, LAYERS), *_tensors(data, _lines(data))}, "model.inputs")
    return yaml_edit.set_value(text, (*INPUTS, name), list(shape)), join_key((*INPUTS, name))


def duplicate(text: str, data: Data, key: Key) -> tuple[str, str]:
    """See `Editor.duplicate`."""
    value = _at(data, key)
    if value is None:
        raise RecipeError("there is nothing to duplicate.", where=join_key(key))
    last = key[-1]
    if is_line(key):
        line = _line(data, key)
        layer = line.value.layer
        if isinstance(layer, Make):
            layer = replace(layer, keywords=tuple(pair for pair in layer.keywords if pair[0] != "name"))
        sources = (
            tuple(map(Ref, line.targets))
            if len(line.targets) == len(line.value.inputs) == 1
            else line.value.inputs
        )
        value = graphs.line_text(replace(line, value=replace(line.value, layer=layer, inputs=sources)))
    elif isinstance(value, Mapping):
        value = {name: item for name, item in value.items() if name != "name"}
    if isinstance(last, int):
        new = (*key[:-1], last + 1)
        return yaml_edit.insert_item(text, key[:-1], last + 1, value), join_key(new)
    if key[:-1] == LAYERS:
        called = graphs.fresh_name(f"{last}2", {*_map(data, LAYERS), *_tensors(data, _lines(data))})
        return yaml_edit.set_value(text, (*LAYERS, called), value), join_key((*LAYERS, called))
    raise RecipeError("there can be one of these only.", where=join_key(key))


def delete(text: str, data: Data, key: Key) -> str:
    """See `Editor.delete`."""
    if not key or key in (("model",), ("train",), ("data",), ("kwb",)):
        raise RecipeError("a recipe needs this part.", where=join_key(key))
    if not is_line(key):
        return yaml_edit.remove(text, key)
    lines, outputs = _lines(data), _outputs(data)
    index = int(key[-1])
    changed, named = graphs.bypass(lines, outputs, index)
    text = yaml_edit.remove(text, key)
    return _write(text, [line for at, line in enumerate(lines) if at != index], changed, outputs, named)


def rename(text: str, data: Data, key: Key, name: str) -> str:
    """See `Editor.rename`."""
    where = join_key(key)
    lines, outputs = _lines(data), _outputs(data)
    if key[: len(STACK)] == STACK:
        _check_identifier(name.replace("-", "_"), where)
        item = _at(data, key)
        if isinstance(item, Mapping):
            return yaml_edit.set_value(text, (*key, "name"), name)
        return yaml_edit.set_value(text, key, {"use": use_of(item), "name": name})
    if key[:-1] == LAYERS:
        _check_name(name, {*_map(data, LAYERS), *_tensors(data, lines)} - {str(key[-1])}, where)
        if name != key[-1]:
            text = yaml_edit.rename_key(text, key, name)
        return _write(text, lines, graphs.rename_layer(lines, str(key[-1]), name), outputs, outputs)
    if key[:-1] == INPUTS:
        _check_name(name, set(_map(data, LAYERS)), where)
        changed, named = graphs.rename_tensor(lines, outputs, -1, str(key[-1]), name)
        text = yaml_edit.rename_key(text, key, name)
        if isinstance(_at(data, ("data", "inputs", str(key[-1]))), list | str):
            text = yaml_edit.rename_key(text, ("data", "inputs", key[-1]), name)
        return _write(text, lines, changed, outputs, named)
    if is_line(key):
        return _rename_targets(text, data, key, [part.strip() for part in name.split(",")])
    raise RecipeError("this has no name to change.", where=where)


def _rename_targets(text: str, data: Data, key: Key, names: Sequence[str]) -> str:
    lines, outputs, line, index = _lines(data), _outputs(data), _line(data, key), int(key[-1])
    for name in names:
        _check_name(name, set(_map(data, LAYERS)), join_key(key))
    if len(set(names)) != len(names):
        raise RecipeError("each tensor needs a name of its own.", where=join_key(key))
    if len(names) != len(line.targets):  # more or fewer of them: nothing to follow
        return yaml_edit.set_value(text, key, graphs.line_text(replace(line, targets=tuple(names))))
    changed, named = lines, outputs
    for old, new in zip(line.targets, names, strict=True):
        if old != new:
            changed, named = graphs.rename_tensor(changed, named, index, old, new)
    text = _write(text, lines, changed, outputs, named)
    for old, new in zip(outputs, named, strict=True):
        if old != new:
            for section in (("data", "targets"), *(("train", each) for each in _BY_OUTPUT)):
                at = _at(data, section)
                if isinstance(at, Mapping) and old in at and "use" not in at:
                    text = yaml_edit.rename_key(text, (*section, old), new)
    return text


_BY_OUTPUT = ("loss", "losses", "metrics", "weighted_metrics", "loss_weights", "weights")


def rewire(text: str, data: Data, key: Key, inputs: str) -> str:
    """See `Editor.rewire`."""
    where = join_key(key)
    known = tensors_before(data, key)
    if key == OUTPUTS:
        names = [name.strip() for name in inputs.split(",") if name.strip()]
        _known(names, known, where)
        return yaml_edit.set_value(text, key, names)
    line = _line(data, key)
    call = graphs.parse_inputs(inputs, where)
    _known(list(graphs.names_used(call)), known, where)
    value = replace(call, layer=line.value.layer)
    return yaml_edit.set_value(text, key, graphs.line_text(replace(line, value=value)))


def tensors_before(data: Data, key: Key) -> list[str]:
    """See `Editor.tensors_before`."""
    lines = _lines(data)
    return _tensors(data, lines[: int(key[-1])] if is_line(key) else lines)


def to_graph(text: str, data: Data, inputs: Mapping[str, Sequence[int | None]], output: str) -> str:
    """See `Editor.to_graph`."""
    if form_of(data) is not ModelForm.STACK:
        raise RecipeError("only a stack can be written as a graph.", where="model")
    if len(inputs) != 1:
        raise RecipeError("a stack has one input.", where="data.inputs")
    ((source, shape),) = inputs.items()
    _check_identifier(source, "data.inputs")
    items = list(_at(data, STACK) or ())
    shared: dict[str, Any] = {}
    tensor = source
    middle = graphs.fresh_name("z", {source, output})
    for index, item in enumerate(items):
        name = output if index == len(items) - 1 else middle
        layer: Make | str
        if isinstance(item, Mapping) and "load" in item:
            layer = graphs.fresh_name("loaded", {source, output, middle, *shared})
            shared[layer] = dict(item)
        else:
            given = tuple((key, graphs.from_yaml(value)) for key, value in arguments_of(item).items())
            layer = Make(use_of(item), (), given)
        line = Line((name,), Apply(layer, (Ref(tensor),)))
        text = yaml_edit.set_value(text, (*STACK, index), graphs.line_text(line))
        tensor = name
    text = yaml_edit.rename_key(text, STACK, "graph")
    text = yaml_edit.set_value(text, INPUTS, {source: list(shape)}, order=MODEL_KEYS)
    if shared:
        text = yaml_edit.set_value(text, LAYERS, shared, order=MODEL_KEYS)
    return yaml_edit.set_value(text, OUTPUTS, [output] if items else [], order=MODEL_KEYS)


def replace_model(text: str, model: dict[str, Any]) -> str:
    """The recipe with another model section."""
    return yaml_edit.set_block(text, ("model",), model)


# --------------------------------------------------------------------------- reading


def _at(data: Data, key: Key) -> Any:
    at: Any = data
    for part in key:
        try:
            at = at[part]
        except (KeyError, IndexError, TypeError):
            return None
    return at


def _map(data: Data, key: Key) -> dict[str, Any]:
    found = _at(data, key)
    return {str(name): item for name, item in found.items()} if isinstance(found, Mapping) else {}


def _lines(data: Data) -> Lines:
    found = _at(data, GRAPH)
    return graphs.read_lines(found) if isinstance(found, list) else []


def _line(data: Data, key: Key) -> Line:
    if not is_line(key):
        raise RecipeError("this is no line of a graph.", where=join_key(key))
    return parse_line(str(_at(data, key)), join_key(key))


def _outputs(data: Data) -> list[str]:
    found = _at(data, OUTPUTS)
    return [found] if isinstance(found, str) else [str(name) for name in found or ()]


def _tensors(data: Data, lines: Lines) -> list[str]:
    """The names of tensors after these lines; one given twice is as new as its last time."""
    names: dict[str, None] = dict.fromkeys(_map(data, INPUTS))
    for line in lines:
        for name in line.targets if line else ():
            names.pop(name, None)
            names[name] = None
    return list(names)


def _write(text: str, old: Lines, new: Lines, outputs: Sequence[str], named: Sequence[str]) -> str:
    """The text with the lines (and outputs) that differ written again."""
    for index, (before, after) in enumerate(zip(old, new, strict=True)):
        if after is not None and after != before:
            text = yaml_edit.set_value(text, (*GRAPH, index), graphs.line_text(after))
    return text if list(outputs) == list(named) else yaml_edit.set_value(text, OUTPUTS, list(named))


def _need_graph(data: Data) -> None:
    if form_of(data) is not ModelForm.GRAPH:
        raise RecipeError(
            "only a graph has named inputs and layers.", where="model", hint="Make it a graph first."
        )


def _check_identifier(name: str, where: str) -> None:
    if not name.isidentifier() or keyword.iskeyword(name):
        raise RecipeError(f"'{name}' cannot be a name: letters, digits and '_' only.", where=where)


def _check_name(name: str, taken: set[str], where: str) -> None:
    _check_identifier(name, where)
    if name in taken:
        raise RecipeError(f"'{name}' is the name of something else here.", where=where)


def _known(names: Sequence[str], known: Sequence[str], where: str) -> None:
    for name in names:
        if name not in known:
            hint = did_you_mean(name, known) or f"There are: {', '.join(known)}."
            raise RecipeError(f"no tensor is called '{name}' here.", where=where, hint=hint)


def _snake(name: str) -> str:
    name = name.rpartition(".")[2]
    return "".join(
        f"_{c.lower()}" if c.isupper() and i and not name[i - 1].isupper() else c.lower()
        for i, c in enumerate(name)
    )
