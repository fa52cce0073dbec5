"""The places of a recipe where one layer stands: an item of a stack, a shared layer, an argument, a line of a graph.

A layer is an entry as a map, `{use: Dense, units: 8}`, at each of them. A line of a graph says the same in Keras' own
syntax, `z = Dense(8)(x)`, so another layer in its place is the line with that layer in it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from workbench.errors import RecipeError
from workbench.recipe.document import Document, join_key, split_key
from workbench.recipe.graph import Line, Make, parse_line
from workbench.recipe.graph_text import from_yaml, line_text, to_yaml_value
from workbench.recipe.yaml_nodes import Key

Item = Mapping[str, Any]
"""An entry of a recipe: {use: NAME, argument: value, ...}."""


@dataclass(frozen=True)
class LayerPlace:
    """A place, and the layer that the recipe has there.

    Attributes:
        key: of the recipe, as in `--set`.
        item: the layer.
        unnamed: arguments that a line of a graph gives without their names, `Dense(8)`; see `with_names`.
        line: the line, where the place is one.
    """

    key: str
    item: Item
    unnamed: tuple[Any, ...] = ()
    line: Line | None = field(default=None, repr=False)

    def with_names(self, item: Item, parameters: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """A layer of this class with all the arguments that the recipe gives by their order, by their names.

        Args:
            item: what is written of it beside them; this wins.
            parameters: the constructor's, as `worker`'s `describe` has them.
        """
        names = [str(each["name"]) for each in parameters]
        return {"use": item["use"], **dict(zip(names, self.unnamed, strict=False)), **item}

    def value(self, item: Item) -> Any:
        """What the recipe says at this place with another layer there."""
        if self.line is None or not isinstance(self.line.value.layer, Make):
            return dict(item)
        made = self.line.value.layer
        # An argument that stays is written as it was: some have no form in YAML, as `L2(0.01)`.
        before = [(to_yaml_value(each), each) for each in (*made.positional, *dict(made.keywords).values())]

        def written(value: Any) -> Any:
            kept = (own for plain, own in before if plain == value and type(plain) is type(value))
            return next(kept, from_yaml(value))

        arguments = tuple((str(name), written(value)) for name, value in item.items() if name != "use")
        layer = Make(str(item["use"]), (), arguments)
        return line_text(replace(self.line, value=replace(self.line.value, layer=layer)))


def plain_item(value: Any) -> dict[str, Any] | None:
    """An entry as a map, from a name or a map; None for something else."""
    if isinstance(value, str):
        return {"use": value}
    return dict(value) if isinstance(value, Mapping) and isinstance(value.get("use"), str) else None


def item_of(value: Any) -> dict[str, Any] | None:
    """The layer that a value of a place says: of a name, a map, or a line of a graph; None for something else."""
    if isinstance(value, str) and "=" in value:  # no name has it
        place = _place_of_line(value, ())
        return dict(place.item) if place is not None else None
    return plain_item(value)


def places_of(document: Document) -> dict[str, LayerPlace]:
    """All places of a recipe's model where a layer stands alone, by their keys."""
    values = document.recipe.model_dump(mode="json", by_alias=True, exclude_unset=True)
    return {place.key: place for place in _places(values["model"], ("model",))}


def shared_place(document: Document, key: str) -> str:
    """A hint for a line of a graph that calls a shared layer: where that one stands; "" for anything else."""
    at: Any = document.recipe.model_dump(mode="json", by_alias=True, exclude_unset=True)
    parts = split_key(key)
    if len(parts) < 2 or parts[-2] != "graph":
        return ""
    try:
        for part in parts:
            at = at[part]
        called = parse_line(str(at)).value.layer
    except (KeyError, IndexError, TypeError, RecipeError):
        return ""
    if not isinstance(called, str):
        return ""
    place = join_key((*parts[:-2], "layers", called))
    return f"That line calls the shared layer '{called}', which is at {place}."


def _places(value: Any, key: Key) -> Iterator[LayerPlace]:
    if (item := plain_item(value)) is not None and len(key) > 1:
        yield LayerPlace(join_key(key), item)
    if isinstance(value, Mapping):
        below = ("sequential", "layers", "graph") if {"sequential", "graph"} & set(value) else tuple(value)
        for name in below:
            if name == "graph":
                yield from _places_of_lines(value.get(name), (*key, name))
            elif isinstance(value.get(name), Mapping) or name == "sequential":
                yield from _places(value.get(name), (*key, name))
    elif isinstance(value, list | tuple):
        for index, each in enumerate(value):
            yield from _places(each, (*key, index))


def _places_of_lines(lines: Any, key: Key) -> Iterator[LayerPlace]:
    for index, text in enumerate(lines if isinstance(lines, list | tuple) else ()):
        if (place := _place_of_line(text, (*key, index))) is not None:
            yield place


def _place_of_line(text: Any, key: Key) -> LayerPlace | None:
    """The place that a line is; None where it calls a shared layer, which has its own place, or cannot be read."""
    try:
        line = parse_line(str(text))
    except RecipeError:
        return None
    made = line.value.layer
    if not isinstance(made, Make):
        return None
    item = {"use": made.name, **{name: to_yaml_value(value) for name, value in made.keywords}}
    return LayerPlace(join_key(key), item, tuple(map(to_yaml_value, made.positional)), line)
