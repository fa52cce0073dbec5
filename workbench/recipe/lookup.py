"""Find and open a recipe by the name that a user gives: a file, or a recipe from a plugin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from os.path import expanduser, isfile
from pathlib import Path

from workbench.catalog import Kind
from workbench.catalog.lookup import Catalog, recipe_file
from workbench.errors import RecipeError, did_you_mean
from workbench.recipe.document import Document, read, read_text
from workbench.recipe.editing import Editor


@dataclass(frozen=True)
class FoundRecipe:
    """The file of a recipe; of one that a plugin brings also its name."""

    path: Path
    built_in: str = ""


def find_recipe(name: str | Path, catalog: Catalog, working_directory: Path = Path()) -> FoundRecipe:
    """A recipe by file, or a built-in one by name. A path is always a file, whether it is there or not.

    Raises:
        RecipeError: there is neither; it names the nearest built-in recipe.
    """
    path = working_directory / Path(expanduser(name))
    if isinstance(name, Path) or path.suffix in (".yaml", ".yml") or isfile(path):
        return FoundRecipe(path)
    known = [entry.name for entry in catalog.of_kind(Kind.RECIPE)]
    if "/" in name or (name not in known and "." not in name):
        hint = did_you_mean(name, known) or f"Built in are: {', '.join(known)}."
        raise RecipeError(f"no recipe file and no built-in recipe is called '{name}'.", hint=hint)
    entry = catalog.find(Kind.RECIPE, name)
    return FoundRecipe(recipe_file(entry), entry.name)


def open_recipe(name: str, catalog: Catalog, overrides: Sequence[str] = ()) -> Document:
    """The document of a recipe by its file or name. See `find_recipe`.

    Raises:
        RecipeError: there is none, or it is wrong.
    """
    return read(find_recipe(name, catalog).path, overrides)


def open_editor(name: str | Path, catalog: Catalog, working_directory: Path) -> Editor:
    """An editor on a recipe by its file or name. Reads files: for a thread.

    A built-in recipe has no file of the user's: saving it asks for one.

    Raises:
        RecipeError: there is none, or its file cannot be read.
    """
    found = find_recipe(name, catalog, working_directory)
    if not found.built_in:
        return Editor.open(found.path)
    return Editor(read_text(found.path), name=found.built_in, folder=found.path.parent)


def is_recipe(text: str, catalog: Catalog) -> bool:
    """True if `--data` names a recipe. A bare name may be a recipe's or a dataset's; a dataset goes first."""
    if Path(text).suffix in (".yaml", ".yml"):
        return True
    names = {kind: {entry.name for entry in catalog.of_kind(kind)} for kind in (Kind.RECIPE, Kind.DATASET)}
    return text in names[Kind.RECIPE] and text not in names[Kind.DATASET]
