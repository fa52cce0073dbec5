"""How the columns of inputs and targets are scaled, as the recipe says it."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from workbench.data.lazy import LazyRows
from workbench.data.source import Source
from workbench.errors import RecipeError, did_you_mean
from workbench.recipe.options.data import TargetScaling
from workbench.recipe.schema import Data, Scaling


def input_scaling(data: Data, inputs: Mapping[str, tuple[str, ...]]) -> dict[str, Scaling]:
    """How each column of an input is scaled. In a map a column's own word goes before that of its input."""
    columns = [name for group in inputs.values() for name in group]
    if not isinstance(data.scale, dict):
        return dict.fromkeys(columns, data.scale)
    for name in data.scale:
        if name not in inputs and name not in columns:
            near = did_you_mean(name, [*inputs, *columns])
            raise RecipeError(
                f"there is no input or input column '{name}'.",
                where=f"data.scale.{name}",
                hint=near or f"The inputs are: {', '.join(inputs)}.",
            )
    return {
        name: data.scale.get(name, data.scale.get(group, "none"))
        for group, names in inputs.items()
        for name in names
    }


def target_scaling(
    data: Data, source: Source, targets: Mapping[str, tuple[str, ...]], classes: Collection[str]
) -> dict[str, tuple[TargetScaling, ...]]:
    """One word goes for all targets of numbers: not for classes, and not for arrays of whole numbers, which may be
    classes too. In a map a column's own word goes before that of its target."""
    wish = data.scale_targets
    if not isinstance(wish, dict):
        return {
            name: (
                "none" if any(column in classes or _whole(source, column) for column in columns) else wish,
            )
            * len(columns)
            for name, columns in targets.items()
        }
    known = {*targets, *(column for columns in targets.values() for column in columns)}
    for name, scaling in wish.items():
        where = f"data.scale_targets.{name}"
        if name not in known:
            raise RecipeError(
                f"there is no target '{name}'.",
                where=where,
                hint=did_you_mean(name, known) or f"The targets are: {', '.join(targets)}.",
            )
        if scaling != "none" and any(column in classes for column in targets.get(name, (name,))):
            raise RecipeError(f"the target '{name}' holds classes, which have no scale.", where=where)
    chosen: dict[str, tuple[TargetScaling, ...]] = {}
    for target, columns in targets.items():
        whole = wish.get(target, "none")
        # A name that is a target's means the target, not a column of another.
        own = {column: wish[column] for column in columns if column in wish and column not in targets}
        chosen[target] = tuple(own.get(column, whole) for column in columns)
        if "log" in chosen[target] and len(set(chosen[target])) > 1:
            raise RecipeError(
                f"the columns of the target '{target}' cannot be scaled by `log` in part.",
                where="data.scale_targets",
                hint="Make targets of their own: `targets: {"
                + ", ".join(f"{column}: [{column}]" for column in columns)
                + "}`.",
            )
    return chosen


def _whole(source: Source, column: str) -> bool:
    array = source.columns[column]
    return isinstance(array, LazyRows) or bool(array.ndim > 1 and array.dtype.kind in "iu")
