"""Write graph lines as text, and find what a rename or a deletion in one line changes in the others."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from workbench.errors import RecipeError
from workbench.recipe.graph import Apply, LayerRef, Line, Make, Ref, parse_line


def line_text(line: Line) -> str:
    """The line as one would write it: `z = Dense(30, activation="relu")(x)`."""
    return f"{', '.join(line.targets)} = {_apply_text(line.value)}"


def inputs_text(call: Apply) -> str:
    """What a layer is called on: `left, right`."""
    return ", ".join(_call_arguments(call))


def parse_inputs(text: str, where: str = "") -> Apply:
    """The inputs (and keywords) of a call from their text, with a stand-in for the layer.

    Raises:
        RecipeError: they cannot be read.
    """
    return parse_line(f"z = Layer()({text})", where).value


def value_text(value: Any) -> str:
    """A literal, or a nested thing, as a graph line has it; texts in double quotes."""
    match value:
        case LayerRef(name=name):
            return name
        case Make():
            given = [*map(value_text, value.positional), *(f"{k}={value_text(v)}" for k, v in value.keywords)]
            return f"{value.name}({', '.join(given)})"
        case str():
            plain = repr(value)
            return plain if '"' in value else '"' + plain[1:-1].replace("\\'", "'") + '"'
        case list():
            return f"[{', '.join(map(value_text, value))}]"
        case tuple():
            return f"({', '.join(map(value_text, value))}{',' if len(value) == 1 else ''})"
        case Mapping():
            return "{" + ", ".join(f"{value_text(k)}: {value_text(v)}" for k, v in value.items()) + "}"
    return repr(value)


def from_yaml(value: Any) -> Any:
    """An argument as YAML has it, as a graph line has it: `{use: L2, l2: 0.01}` becomes `L2(l2=0.01)`."""
    if isinstance(value, Mapping):
        if isinstance(value.get("sequential"), list | tuple):
            rest = tuple((str(key), from_yaml(item)) for key, item in value.items() if key != "sequential")
            return Make("Sequential", (from_yaml([_item(item) for item in value["sequential"]]),), rest)
        if "use" in value:
            rest = tuple((str(key), from_yaml(item)) for key, item in value.items() if key != "use")
            return Make(str(value["use"]), (), rest)
        return {str(key): from_yaml(item) for key, item in value.items()}
    return [from_yaml(item) for item in value] if isinstance(value, list | tuple) else value


def _item(item: Any) -> Any:
    return {"use": item} if isinstance(item, str) else item


def to_yaml_value(value: Any) -> Any:
    """The other way. A nested thing with positional arguments has no form in YAML and stays as its text."""
    if isinstance(value, LayerRef):
        return {"use": value.name}
    if isinstance(value, Make):
        if (
            value.name == "Sequential"
            and len(value.positional) == 1
            and isinstance(value.positional[0], list)
        ):
            rest = {key: to_yaml_value(item) for key, item in value.keywords}
            return {"sequential": to_yaml_value(value.positional[0]), **rest}
        if value.positional:
            return value_text(value)
        return {"use": value.name, **{key: to_yaml_value(item) for key, item in value.keywords}}
    if isinstance(value, Mapping):
        return {key: to_yaml_value(item) for key, item in value.items()}
    return [to_yaml_value(item) for item in value] if isinstance(value, list | tuple) else value


def read_lines(texts: Sequence[Any]) -> list[Line | None]:
    """Every line that can be read."""
    return [_read(text) for text in texts]


def names_used(call: Apply) -> Iterator[str]:
    """The names of the input tensors of a call, in order."""
    for item in (*call.inputs, *(value for _, value in call.keywords)):
        yield from _names_in(item)


def rename_in_call(call: Apply, old: str, new: str) -> Apply:
    """The call with another tensor in place of one."""
    changed: Apply = _map_refs(call, lambda name: new if name == old else name)
    return changed


def layers_called(call: Apply) -> Iterator[str]:
    """The names of the layers (those of `layers:`) that a call applies, inner ones included."""
    for item in (*call.inputs, *(value for _, value in call.keywords)):
        yield from _layers_in(item)
    if isinstance(call.layer, str):
        yield call.layer


def rename_tensor(
    lines: Sequence[Line | None], outputs: Sequence[str], start: int, old: str, new: str
) -> tuple[list[Line | None], list[str]]:
    """Rename what line `start` calls `old` (-1: an input of the model), and every use of it.

    Raises:
        RecipeError: a line would then mean another tensor.
    """
    changed: list[Line | None] = list(lines)
    if start >= 0 and (first := lines[start]) is not None:
        changed[start] = replace(first, targets=tuple(new if name == old else name for name in first.targets))
    still_bound = True
    for index in range(start + 1, len(lines)):
        line = lines[index]
        if line is None or not still_bound:
            continue
        changed[index] = replace(line, value=rename_in_call(line.value, old, new))
        still_bound = old not in line.targets
    renamed = [new if name == old and still_bound else name for name in outputs]
    if bindings(changed, renamed) != bindings(lines, outputs):
        raise RecipeError(f"'{new}' is the name of another tensor already.", hint="Choose another name.")
    return changed, renamed


def bindings(lines: Sequence[Line | None], outputs: Sequence[str]) -> list[list[tuple[int, int] | str]]:
    """For every use of a tensor, where it comes from: (line, position on its left side), or an input's position.

    A name that no line defines is an input of the model; inputs go by the order of their first use, so
    that renaming one changes nothing here.
    """
    given: dict[str, tuple[int, int] | str] = {}
    inputs = 0
    found: list[list[tuple[int, int] | str]] = []
    for index, line in enumerate([*lines, None]):
        used = list(names_used(line.value)) if line else list(outputs) if index == len(lines) else []
        for name in used:
            if name not in given:
                given[name] = f"input {inputs}"
                inputs += 1
        found.append([given[name] for name in used])
        given |= {name: (index, place) for place, name in enumerate(line.targets)} if line else {}
    return found


def bypass(
    lines: Sequence[Line | None], outputs: Sequence[str], index: int
) -> tuple[list[Line | None], list[str]]:
    """The lines without one of them: lines that used its outputs use its first input instead, as far as possible."""
    gone = lines[index]
    changed = [line for at, line in enumerate(lines) if at != index]
    if gone is None:
        return changed, list(outputs)
    taken = next(names_used(gone.value), None)
    if taken is None or taken in gone.targets:
        return changed, list(outputs)
    live = frozenset(gone.targets)
    for at in range(index, len(changed)):
        line = changed[at]
        if line is None or not live:
            continue
        call = line.value
        for name in live:
            call = rename_in_call(call, name, taken)
        changed[at] = replace(line, value=call)
        live -= set(line.targets)
        if taken in line.targets:  # from here on the name means something else
            break
    else:
        return changed, [taken if name in live else name for name in outputs]
    return changed, list(outputs)


def rename_layer(lines: Sequence[Line | None], old: str, new: str) -> list[Line | None]:
    """The lines with calls of a named layer under its new name."""
    return [
        line and replace(line, value=_map_layers(line.value, lambda name: new if name == old else name))
        for line in lines
    ]


def fresh_name(wanted: str, taken: Collection[str]) -> str:
    """The name itself, or with the first number that makes it new."""
    if wanted not in taken:
        return wanted
    stem = wanted.rstrip("0123456789") or wanted
    return next(f"{stem}{n}" for n in range(2, len(taken) + 3) if f"{stem}{n}" not in taken)


# --------------------------------------------------------------------------- inside


def _read(text: Any) -> Line | None:
    try:
        return parse_line(text) if isinstance(text, str) else None
    except RecipeError:
        return None


def _apply_text(call: Apply) -> str:
    layer = call.layer if isinstance(call.layer, str) else value_text(call.layer)
    return f"{layer}({', '.join(_call_arguments(call))})"


def _call_arguments(call: Apply) -> list[str]:
    return [
        *map(_tensor_text, call.inputs),
        *(f"{key}={_tensor_text(value)}" for key, value in call.keywords),
    ]


def _tensor_text(item: Any) -> str:
    if isinstance(item, Ref):
        return item.name
    if isinstance(item, Apply):
        return _apply_text(item)
    if isinstance(item, tuple) and any(isinstance(part, Ref | Apply | tuple) for part in item):
        return f"[{', '.join(map(_tensor_text, item))}]"
    return value_text(item)


def _names_in(item: Any) -> Iterator[str]:
    if isinstance(item, Ref):
        yield item.name
    elif isinstance(item, Apply):
        yield from names_used(item)
    elif isinstance(item, tuple):
        for part in item:
            yield from _names_in(part)


def _layers_in(item: Any) -> Iterator[str]:
    if isinstance(item, Apply):
        yield from layers_called(item)
    elif isinstance(item, tuple):
        for part in item:
            yield from _layers_in(part)


def _map_refs(item: Any, change: Callable[[str], str]) -> Any:
    match item:
        case Ref():
            return Ref(change(item.name))
        case Apply():
            return replace(
                item,
                inputs=tuple(_map_refs(each, change) for each in item.inputs),
                keywords=tuple((key, _map_refs(value, change)) for key, value in item.keywords),
            )
        case tuple():
            return tuple(_map_refs(each, change) for each in item)
    return item


def _map_layers(item: Any, change: Callable[[str], str]) -> Any:
    match item:
        case Apply():
            return replace(
                item,
                layer=change(item.layer) if isinstance(item.layer, str) else _with_layers(item.layer, change),
                inputs=tuple(_map_layers(each, change) for each in item.inputs),
                keywords=tuple((key, _map_layers(value, change)) for key, value in item.keywords),
            )
        case LayerRef(name=name):
            return LayerRef(change(name))
        case Make():
            if (
                not item.positional and not item.keywords
            ):  # so a form writes the name of a layer of the recipe
                return replace(item, name=change(item.name))
            return _with_layers(item, change)
        case tuple():
            return tuple(_map_layers(each, change) for each in item)
        case list():
            return [_map_layers(each, change) for each in item]
        case Mapping():
            return {key: _map_layers(value, change) for key, value in item.items()}
    return item


def _with_layers(made: Make, change: Callable[[str], str]) -> Make:
    """With other layers among its arguments."""
    return replace(
        made,
        positional=tuple(_map_layers(each, change) for each in made.positional),
        keywords=tuple((key, _map_layers(value, change)) for key, value in made.keywords),
    )
