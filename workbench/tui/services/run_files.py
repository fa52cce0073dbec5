"""Read a run's folder, except its events: its recipe, its checkpoints."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.errors import WorkbenchError
from workbench.storage.run_folder import RunFolder, recipe_folder


@dataclass(frozen=True)
class RunRecipe:
    """A run's own recipe: its text, its name, and the folder that its paths start from."""

    text: str
    name: str
    folder: Path


def read_run_recipe(run: RunFolder) -> RunRecipe:
    """The recipe of a run.

    Raises:
        WorkbenchError: it cannot be read.
    """
    try:
        text = run.recipe.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise WorkbenchError(f"the run's recipe cannot be read: {error}.", where=run.name) from error
    return RunRecipe(text, str(read_recipe(run).get("name") or run.name), recipe_folder(run) or run.path)


def read_recipe(run: RunFolder) -> Mapping[str, Any]:
    """A run's recipe as data; empty where it cannot be read."""
    from workbench.recipe.yaml_text import read_yaml

    try:
        return read_yaml(run.recipe.read_text(encoding="utf-8")).data or {}
    except (OSError, UnicodeDecodeError):
        return {}
