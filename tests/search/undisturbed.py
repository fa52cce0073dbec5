"""The values that trials of a search must have: each trained here, at a stretch."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from workbench.catalog.lookup import Catalog
from workbench.recipe.document import Document
from workbench.recipe.options.search import Goal
from workbench.search.opening import Opened
from workbench.search.results import result_of
from workbench.training.session import Session

GOAL = Goal(minimize="val_loss")


def undisturbed(opened: Opened, catalog: Catalog, numbers: Iterable[int], runs_folder: Path) -> list[float]:
    """The best `val_loss` of these trials; runs go to a folder that has none of them yet."""
    found = []
    for number in numbers:
        settings = opened.journal.read().trials[number].settings
        document = _without_checkpoints(opened.base.trial(number, settings))
        Session(document, catalog, lambda *_: None, runs_folder=runs_folder).run()
        (made,) = runs_folder.glob(f"{document.recipe.name}-*")
        result = result_of(str(made), GOAL)
        assert result is not None
        assert result.value is not None
        found.append(result.value)
    return found


def _without_checkpoints(document: Document) -> Document:
    """Nobody goes on with these, and to wait until a disk has a checkpoint may take longer than ten epochs."""
    train = document.recipe.train.model_copy(update={"checkpoint_seconds": 3600.0})
    return replace(document, recipe=document.recipe.model_copy(update={"train": train}))
