"""What the engines know of other processes that train the same model."""

from __future__ import annotations

from typing import Any, Protocol

from workbench.training.engines.accumulation import Accumulation
from workbench.training.engines.data import ArraySource, Source
from workbench.training.engines.programs import Program, Step
from workbench.training.engines.shares import Share


class Together(Protocol):
    """The other processes of a training, as the engines see them.

    Attributes:
        share: the part of this process.
    """

    @property
    def share(self) -> Share: ...

    def wrap_step(self, step: Step, model: Any, accumulation: Accumulation | None) -> Step:
        """The `train_step` whose gradients are those of the whole batch, or of several."""

    def program(self, program: Program, model: Any, source: Source, part: str) -> Program:
        """A program whose steps the other processes run as well.

        Args:
            part: the rows it runs over: `train`, `validation` or `test`.
        """


def engine_of(source: Source) -> str:
    """The engine that trains in several processes.

    XLA has no sums over processes on a CPU; what the measuring of engines runs, all would have to run; and how many
    steps of a stream are read at once is another number in each.
    """
    return "chunk" if isinstance(source, ArraySource) else "steps"
