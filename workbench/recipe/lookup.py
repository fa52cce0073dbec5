"""Open a recipe by the name that a user gives: a file, or a recipe from a plugin."""

from __future__ import annotations

from collections.abc import Sequence
from os.path import expanduser, isfile
from pathlib import Path

from workbench.catalog import Kind
from workbench.catalog.lookup import Catalog, recipe_file
from workbench.errors import RecipeError, did_you_mean
from workbench.recipe.document import Document, read


def open_recipe(name: str, catalog: Catalog, overrides: Sequence[str] = ()) -> Document:
    """A recipe by file, or a built-in one by name.

    Raises:
        RecipeError: there is neither; it names the nearest built-in recipe.
    """
    path = Path(expanduser(name))
    if path.suffix in (".yaml", ".yml") or isfile(path):
        return read(path, overrides)
    known = [entry.name for entry in catalog.of_kind(Kind.RECIPE)]
    if "/" in name or (name not in known and "." not in name):
        hint = did_you_mean(name, known) or f"Built in are: {', '.join(known)}."
        raise RecipeError(f"no recipe file and no built-in recipe is called '{name}'.", hint=hint)
    return read(recipe_file(catalog.find(Kind.RECIPE, name)), overrides)
