"""The option `windows` of a recipe's data section: rows in the order of time as windows for a model of sequences."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from workbench.recipe.model_schema import Names, Strict

_RANGE = re.compile(r"\s*(\d+)\s*-\s*(\d+)\s*")
_MOST_AHEAD = 10_000


def _steps(value: Any) -> Any:
    """`24`, `[1, 24]` and `1-24` as a tuple of whole numbers."""
    if isinstance(value, str) and (found := _RANGE.fullmatch(value)):
        first, last = int(found[1]), int(found[2])
        if last < first or last - first >= _MOST_AHEAD:
            raise ValueError(f"'{value}' is no range of steps such as 1-24")
        return tuple(range(first, last + 1))
    return value if isinstance(value, list | tuple) else (value,)


Ahead = Annotated[
    tuple[Annotated[int, Field(ge=0, le=_MOST_AHEAD)], ...],
    Field(min_length=1),
    BeforeValidator(_steps),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 0},
                {"type": "array", "items": {"type": "integer", "minimum": 0}, "minItems": 1},
                {"type": "string", "pattern": "^\\d+-\\d+$"},
            ]
        }
    ),
]


class Windows(Strict):
    """Windows of rows that follow each other, each with a target some rows later.

    No window crosses the border of a series, a gap in time, or the border between two parts of the split.
    """

    length: int = Field(ge=1, description="Rows of a window: what the model sees of the past.")
    ahead: Ahead = Field(
        (1,),
        description="How many rows after the window's last row the target is: `24`, several `[1, 24]`, or all of "
        "`1-24`; 0 is the last row itself.",
        examples=["1-24"],
    )
    step: int = Field(1, ge=1, description="Rows between the beginnings of two windows.")
    group: Names = Field(
        (),
        description="Columns that tell the series apart, such as a station; without it all rows are one series.",
    )
    time: str | None = Field(
        None,
        description="The column of dates, times or numbers that orders each series; without it the order of the rows.",
    )
    sort: bool = Field(
        False, description="Sort each series by its time first; by default rows out of order are an error."
    )
    gaps: Literal["break", "keep"] = Field(
        "break",
        description="`break`: no window goes across a gap in time; `keep`: rows count, whatever lies between them.",
    )
    past: bool | None = Field(
        None,
        description="Whether past values of the target are an input too, where `inputs` names none. By default they "
        "are, if the target is ahead.",
    )
    known: Names = Field(
        (),
        description="Columns whose values are known ahead, such as a holiday: an input `known` with their values in "
        "the rows of the target.",
    )
    season: int | None = Field(
        None,
        ge=2,
        description="Rows of a season, for the seasonal guess that the result is compared with; by default found.",
    )

    @model_validator(mode="after")
    def _makes_sense(self) -> Windows:
        if len(set(self.ahead)) < len(self.ahead):
            raise ValueError("`ahead` names a step twice")
        if self.past and 0 in self.ahead:
            raise ValueError(
                "with `ahead: 0` the target is in the window's last row: `past` would give it away"
            )
        if self.sort and self.time is None:
            raise ValueError("`sort` needs the column of the `time`")
        if self.time is not None and self.time in self.group:
            raise ValueError(f"'{self.time}' cannot be both `time` and `group`")
        return self

    @property
    def with_past(self) -> bool:
        """Whether past values of the target are an input by default."""
        return 0 not in self.ahead if self.past is None else self.past

    @property
    def span(self) -> int:
        """Rows from a window's first row to its furthest target."""
        return self.length + max(self.ahead)

    @property
    def roles(self) -> dict[str, str]:
        """What the columns of `places` say of a row: its `time` or its `series`."""
        return dict.fromkeys(self.group, "series") | ({self.time: "time"} if self.time is not None else {})

    @property
    def places(self) -> tuple[str, ...]:
        """The columns that say which series a row belongs to, and when it was."""
        return (*self.group, *([self.time] if self.time is not None else []))
