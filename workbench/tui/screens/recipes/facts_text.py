"""What is known of data before a recipe is made for it, as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.cells import cell_len, set_cell_size
from textual.content import Content

from workbench.tui.views.fitting import fit, printable
from workbench.tui.views.formatting import number

if TYPE_CHECKING:
    from workbench.recipe.suggestion.recipe import ColumnFacts, Facts

MOST_COLUMNS_SHOWN = 12


def facts_text(facts: Facts) -> Content:
    """The data at a glance: rows, and each column with its range."""
    test = f" and {facts.test_rows:,} for the test" if facts.test_rows else ""
    parts: list[Content | str] = [f"{facts.rows:,} rows{test}, {len(facts.columns)} columns\n"]
    width = min(max((cell_len(printable(column.name)) for column in facts.columns), default=0), 24)
    for column in facts.columns[:MOST_COLUMNS_SHOWN]:
        parts.append(
            Content.assemble(
                "  ",
                set_cell_size(fit(column.name, width), width),
                " ",
                (printable(column_text(column)), "dim"),
                "\n",
            )
        )
    if len(facts.columns) > MOST_COLUMNS_SHOWN:
        parts.append(f"  and {len(facts.columns) - MOST_COLUMNS_SHOWN} more\n")
    return Content.assemble(*parts)


def column_text(column: ColumnFacts) -> str:
    """The content of a column, in a few words."""
    if column.words:
        facts = f"numbers, and {', '.join(column.words)}"
    elif column.kind == "number" and column.low is not None and column.high is not None:
        facts = f"{number(column.low)} to {number(column.high)}"
    elif column.kind == "unusable":
        facts = column.error
    elif column.span:
        facts = f"{column.span[0]} to {column.span[1]}"
    elif column.shape:
        facts = " × ".join(map(str, column.shape))
    else:
        facts = f"{column.distinct} different" if column.distinct else ""
    return f"{column.kind:<8} {facts}{f', {column.missing} missing' if column.missing else ''}"
