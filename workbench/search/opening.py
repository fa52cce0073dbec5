"""Open a search: begin it with a recipe, go on with it by its name, and make the recipe of its best trial."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.catalog.lookup import Catalog
from workbench.errors import FileError, RecipeError, did_you_mean
from workbench.recipe.assignments import assign, values_of
from workbench.recipe.document import parse, read_text
from workbench.recipe.editing import Editor
from workbench.recipe.lookup import find_recipe, is_recipe
from workbench.recipe.schema import Recipe
from workbench.search import journal
from workbench.search.journal import Journal, SearchJournal
from workbench.search.kept_elsewhere import is_search, journal_in, note_storage, storage_of
from workbench.search.space import Base, check_space
from workbench.search.state import Record, SearchState, Trial

SEARCHES = Path("saved") / "searches"


@dataclass(frozen=True)
class Opened:
    """A search, and where it is kept.

    Attributes:
        folder: its own, for logs; and for the journal, where that is a file.

    Nothing of it is written yet: see `begin`.
    """

    name: str
    base: Base
    journal: SearchJournal
    folder: Path


def open_search(
    named: str,
    catalog: Catalog,
    *,
    overrides: Sequence[str] = (),
    name: str = "",
    root: Path = SEARCHES,
    storage: str = "",
) -> Opened:
    """The search of a recipe (a file or a built-in one), or one that was begun, by its name or folder.

    Args:
        overrides: `--set` assignments; they may change how many trials there are, and for how long.
        name: what to call it; by default it is the recipe's.
        root: the folder of searches.
        storage: the address of a database for the journal, in place of a file below `root`; by default that with which
            the search of this name was begun here.

    Raises:
        RecipeError: there is none, the recipe has no `search`, or it is another than that of this name.
    """
    if (found := begun(named, root, storage)) is not None and not Path(named).is_file():
        return _go_on(*found, catalog, overrides)
    if not is_recipe(named, catalog) and not Path(named).suffix:
        known = sorted(path.name for path in root.glob("*") if is_search(path))
        where = "See the names of the searches in the database." if storage else f"Searches: {root}."
        raise RecipeError(
            f"there is no search and no recipe '{named}'.",
            hint=where if storage else did_you_mean(named, known) or where,
        )
    base = _base_of(named, catalog, overrides)
    if base.search is None:
        raise RecipeError(
            "the recipe has no `search`.",
            where=base.document.name,
            hint="As in `search: {over: {train.batch_size: [16, 64]}, goal: val_loss}`.",
        )
    return open_base(base, catalog, name or base.document.recipe.name, root, storage)


def open_repeat(
    named: str,
    catalog: Catalog,
    *,
    seeds: int | None = None,
    folds: int | None = None,
    by: str | None = None,
    overrides: Sequence[str] = (),
    name: str = "",
    root: Path = SEARCHES,
    storage: str = "",
) -> Opened:
    """The repeats of a recipe: as its `repeat` says, or as asked here. See `open_search`."""
    if (
        (found := begun(named, root, storage)) is not None
        and not Path(named).is_file()
        and not (seeds or folds)
    ):
        return _go_on(*found, catalog, overrides)
    asked = {key: value for key, value in {"seeds": seeds, "folds": folds, "by": by}.items() if value}
    more = [f"repeat.{key}={value}" for key, value in asked.items()]
    base = _base_of(named, catalog, ("search=null", *(("repeat=null",) if asked else ()), *overrides, *more))
    if base.repeat is None:
        raise RecipeError(
            "say how often.",
            where=base.document.name,
            hint="As in `--seeds 5`, `--folds 5`, or `repeat: {seeds: 5}`.",
        )
    kind = f"{base.repetitions}-{'seeds' if base.repeat.seeds else 'folds'}"
    return open_base(base, catalog, name or f"{base.document.recipe.name}-{kind}", root, storage)


def _base_of(named: str, catalog: Catalog, overrides: Sequence[str]) -> Base:
    path = find_recipe(named, catalog).path
    return base_of(
        {"text": read_text(path), "name": str(path), "folder": str(path.parent.absolute())}, overrides
    )


def base_of(record: Mapping[str, Any], overrides: Sequence[str]) -> Base:
    """The recipe of a journal's record, with `--set` assignments.

    Raises:
        RecipeError: it is no recipe.
    """
    folder = Path(record["folder"])
    document = parse(
        record["text"],
        name=record["name"],
        folder=folder if os.path.isdir(folder) else Path(),  # another machine began the search
        overrides=tuple(overrides),
    )
    return Base(record["text"], document, document.recipe.search, document.recipe.repeat)


def _journal(name: str, root: Path, storage: str) -> SearchJournal:
    if storage := storage or storage_of(root / name):
        from workbench.search.sql_journal import SqlJournal

        return SqlJournal(storage, name)
    return Journal(root / name / journal.NAME)


def begun(named: str, root: Path, storage: str) -> tuple[SearchJournal, Path] | None:
    """The journal and the folder of a search that was begun, by its name or folder."""
    if storage:
        found = _journal(named, root, storage)
        return (found, root / named) if found.read().recipe else None
    for folder in (root / named, Path(named)):
        if (kept := journal_in(folder)) is not None:
            return kept, folder
    return None


def _go_on(found: SearchJournal, folder: Path, catalog: Catalog, overrides: Sequence[str]) -> Opened:
    record = found.read().recipe
    if not record:
        raise FileError("has no recipe: it was never begun.", where=found.where)
    base = base_of(record, (*record["overrides"], *overrides))
    return _opened(base, catalog, found, folder)


def open_base(base: Base, catalog: Catalog, name: str, root: Path = SEARCHES, storage: str = "") -> Opened:
    """A search of this recipe, new or begun, under a name. See `open_search`."""
    return _opened(base, catalog, _journal(name, root, storage), root / name)


def _opened(base: Base, catalog: Catalog, found: SearchJournal, folder: Path) -> Opened:
    check_space(base, catalog)
    opened = Opened(folder.name, base, found, folder)
    _check_that_it_is_this_one(opened, found.read())
    return opened


def begin(opened: Opened) -> None:
    """Write the recipe into the journal, where it is new or asks for more than before.

    Raises:
        RecipeError: the journal is that of another search.
    """
    document = opened.base.document
    record = {
        "kind": "recipe",
        "text": opened.base.text,
        "name": document.name,
        "folder": str(document.folder.absolute()),
        "overrides": list(document.overrides),
    }

    def decide(state: SearchState) -> list[Record]:
        _check_that_it_is_this_one(opened, state)
        same = all(state.recipe.get(key) == record[key] for key in ("text", "overrides"))
        return [] if same else [record]

    opened.journal.update(decide)
    if opened.journal.address:
        note_storage(opened.folder, opened.journal.address)


def _check_that_it_is_this_one(opened: Opened, state: SearchState) -> None:
    before = state.recipe
    if not before or not state.trials:  # nothing was trained
        return
    keys = _differences(base_of(before, before["overrides"]).document.recipe, opened.base.document.recipe)
    if keys:
        raise RecipeError(
            f"the search '{opened.name}' was begun with another {', '.join(keys)}.",
            where=opened.base.document.name,
            hint="`--name NEW` begins another one beside it.",
        )


def _differences(mine: Recipe, its: Recipe) -> list[str]:
    """The keys in which two recipes cannot be one search."""
    keys = [key for key in Recipe.model_fields if key not in ("save", "search")]
    pairs = [(key, _lasting(getattr(mine, key)), _lasting(getattr(its, key))) for key in keys]
    if mine.search is not None and its.search is not None:
        own = ("over", "goal", "method")
        pairs += [(f"search.{key}", getattr(mine.search, key), getattr(its.search, key)) for key in own]
    elif mine.search is not its.search:
        return ["search"]
    return [key for key, a, b in pairs if a != b]


def _lasting(value: Any) -> Any:
    """A section less what may be changed while a search goes on: for how long each trial trains."""
    return value.model_copy(update={"epochs": 1}) if hasattr(value, "epochs") else value


def recipe_of(base: Base, trial: Trial) -> str:
    """The text of the recipe with a trial's values in it, its comments kept; without `search` and `repeat`.

    What was set when the search began is in it too.

    Raises:
        RecipeError: a value can only be written by hand.
    """
    editor = Editor(base.text, name=base.document.name, folder=base.document.folder)
    assign(editor, {**values_of(base.document.overrides), **trial.settings})
    editor.update("the best trial", {}, removed=("search", "repeat"))
    return editor.text
