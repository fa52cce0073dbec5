"""Change the role of a data column: which keys of the data section get which values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from workbench.recipe.schema import weight_columns


class ColumnUse(StrEnum):
    """The role of a column."""

    INPUT = "input"
    TARGET = "target"
    WEIGHT = "weight"  # of the row
    TIME = "time"  # of a window's rows
    SERIES = "series"  # that a window's rows belong to
    NONE = "left out"


@dataclass(frozen=True)
class ColumnRoles:
    """The present role of every column, as the worker reports it (`workbench.data.roles.Roles`)."""

    inputs: Mapping[str, Sequence[str]] = field(default_factory=dict)
    targets: Mapping[str, Sequence[str]] = field(default_factory=dict)
    sample_weight: str | Mapping[str, str] | None = None
    categories: frozenset[str] = frozenset()
    classes: frozenset[str] = frozenset()
    embedded: frozenset[str] = frozenset()
    texts: frozenset[str] = frozenset()
    places: Mapping[str, str] = field(default_factory=dict)
    forecasts: bool = False

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> ColumnRoles:
        """From the worker's answer."""
        return cls(
            record["inputs"],
            record["targets"],
            record["sample_weight"],
            frozenset(record["categories"]),
            frozenset(record["classes"]),
            frozenset(record.get("embedded", ())),
            frozenset(record.get("texts", ())),
            dict(record.get("places", {})),
            bool(record.get("forecasts")),
        )

    def use_of(self, column: str) -> ColumnUse:
        """The role of a column. The past of a target may be an input of windows too: it is the target."""
        if column in self.places and not self.group_of(column):
            return ColumnUse(self.places[column])
        if self.group_of(column) and not (self.forecasts and column in self.target_columns):
            return ColumnUse.INPUT
        if any(column in names for names in self.targets.values()):
            return ColumnUse.TARGET
        return ColumnUse.WEIGHT if column in weight_columns(self.sample_weight) else ColumnUse.NONE

    def group_of(self, column: str) -> str:
        """The name of the input that a column is part of, "" if of none."""
        return next((name for name, columns in self.inputs.items() if column in columns), "")

    @property
    def target_columns(self) -> list[str]:
        return [name for names in self.targets.values() for name in names]


@dataclass(frozen=True)
class Change:
    """Values to set, by key, and keys to remove."""

    values: Mapping[str, Any] = field(default_factory=dict)
    removed: tuple[str, ...] = ()


def assign(
    data: Mapping[str, Any], roles: ColumnRoles, column: str, use: ColumnUse, group: str = ""
) -> Change:
    """Make a column an input, a target, the rows' weight, or leave it out.

    Args:
        data: the recipe's data section.
        roles: those of all columns now.
        column: the one to change.
        use: what it becomes.
        group: for an input, the input's name; "" for the one that there is, or the first of several. A new name makes
            a new input.
    """
    values: dict[str, Any] = {}
    removed: list[str] = []

    def put(key: str, value: Any, keep_empty: bool = False) -> None:
        if value or keep_empty:
            values[f"data.{key}"] = value
        else:
            removed.append(f"data.{key}")

    def put_less(key: str, value: Any) -> None:
        if len(value) < len(data.get(key) or ()):
            put(key, value)

    targets = data.get("targets")
    if use is ColumnUse.TARGET or roles.use_of(column) is ColumnUse.TARGET:
        if isinstance(targets, Mapping):
            named = {name: _without(columns, column) for name, columns in targets.items()}
            named = {name: columns for name, columns in named.items() if columns}
            if use is ColumnUse.TARGET:
                named[column] = [column]
            put("targets", named, keep_empty=True)
        else:
            others = [name for name in roles.target_columns if name != column]
            put("targets", [*others, column] if use is ColumnUse.TARGET else others, keep_empty=True)
    inputs = data.get("inputs")
    if isinstance(inputs, Mapping) or (use is ColumnUse.INPUT and group and group not in roles.inputs):
        groups = {name: _without(columns, column) for name, columns in roles.inputs.items()}
        if use is ColumnUse.INPUT:
            chosen = group or next(iter(groups), "x")
            groups[chosen] = [*groups.get(chosen, ()), column]
        put("inputs", {name: columns for name, columns in groups.items() if columns}, keep_empty=True)
    ignored = _without(data.get("ignore", ()), column)
    if use is ColumnUse.NONE:
        ignored.append(column)
    if ignored != _without(data.get("ignore", ()), ""):
        put("ignore", ignored)
    if use is not ColumnUse.INPUT:  # nothing is made of it as an input any more
        put_less("embed", _without(data.get("embed", ()), column))
        if isinstance(texts := data.get("text") or {}, Mapping):
            put_less("text", {name: options for name, options in texts.items() if name != column})
        else:
            put_less("text", _without(texts, column))
        put_less("dates", {name: made for name, made in (data.get("dates") or {}).items() if name != column})
    weights = data.get("sample_weight")
    if use is ColumnUse.WEIGHT:
        if roles.use_of(column) is not ColumnUse.WEIGHT:  # it may be that of one target
            put("sample_weight", column)
    elif isinstance(weights, Mapping) and column in weights.values():
        put("sample_weight", {target: name for target, name in weights.items() if name != column})
    elif weights == column:
        put("sample_weight", None)
    return Change(values, tuple(key for key in removed if key not in values))


def toggle(data: Mapping[str, Any], key: str, column: str) -> Change:
    """Add a column to a list of the data section (`categories`, `classes`), or take it out."""
    names = _without(data.get(key, ()), column)
    if len(names) == len(_without(data.get(key, ()), "")):
        names.append(column)
    return Change({f"data.{key}": names}) if names else Change({}, (f"data.{key}",))


def _without(names: Any, column: str) -> list[str]:
    if isinstance(names, str):
        names = [names]
    return [str(name) for name in names or () if name != column]
