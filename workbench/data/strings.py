"""Columns that stay texts: inputs of strings, for layers that look them up (`StringLookup`, `TextVectorization`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from workbench.data.records import Record
from workbench.data.source import Source
from workbench.errors import RecipeError, did_you_mean
from workbench.recipe.schema import Data

STRING = "string"


class StringInput(Record):
    """An input of (rows, columns) strings."""

    kind: Literal["strings"] = "strings"
    name: str
    columns: Annotated[tuple[str, ...], Field(min_length=1)]

    @property
    def shape(self) -> tuple[int, ...]:
        return (len(self.columns),)

    @property
    def dtype(self) -> Literal["string"]:
        return "string"

    @property
    def column_names(self) -> tuple[str, ...]:
        return self.columns

    @property
    def columns_of_text(self) -> tuple[()]:
        """The columns of categories: none."""
        return ()


def encode_strings(columns: list[np.ndarray]) -> np.ndarray:
    """Texts (rows, columns), as objects. A missing text is an empty one."""
    strings = np.stack(columns, axis=1)
    strings[strings == None] = ""  # noqa: E711  (each of them)
    return strings


def check_strings(
    strings: tuple[str, ...], data: Data, source: Source, inputs: Mapping[str, tuple[str, ...]]
) -> None:
    """Check the columns of strings: an input has either strings or none.

    Args:
        strings: the columns.
        data: the data section.

    Raises:
        RecipeError: a column is not there, is used in another way too, is no input, or is joined with others.
    """
    used = {name: key for key in ("categories", "embed", "text") for name in getattr(data, key)}
    for name in strings:
        if name not in source.columns:
            raise RecipeError(
                f"there is no column '{name}'.", where="data.strings", hint=did_you_mean(name, source.columns)
            )
        if name in used:
            raise RecipeError(
                f"column '{name}' stays text, and is in `{used[name]}` too.", where="data.strings"
            )
        if source.columns[name].ndim > 1:
            raise RecipeError(
                f"'{name}' has {source.columns[name].ndim} axes; a text is one value a row.",
                where="data.strings",
            )
        group = next((group for group, columns in inputs.items() if name in columns), None)
        if group is None:
            raise RecipeError(f"column '{name}' is no input, so it cannot stay text.", where="data.strings")
        if any(other not in strings for other in inputs[group]):
            raise RecipeError(
                f"column '{name}' stays text and cannot be joined with numbers.",
                where=f"data.inputs.{group}",
                hint=f"Give it an input of its own: `inputs: {{{name}: [{name}]}}`.",
            )


def zeros(shape: tuple[int, ...], dtype: str) -> np.ndarray:
    """Made-up inputs: zeros, or empty strings."""
    return np.full(shape, "", dtype=object) if dtype == STRING else np.zeros(shape, dtype)
