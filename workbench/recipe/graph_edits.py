"""Edits of a graph: its lines, shared layers, inputs and outputs. Each edit is one step to undo.

The other changes that an edit needs (lines that use an old name) are found in the parsed lines.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from workbench.errors import RecipeError
from workbench.recipe import graph_text as graphs
from workbench.recipe import model_reading as reading
from workbench.recipe import yaml_edit
from workbench.recipe.document import join_key, split_key
from workbench.recipe.editing import Editor
from workbench.recipe.graph import Apply, Line, Make, Ref
from workbench.recipe.model_schema import OF_DATA, OfData
from workbench.recipe.yaml_nodes import Key


def tensors_before(editor: Editor, key: str) -> list[str]:
    """The tensors that a graph's line (or its outputs) can use, in the order they are made."""
    lines, parts = reading.lines_of(editor), split_key(key)
    return reading.tensors_after(editor, lines[: int(parts[-1])] if reading.is_line(parts) else lines)


def sources_at(editor: Editor, key: str, *, above: bool = False) -> tuple[str, ...]:
    """The tensors that a new line beside a row begins with; none where those of the line before it are right.

    Args:
        editor: the recipe.
        key: of the row: an input, a line, or the outputs.
        above: the new line goes above the row, between its inputs and it.
    """
    parts = split_key(key)
    if parts[:-1] == reading.INPUTS:
        return (str(parts[-1]),)
    if parts == reading.OUTPUTS:
        outputs = reading.outputs_of(editor)
        known = reading.tensors_after(editor, reading.lines_of(editor))
        return tuple(outputs) if len(outputs) == 1 and outputs[0] in known else ()
    if above and reading.is_line(parts) and (line := reading.lines_of(editor)[int(parts[-1])]) is not None:
        known = tensors_before(editor, key)
        return tuple(name for name in dict.fromkeys(graphs.names_used(line.value)) if name in known)
    return ()


def move_line(editor: Editor, key: str, step: int) -> str:
    """Move a line up (-1) or down (1); its new key is returned.

    Where the lower of the two has only the upper one's tensor as its input, their layers change places
    and the tensors stay: the other way round, the lower line would use what is not there yet.

    Raises:
        RecipeError: it cannot go further.
    """
    *above, index = split_key(key)
    there = int(index) + step
    text = yaml_edit.move_item(editor.text, split_key(key), there)
    first = min(int(index), there)
    upper, lower = reading.lines_of(editor)[first : first + 2]
    if upper is not None and lower is not None and _is_chain(upper, lower):
        for at, line, other in ((first, upper, lower), (first + 1, lower, upper)):
            moved = replace(line, value=replace(line.value, layer=other.value.layer))
            text = yaml_edit.set_value(text, (*above, at), graphs.line_text(moved))
    editor.replace_text(text, what="move")
    return join_key((*above, there))


def _is_chain(upper: Line, lower: Line) -> bool:
    """True if one tensor goes through both."""
    calls = (upper.value, lower.value)
    plain = all(
        len(call.inputs) == 1 and isinstance(call.inputs[0], Ref) and not call.keywords for call in calls
    )
    return (
        plain and lower.value.inputs == (Ref(upper.targets[0]),) and len(upper.targets + lower.targets) == 2
    )


def add_shared(
    editor: Editor, name: str, arguments: Mapping[str, Any] | None = None, called: str = ""
) -> str:
    """Add a layer to a graph's `layers:`, to be called by name; its key is returned."""
    text, key = _with_shared(editor, name, arguments or {}, called)
    editor.replace_text(text, what=f"adding {name}")
    return join_key(key)


def call_shared(editor: Editor, index: int, called: str) -> str:
    """Add a line that calls a layer of `layers:`; its key is returned."""
    text, key = with_line(editor, index, called, 1, 1)
    editor.replace_text(text, what=f"call of {called}")
    return key


