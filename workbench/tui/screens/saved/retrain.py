"""Make a recipe from a saved file: train the model further, or use it as a layer."""

from __future__ import annotations

import re
from pathlib import Path

from workbench.atomic import extension_of
from workbench.recipe.editing import Editor
from workbench.recipe.yaml_values import one_line
from workbench.storage import run_folder
from workbench.storage.run_folder import RunFolder

_CONTINUED = re.compile(r"-continued(?:-(\d+))?$")


def layer_line(name: str) -> str:
    """The line of a stack that has the file as a layer."""
    return "- " + one_line({"load": name})


def recipe_folder(runs_folder: Path, run: str, working_directory: Path) -> Path:
    """The folder that relative paths in the recipe of a run start from; the working directory if the run is gone."""
    folder = run_folder.recipe_folder(RunFolder(runs_folder / run)) if run and Path(run).name == run else None
    return folder or working_directory


def continued(text: str, name: str, folder: Path, file: str, *, weights_only: bool) -> Editor:
    """The recipe that a file keeps, made to go on from that file. What it saves gets names of its own.

    Args:
        text: the kept recipe.
        name: what to call it.
        folder: what its relative paths start from.
        file: the file as the recipe is to name it.
        weights_only: keep the recipe's model and start it from the file's weights.
    """
    editor = Editor(text, name=name, folder=folder)
    go_on_from(editor, file, weights_only=weights_only)
    editor.set("name", next_name(name))
    saves = editor.get("save", [])
    saves = [saves] if isinstance(saves, str) else saves
    if saves:
        editor.set("save", [_next_path(str(path)) for path in saves])
    return editor


def go_on_from(editor: Editor, file: str, *, weights_only: bool) -> None:
    """Let an open recipe begin with a file's model, or with its weights."""
    if weights_only:
        editor.set("weights", file)
    else:
        editor.set("model", {"load": file})
        editor.remove("weights")


def next_name(name: str) -> str:
    """`price` → `price-continued` → `price-continued-2`."""
    found = _CONTINUED.search(name)
    if found is None:
        return f"{name}-continued"
    return f"{name[: found.start()]}-continued-{int(found[1] or 1) + 1}"


def _next_path(path: str) -> str:
    extension = extension_of(path)
    return next_name(path.removesuffix(extension)) + extension
