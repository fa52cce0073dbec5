"""Check what a recipe says of single columns before any is prepared."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from workbench.data.source import Source
from workbench.errors import RecipeError, did_you_mean
from workbench.recipe.options.missing import Missing, missing_of
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
    for name in data.padding:
        require_column(name, source, f"data.padding.{name}")
        if source.columns[name].ndim < 2:
            raise RecipeError(
                f"column '{name}' holds no sequences, which are arrays of two or more axes.",
                where=f"data.padding.{name}",
            )
    for name in data.unknown if isinstance(data.unknown, dict) else ():
        require_column(name, source, f"data.unknown.{name}")


def check_integers(
    integers: Collection[str], data: Data, source: Source, inputs: Mapping[str, tuple[str, ...]]
) -> None:
    """Check the columns of whole numbers: an input has either these or none.

    Raises:
        RecipeError: a column is not there, is used in another way too, is no input, or is joined with others.
    """
    where = "data.integers"
    for name in integers:
        require_column(name, source, where)
        for key in ("categories", "embed", "text", "strings", "several", "dates"):
            if name in getattr(data, key):
                raise RecipeError(
                    f"column '{name}' is given as whole numbers, and is in `{key}` too.", where=where
                )
        if isinstance(data.scale, dict) and data.scale.get(name, "none") != "none":
            raise RecipeError(
                f"column '{name}' is given as whole numbers, which are not scaled.",
                where=f"data.scale.{name}",
            )
        group = next((group for group, columns in inputs.items() if name in columns), None)
        if group is None:
            raise RecipeError(
                f"column '{name}' is no input, so it cannot be given as whole numbers.", where=where
            )
        if any(other not in integers for other in inputs[group]):
            raise RecipeError(
                f"column '{name}' is given as whole numbers and cannot be joined with others.",
                where=f"data.inputs.{group}",
                hint=f"Give it an input of its own: `inputs: {{{name}: [{name}]}}`.",
            )


def check_embedded(data: Data, source: Source, inputs: Mapping[str, tuple[str, ...]]) -> None:
    """Check the columns to be embedded: each is an input of its own.

    Raises:
        RecipeError: a column is not there, is used in another way too, or is joined with others.
    """
    for name in data.embed:
        require_column(name, source, "data.embed")
        other = "categories" if name in data.categories else "text" if name in data.text else ""
        if other:
            raise RecipeError(f"column '{name}' is to be embedded, and in `{other}` too.", where="data.embed")
        if source.columns[name].ndim > 1:
            raise RecipeError(
                f"'{name}' has {source.columns[name].ndim} axes; a category is one value a row.",
                where="data.embed",
            )
        group = next((group for group, columns in inputs.items() if name in columns), None)
        if group is None:
            raise RecipeError(f"column '{name}' is no input, so it cannot be embedded.", where="data.embed")
        if len(inputs[group]) > 1:
            raise RecipeError(
                f"column '{name}' is to be embedded and cannot be joined with other columns.",
                where=f"data.inputs.{group}" if data.inputs else "data.embed",
                hint=f"Give it an input of its own: `inputs: {{{name}: [{name}]}}`.",
            )


def text_columns(data: Data, source: Source) -> frozenset[str]:
    """The columns of free text: the recipe's, and the source's own unless the recipe uses them in another way."""
    for name in data.text:
        require_column(name, source, "data.text")
        where = f"data.text.{name}"
        if name in data.categories:
            raise RecipeError(f"column '{name}' is a category and a free text at once.", where=where)
        if source.columns[name].ndim > 1:
            raise RecipeError(
                f"'{name}' has {source.columns[name].ndim} axes; a text is one value a row.", where=where
            )
    return frozenset({*data.text, *source.texts} - set(data.categories))


def check_texts(data: Data, inputs: Mapping[str, tuple[str, ...]], texts: Collection[str]) -> None:
    """Check that every column of free text is an input of its own.

    Raises:
        RecipeError: one is joined with others, or is no input.
    """
    for group, columns in inputs.items():
        for name in columns:
            if name in texts and len(columns) > 1:
                raise RecipeError(
                    f"column '{name}' is a text and cannot be joined with other columns.",
                    where=f"data.inputs.{group}",
                    hint=f"Give it an input of its own: `{name}: [{name}]`.",
                )
    used = {name for columns in inputs.values() for name in columns}
    for name in data.text:
        if name not in used:
            raise RecipeError(
                f"column '{name}' is no input, so its words cannot be used.", where=f"data.text.{name}"
            )


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
