"""What is known of the columns up to now, in words and small pictures; and the orders in which they can be listed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from workbench.recipe.data_edits import ColumnRoles, ColumnUse
from workbench.tui.chart.histogram import BLOCKS, Histogram
from workbench.tui.views.fitting import printable
from workbench.tui.views.formatting import number, share_text

Record = Mapping[str, Any]
Summaries = Mapping[str, Record]
"""By column, what the worker's `data_columns` answered; see `workbench.data.summary.overview.Overview.column`."""

ORDERS = {
    "file": "in the file's order",
    "name": "by name",
    "role": "by role",
    "suggested": "by suggested role",
    "kind": "by kind",
    "missing": "most missing first",
    "distinct": "most distinct first",
    "low": "smallest least value first",
    "median": "smallest median first",
    "high": "largest most value first",
    "relation": "strongest correlation first",
}
FOUND_OUT = ("suggested", "missing", "distinct", "low", "median", "high", "relation")
"""Orders by what is found out little by little."""
_DOWN = ("missing", "distinct", "high", "relation")
_SIGNS = {"Pearson": "r", "correlation ratio": "η", "Cramér's V": "V"}
_USES = list(ColumnUse)


def in_order(columns: Sequence[Record], roles: ColumnRoles, summaries: Summaries, order: str) -> list[Record]:
    """The columns of a preview in an order; what has no such value comes last, else as in the file."""
    if order == "file":
        return list(columns)

    def key(column: Record) -> tuple[bool, Any]:
        value = _sorted_by(column, roles, summaries.get(str(column["name"])), order)
        if order in _DOWN and value is not None:
            value = -value
        return value is None, value if value is not None else 0

    return sorted(columns, key=key)


def _sorted_by(column: Record, roles: ColumnRoles, summary: Record | None, order: str) -> Any:
    name = str(column["name"])
    if order == "name":
        return name.casefold()
    if order == "kind":
        return str(column["kind"])
    if order == "role":
        order_of_uses = [ColumnUse.TARGET, *(use for use in ColumnUse if use is not ColumnUse.TARGET)]
        return order_of_uses.index(roles.use_of(name))
    if summary is None:
        return None
    if order == "suggested":
        return str(summary["suggested"])
    if order == "relation":
        values = [abs(each["value"]) for each in summary["relations"] if each["value"] is not None]
        return max(values, default=None)
    if order == "missing":
        return summary["missing"] / max(summary["rows"], 1)
    value = summary[order]
    return value if isinstance(value, int | float) else None


def spark(summary: Record | None, width: int) -> str:
    """A column's distribution in so many cells."""
    if summary is None:
        return " " * width
    if summary["counts"]:
        edges = tuple(map(float, summary["edges"]))
        shares = Histogram(edges, tuple(map(float, summary["counts"]))).shares(edges[0], edges[-1], width)
    else:
        shares = [float(count) for _, count in summary["commonest"][:width]]
    return bars(shares, 1)[0].ljust(width) if shares else " " * width


def bars(shares: Sequence[float], height: int) -> list[str]:
    """Bars side by side in so many lines; what is there at all is seen."""
    most = max(shares, default=0.0) or 1.0
    levels = [max(round(share / most * 8 * height), 1) if share > 0 else 0 for share in shares]
    return [
        "".join(BLOCKS[min(max(level - 8 * line, 0), 8)] for level in levels)
        for line in reversed(range(height))
    ]


def relation_text(summary: Record | None) -> str:
    """The strength of the correlation with the first target: `r 0.83`, `η 0.63`, `V 0.12`."""
    relation = next(iter(summary["relations"]), None) if summary else None
    if relation is None or relation["value"] is None:
        return ""
    return f"{_SIGNS.get(relation['measure'], '')} {two_digits(relation['value'])}".strip()


def two_digits(value: float) -> str:
    """`0.83`; what rounds to nothing has no sign."""
    return f"{round(value, 2) + 0.0:.2f}"


def missing_text(missing: int, rows: int) -> str:
    """`58 missing (7.2 %)`."""
    return f"{missing:,} missing ({share_text(missing / rows)})" if missing and rows else ""


def detail_lines(summary: Record, width: int) -> list[tuple[str, str]]:
    """What is known of a column, line by line, each with its style; the picture comes last."""
    rows, missing = int(summary["rows"]), int(summary["missing"])
    shape = " × ".join(map(str, summary["shape"]))
    facts = [f"{summary['kind']} {shape}".strip(), missing_text(missing, rows) or "none missing"]
    if summary["distinct"]:
        facts.append(f"{summary['distinct']:,} different")
    lines = [(", ".join(facts), "")]
    if summary["error"]:
        lines.append((f"✗ {printable(summary['error'])}", "$text-error"))
    lines.append((f"suggested: {summary['suggested']}: {printable(summary['reason'])}", ""))
    lines += [(_relation_line(relation), "") for relation in summary["relations"]]
    if summary["low"] is not None:
        written = summary["written"] or {}
        least, median, most = (written.get(key) or number(summary[key]) for key in ("low", "median", "high"))
        known = () if summary["written"] else ("mean", "sd")
        more = [f"{key} {number(summary[key])}" for key in known if summary[key] is not None]
        lines.append((", ".join([f"least {least}, median {median}, most {most}", *more]), ""))
    return lines + _picture(summary, max(min(width, 64), 8))


def _relation_line(relation: Record) -> str:
    target = printable(relation["target"])
    if relation["value"] is None:
        return f"with {target}: no measure: {relation['note']}"
    rank = f", Spearman {two_digits(relation['spearman'])}" if relation["spearman"] is not None else ""
    sign = "" if relation["measure"] == "Pearson" else f" {_SIGNS[relation['measure']]}"
    return f"with {target}: {relation['measure']}{sign} {two_digits(relation['value'])}{rank}"


def _picture(summary: Record, width: int) -> list[tuple[str, str]]:
    if summary["counts"]:
        edges = tuple(map(float, summary["edges"]))
        shares = Histogram(edges, tuple(map(float, summary["counts"]))).shares(edges[0], edges[-1], width)
        if len(summary["counts"]) <= width // 2:  # few whole numbers: a bar each
            each = width // len(summary["counts"])
            shares = [float(count) for count in summary["counts"] for _ in range(each)]
        written = summary["written"] or {}
        low, high = (written.get(key) or number(summary[key]) for key in ("low", "high"))
        axis = f"{low}{high:>{max(len(shares) - len(low), len(high) + 1)}}"
        return [*((line, "$primary") for line in bars(shares, 4)), (axis, "dim")]
    found = [(printable(str(text)), int(count)) for text, count in summary["commonest"]]
    if summary["others"]:
        found.append((f"{summary['distinct'] - len(found):,} others", int(summary["others"])))
    if not found:
        return []
    total = sum(count for _, count in found)
    most = max(count for _, count in summary["commonest"])
    names = min(max(len(text) for text, _ in found), 20)
    room = max(width - names - 18, 4)
    return [
        (f"{_cut(text, names)} {'█' * max(round(room * min(count / most, 1)), 1):<{room}} "
         f"{count:,} {share_text(count / total)}", "")
        for text, count in found
    ]  # fmt: skip


def _cut(text: str, width: int) -> str:
    return text.ljust(width) if len(text) <= width else f"{text[: width - 1]}…"
