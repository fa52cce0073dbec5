"""The parts of a model that are watched (`train.watch`), and what the panes that show them still need in a recipe."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workbench.recipe.editing import Editor
from workbench.recipe.train_schema import Train
from workbench.tui.views.training_view import TrainingView

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


def why_empty(view: TrainingView) -> str:
    """Why there is nothing of the inside of the model to show, and what to do."""
    watched = watched_in(view.recipe)
    if watched - {"losses", "metrics"} or (watched and not view.done):
        return "the inside of the model is shown at the end of an epoch"
    what = (
        "This model adds nothing to its loss." if watched else "This recipe does not look inside the model."
    )
    added = ", ".join(SHOWN_BY["internals"])
    return f"{what}\n\na adds  watch: [{added}]  to the recipe, for the next training"


def _listed(watch: Any) -> list[str]:
    return [watch] if isinstance(watch, str) else [str(name) for name in watch or ()]
