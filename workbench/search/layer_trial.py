"""A fair trial of a layer: one recipe, the layer or another one at one place of it, both with the same seeds.

A trial is a search over two whole entries with repeats, so its journal and its runs are those of a search.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.catalog import Kind
from workbench.catalog.lookup import Catalog
from workbench.errors import RecipeError, did_you_mean
from workbench.recipe.document import Document, join_key, parse, read_text, split_key
from workbench.recipe.lookup import find_recipe
from workbench.recipe.yaml_text import yaml_value
from workbench.recipe.yaml_values import one_line
from workbench.search.layer_places import Item, LayerPlace, item_of, places_of, plain_item, shared_place
from workbench.search.opening import SEARCHES, Opened, base_of, begun, open_base
from workbench.search.space import Base, Settings

DEFAULT_RECIPE = "custom-stack"


@dataclass(frozen=True)
class Rivals:
    """Two layers, and the place in a recipe where one or the other stands.

    Attributes:
        place: where in the recipe.
        first: the layer that is tried; `second`: the one that it is compared with.
        fixed: whose arguments are those of the recipe and are not changed: 0 or 1.
        is_own: True if the recipe has the fixed one at the place.
        given: for each, the arguments that the user has written.
    """

    text: str
    document: Document
    place: LayerPlace
    first: Item
    second: Item
    fixed: int
    is_own: bool
    given: tuple[frozenset[str], frozenset[str]]

    @property
    def items(self) -> tuple[Item, Item]:
        return self.first, self.second


def items_of(base: Base) -> tuple[Item, Item]:
    """The two entries of a trial's recipe.

    Raises:
        RecipeError: it is the recipe of another search.
    """
    values = list(base.over.values())
    if (
        len(values) == 1
        and isinstance(values[0], Sequence)
        and len(values[0]) == 2
        and base.repeat is not None
    ):
        first, second = (item_of(each) for each in values[0])
        if first is not None and second is not None:
            return first, second
    raise RecipeError("this is no trial of a layer, but another search.", where=base.document.name)


def names_of_rivals(base: Base) -> tuple[str, str]:
    """`Gate` and `Dense`; with their arguments where both are of one class."""
    first, second = items_of(base)
    if first["use"] != second["use"]:
        return str(first["use"]), str(second["use"])
    return one_line(first), one_line(second)


def item_of_text(text: str, catalog: Catalog, option: str) -> dict[str, Any]:
    """A layer as it is written on the command line: `Gate`, or `{use: Gate, units: 8}`.

    Raises:
        RecipeError: it is none.
    """
    item = plain_item(yaml_value(text))
    if item is None:
        raise RecipeError(
            f"'{text}' is no layer.", where=option, hint="As in Gate, or '{use: Gate, units: 8}'."
        )
    catalog.find(Kind.LAYER, item["use"], option)
    return item


def find_rivals(
    first: Item, second: Item, recipe: str, catalog: Catalog, *, at: str = "", overrides: Sequence[str] = ()
) -> Rivals:
    """Find the place in a recipe that has one of two layers.

    Args:
        first, second: the layers, with the arguments that the user has written.
        recipe: a file, or the name of a built-in recipe.
        at: the key of the place; by default the first one that has one of the two.

    Raises:
        RecipeError: there is no such place.
    """
    path = find_recipe(recipe, catalog).path
    text = read_text(path)
    document = parse(text, name=str(path), folder=path.parent, overrides=tuple(overrides))
    places = places_of(document)
    names = [str(first["use"]), str(second["use"])]
    if at:
        where = join_key(split_key(at))
        if where not in places:
            raise RecipeError(
                f"there is no layer at '{where}'.",
                where="--at",
                hint=shared_place(document, where)
                or did_you_mean(where, places)
                or f"Layers are at {', '.join(places)}.",
            )
    else:
        found = (
            key for name in names for key, place in places.items() if _same(place.item["use"], name, catalog)
        )
        where = next(found, "")
    if not where:
        known = f"Layers are at {', '.join(places)}" if places else "It has no layer in a place of its own"
        raise RecipeError(
            f"the recipe has no {' and no '.join(dict.fromkeys(names))}.",
            where=document.name,
            hint=f"{known}: `--at KEY` puts the two there.",
        )
    own = places[where].item
    fixed = _fixed(own, (first, second), catalog)
    items = [dict(first), dict(second)]
    if is_own := _same(own["use"], names[fixed], catalog):
        items[fixed] = {**own, **items[fixed]}
    given = frozenset(set(first) - {"use"}), frozenset(set(second) - {"use"})
    return Rivals(text, document, places[where], items[0], items[1], fixed, is_own, given)


def _fixed(own: Item, both: tuple[Item, Item], catalog: Catalog) -> int:
    """Which of the two is the one that the recipe has: of two of its class, the one that changes nothing of it."""
    alike = [number for number in (0, 1) if _same(own["use"], str(both[number]["use"]), catalog)]
    as_it_is = (
        number
        for number in alike
        if all(key in own and own[key] == value for key, value in both[number].items() if key != "use")
    )
    return next(as_it_is, alike[0] if alike else 0)


def _same(one: str, other: str, catalog: Catalog) -> bool:
    """True if two names mean one entry."""
    if one == other:
        return True
    found = [catalog.named(Kind.LAYER, name) for name in (one, other)]
    return all(len(each) == 1 for each in found) and found[0][0] is found[1][0]


def with_arguments(
    item: Item, parameters: Sequence[Mapping[str, Any]], example: Item, other: Item
) -> dict[str, Any]:
    """A layer with the arguments that it needs, in the place of another one.

    Args:
        item: it, with what is already known.
        parameters: its constructor's, as `worker`'s `describe` has them.
        example: arguments that make a working instance, by its plugin.
        other: the one in whose place it stands; arguments of the same name are taken from it.
    """
    found = dict(item)
    for each in parameters:
        name = each["name"]
        if name in found or name in ("name", "dtype", "trainable"):
            continue
        if name in other:
            found[name] = other[name]
        elif each["required"] and name in example:
            found[name] = example[name]
    return found


def trial_name(document: Document, first: Item, second: Item) -> str:
    """`custom-stack-Gate-Dense`: below the folder of searches."""
    names = [str(item["use"]).rpartition(".")[2] for item in (first, second)]
    return "-".join([document.recipe.name, *names])


def is_layer_trial(base: Base) -> bool:
    """True of a recipe that `kwb trial` has made."""
    try:
        items_of(base)
    except RecipeError:
        return False
    return True


def trial_overrides(rivals: Rivals, first: Item, second: Item, seeds: int) -> tuple[str, ...]:
    """What makes the recipe of the trial of the recipe, as `--set` assignments."""
    search = rivals.document.recipe.search
    asked: dict[str, Any] = {
        "over": {rivals.place.key: [rivals.place.value(first), rivals.place.value(second)]},
        "method": "grid",
    }
    if search is not None:
        asked["goal"] = search.goal.model_dump(exclude_none=True)
    return (
        *rivals.document.overrides,
        f"search={one_line(asked)}",
        f"repeat={one_line({'seeds': seeds})}",
    )


def base_with(rivals: Rivals, settings: Settings) -> Base:
    """The recipe with one layer at the place, alone: to build it, or to time its training."""
    overrides = (*rivals.document.overrides, *(f"{key}={one_line(value)}" for key, value in settings.items()))
    overrides = (*overrides, "search=null", "repeat=null", "save=[]")
    document = parse(
        rivals.text, name=rivals.document.name, folder=rivals.document.folder, overrides=overrides
    )
    return Base(rivals.text, document, None, None)


def begun_trial(
    rivals: Rivals, seeds: int, catalog: Catalog, *, name: str, root: Path = SEARCHES, storage: str = ""
) -> Opened | None:
    """The trial of that name which was begun before, if it is this one; None where none was begun.

    Raises:
        RecipeError: it is another one.
    """
    found = begun(name, root, storage)
    if found is None:
        return None
    record = found[0].read().recipe
    before = base_of(record, record["overrides"])
    items = items_of(before)
    repetitions = before.repetitions
    asked = zip(rivals.items, rivals.given, items, strict=True)
    same = all(
        _same(item["use"], was["use"], catalog) and all(item[key] == was.get(key) for key in given)
        for item, given, was in asked
    )
    if not same or next(iter(before.over)) != rivals.place.key or repetitions != seeds:
        raise RecipeError(
            f"the trial '{name}' was begun with {one_line(items[0])} against {one_line(items[1])} at "
            f"{next(iter(before.over))}, {repetitions} seeds.",
            where=found[0].where,
            hint="`--name NEW` begins another one beside it.",
        )
    recorded = [each for each in record["overrides"] if not each.startswith(("search=", "repeat="))]
    if record["text"] != rivals.text or recorded != list(rivals.document.overrides):
        raise RecipeError(
            f"the trial '{name}' was begun with another recipe.",
            where=found[0].where,
            hint="`--name NEW` begins another one beside it.",
        )
    return open_base(before, catalog, name, root, storage)


def new_trial(
    rivals: Rivals,
    first: Item,
    second: Item,
    seeds: int,
    catalog: Catalog,
    *,
    name: str,
    root: Path = SEARCHES,
    storage: str = "",
) -> Opened:
    """A trial that is begun now.

    Raises:
        RecipeError: a layer does not fit the place.
    """
    overrides = trial_overrides(rivals, first, second, seeds)
    record = {
        "text": rivals.text,
        "name": rivals.document.name,
        "folder": str(rivals.document.folder.absolute()),
    }
    return open_base(base_of(record, overrides), catalog, name, root, storage)
