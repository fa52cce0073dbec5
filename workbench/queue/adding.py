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
from workbench.training.resumable_runs import check_goes_on, is_complete, run_document


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
        WorkbenchError: it is being trained, is done, has no checkpoint, or `--set` makes another model of it.
    """
    summary = summary_of(run)
    if summary.status == "running":
        raise RecipeError(
            "the run is being trained.", where=run.name, hint=f"Watch it with: kwb watch {run.name}."
        )
    if not has_checkpoint(run):
        raise RecipeError("there is no checkpoint to go on from.", where=run.name)
    document = run_document(run, tuple(overrides))
    check_goes_on(summary, document)
    if is_complete(summary, document):
        raise RecipeError(
            "the run is done.", where=run.name, hint="`--set train.epochs=N` lets it go on for more epochs."
        )
    return TrainingOrder(
        document.recipe.name,
        read_text(run.recipe),
        document.folder,
        tuple(overrides),
        str(run.path.absolute()),
    )
