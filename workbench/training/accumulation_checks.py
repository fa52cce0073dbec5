"""Which models can add up the gradients of several batches (`train.accumulate`); for the others, why not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from workbench.errors import RecipeError
from workbench.recipe.train_schema import Train
from workbench.training.worker_checks import reductions

_WHERE = "train.accumulate"
_NOT = "Leave `accumulate` out."


def check_accumulation(train: Train, model: Any, optimizers: Sequence[Any]) -> None:
    """
    Args:
        model: compiled and built.
        optimizers: of the model.

    Raises:
        RecipeError: the steps of its optimizer would not be those of larger batches.
    """
    if train.accumulate == 1:
        return
    if train.on_nan == "skip":
        raise RecipeError(
            "a step of the optimizer is made of several batches, of which a single one cannot be left out.",
            where="train.on_nan",
            hint=f"Use `on_nan: stop`. {_NOT}",
        )
    if any(getattr(_inner(each), "gradient_accumulation_steps", None) for each in optimizers):
        raise RecipeError(
            "the optimizer has `gradient_accumulation_steps`, which would add up what is added up already.",
            where="train.optimizer",
            hint="Leave that out: with `train.accumulate` a schedule and the average of the weights count the steps of "
            "the optimizer, and a batch counts as many times as it has rows.",
        )
    if len(optimizers) > 1:
        raise RecipeError(
            f"{type(model).__name__} has {len(optimizers)} optimizers, one of which may use what another one has "
            "changed in the same batch: several batches would not train as a larger one.",
            where=_WHERE,
            hint=_NOT,
        )
    if "sum" in reductions(getattr(model, "loss", None)):
        raise RecipeError(
            "a loss with `reduction: sum` grows with the rows of a batch: the mean over several batches is not that "
            "of a larger one.",
            where="train.loss",
            hint=f"Use `reduction: sum_over_batch_size`, which is Keras' own. {_NOT}",
        )


def _inner(optimizer: Any) -> Any:
    """The optimizer inside of one that scales the loss."""
    return getattr(optimizer, "inner_optimizer", optimizer)
