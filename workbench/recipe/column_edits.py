"""Change how a data column is read, embedded or filled in: which keys of the data section get which values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workbench.recipe.data_edits import Change, ColumnRoles, toggle


def read_as_found(data: Mapping[str, Any], column: str, found: Mapping[str, Any]) -> Change | None:
    """Read a column as dates, or as numbers that are written with signs, in the way that was found; or no longer so.

    Args:
        data: the recipe's data section.
        column: its name.
        found: its preview, see `workbench.data.preview.ColumnPreview`.

    Returns:
        None where the column is nothing of that.
    """
    for key in ("dates", "numbers"):
        if column in (set_now := data.get(key) or {}):
            return _put(key, {name: value for name, value in set_now.items() if name != column})
        if found.get(key) is not None:
            return _put(key, {**set_now, column: found[key]})
    return None


def embed(data: Mapping[str, Any], roles: ColumnRoles, column: str) -> Change:
    """Make a column of many categories an input of its own for an `Embedding`, or a part of the others again."""
    change = toggle(data, "embed", column)
    begins = column in change.values.get("data.embed", ())
    values, removed = dict(change.values), list(change.removed)
    if column in (categories := list(data.get("categories") or ())):
        categories.remove(column)
        if categories:
            values["data.categories"] = categories
        else:
            removed.append("data.categories")
    if isinstance(data.get("inputs"), Mapping):  # groups that the recipe names
        groups = {
            name: [each for each in columns if each != column] for name, columns in roles.inputs.items()
        }
        groups = {name: columns for name, columns in groups.items() if columns}
        if begins:
            groups[column] = [column]
        else:
            first = next(iter(groups), column)
            groups[first] = [*groups.get(first, ()), column]
        values["data.inputs"] = groups
    return Change(values, tuple(removed))


def missing_now(data: Mapping[str, Any], column: str) -> Any:
    """What the recipe says of the missing values of a column; None where it says nothing of it alone."""
    policy = data.get("missing")
    return policy.get(column) if isinstance(policy, Mapping) else None


def set_missing(data: Mapping[str, Any], column: str, wanted: Any) -> Change:
    """Say what is done about the missing values of one column; None for what is done about the others'."""
    policy = data.get("missing")
    if not isinstance(policy, Mapping):
        targets = {"targets": "drop"} if policy == "drop" else {}
        policy = {"inputs": policy, **targets} if policy is not None else {}
    changed = {name: value for name, value in policy.items() if name != column}
    return _put("missing", changed if wanted is None else {**changed, column: wanted})


def _put(key: str, value: Mapping[str, Any]) -> Change:
    return Change({f"data.{key}": dict(value)}) if value else Change({}, (f"data.{key}",))
