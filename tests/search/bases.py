"""Recipes of searches for the tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from workbench.recipe.document import parse, to_yaml
from workbench.search.space import Base

RECIPE: dict[str, Any] = {
    "kwb": 1,
    "name": "small",
    "seed": 3,
    "data": {
        "use": "diabetes",
        "scale": "standard",
        "scale_targets": "standard",
        "split": {"validation": 0.2},
    },
    "model": {
        "sequential": [
            {"use": "MyDense", "units": 8, "activation": "tanh"},
            {"use": "Dropout", "rate": 0.1},
            {"use": "Dense", "units": 1},
        ]
    },
    "train": {
        "epochs": 6,
        "optimizer": {"use": "Adam", "learning_rate": 0.01},
        "loss": "mse",
        "engine": "chunk",  # begins soonest, and an epoch takes a few milliseconds
    },
}
OVER = {
    "train.optimizer.learning_rate": {"from": 0.001, "to": 0.1, "log": True},
    "model.sequential[0].units": [4, 16],
}


def recipe(**changes: Any) -> str:
    """The text of the recipe with other sections."""
    return to_yaml({**RECIPE, **changes})


def base(**changes: Any) -> Base:
    """A recipe with these sections, as a search opens it."""
    text = recipe(**changes)
    document = parse(text, name="small.yaml", folder=Path())
    return Base(text, document, document.recipe.search, document.recipe.repeat)


def search(**changes: Any) -> Base:
    """A recipe with a `search` of these keys."""
    return base(search={"over": OVER, **changes})