def share(editor: Editor, key: str, called: str) -> str:
    """Move a line's new layer to `layers:` under a name, so that other lines can call it; its key is returned."""
    line = reading.line_at(editor, split_key(key))
    made = line.value.layer
    if not isinstance(made, Make):
        raise RecipeError(f"'{made}' is shared already.", where=key)
    if made.positional:
        raise RecipeError(
            "a shared layer needs its arguments by name.",
            where=key,
            hint="Give them names first, as in `units=30`.",
        )
    arguments = {name: graphs.to_yaml_value(value) for name, value in made.keywords if name != "name"}
    text, new = _with_shared(editor, made.name, arguments, called)
    changed = replace(line, value=replace(line.value, layer=str(new[-1])))
    text = yaml_edit.set_value(text, split_key(key), graphs.line_text(changed))
    editor.replace_text(text, what=f"sharing {called}")
    return join_key(new)


def add_input(editor: Editor, name: str, shape: Sequence[int | None] | OfData) -> str:
    """Add an input to a graph; its key is returned."""
    reading.need_graph(editor)
    reading.check_name(name, reading.names_taken(editor), "model.inputs")
    text = yaml_edit.set_value(
        editor.text, (*reading.INPUTS, name), shape if shape == OF_DATA else list(shape)
    )
    editor.replace_text(text, what=f"input {name}")
    return join_key((*reading.INPUTS, name))


def rewire(editor: Editor, key: str, inputs: str) -> None:
    """Call a line's layer on other tensors (`left, right`), or name other outputs of the graph.

    Raises:
        RecipeError: it cannot be read, or a name is no tensor before this line.
    """
    known, parts = tensors_before(editor, key), split_key(key)
    value: Any
    if parts == reading.OUTPUTS:
        value = [name.strip() for name in inputs.split(",") if name.strip()]
        reading.check_known(value, known, key)
    else:
        line = reading.line_at(editor, parts)
        call = graphs.parse_inputs(inputs, key)
        reading.check_known(list(graphs.names_used(call)), known, key)
        value = graphs.line_text(replace(line, value=replace(call, layer=line.value.layer)))
    editor.replace_text(yaml_edit.set_value(editor.text, parts, value), what="rewiring", joined=True)


# --------------------------------------------------------------------------- texts


def with_line(
    editor: Editor,
    index: int,
    layer: Make | str,
    input_count: int | None,
    output_count: int | None,
    sources: Sequence[str] = (),
    *,
    only_next: bool = False,
) -> tuple[str, str]:
    """A recipe's text with one more line in its graph, and the line's key.

    A line with one input and one output goes between: what used its input uses its output.

    Args:
        editor: the recipe.
        index: the line's position.
        layer: what it calls.
        input_count, output_count: how many tensors the layer has and returns; None for any number of inputs.
        sources: the tensors to call it on first of all; without any, those of the line before.
        only_next: only the line after it uses the new tensor, and not all that used its input.

    Raises:
        RecipeError: the graph has no input.
    """
    lines, outputs = reading.lines_of(editor), reading.outputs_of(editor)
    before = reading.tensors_after(editor, lines[:index])
    first = tuple(sources) or next((line.targets for line in reversed(lines[:index]) if line), ())
    # A layer with any number of inputs gets all outputs of the line before.
    count = max(len(first), 1) if input_count is None else max(input_count, 1)
    inputs = _inputs(first, before, count)
    if not inputs:
        raise RecipeError(
            "the graph has no input to begin with.", where="model.inputs", hint="Add an input first."
        )
    taken = {*before, *reading.names_taken(editor)}
    source = inputs[-1]
    through = len(inputs) == 1 and (output_count or 1) == 1
    users = list(_users(lines, outputs, index, source)) if through else []
    own = any(line and source in line.targets for line in lines)
    if through and own and not (only_next and users != [index]):
        # The same name again, as one writes it by hand: lines that used the tensor use the new one.
        names, users = [source], []
    elif (output_count or 1) == 1:
        names = [graphs.fresh_name("z", taken)]
    else:
        names = []
        for _ in range(output_count or 1):
            names.append(graphs.fresh_name("z1", {*taken, *names}))
    line = Line(tuple(names), Apply(layer, tuple(map(Ref, inputs))))
    text = yaml_edit.insert_item(editor.text, reading.GRAPH, index, graphs.line_text(line))
    for user in users[:1] if only_next else users:
        if (used := lines[user] if user < len(lines) else None) is not None:
            rewired = replace(used, value=graphs.rename_in_call(used.value, source, names[0]))
            text = yaml_edit.set_value(text, (*reading.GRAPH, user + 1), graphs.line_text(rewired))
        else:
            outputs = [names[0] if name == source else name for name in outputs]
            text = yaml_edit.set_value(text, reading.OUTPUTS, outputs)
    previous = lines[-1].targets if lines and lines[-1] else ()
    replaces = not outputs or (len(outputs) == 1 and outputs[0] in previous)
    if index == len(lines) and names[0] not in outputs and replaces:
        text = yaml_edit.set_value(text, reading.OUTPUTS, [names[0]])
    return text, join_key((*reading.GRAPH, index))


