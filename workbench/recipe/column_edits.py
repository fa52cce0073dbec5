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
    return _alone(data, roles, column, change, begins=column in change.values.get("data.embed", ()))


def free_text(data: Mapping[str, Any], roles: ColumnRoles, column: str, found: Mapping[str, Any]) -> Change:
    """Make a column a free text, an input of its own, as it was found; or a part of the others again."""
    texts = data.get("text") or {}
    texts = {name: {} for name in texts} if isinstance(texts, list) else dict(texts)
    begins = column not in texts
    if begins:
        texts[column] = dict(found.get("text") or {})
    else:
        del texts[column]
    return _alone(data, roles, column, _put("text", texts), begins=begins)


def _alone(
    data: Mapping[str, Any], roles: ColumnRoles, column: str, change: Change, *, begins: bool
) -> Change:
    """The change, with the column in a group of inputs of its own where it begins to be one, and no longer left out."""
    values, removed = dict(change.values), list(change.removed)
    for key in ("categories", "ignore") if begins else ("categories",):
        names = data.get(key) or ()
        names = [names] if isinstance(names, str) else list(names)
        if column in names:
            names.remove(column)
            if names:
                values[f"data.{key}"] = names
            else:
                removed.append(f"data.{key}")
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
