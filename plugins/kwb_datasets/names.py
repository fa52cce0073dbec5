"""Checks of the names of columns and arrays, the same for every kind of file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence

from workbench.plugin import DataError, RecipeError, did_you_mean


def check_columns(names: Sequence[str], wanted: Collection[str] | None, file: str, where: str) -> None:
    """The columns of a table have names of their own, and those that the recipe names are there.

    Args:
        names: the columns'.
        wanted: those that the recipe names; None for all.
        file: what the table is called.
        where: what its names are read from.

    Raises:
        DataError: two columns have one name. RecipeError: one is not there.
    """
    for name, count in Counter(names).items():
        if count > 1:
            raise DataError(
                f"the column name '{name}' occurs {count} times.",
                where=where,
                hint="Give each column a name of its own.",
            )
    for name in wanted or ():
        check_there(name, names, file)


def check_there(
    name: str, names: Collection[str], file: str, *, what: str = "column", key: str = "columns"
) -> None:
    """What the recipe names under `data.KEY` is in the file.

    Raises:
        RecipeError: it is not.
    """
    if name not in names:
        raise RecipeError(
            f"there is no {what} '{name}' in {file}.",
            where=f"data.{key}",
            hint=did_you_mean(name, names) or f"The {what}s are: {', '.join(list(names)[:20])}.",
        )
