"""Recipes as files: an editor on one, and a copy of one under another name."""

from __future__ import annotations

from os.path import expanduser
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.catalog import Kind
from workbench.catalog.lookup import Catalog, recipe_file
from workbench.errors import RecipeError, did_you_mean

if TYPE_CHECKING:
    from workbench.recipe.editing import Editor


def open_editor(recipe: str | Path, catalog: Catalog, working_directory: Path) -> Editor:
    """An editor on a recipe file, or on a built-in recipe. Reads files and imports much: for a thread.

    A built-in recipe has no file of the user's: saving it asks for one.

    Raises:
        RecipeError: there is no such file and no such built-in recipe, or the file cannot be read.
    """
    from workbench.recipe.editing import Editor

    name = str(recipe)
    path = Path(expanduser(recipe))
    path = path if path.is_absolute() else working_directory / path
    if isinstance(recipe, Path) or path.suffix in (".yaml", ".yml") or path.is_file():
        return Editor.open(path)
    known = [entry.name for entry in catalog.of_kind(Kind.RECIPE)]
    if name not in known and "." not in name:
        hint = did_you_mean(name, known) or f"Built in are: {', '.join(known)}."
        raise RecipeError(f"no recipe file and no built-in recipe is called '{name}'.", hint=hint)
    entry = catalog.find(Kind.RECIPE, name)
    file = recipe_file(entry)
    return Editor(file.read_text(encoding="utf-8"), name=entry.name, folder=file.parent)


def duplicate(text: str, path: Path) -> None:
    """Write a recipe's text to another file, with that file's name as the recipe's.

    Raises:
        WorkbenchError: it cannot be written.
    """
    from workbench.recipe.editing import Editor

    editor = Editor(text, name=path.name)
    if editor.is_yaml and editor.get("name") is not None:
        editor.set("name", path.stem)
    editor.save(path)
