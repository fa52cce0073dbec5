"""The values that trials of a search must have: each trained here, at a stretch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from workbench import events
from workbench.catalog.lookup import Catalog
from workbench.recipe.document import Document
from workbench.recipe.options.search import Goal
from workbench.search.opening import Opened
from workbench.search.results import result_of
from workbench.storage.event_stream import read_events
from workbench.storage.run_folder import RunFolder
from workbench.training.session import Session

GOAL = Goal(minimize="val_loss")


def undisturbed(opened: Opened, catalog: Catalog, numbers: Iterable[int], runs_folder: Path) -> list[float]:
    """The best `val_loss` of these trials; runs go to a folder that has none of them yet."""
    found = []
    for run in _trained(opened, catalog, numbers, runs_folder):
        result = result_of(str(run), GOAL)
        assert result is not None
        assert result.value is not None
        found.append(result.value)
    return found


def undisturbed_until(
    opened: Opened, catalog: Catalog, numbers: Iterable[int], runs_folder: Path, *epochs: int
) -> list[list[float]]:
    """The same after each of these numbers of epochs, of one training of each trial: their epochs are the same."""
    found: list[list[float]] = [[] for _ in epochs]
    for run in _trained(opened, catalog, numbers, runs_folder):
        seen = [event for event, _, _ in read_events(RunFolder(run).events)]
        values = [event.logs[GOAL.name] for event in seen if isinstance(event, events.Epoch)]
        assert len(values) == max(epochs)
        for best, count in zip(found, epochs, strict=True):
            best.append(min(values[:count]))
    return found


def _trained(opened: Opened, catalog: Catalog, numbers: Iterable[int], runs_folder: Path) -> Iterator[Path]:
    """The runs of these trials, each trained when it is asked for."""
    for number in numbers:
        settings = opened.journal.read().trials[number].settings
        document = _without_checkpoints(opened.base.trial(number, settings))
        Session(document, catalog, lambda *_: None, runs_folder=runs_folder).run()
        (made,) = runs_folder.glob(f"{document.recipe.name}-*")
        yield made


def _without_checkpoints(document: Document) -> Document:
    """Nobody goes on with these, and to wait until a disk has a checkpoint may take longer than ten epochs."""
    train = document.recipe.train.model_copy(update={"checkpoint_seconds": 3600.0})
    return replace(document, recipe=document.recipe.model_copy(update={"train": train}))
