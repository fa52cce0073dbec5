"""Which recipes several processes can train together; for the others, an error that says why not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from workbench.errors import RecipeError

if TYPE_CHECKING:
    from workbench.recipe.schema import Recipe

_ENGINES = ("auto", "chunk", "steps")
_ONE = "Or train it with `workers: 1`."


def check_recipe(recipe: Recipe) -> None:
    """What the recipe alone shows.

    Raises:
        RecipeError: several processes cannot train it.
    """
    train = recipe.train
    if train.workers == 1 and train.network is None:
        return
    if train.batch_size < train.workers:
        raise RecipeError(
            f"a batch of {train.batch_size} rows cannot be divided among {train.workers} processes.",
            where="train.batch_size",
            hint=f"Use at least `batch_size: {train.workers}`: it is that of all processes together.",
        )
    if train.engine not in _ENGINES:
        raise RecipeError(
            f"with `workers: {train.workers}` the engine cannot be {train.engine}: gradients are added up inside a "
            "loop of TensorFlow, which neither stock Keras nor XLA on a CPU can do.",
            where="train.engine",
            hint=f"Leave the engine to `auto`. {_ONE}",
        )
    if train.static_batch:
        raise _of_one_size("train.static_batch")
    if train.run_eagerly:
        raise RecipeError(
            "several processes cannot run a step without compiling it.", where="train.run_eagerly", hint=_ONE
        )
    if train.on_nan == "skip":
        raise RecipeError(
            "several processes cannot leave out a step: each would have to know of the numbers of all before it.",
            where="train.on_nan",
            hint=f"Use `on_nan: stop`. {_ONE}",
        )
    if train.dtype in ("float16", "mixed_float16"):
        raise RecipeError(
            f"with {train.dtype} several processes would not train what one does: each has a loss scale for its rows.",
            where="train.dtype",
            hint=f"Use `mixed_bfloat16`, which needs no loss scale. {_ONE}",
        )


def check_model(model: Any, optimizers: Sequence[Any], *, static_batch: bool) -> None:
    """What the model adds to that.

    Raises:
        RecipeError: several processes cannot train it.
    """
    if static_batch:
        raise _of_one_size("train.workers")
    if any(type(each).__name__ == "LossScaleOptimizer" for each in optimizers):
        raise RecipeError(
            "the optimizer scales the loss, in each process for its own rows: they would not train what one does.",
            where="train.optimizer",
            hint=_ONE,
        )
    if "sum" in reductions(getattr(model, "loss", None)):
        raise RecipeError(
            "a loss with `reduction: sum` grows with the rows of a batch, and several processes have each a share of "
            "them: it cannot be separated from terms that do not grow.",
            where="train.loss",
            hint=f"Use `reduction: sum_over_batch_size`, which is Keras' own. {_ONE}",
        )


def _of_one_size(where: str) -> RecipeError:
    return RecipeError(
        "the model is built for batches of one size, which a share of a batch does not have.",
        where=where,
        hint="A `stateful` layer needs that, and goes on from row to row: train it with `workers: 1`.",
    )


def reductions(loss: Any) -> set[str]:
    """How the losses of a model become one number."""
    if isinstance(loss, dict):
        return set().union(*(reductions(each) for each in loss.values()))
    if isinstance(loss, list | tuple):
        return set().union(*(reductions(each) for each in loss))
    return {str(getattr(loss, "reduction", ""))}
