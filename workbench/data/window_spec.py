"""What a saved file knows of the windows that its model was trained on."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from workbench.data.cells.readings import DateReading
from workbench.data.cells.times import Clock
from workbench.data.records import Record
from workbench.data.specs import ArrayTarget, Input, NumberTarget, Size, Target

Steps = Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(min_length=1)]


class WindowSpec(Record):
    """How windows are cut out of rows.

    Attributes:
        length: rows of a window.
        ahead: how many rows after its last the targets are.
        step: rows between the beginnings of two windows.
        group, time, sort: the columns that order rows; see `workbench.data.series.order_rows`.
        reading: how times are written; None for numbers.
        clock: how far apart rows are; None where gaps do not matter.
        known: the names of inputs whose values are those of the targets' rows.
        targets: the targets as single rows have them.
    """

    length: Size
    ahead: Steps
    step: Size = 1
    group: tuple[str, ...] = ()
    time: str | None = None
    sort: bool = False
    reading: DateReading | None = None
    clock: Clock | None = None
    known: tuple[str, ...] = ()
    targets: tuple[Target, ...] = ()
    season: Size | None = None

    @property
    def places(self) -> tuple[str, ...]:
        """The columns that say which series a row belongs to, and when it was."""
        return (*self.group, *([self.time] if self.time is not None else []))

    @property
    def span(self) -> int:
        """Rows from a window's first to its furthest target."""
        return self.length + max(self.ahead)

    def input_shape(self, spec: Input) -> tuple[int, ...]:
        """The shape of an input of a window, from that of a row."""
        return (len(self.ahead) if spec.name in self.known else self.length, *spec.shape)


def target_of_window(spec: Target, ahead: tuple[int, ...]) -> Target:
    """The target of a window, from that of a row: the columns of each step, step after step, named `sales+24`."""
    if isinstance(spec, NumberTarget):
        columns = tuple(named_ahead(column, step) for step in ahead for column in spec.columns)
        scale = spec.scale
        if scale is not None:
            repeated = {"center": scale.center * len(ahead), "factor": scale.factor * len(ahead)}
            scale = scale.model_copy(update=repeated)
        return spec.model_copy(update={"columns": columns, "scale": scale})
    if isinstance(spec, ArrayTarget) and len(ahead) > 1:
        shape = (len(ahead), *spec.column.shape)
        return spec.model_copy(update={"column": spec.column.model_copy(update={"shape": shape})})
    return spec


def named_ahead(column: str, step: int) -> str:
    """The name of a column that many rows later."""
    return f"{column}+{step}" if step else column
