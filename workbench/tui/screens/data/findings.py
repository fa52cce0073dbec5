"""What the worker finds out about the data little by little: each column, and how the parts differ."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from workbench.errors import WorkbenchError
from workbench.tui.screens.data.summaries import Record

Call = Callable[..., Awaitable[Mapping[str, Any]]]

# What these say is nothing to the columns themselves; the others may change how they are read, or what they go with.
_NOT_OF_COLUMNS = ("inputs", "ignore", "split", "scale", "scale_targets", "missing", "sample_weight")


@dataclass
class Findings:
    """The columns and the parts, as far as they were looked at.

    Attributes:
        summaries: by column; those of data before stay until there are new ones.
        about: what was said of all rows.
        complete: whether every column was looked at.
        parts: the rows of each part.
        compared: columns in every part.
        total: how many columns there are to compare.
        error: why the parts cannot be compared.
        columns_error: why the columns cannot be looked at.
    """

    summaries: dict[str, Record] = field(default_factory=dict)
    about: Mapping[str, Any] = field(default_factory=dict)
    complete: bool = False
    parts: Mapping[str, int] = field(default_factory=dict)
    compared: Sequence[Record] = ()
    total: int = 0
    error: str = ""
    columns_error: str = ""
    _columns_of: object = None
    _parts_of: object = None

    @property
    def sampled(self) -> str:
        """Which rows were looked at, "" for all."""
        looked, rows = self.about.get("rows_looked_at", 0), self.about.get("rows", 0)
        return f"looked at {looked:,} of {rows:,} rows, drawn at random" if looked < rows else ""

    async def find_columns(
        self, call: Call, wanted: Callable[[], Any], go_on: Callable[[], bool], show: Callable[[], object]
    ) -> None:
        """Look at every column, unless that was done.

        Args:
            call: asks the worker.
            wanted: what is to be looked at now: the data section first, then what else it depends on.
            go_on: whether anybody looks.
            show: shows what was found up to now.
        """
        of = _of_columns(wanted())
        if of == self._columns_of:
            return
        self.complete = False
        found: dict[str, Record] = {}
        try:
            while go_on() and _of_columns(wanted()) == of:
                answer = await call("data_columns", start=len(found))
                if _of_columns(wanted()) != of:
                    return
                found |= {str(column["name"]): column for column in answer["columns"]}
                self.about = {key: value for key, value in answer.items() if key != "columns"}
                self.summaries, self.columns_error = {**self.summaries, **found}, ""
                if len(found) >= answer["total"]:
                    self.summaries, self._columns_of, self.complete = found, of, True
                    show()
                    return
                show()
        except (
            WorkbenchError
        ) as error:  # not asked again by itself: the question may be what ended the worker
            self.summaries, self.columns_error, self._columns_of, self.complete = {}, error.what, of, True
            show()

    async def find_parts(
        self, call: Call, wanted: Callable[[], Any], go_on: Callable[[], bool], show: Callable[[], object]
    ) -> None:
        """Compare every column between the parts, unless that was done. The arguments are those of `find_columns`."""
        of = wanted()
        if of == self._parts_of:
            return
        found: list[Record] = []
        try:
            while go_on() and wanted() == of:
                answer = await call("data_parts", start=len(found))
                if wanted() != of:
                    return
                found += answer["compared"]
                self.parts, self.total, self.error = answer["parts"], answer["total"], ""
                self.compared = tuple(found)
                if len(found) >= answer["total"]:
                    self._parts_of = of
                    show()
                    return
                show()
        except WorkbenchError as error:
            self.parts, self.compared, self.error, self._parts_of = {}, (), error.what, of
            show()


def _of_columns(wanted: tuple[Any, ...]) -> object:
    data, *rest = wanted
    if isinstance(data, Mapping):
        data = {key: value for key, value in data.items() if key not in _NOT_OF_COLUMNS}
    return data, *rest
