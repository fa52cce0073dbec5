"""The role that a suggested recipe gives each column, and why: what New would do with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from workbench.errors import RecipeError
from workbench.recipe.columns import ColumnFacts, why_left_out
from workbench.recipe.schema import Data
from workbench.recipe.suggestion.recipe import Facts, likely_targets, suggest
from workbench.recipe.targets import called_like_a_target

LEFT_OUT = "left out"


@dataclass(frozen=True)
class SuggestedRole:
    """`input`, `target`, `left out`, or an input of a kind of its own, such as `dates`; and the reason."""

    role: str
    reason: str


def suggested_roles(
    data: Mapping[str, Any], facts: Facts, targets: Sequence[str] | None = None
) -> dict[str, SuggestedRole]:
    """The role of every column, by name.

    Args:
        data: the data section so far.
        facts: what the data looks like.
        targets: what is to be learned; by default what is likely.
    """
    wanted = tuple(targets) if targets is not None else likely_targets(facts)
    bare = {key: value for key, value in data.items() if key not in Data.model_fields or key == "use"}
    try:
        suggestion = suggest("model", bare, facts, wanted)
        section, reasons = suggestion.recipe["data"], suggestion.reasons
    except RecipeError:
        section, reasons = {"ignore": [column.name for column in facts.columns]}, ()
    return {column.name: _role(column, section, reasons, wanted, facts) for column in facts.columns}


def _role(
    column: ColumnFacts,
    section: Mapping[str, Any],
    reasons: Sequence[str],
    targets: Sequence[str],
    facts: Facts,
) -> SuggestedRole:
    name = column.name
    said = next((reason for reason in reasons if reason.startswith(f"'{name}' ")), "")
    if name in section.get("ignore", ()):
        why = why_left_out(column, facts.rows) or said.partition(": it ")[2] or "is of no use here"
        return SuggestedRole(LEFT_OUT, f"it {why.rstrip('.')}.")
    if name in targets:
        kind = f"target of {column.classes} classes" if column.classes else "target"
        return SuggestedRole(kind, _why_target(name, facts))
    if (windows := section.get("windows")) is not None and facts.series is not None:
        if name == windows["time"]:
            return SuggestedRole("time", f"rows follow each other by it, {facts.series.every} apart.")
        if name in facts.series.group:
            return SuggestedRole("series", "it tells the series apart.")
    # What is named by another key is an input of that kind: dates, text, embed ...
    of_columns = [key for key, value in section.items() if key not in _OF_ALL and _names(value, name)]
    role = of_columns[0] if of_columns else "input"
    return SuggestedRole(role, said or _why_input(column))


_OF_ALL = (
    "use",
    "path",
    "targets",
    "inputs",
    "ignore",
    "split",
    "missing",
    "missing_values",
    "scale",
    "scale_targets",
    "numbers",
    "windows",
)


def _names(value: object, name: str) -> bool:
    return name in value if isinstance(value, Mapping | list | tuple) else False


def _why_target(name: str, facts: Facts) -> str:
    if name in facts.targets:
        return "the data itself names it as what to learn."
    if called_like_a_target([name]):
        return "it is called like something to predict."
    if facts.columns and name == facts.columns[-1].name:
        return "it is the last column, and none is called like something to predict."
    return "it is what is to be learned."


def _why_input(column: ColumnFacts) -> str:
    missing = f", {column.missing:,} missing values filled in" if column.missing else ""
    if column.shape:
        return f"an array of {' × '.join(map(str, column.shape))} numbers a row{missing}."
    if column.kind == "text":
        return f"{column.distinct:,} different texts: a number of 0 or 1 for each{missing}."
    if column.kind == "flag":
        return f"true or false, as 1 or 0{missing}."
    return f"its values are numbers{missing}."
