"""The recipe's `split`: which rows are for training, for validation and for the test."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import (
    BeforeValidator,
    Discriminator,
    Field,
    Tag,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from workbench.recipe.model_schema import Strict, tag

Fraction = Annotated[float, Field(ge=0.0, lt=1.0)]


def _as_texts(value: Any) -> Any:
    """A list of texts: `2` and `2.0` are `2`, as a column's values are written when they are texts."""
    values = value if isinstance(value, list | tuple) else (value,)
    return tuple(
        str(int(each)) if isinstance(each, float) and each.is_integer() else str(each) for each in values
    )


def _is_list(value: Any) -> str:
    return tag("values" if isinstance(value, str | list | tuple) else "share")


Share = Annotated[
    Annotated[Fraction, Tag(tag("share"))]
    | Annotated[tuple[str, ...], BeforeValidator(_as_texts), Field(min_length=1), Tag(tag("values"))],
    Discriminator(_is_list),
]


class Fold(Strict):
    """One fold of a cross-validation: it is the validation part, the others are for training."""

    of: int = Field(
        ge=2, description="How many folds there are, of all rows that are not for the test: 5 of them, or 10."
    )
    number: int = Field(0, ge=0, description="Which of them is the validation part, counted from 0.")

    @field_validator("number")
    @classmethod
    def _is_there(cls, number: int, info: ValidationInfo) -> int:
        of = info.data.get("of")
        if of is not None and number >= of:
            raise ValueError(f"{of} folds have the numbers 0 to {of - 1}, and there is no {number}")
        return number


class Split(Strict):
    """The rows that are not used for training."""

    validation: Share = Field(
        0.0,
        description="Share of rows for validation after each epoch; with `part`, the values of that column.",
    )
    test: Share = Field(
        0.0,
        description="Share of rows for the evaluation at the end; with `part`, the values of that column. Ignored "
        "where the data brings a test part.",
    )
    stratify: bool | str = Field(
        False,
        description="Keep the share of each class in every part: true for the target, or a column's name.",
    )
    shuffle: bool = Field(
        True, description="False keeps the rows' order: first training, then validation, then test."
    )
    time: str | None = Field(
        None,
        description="A column of dates or numbers: validation is later than training, the test later than both.",
    )
    group: str | None = Field(
        None, description="A column, as `patient`: rows with one value of it are all in one part."
    )
    part: str | None = Field(
        None,
        description="A column that says which part a row is for: `{part: set, validation: [val], test: [test]}`.",
    )
    fold: Fold | None = Field(
        None,
        description="Cross-validation, in place of a share for validation: `{of: 5, number: 0}` divides the rows that "
        "are not for the test into 5 folds, and the first is for validation. With `time` a fold is later than its "
        "training rows.",
        examples=[{"of": 5, "number": 0}],
    )

    @property
    def shares(self) -> tuple[float, float]:
        """The shares of validation and test; 0 where values of `part` say it."""
        return self._share(self.validation), self._share(self.test)

    @property
    def values(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The values of `part` for validation and test."""
        return self._values(self.validation), self._values(self.test)

    @property
    def wanted(self) -> tuple[bool, bool]:
        """Whether there is to be a validation part, and a test part."""
        return bool(self.validation) or self.fold is not None, bool(self.test)

    @property
    def draws(self) -> bool:
        """Whether rows are drawn for a part, and not only taken as files or a column say."""
        return any(self.shares) or self.fold is not None

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that it goes by, beside the one to stratify by."""
        return tuple(name for name in (self.time, self.group, self.part) if name is not None)

    @staticmethod
    def _share(value: float | tuple[str, ...]) -> float:
        return 0.0 if isinstance(value, tuple) else value

    @staticmethod
    def _values(value: float | tuple[str, ...]) -> tuple[str, ...]:
        return value if isinstance(value, tuple) else ()

    @field_validator("fold")
    @classmethod
    def _is_the_validation(cls, fold: Fold | None, info: ValidationInfo) -> Fold | None:
        if fold is not None and info.data.get("validation"):
            raise ValueError("the fold is the validation part: keep `fold` or `validation`, and not both")
        return fold

    @model_validator(mode="after")
    def _fits_together(self) -> Split:
        if sum(self.shares) >= 1.0:
            raise ValueError("validation and test together take every row: nothing is left to train on")
        validation, test = self.values
        if (validation or test) and self.part is None:
            raise ValueError(
                "validation and test are shares, as 0.2, or with `part: COLUMN` the values of that column"
            )
        if self.part is not None and not (validation or test):
            raise ValueError(f"say which values of '{self.part}' are the test: `test: [...]`")
        if set(validation) & set(test):
            raise ValueError("a value of `part` is for validation or for the test, and not for both")
        ways = [f"`{name}`" for name in ("time", "group", "stratify") if getattr(self, name)]
        if len(ways) > 1:
            raise ValueError(f"{' and '.join(ways)} are different ways to draw the parts: say one of them")
        return self


# A key that a dataset may have as an option of its own, of any type; its value is checked where the data is read.
DatasetOption = Annotated[
    Any,
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string"},
                {"type": "number"},
                {"type": "array", "items": {"type": "string"}},
                {"type": "object"},
                {"type": "null"},
            ]
        }
    ),
]

_PERCENT = re.compile(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*%\s*")


def rows_wanted(value: object) -> int | float:
    """`rows` of a data section: a number of rows, or a share of them below 1.

    Raises:
        ValueError: it is neither.
    """
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return value
    if isinstance(value, float) and 0 < value < 1:
        return value
    if isinstance(value, str) and (found := _PERCENT.fullmatch(value)) and 0 < float(found[1]) < 100:
        return float(found[1]) / 100
    raise ValueError(f"is a number of rows, as 10000, or a share of them, as 5%, not {value!r}")
