"""Find the inputs of strings and of whole numbers that a model asks for: those that go straight into a layer that looks
them up."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from workbench.recipe.graph import Apply, Ref
from workbench.recipe.graph_text import read_lines
from workbench.recipe.model_schema import Graph, Sequential, Use

ALL = "*"  # every column that is an input
STRINGS = ("StringLookup", "TextVectorization")
INTEGERS = ("IntegerLookup", "Hashing", "CategoryEncoding")


def looked_up_inputs(model: Any, layers: Collection[str]) -> tuple[str, ...]:
    """The names of a graph's inputs that go into one of these layers; "" for the only input of a stack."""

    def looks_up(name: str) -> bool:
        return name.rpartition(".")[2] in layers

    if isinstance(model, Sequential):
        first = model.sequential[0]
        return ("",) if isinstance(first, Use) and looks_up(first.use) else ()
    if not isinstance(model, Graph):
        return ()
    named = {name for name, layer in model.layers.items() if isinstance(layer, Use) and looks_up(layer.use)}
    found = [
        name
        for line in read_lines(model.graph)
        if line is not None
        for name in _looked_up(line.value, named, looks_up)
        if name in model.inputs
    ]
    return tuple(dict.fromkeys(found))


def looked_up_columns(
    model: Any, inputs: Mapping[str, tuple[str, ...]] | None, layers: Collection[str]
) -> tuple[str, ...]:
    """The columns of these inputs; an input that the data section does not name has the column of its name."""
    found: list[str] = []
    for name in looked_up_inputs(model, layers):
        if name:
            found += (inputs or {}).get(name, (name,) if inputs is None else ())
        elif inputs is None:
            found.append(ALL)
        elif len(inputs) == 1:
            found += next(iter(inputs.values()))
    return tuple(dict.fromkeys(found))


def _looked_up(item: Any, named: set[str], is_lookup: Callable[[str], bool]) -> Iterator[str]:
    """The names of tensors that are given to a lookup anywhere in a call."""
    if isinstance(item, tuple):
        for each in item:
            yield from _looked_up(each, named, is_lookup)
    if not isinstance(item, Apply):
        return
    layer = item.layer
    looks_up = layer in named if isinstance(layer, str) else is_lookup(layer.name)
    given = (*item.inputs, *(value for _, value in item.keywords))
    if looks_up:
        yield from (each.name for each in given if isinstance(each, Ref))
    yield from _looked_up(given, named, is_lookup)
