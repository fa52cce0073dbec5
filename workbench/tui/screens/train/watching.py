"""The parts of a model that are watched (`train.watch`), and what the panes that show them still need in a recipe."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workbench.recipe.editing import Editor
from workbench.recipe.schema import Train

SHOWN_BY = {"internals": ("losses", "gradients", "updates", "dead"), "weights": ("histograms",)}
"""The values that each pane shows, by their names in `train.watch`."""


def watched_in(recipe: Mapping[str, Any]) -> set[str]:
    """The monitors that a recipe asks for."""
    train = recipe.get("train")
    return set(_listed(train.get("watch") if isinstance(train, Mapping) else None))


def missing(recipe: Mapping[str, Any], pane: str) -> list[str]:
    """The values that a pane shows and a recipe does not watch."""
    watched = watched_in(recipe)
    return [] if "all" in watched else [name for name in SHOWN_BY.get(pane, ()) if name not in watched]


def add(editor: Editor, names: list[str]) -> None:
    """Have a recipe watch more.

    Raises:
        RecipeError: nothing can be put there.
    """
    watched = editor.get("train.watch")
    before = _listed(Train.model_fields["watch"].get_default() if watched is None else watched)
    editor.set("train.watch", [*(name for name in before if name != "none"), *names])


def _listed(watch: Any) -> list[str]:
    return [watch] if isinstance(watch, str) else [str(name) for name in watch or ()]
