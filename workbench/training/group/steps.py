"""What the chief of several processes sends to the others: the steps to run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

SUMS = "sums"
"""In place of a part: no steps, but the sums of a step, which the chief measures before the first."""

ACCUMULATED = "accumulated"
"""In place of a part: no steps, but what each process has accumulated goes to the chief, for a checkpoint."""


@dataclass(frozen=True)
class StepsToRun:
    """StepsToRun to run.

    Attributes:
        part: over the rows of which part: `train`, `validation` or `test`.
        epoch: from 0; it decides the order of the rows.
        step: the first, from 0.
        count: how many.
        rows: of the last of these steps, in all processes.
        alone: whether the metrics of the chief alone count, because every process takes the same rows.
        plain_graphs: whether graphs run as they are (see `thread_settings`), which decides on last bits.
        form: what the chief's variables are, with the first steps.
        rows_of_part: what its rows are, with the first steps over a part.
        sums: those to measure (see `Collectives.traced`).
        changed: the numbers of the variables that have changed in the chief since the steps before; None for all.
    """

    part: str
    epoch: int
    step: int
    count: int
    rows: int
    alone: bool = False
    plain_graphs: bool = False
    form: str = ""
    rows_of_part: str = ""
    sums: str = ""
    changed: tuple[int, ...] | None = None

    def with_changes(self, changed: list[int]) -> StepsToRun:
        return replace(self, changed=tuple(changed))

    def as_record(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> StepsToRun:
        changed = record["changed"]
        return cls(**{**record, "changed": None if changed is None else tuple(changed)})
