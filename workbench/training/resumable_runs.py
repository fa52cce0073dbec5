"""Find a run to resume, and the recipe that it was started with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from workbench.catalog.lookup import Catalog
from workbench.errors import RecipeError, WorkbenchError
from workbench.recipe.document import Document, parse
from workbench.recipe.schema import Recipe
from workbench.recipe.train_schema import PROCESSES, Train
from workbench.storage.run_folder import RunFolder, read_environment, recipe_folder
from workbench.storage.runs import RunSummary, list_runs


def run_document(run: RunFolder, overrides: Sequence[str] = ()) -> Document:
    """A run's own recipe. Its relative paths start where those of the recipe it was made from did.

    Raises:
        RecipeError: it is damaged, or an override does not fit it.
    """
    folder = recipe_folder(run) or run.path
    return parse(
        run.recipe.read_text(encoding="utf-8"), name=str(run.recipe), folder=folder, overrides=overrides
    )


def check_goes_on(run: RunSummary, document: Document) -> None:
    """See to it that a run can go on with a recipe: its own, changed by `--set`.

    Raises:
        RecipeError: it has another model, other data, or something else that a training cannot change on its way.
    """
    if keys := differences(replace(run, status="failed"), document):
        raise RecipeError(
            f"a run goes on with the {keys[0]} that it began with.",
            where="--set",
            hint=f"`kwb export-checkpoint {run.folder.path}` makes a file of its model, for another recipe to load.",
        )


def is_complete(run: RunSummary, document: Document) -> bool:
    """True if the run has done all that the recipe asks for, by however many processes."""
    mine, its = run_document(run.folder).recipe, document.recipe.train
    processes = {name: getattr(its, name) for name in PROCESSES}
    mine = mine.model_copy(update={"train": mine.train.model_copy(update=processes)})
    return run.status == "done" and mine == document.recipe


@contextmanager
def plugin_files_named(run: RunFolder, catalog: Catalog) -> Iterator[None]:
    """Errors in here name the plugin files that a run was trained with, where they are not given now."""
    try:
        yield
    except WorkbenchError as error:
        plugins = read_environment(run).get("plugins", {})
        files = [str(each.get("distribution", "")) for each in plugins.values()]
        present = {plugin.distribution for plugin in catalog.plugins}
        if missing := [file for file in files if file.endswith(".py") and file not in present]:
            error.hint = f"It was trained with {' '.join(f'--plugin {file}' for file in missing)}."
        raise


def latest_run(runs_folder: Path, document: Document) -> RunSummary | None:
    """The newest run of this recipe, whatever became of it. Its epochs, and what it saves, may have been others.

    A run that did not come to its end may also have had other callbacks: one that failed can be taken out.
    """
    for summary in list_runs(runs_folder):
        if summary.folder.name.startswith(document.recipe.name) and not differences(summary, document):
            return summary
    return None


def differences(run: RunSummary, document: Document) -> list[str]:
    """The keys by which a recipe is another than the run's, so that it cannot go on; empty where it can."""
    try:
        mine = _lasting(run_document(run.folder).recipe, run.status)
    except Exception:  # a damaged or older recipe is not this one
        return ["recipe"]
    its = _lasting(document.recipe, run.status)
    keys = [key for key in Recipe.model_fields if key != "train" and getattr(mine, key) != getattr(its, key)]
    keys += [
        f"train.{key}" for key in Train.model_fields if getattr(mine.train, key) != getattr(its.train, key)
    ]
    return keys


def why_none(runs_folder: Path, document: Document) -> str:
    """The reason why the newest run of the recipe's name cannot be resumed; empty where there is no such run."""
    for summary in list_runs(runs_folder):
        name = summary.folder.name.removesuffix(summary.folder.name[-len("-20000101-000000") :])
        if name == document.recipe.name and (keys := differences(summary, document)):
            return f"the newest run of that name, {summary.folder.name}, has another {', '.join(keys)}"
    return ""


def _lasting(recipe: Recipe, status: str) -> Recipe:
    """A recipe less what may change while its training goes on: how long, what is kept and shown of it, and how many
    processes train."""
    free: dict[str, Any] = {
        "epochs": 1,
        "checkpoint_seconds": 0.0,
        "watch": (),
        **{name: Train.model_fields[name].default for name in PROCESSES},
    }
    if status != "done":
        free["callbacks"] = ()
    lasting = {"save": (), "search": None, "repeat": None}
    return recipe.model_copy(update={**lasting, "train": recipe.train.model_copy(update=free)})
