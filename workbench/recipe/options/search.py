"""The recipe's `search` and `repeat`: the trainings that `kwb search` and `kwb repeat` make of it."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag, WithJsonSchema, model_validator

from workbench.recipe.model_schema import Strict, tag

Number = int | float

_LOWER_IS_BETTER = re.compile(
    r"(^|_)(loss|error|mae|mse|mape|msle|rmse|deviation|divergence|perplexity)(_|$)"
)
_HIGHER_IS_BETTER = re.compile(
    r"(^|_)(acc|accuracy|auc|precision|recall|f1|f1_score|fbeta_score|r2|r2_score|iou|mean_io_u|cosine_similarity)(_|$)"
)


class Range(Strict):
    """Numbers from one to another, both included. Whole numbers where both of them (and the step) are written so."""

    start: Number = Field(alias="from", description="The lowest value.")
    to: Number = Field(description="The highest value.")
    step: Number | None = Field(
        None, gt=0, description="Only values that are so far apart, beginning at `from`."
    )
    log: bool = Field(
        False, description="Draw evenly in the logarithm: as many from 0.001 to 0.01 as from 0.01 to 0.1."
    )

    @property
    def whole(self) -> bool:
        """True if only whole numbers are meant."""
        return all(isinstance(each, int) for each in (self.start, self.to, self.step) if each is not None)

    def count(self, step: Number) -> int:
        """How many values there are at this distance from each other, beginning at `from`."""
        return math.floor((self.to - self.start) / step + 1e-9) + 1  # 0.3 is no multiple of 0.1 in binary

    @model_validator(mode="after")
    def _is_a_range(self) -> Range:
        if self.start >= self.to:
            raise ValueError(f"`from` ({self.start}) is not below `to` ({self.to})")
        if self.log and self.start <= 0:
            raise ValueError(f"a range with `log: true` begins above 0, not at {self.start}")
        if self.log and self.step is not None:
            raise ValueError("`step` and `log` do not go together: give the values as a list")
        if self.step is not None and self.step > self.to - self.start:
            raise ValueError(f"`step` ({self.step}) is larger than the range")
        return self


def _is_list_or_map(value: Any) -> Any:
    if not isinstance(value, list | tuple | Mapping | Range):
        raise ValueError(f"is a list of values, or a range as `{{from: 1, to: 9}}`, not {value}")
    return value


Choices = Annotated[tuple[Any, ...], Field(min_length=1)]
Values = Annotated[
    Annotated[Range, Tag(tag("range"))] | Annotated[Choices, Tag(tag("choices"))],
    Discriminator(lambda value: tag("choices" if isinstance(value, list | tuple) else "range")),
    BeforeValidator(_is_list_or_map),
]


class Goal(Strict):
    """The value by which trials are compared: of a trial, the best that an epoch ended with."""

    minimize: str | None = None
    maximize: str | None = None

    @property
    def name(self) -> str:
        return self.minimize or self.maximize or ""

    @property
    def sign(self) -> int:
        """What a value is multiplied by, so that lower is better."""
        return -1 if self.minimize is None else 1

    @model_validator(mode="after")
    def _is_one(self) -> Goal:
        if bool(self.minimize) == bool(self.maximize):
            raise ValueError("say one of `minimize: NAME` and `maximize: NAME`")
        return self


def _goal(value: Any) -> Any:
    """A name alone: the direction is known for losses and the usual metrics."""
    if not isinstance(value, str):
        return value
    if _LOWER_IS_BETTER.search(value):
        return {"minimize": value}
    if _HIGHER_IS_BETTER.search(value):
        return {"maximize": value}
    raise ValueError(
        f"write `{{minimize: {value}}}` or `{{maximize: {value}}}`: which is better is not known"
    )


class Prune(Strict):
    """Asynchronous successive halving: of the trials that have come so far, only the best go on."""

    after: int = Field(ge=1, description="Epochs of a trial before it is first compared with the others.")
    keep: float = Field(
        0.5,
        gt=0.0,
        lt=1.0,
        description="The share that goes on; the next comparison comes after 1/`keep` times as many epochs.",
    )


class Limit(Strict):
    """When a search ends though trials are left."""

    hours: float = Field(gt=0.0, description="No trial is begun after so many hours of the search.")


class Search(Strict):
    """The trials of a search."""

    over: Annotated[dict[str, Values], Field(min_length=1)] = Field(
        description="The values to try, by the key that they are set for: a list of choices (also of whole layers), or "
        "`{from: 1.0e-4, to: 1.0e-1, log: true}`. Keys are written as in `--set`.",
        examples=[{"train.optimizer.learning_rate": {"from": 1e-4, "to": 1e-1, "log": True}}],
    )
    goal: Annotated[
        Goal,
        BeforeValidator(_goal),
        WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "object"}]}),
    ] = Field(
        Goal(minimize="val_loss"),
        description="The value to compare by, of the logs of an epoch: `val_loss`, or `{maximize: val_accuracy}`.",
        validate_default=False,
    )
    method: Literal["tpe", "random", "grid"] = Field(
        "tpe",
        description="`tpe` learns from the trials before (needs kwb[search]); `random`; `grid` is every combination.",
    )
    trials: int | None = Field(None, ge=1, description="How many; of a `grid` all, otherwise 20.")
    prune: Prune | None = Field(None, description="End trials early that are behind the others.")
    limit: Limit | None = Field(None, description="When to end though trials are left.")


class Repeat(Strict):
    """The same training several times, for a mean and a spread."""

    seeds: int | None = Field(None, ge=2, description="With so many seeds, beginning at the recipe's own.")
    folds: int | None = Field(
        None, ge=2, description="Cross-validation: each of so many folds is the validation once."
    )
    by: str | None = Field(
        None, description="With `folds`: a column, whose rows of one value are all in one fold."
    )

    @property
    def repetitions(self) -> int:
        """How many trainings."""
        return self.seeds or self.folds or 1

    @model_validator(mode="after")
    def _is_one(self) -> Repeat:
        if bool(self.seeds) == bool(self.folds):
            raise ValueError("say one of `seeds: 5` and `folds: 5`")
        if self.by is not None and not self.folds:
            raise ValueError("`by` goes with `folds`")
        return self
