"""What is put into the queue: a recipe as it is now, or a run that is to go on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from workbench.catalog.lookup import Catalog
from workbench.errors import FileError, RecipeError
from workbench.queue.entries import TrainingOrder
from workbench.recipe.document import parse, read_text
from workbench.recipe.lookup import find_recipe
from workbench.storage.run_folder import RunFolder, has_checkpoint
from workbench.storage.runs import find_run, summary_of
from workbench.training.resumable_runs import run_document


def read_training(named: str, catalog: Catalog, runs: Path, overrides: Sequence[str] = ()) -> TrainingOrder:
    """What is to be trained, by the name that a user gives.

    Args:
        named: a recipe's file, a built-in recipe's name, or a run that has not come to its end.
        runs: where runs are looked for.
        overrides: `--set` assignments.

    Raises:
        WorkbenchError: there is none, or the recipe is wrong.
    """
    try:
        path = find_recipe(named, catalog).path
    except RecipeError:
        try:
            run = find_run(named, runs)
        except FileError:
            run = None
        if run is None:
            raise
        return going_on(run, overrides)
    text = read_text(path)
    document = parse(text, name=str(path), folder=path.parent, overrides=tuple(overrides))
    return TrainingOrder(document.recipe.name, text, path.parent.absolute(), tuple(overrides))


def going_on(run: RunFolder, overrides: Sequence[str] = ()) -> TrainingOrder:
    """A run that is to go on.

    Raises:
        WorkbenchError: it is being trained, is done, or has no checkpoint.
    """
    status = summary_of(run).status
    if status in ("running", "done"):
        hint = f"Watch it with: kwb watch {run.name}." if status == "running" else ""
        raise RecipeError(
            "the run is being trained." if hint else "the run is done.", where=run.name, hint=hint
        )
    if not has_checkpoint(run):
        raise RecipeError("there is no checkpoint to go on from.", where=run.name)
    document = run_document(run, tuple(overrides))
    return TrainingOrder(
        document.recipe.name,
        read_text(run.recipe),
        document.folder,
        tuple(overrides),
        str(run.path.absolute()),
    )
