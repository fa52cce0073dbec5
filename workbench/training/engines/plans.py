"""Plans: an engine by name, with the step from which on it runs where another one begins.

`chunk-xla@2100` trains with `chunk` up to step 2100, while `chunk-xla` is compiled, and with `chunk-xla` from there.
`auto@2100` begins in the same way; which of the two goes on is measured at that step. The step is counted from the
first one of the first epoch. It is fixed before it comes and stands in every checkpoint: which engine runs a step
decides its last digits.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class EnginePlan:
    """Which engine runs which step.

    Attributes:
        engine: the engine's name, or `auto` or `measure`.
        at: the step from which on it runs, with `chunk` before it; 0 where nothing runs before it.
    """

    engine: str
    at: int = 0

    def __str__(self) -> str:
        return f"{self.engine}@{self.at}" if self.at else self.engine

    def engine_at(self, step: int) -> str:
        """The engine of a step, counted from the first one of the first epoch."""
        return "chunk" if step < self.at else self.engine


def parse_plan(text: str) -> EnginePlan:
    """The plan that a text names; one without a step is that engine alone."""
    engine, _, at = text.partition("@")
    return EnginePlan(engine, int(at)) if at.isdecimal() else EnginePlan(text)
