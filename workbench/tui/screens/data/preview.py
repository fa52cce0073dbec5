"""The worker's last answer about the data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from workbench.errors import WorkbenchError
from workbench.recipe.data_edits import ColumnRoles
from workbench.tui.views.formatting import number
from workbench.tui.views.marks import FAILED


@dataclass(frozen=True)
class DataPreview:
    """An answer of the `preview` command.

    Attributes:
        columns: see `workbench.data.preview.ColumnPreview`.
        first_rows: values of every column as text.
        rows: how many the source has, and of these in a test part of its own.
        roles: what each column is for.
        inputs, targets: shapes by name, without the batch axis.
        data: the rows of each part, for people.
        balance: for a target of classes, the rows of each class in the training, validation and test part.
        warnings: what is likely to mislead: columns that give the target away, rows that are twice there.
        error: why the section cannot be used as it is.
    """

    columns: Sequence[Mapping[str, Any]] = ()
    first_rows: Sequence[Sequence[str]] = ()
    rows: int = 0
    test_rows: int = 0
    roles: ColumnRoles = field(default_factory=ColumnRoles)
    inputs: Mapping[str, Sequence[int]] = field(default_factory=dict)
    targets: Mapping[str, Sequence[int]] = field(default_factory=dict)
    data: str = ""
    balance: Mapping[str, Mapping[str, Sequence[int]]] = field(default_factory=dict)
    error: WorkbenchError | None = None
    warnings: Sequence[str] = ()

    def column(self, name: str) -> Mapping[str, Any]:
        """What is known of a column; nothing of one that is not there."""
        return next((column for column in self.columns if column["name"] == name), {})

    @classmethod
    def of(cls, answer: Mapping[str, Any]) -> DataPreview:
        """From an answer."""
        seen, error, roles = answer["preview"], answer["error"], answer["roles"]
        return cls(
            seen["columns"],
            seen["first_rows"],
            seen["rows"],
            seen["test_rows"],
            ColumnRoles.of(roles),
            answer["inputs"],
            answer["targets"],
            answer["data"],
            answer["balance"],
            error and WorkbenchError.from_record(error),
            tuple(str(warning["what"]) for warning in answer["warnings"]),
        )


def column_text(column: Mapping[str, Any]) -> str:
    """A column in numbers: its range and mean, or its commonest values."""
    if column["error"]:
        return f"{FAILED} {column['error']}"
    if column.get("span"):
        return " … ".join(column["span"])
    if column["commonest"]:
        words = ", ".join(f"{text} {count:,}" for text, count in column["commonest"][:4])
        return f"{words}{' …' if column['distinct'] > 4 else ''}"
    if column["low"] is None:
        return "no values"
    low, high, mean = (number(column[name]) for name in ("low", "high", "mean"))
    return f"{low} … {high}, mean {mean}"


def kind_text(column: Mapping[str, Any]) -> str:
    """`number`, or for an array its shape."""
    shape = " × ".join(str(size) for size in column["shape"])
    return f"{column['kind']} {shape}".strip()


def balance_lines(balance: Mapping[str, Mapping[str, Sequence[int]]], width: int) -> list[str]:
    """Each class with a bar as long as its share of the rows, and its rows in each part."""
    lines: list[str] = []
    for target, classes in balance.items():
        totals = {name: sum(counts) for name, counts in classes.items()}
        whole, most = sum(totals.values()) or 1, max(totals.values(), default=1) or 1
        room = max(min(max(map(len, classes), default=4), 16), 4)
        bar = max(width - room - 30, 4)
        lines.append(f"{target}: {len(classes)} classes")
        for name, counts in classes.items():
            drawn = "█" * max(round(bar * totals[name] / most), 1 if totals[name] else 0)
            shown = name if len(name) <= room else name[: room - 1] + "…"
            parts = " / ".join(f"{count:,}" for count in counts)
            lines.append(f"  {shown:<{room}} {totals[name] / whole:>4.0%} {drawn:<{bar}} {parts}")
    return lines
