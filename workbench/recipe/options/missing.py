"""What a recipe does about missing values: for all columns, by role, and by column."""

from __future__ import annotations

import difflib
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, Tag, WithJsonSchema

from workbench.recipe.model_schema import Strict, tag

Filling = Literal["error", "drop", "mean", "median", "most_frequent"]
_FILLINGS: tuple[str, ...] = get_args(Filling)
# Words that are meant as one of these, and would be a constant otherwise.
_MEANT = {"mode": "most_frequent", "commonest": "most_frequent", "average": "mean", "avg": "mean"}


class ColumnMissing(Strict):
    """What is done about the missing values of one column."""

    fill: str | float = Field(
        description="`error`, `drop` (the row), `mean`, `median`, `most_frequent`, or what stands for a missing value: "
        "a number, or a text, which is a category of its own."
    )
    indicator: bool = Field(
        False, description="Add an input that is 1 where the value is missing, and 0 elsewhere."
    )

    @property
    def constant(self) -> str | float | None:
        """What stands for a missing value; None if that is not given but found out."""
        return None if self.fill in _FILLINGS else self.fill

    @property
    def fills(self) -> bool:
        """True if something stands for a missing value."""
        return self.fill not in ("error", "drop")


def _as_column(value: Any) -> Any:
    fill = value.get("fill") if isinstance(value, dict) else value
    if isinstance(fill, bool) or not isinstance(fill, str | int | float):
        return value
    if isinstance(fill, str) and fill not in _FILLINGS:
        close = difflib.get_close_matches(fill, _FILLINGS, 1, cutoff=0.8)
        meant = _MEANT.get(fill) or (close[0] if close else None)
        if meant is not None:
            raise ValueError(f"'{fill}' is no policy; '{meant}' is one")
    return value if isinstance(value, dict) else {"fill": value}


_COLUMN_SCHEMA = {
    "anyOf": [
        {"type": "string", "examples": list(_FILLINGS)},
        {"type": "number"},
        ColumnMissing.model_json_schema(),
    ]
}
OfColumn = Annotated[ColumnMissing, BeforeValidator(_as_column), WithJsonSchema(_COLUMN_SCHEMA)]


class Missing(BaseModel):
    """How missing values are handled: for inputs, for targets (and weights), and for single columns by their names."""

    model_config = ConfigDict(extra="allow", frozen=True)
    __pydantic_extra__: dict[str, OfColumn]

    inputs: Filling = Field(
        "error",
        description="Refuse them, drop their rows, or fill in the mean, the median or the most frequent value (for "
        "texts always the last).",
    )
    targets: Literal["error", "drop"] = Field("error", description="A target or a weight cannot be made up.")
    indicator: bool = Field(
        False,
        description="Add an input that is 1 where the value is missing, for each column that misses some in the "
        "training part.",
    )

    @property
    def columns(self) -> dict[str, ColumnMissing]:
        """What is done about single columns."""
        return dict(self.__pydantic_extra__ or {})

    def of(self, column: str, *, needed: bool) -> ColumnMissing:
        """What is done about a column; `needed` ones are targets and weights, which nothing can stand for."""
        own = self.columns.get(column)
        if own is not None and not (needed and own.fills):  # a column may be an input and a target
            return own
        return ColumnMissing(fill=self.targets if needed else self.inputs)

    @property
    def drops(self) -> bool:
        """True if rows may be dropped."""
        return "drop" in (self.inputs, self.targets, *(each.fill for each in self.columns.values()))


MissingPolicy = Annotated[
    Annotated[Filling, Tag(tag("policy"))] | Annotated[Missing, Tag(tag("by role"))],
    Discriminator(lambda value: tag("by role" if isinstance(value, dict | Missing) else "policy")),
]


def missing_of(policy: MissingPolicy) -> Missing:
    """A policy for all columns as one for inputs and one for targets."""
    if isinstance(policy, Missing):
        return policy
    return Missing(inputs=policy, targets="drop" if policy == "drop" else "error")
