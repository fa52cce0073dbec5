"""Options of single columns in a recipe's data section: how their cells are read, and what is made of them."""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, model_validator

from workbench.recipe.model_schema import Names, Strict, as_list

Mark = Annotated[str, Field(min_length=1, max_length=1)]


class NumberFormat(Strict):
    """How the numbers of a column are written, where they are texts."""

    strip: Names = Field((), description="What stands beside the number and means nothing: `$`, `kg`.")
    thousands: Mark | None = Field(None, description="The mark between the thousands, as in 1,656.")
    decimal: Mark | None = Field(None, description="The mark before the decimals: a point, if not another.")
    percent: bool = Field(False, description="The numbers are percents: 15% is 0.15.")
    missing: Names = Field((), description="Words that stand for no value, such as `-` and `nil`.")

    @model_validator(mode="after")
    def _marks_differ(self) -> NumberFormat:
        if self.thousands is not None and self.thousands == self.decimal:
            raise ValueError(f"'{self.decimal}' cannot be the mark of both thousands and decimals")
        return self


Unknown = Literal["error", "other", "drop"]


def _as_number_format(value: Any) -> Any:
    return {"percent": True} if value == "percent" else value


Numbers = dict[
    str,
    Annotated[
        NumberFormat,
        BeforeValidator(_as_number_format),
        WithJsonSchema({"anyOf": [{"const": "percent"}, NumberFormat.model_json_schema()]}),
    ],
]

DatePart = Literal[
    "year",
    "quarter",
    "month",
    "week",
    "day",
    "weekday",
    "yearday",
    "hour",
    "minute",
    "second",
    "days",
]
PERIODS: dict[str, float] = {
    "quarter": 4,
    "month": 12,
    "week": 53,
    "day": 31,
    "weekday": 7,
    "yearday": 366,
    "hour": 24,
    "minute": 60,
    "second": 60,
}
"""The parts of a date that begin again, and after how many."""


def _once_each(parts: tuple[DatePart, ...]) -> tuple[DatePart, ...]:
    for part in parts:
        if parts.count(part) > 1:
            raise ValueError(f"'{part}' is listed {parts.count(part)} times")
    return parts


_PARTS_SCHEMA = {"type": "string", "enum": list(get_args(DatePart))}
DateParts = Annotated[
    tuple[DatePart, ...],
    BeforeValidator(as_list),
    AfterValidator(_once_each),
    WithJsonSchema({"anyOf": [{"type": "array", "items": _PARTS_SCHEMA}, _PARTS_SCHEMA]}),
]


ISO = "iso"
UNIX = "unix"


def is_written(form: str | None) -> bool:
    """True for a form such as `%H%M`, which only the text of a cell has: a number or a date has lost it."""
    return form not in (None, ISO, UNIX)


class DateFeatures(Strict):
    """The numbers that are made of a column of dates or times."""

    parts: Annotated[DateParts, Field(min_length=1)] = Field(
        description="Numbers made of each date, such as `year`, `month` (1 to 12), `weekday` (0 is Monday), `hour`; "
        "`days` is the time since 1970 in days."
    )
    cyclic: bool = Field(
        False,
        description="Make a sine and a cosine of every part that begins again, so that December is near January.",
    )
    format: str | None = Field(
        None,
        description="How the dates are written, as `%d.%m.%Y %H:%M`; `unix` for seconds since 1970. By default it is "
        "found out, where there is no doubt.",
    )

    @property
    def cyclic_parts(self) -> tuple[DatePart, ...]:
        """The parts that become a sine and a cosine."""
        return tuple(part for part in self.parts if self.cyclic and part in PERIODS)


class Pad(Strict):
    """How lists of differing length become sequences of one length."""

    length: int = Field(
        ge=1, description="Of each sequence: shorter ones are filled up, longer ones cut off."
    )
    value: float = Field(0.0, allow_inf_nan=False, description="What they are filled up with.")
    side: Literal["post", "pre"] = Field("post", description="Where: at the end, or at the beginning.")


Pads = dict[
    str,
    Annotated[
        Pad,
        BeforeValidator(
            lambda value: (
                {"length": value} if isinstance(value, int) and not isinstance(value, bool) else value
            )
        ),
        WithJsonSchema({"anyOf": [{"type": "integer", "minimum": 1}, Pad.model_json_schema()]}),
    ],
]


def _as_date_features(value: Any) -> Any:
    return {"parts": value} if isinstance(value, str | list | tuple) else value


Dates = dict[
    str,
    Annotated[
        DateFeatures,
        BeforeValidator(_as_date_features),
        WithJsonSchema(
            {
                "anyOf": [
                    _PARTS_SCHEMA,
                    {"type": "array", "items": _PARTS_SCHEMA},
                    DateFeatures.model_json_schema(),
                ]
            }
        ),
    ],
]