def _inputs(first: Sequence[str], before: Sequence[str], count: int) -> list[str]:
    """The input tensors of a new line: the first ones, and beside them the newest."""
    if count == 1:
        return list(first[:1] or before[:1])
    if len(first) >= count:
        return list(first[-count:])
    others = [name for name in before if name not in first]
    return sorted([*others[len(first) - count :], *first], key=before.index)


def _users(lines: reading.Lines, outputs: Sequence[str], start: int, name: str) -> Iterator[int]:
    """The lines from one on that use a tensor, until its name means another; their number for the outputs."""
    for index in range(start, len(lines)):
        if (line := lines[index]) is None:
            continue
        if name in graphs.names_used(line.value):
            yield index
        if name in line.targets:
            return
    if name in outputs:
        yield len(lines)


def _with_shared(editor: Editor, name: str, arguments: Mapping[str, Any], called: str) -> tuple[str, Key]:
    reading.need_graph(editor)
    taken = reading.names_taken(editor)
    called = called or graphs.fresh_name(_snake(name), taken)
    reading.check_name(called, taken, "model.layers")
    key = (*reading.LAYERS, called)
    text = yaml_edit.set_value(editor.text, key, {"use": name, **arguments}, order=reading.MODEL_KEYS)
    return text, key


def with_targets(editor: Editor, key: Key, names: Sequence[str], taken: set[str]) -> str:
    """A recipe's text where the tensors of a line have other names, with every use of them.

    Raises:
        RecipeError: a name cannot be one, or means something else already.
    """
    lines, outputs, line, index = (
        reading.lines_of(editor),
        reading.outputs_of(editor),
        reading.line_at(editor, key),
        int(key[-1]),
    )
    for name in names:
        reading.check_name(name, taken, join_key(key))
    if len(set(names)) != len(names):
        raise RecipeError("each tensor needs a name of its own.", where=join_key(key))
    if len(names) != len(line.targets):  # more or fewer of them: nothing to follow
        return yaml_edit.set_value(editor.text, key, graphs.line_text(replace(line, targets=tuple(names))))
    changed, named = lines, outputs
    for old, new in zip(line.targets, names, strict=True):
        if old != new:
            changed, named = graphs.rename_tensor(changed, named, index, old, new)
    text = with_lines(editor.text, lines, changed, outputs, named)
    for old, new in zip(outputs, named, strict=True):
        if old != new:
            for section in (("data", "targets"), *(("train", each) for each in _BY_OUTPUT)):
                at = editor.get(section)
                if isinstance(at, Mapping) and old in at and "use" not in at:
                    text = yaml_edit.rename_key(text, (*section, old), new)
    return text


_BY_OUTPUT = ("loss", "losses", "metrics", "weighted_metrics", "loss_weights", "weights")


def with_lines(
    text: str, old: reading.Lines, new: reading.Lines, outputs: Sequence[str], named: Sequence[str]
) -> str:
    """The text with the lines (and outputs) that differ written again."""
    for index, (before, after) in enumerate(zip(old, new, strict=True)):
        if after is not None and after != before:
            text = yaml_edit.set_value(text, (*reading.GRAPH, index), graphs.line_text(after))
    return text if list(outputs) == list(named) else yaml_edit.set_value(text, reading.OUTPUTS, list(named))


def _snake(name: str) -> str:
    name = name.rpartition(".")[2]
    return "".join(
        f"_{c.lower()}" if c.isupper() and i and not name[i - 1].isupper() else c.lower()
        for i, c in enumerate(name)
    )
