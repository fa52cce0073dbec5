"""Find a run to go on with, and its recipe as it was."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from workbench.recipe.document import Document, parse
from workbench.recipe.schema import Recipe
from workbench.storage.runs import RunFolder, RunSummary, list_runs


def run_document(run: RunFolder, overrides: Sequence[str] = ()) -> Document:
    """A run's own recipe. Its relative paths start where those of the recipe it was made from did.

    Raises:
        RecipeError: it is damaged, or an override does not fit it.
    """
    try:
        folder = Path(json.loads(run.environment.read_text())["recipe_folder"])
    except (OSError, ValueError, KeyError):
        folder = run.path
    return parse(
        run.recipe.read_text(encoding="utf-8"), name=str(run.recipe), folder=folder, overrides=overrides
    )


def latest_run(runs_folder: Path, document: Document) -> RunSummary | None:
    """The newest run of this recipe, whatever became of it. Its epochs, and what it saves, may have been others."""
    for summary in list_runs(runs_folder):
        if summary.folder.name.startswith(document.recipe.name) and _same(summary.folder, document):
            return summary
    return None


def _lasting(recipe: Recipe) -> Recipe:
    """A recipe less what may change while its training goes on: how long, and what is kept and shown of it."""
    free = {"epochs": 1, "checkpoint_seconds": 0.0, "watch": ()}
    return recipe.model_copy(update={"save": (), "train": recipe.train.model_copy(update=free)})


def _same(run: RunFolder, document: Document) -> bool:
    try:
        return _lasting(run_document(run).recipe) == _lasting(document.recipe)
    except Exception:  # a damaged or older recipe is not this one
        return False
