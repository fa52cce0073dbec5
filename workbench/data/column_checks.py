"""Check what a recipe says of single columns before any is prepared."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from workbench.data.source import Source
from workbench.errors import RecipeError, did_you_mean
from workbench.recipe.missing_options import Missing, missing_of
from workbench.recipe.schema import Data


def check_policies(data: Data, source: Source, inputs: Collection[str]) -> None:
    """Check the policies of columns of their own, for missing values and for unknown categories.

    Args:
        data: the recipe's data section.
        source: its rows, or the first of them.
        inputs: the columns of the inputs.

    Raises:
        RecipeError: a column is not there, or cannot have its policy.
    """
    for name, policy in missing_of(data.missing).columns.items():
        where = f"data.missing.{name}"
        require_column(name, source, where, Missing.model_fields)
        if name not in inputs and (policy.fills or policy.indicator):
            raise RecipeError(
                f"column '{name}' is no input: its missing values can be an `error` or `drop` the row.",
                where=where,
            )
    for name in data.unknown if isinstance(data.unknown, dict) else ():
        require_column(name, source, f"data.unknown.{name}")


def require_column(name: str, source: Source, where: str, other_words: Iterable[str] = ()) -> None:
    """Raise that a column is not there, with the nearest name: of a column, or of other words that may stand there."""
    if name in source.columns:
        return
    columns = ", ".join(list(source.columns)[:20])
    raise RecipeError(
        f"there is no column '{name}'{f' in {source.origin}' if source.origin else ''}.",
        where=where,
        hint=did_you_mean(name, [*source.columns, *other_words]) or f"The columns are: {columns}.",
    )
