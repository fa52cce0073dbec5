"""Build the models that a search's values make, before anything is trained."""

from __future__ import annotations

from typing import Any

from workbench.errors import RecipeError
from workbench.recipe.options.search import Range
from workbench.recipe.yaml_values import one_line
from workbench.search.space import Base, Settings, settings_to_try
from workbench.worker.client import Worker


async def try_values(base: Base, worker: Worker) -> None:
    """Build each choice once, and both ends of each range.

    Raises:
        RecipeError: one cannot be built; with the line of the recipe's `over` where one value alone is the reason.
    """
    for settings in settings_to_try(base):
        if (error := await _error_of(base, worker, settings)) is None:
            continue
        for key, value in settings.items():
            if (alone := await _error_of(base, worker, {key: value})) is not None:
                shown = "" if isinstance(base.over[key], Range) else f"{one_line(value)}: "
                alone.what = f"{shown}{alone.what}"
                raise alone.at(base.document.place_of(("search", "over", key)))
        raise error


async def try_here(base: Base, worker: Worker, settings: Settings) -> None:
    """Build the model of a trial once, on a machine that joins a search.

    Raises:
        RecipeError: it cannot be built here, as where the data is not there.
    """
    if (error := await _error_of(base, worker, settings)) is not None:
        error.hint = f"{error.hint} The search was begun elsewhere: its data must be here too.".strip()
        raise error


async def _error_of(base: Base, worker: Worker, settings: Settings) -> RecipeError | None:
    found: dict[str, Any] = await worker.call(
        "examine",
        text=base.text,
        name=base.document.name,
        folder=str(base.document.folder.absolute()),
        overrides=base.overrides(0, settings, 0),
    )
    return RecipeError.from_record(found["error"]) if found["error"] is not None else None
