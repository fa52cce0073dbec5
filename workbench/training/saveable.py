"""Find out before hours of training in which files a model will come back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from workbench.assembly.layers import has_own_classes
from workbench.atomic import is_of_the_place
from workbench.catalog.lookup import Catalog
from workbench.catalog.resolve import Resolver
from workbench.errors import FileError
from workbench.storage import formats, structure
from workbench.storage.run_folder import RunFolder
from workbench.training.errors import reported_as
from workbench.training.known_saveable import came_back, key_of, note_came_back
from workbench.training.preparing import PreparedRun, prepare

PREFLIGHT_PARAMETERS = 20_000_000  # beyond, saving twice takes longer than it may save
PROBE_ROWS = 32  # enough to catch a layer that reloads differently, cheap enough to do at every save


@dataclass(frozen=True)
class Saveable:
    """In which files a model comes back.

    Attributes:
        reason: why a file that is to rebuild it would not give it back; empty where it would.
        weights: whether a file of its weights alone gives them back.
        check_later: makes the check that was left out before training; None where none was.
    """

    reason: str = ""
    weights: bool = True
    check_later: Callable[[], Saveable] | None = field(default=None, compare=False)

    def warning(self, run: RunFolder) -> str:
        """The reason, and where the weights will be."""
        kept = (
            f"Its weights alone go to {run.weights} at the end."
            if self.weights
            else f"`kwb export-checkpoint {run.path}` makes a .weights.h5 file of its weights."
        )
        return f"this model would not come back from a file: {self.reason} {kept}"


def check_saveable(prepared_run: PreparedRun, catalog: Catalog, *, in_search: bool = False) -> Saveable:
    """Save and reload a model of custom classes, untrained; one that came back before is not tried again.

    Args:
        in_search: whether it is one of many trainings. Those of the recipes that name no file save one model each, and
            nobody waits for a warning before that.

    Raises:
        FileError: the recipe asks for a file that would not give it back.
    """
    model = prepared_run.model
    if not has_own_classes(model) or model.count_params() > PREFLIGHT_PARAMETERS:
        return Saveable()
    later = Saveable(check_later=lambda: _checked(_once_more(prepared_run, catalog), catalog))
    if in_search and not prepared_run.document.recipe.save:
        return later
    key = key_of(prepared_run, catalog)
    if came_back(key):
        return later
    checked = _checked(prepared_run, catalog)
    if not checked.reason:
        note_came_back(key)
    return checked


def _checked(prepared_run: PreparedRun, catalog: Catalog) -> Saveable:
    model, document = prepared_run.model, prepared_run.document
    probe = prepared_run.probe(PROBE_ROWS)
    failure = _refusal(
        prepared_run, lambda: formats.check_saveable(model, resolver=Resolver(catalog), probe=probe)
    )
    if failure is None:
        return Saveable()
    weights_failure = _refusal(
        prepared_run, lambda: formats.check_weights(model, again(prepared_run, catalog), probe)
    )
    asked = [formats.format_of(path) for path in document.recipe.save]
    refused = failure if any(kind != ".weights.h5" for kind in asked) else weights_failure if asked else None
    if refused is not None:
        hint = refused.hint
        if refused is failure and weights_failure is None and not list(structure.untracked(model)):
            hint = f"{hint} `save: [{document.recipe.name}.weights.h5]` works: weights need no configuration."
        raise document.located(FileError(refused.what, where="save", hint=hint.strip())) from refused
    return Saveable(f"{failure.what} {failure.hint}".strip(), weights_failure is None)


def again(prepared_run: PreparedRun, catalog: Catalog) -> Callable[[], Any]:
    """Makes the model of a prepared run once more, with its first weights."""
    return lambda: _once_more(prepared_run, catalog).model


def _once_more(prepared_run: PreparedRun, catalog: Catalog) -> PreparedRun:
    return prepare(prepared_run.document, catalog, data=prepared_run.prepared, adapter=prepared_run.adapter)


def _refusal(prepared_run: PreparedRun, check: Callable[[], Any]) -> FileError | None:
    """What a check refuses; a full temporary folder says nothing of the model."""
    try:
        with reported_as("calling the model on the first rows", prepared_run.document.name):
            check()
    except FileError as error:
        return None if is_of_the_place(error) else error
    return None
