"""Check stateful layers: Keras builds them for one fixed batch size."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from workbench.errors import RecipeError
from workbench.recipe.model_schema import Graph
from workbench.recipe.schema import Recipe
from workbench.storage import structure

_IN_GRAPH = re.compile(r"\bstateful\s*=\s*True\b")


def batch_of(recipe: Recipe) -> int | None:
    """The batch size to build the recipe's model for: `batch_size`, if the model is stateful or asks for it."""
    wanted = recipe.train.static_batch
    if wanted is None:
        lines = recipe.model.graph if isinstance(recipe.model, Graph) else ()
        wanted = _is_stateful(recipe.model.model_dump()) or any(_IN_GRAPH.search(line) for line in lines)
    return recipe.train.batch_size if wanted else None


def static_batch(model: Any) -> int | None:
    """The fixed batch size of a built model; None for any size."""
    for tensor in getattr(model, "inputs", None) or ():
        if tensor.shape and tensor.shape[0] is not None:
            return int(tensor.shape[0])
    for state in structure.states(model):
        if len(state.shape):
            return int(state.shape[0])
    return None


def check_batches(model: Any, recipe: Recipe, rows: Mapping[str, int]) -> None:
    """Refuse what Keras would fail at within an epoch.

    Args:
        rows: how many rows each part of the data has.

    Raises:
        RecipeError: the recipe's batches, or the last one of a part, are of another size than the model's.
    """
    size, given = static_batch(model), recipe.train.batch_size
    if size is None:
        return
    if size != given:
        raise RecipeError(
            f"the model accepts batches of {size} rows, and the recipe's have {given}.",
            where="train.batch_size",
            hint=f"Write `batch_size: {size}`.",
        )
    for part, count in rows.items():
        if count % size:
            raise RecipeError(
                f"the model accepts batches of just {size} rows, and the {part} part has {count}: the last batch "
                f"would have {count % size}.",
                where="train.batch_size",
                hint=f"Take a batch_size that divides {count}, or a split (data.split) that leaves a multiple of it.",
            )


def _is_stateful(value: Any) -> bool:
    if isinstance(value, Mapping):
        return value.get("stateful") is True or any(map(_is_stateful, value.values()))
    return isinstance(value, list | tuple) and any(map(_is_stateful, value))
