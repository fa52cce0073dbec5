"""Options of a recipe's data section, most of them of single columns."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema

from workbench.recipe.model_schema import Strict

TargetScaling = Literal["standard", "minmax", "log", "none"]
Standardize = Literal["lower_and_strip_punctuation", "lower", "strip_punctuation", "none"]


class TextOptions(Strict):
    """How the texts of a column become numbers, as Keras' `TextVectorization` makes them."""

    tokens: int = Field(
        20_000,
        ge=3,
        description="At most so many different numbers: 0 for what is filled up, 1 for an unknown word, and the most "
        "frequent words of the training part.",
    )
    length: int | None = Field(
        None,
        ge=1,
        description="The numbers of each text: a longer one is cut, a shorter one is filled up with 0. By default so "
        "many that 95 % of the training texts are whole, at most 500 words or 1,000 characters.",
    )
    split: Literal["words", "characters"] = Field("words", description="What a text is divided into.")
    standardize: Standardize = Field(
        "lower_and_strip_punctuation",
        description="What is done to a text first; only ASCII letters and punctuation are changed, as in Keras.",
    )


def _by_column(value: Any) -> Any:
    """A column's name, or a list of them, stands for columns with the options left as they are."""
    if isinstance(value, str):
        value = [value]
    return {name: {} for name in value} if isinstance(value, list | tuple) else value


Texts = Annotated[
    dict[str, TextOptions],
    BeforeValidator(_by_column),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "object", "additionalProperties": TextOptions.model_json_schema()},
                {"type": "array", "items": {"type": "string"}},
                {"type": "string"},
            ]
        }
    ),
]
