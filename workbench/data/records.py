"""The base of the records of a preparation, which are kept in saved files."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Positive = Annotated[float, Field(gt=0)]


class Record(BaseModel):
    """A part of the preparation: finite numbers, known keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
