"""The screen of each mode of the app, imported when it is first shown."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import Any

from textual.screen import Screen

_SCREENS = {
    "recipes": ("workbench.tui.screens.recipes.screen", "RecipesScreen"),
    "assemble": ("workbench.tui.screens.assemble.screen", "AssembleScreen"),
    "data": ("workbench.tui.screens.data.screen", "DataScreen"),
    "train": ("workbench.tui.screens.train.screen", "TrainScreen"),
    "runs": ("workbench.tui.screens.runs.screen", "RunsScreen"),
    "saved": ("workbench.tui.screens.saved.screen", "SavedScreen"),
    "searches": ("workbench.tui.screens.searches.screen", "SearchesScreen"),
    "check": ("workbench.tui.screens.check.screen", "CheckScreen"),
}


def _screen(mode: str) -> Screen[Any]:
    module, name = _SCREENS[mode]
    made: Screen[Any] = getattr(import_module(module), name)()
    return made


MODES: dict[str, Callable[[], Screen[Any]]] = {mode: partial(_screen, mode) for mode in _SCREENS}
