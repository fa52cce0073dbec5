"""Class weights, of data in memory and of streams: by the class numbers that training uses, not the recipe's names."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from workbench.data.loading import Prepared, Streamed
from workbench.data.specs import ClassTarget, Target
from workbench.errors import DataError, RecipeError, did_you_mean
from workbench.recipe.schema import Recipe

_WHERE = "train.class_weight"
_MOST_CLASSES = 1_000  # whole numbers beyond are measured, not classes
_LOOKED_AT = 1_000  # rows of a stream


def class_weights(recipe: Recipe, prepared: Prepared | Streamed) -> dict[int, float] | None:
    """The weight of each class by its number.

    A key of the recipe is a class as the data writes it; where no class is a number, a whole number is the class's
    index in the order of `classes`. A target of whole numbers from 0 on, without `classes`, has its
    numbers for classes, as in Keras.

    Raises:
        RecipeError: there are no classes, not one target, or a key is no class.
    """
    wanted = recipe.train.class_weight
    if wanted is None:
        return None
    targets = prepared.preparation.targets
    if recipe.data.sample_weight is not None:
        raise RecipeError("give either class weights or `data.sample_weight`, not both.", where=_WHERE)
    if len(targets) != 1:
        raise RecipeError(f"class weights need one target, here are {len(targets)}.", where=_WHERE)
    (target,) = targets
    if wanted == "balanced":
        return _balanced(prepared)
    names = target.classes if isinstance(target, ClassTarget) else _numbers(target, prepared, wanted)
    return {_number(key, names, target.name): weight for key, weight in wanted.items()}


def _number(key: str | int, names: tuple[str, ...], target: str) -> int:
    text = str(key).lower() if isinstance(key, bool) else str(key)
    if text in names:
        return names.index(text)
    if isinstance(key, int) and 0 <= key < len(names) and not any(map(str.isdecimal, names)):
        return key
    shown = ", ".join(names[:12]) + (f" and {len(names) - 12} more" if len(names) > 12 else "")
    raise RecipeError(
        f"'{target}' has no class '{text}'.",
        where=f"{_WHERE}.{text}",
        hint=did_you_mean(text, names) or f"Its classes are: {shown}.",
    )


def _numbers(
    target: Target, prepared: Prepared | Streamed, wanted: Mapping[str | int, float]
) -> tuple[str, ...]:
    """The classes of a target that is no column of classes: whole numbers, or the columns of one-hot rows.

    Only the first rows of a stream are looked at. Those behind may hold higher numbers, so that numbers in `wanted`
    are taken for classes.
    """
    train = prepared.train if isinstance(prepared, Prepared) else prepared.train.head(_LOOKED_AT)
    values = train.targets[target.name]
    flat = values.reshape(len(values), -1)
    if flat.shape[1] > 1 and np.isin(flat, (0, 1)).all() and (flat.sum(axis=1) == 1).all():
        columns = target.column_names
        return columns if len(columns) == flat.shape[1] else tuple(map(str, range(flat.shape[1])))
    most = int(flat.max(initial=0)) if np.isfinite(flat).all() else _MOST_CLASSES
    if flat.shape[1] != 1 or (flat < 0).any() or (flat % 1 != 0).any() or most >= _MOST_CLASSES:
        raise RecipeError(
            f"the target '{target.name}' has no classes to weigh.",
            where=_WHERE,
            hint=f"If its values are classes, say `classes: [{target.name}]` under data.",
        )
    if isinstance(prepared, Streamed):
        most = max(most, *(key for key in wanted if isinstance(key, int) and key < _MOST_CLASSES), 0)
    return tuple(map(str, range(most + 1)))


def _balanced(prepared: Prepared | Streamed) -> dict[int, float]:
    if not isinstance(prepared, Streamed):
        return balanced_class_weights(next(iter(prepared.train.targets.values())))
    if len(prepared.class_counts) != 1:
        raise RecipeError("class weights need one target of classes.", where=_WHERE)
    (counts,) = prepared.class_counts.values()
    present = np.flatnonzero(counts)
    return _making_up_for(present, counts[present])


def balanced_class_weights(classes: np.ndarray) -> dict[int, float]:
    """The weight of each class, so that all classes weigh the same in sum and the mean row weighs 1.

    Args:
        classes: class numbers (rows,) or (rows, 1) of the training part, or one-hot rows (rows, classes).

    Raises:
        DataError: these are no class numbers.
    """
    if classes.ndim == 2 and classes.shape[1] > 1:
        if not np.array_equal(np.sort(classes, axis=1)[:, -2:], np.tile([0, 1], (len(classes), 1))):
            raise DataError("the target has no classes to balance.", where=_WHERE)
        classes = classes.argmax(axis=1)
    numbers = classes.reshape(-1)
    if classes.ndim > 2 or len(numbers) != len(classes) or (numbers < 0).any() or (numbers % 1 != 0).any():
        raise DataError(
            "the target has no class numbers to balance.",
            where=_WHERE,
            hint="If the target holds class names or numbers, name it under `data.classes`.",
        )
    return _making_up_for(*np.unique(numbers, return_counts=True))


def _making_up_for(numbers: np.ndarray, counts: np.ndarray) -> dict[int, float]:
    """The weights of classes, for so many rows of each."""
    weights = counts.sum() / (len(counts) * counts)
    return {int(number): float(weight) for number, weight in zip(numbers, weights, strict=True)}
