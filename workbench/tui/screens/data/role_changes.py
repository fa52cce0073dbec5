"""What a key on a column of the data screen changes in the recipe."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workbench.errors import RecipeError
from workbench.recipe.column_edits import embed, free_text, read_as_found
from workbench.recipe.data_edits import Change, ColumnRoles, ColumnUse, assign, toggle
from workbench.recipe.editing import Editor

_USES = {
    "input": ColumnUse.INPUT,
    "target": ColumnUse.TARGET,
    "weight": ColumnUse.WEIGHT,
    "none": ColumnUse.NONE,
}


def section_of(editor: Editor | None) -> dict[str, Any]:
    """The data section of the open recipe, as a map."""
    data = editor.get("data") if editor else None
    return dict(data) if isinstance(data, dict) else {"use": data}


def wanted_change(
    data: Mapping[str, Any], roles: ColumnRoles, what: str, column: str, found: Mapping[str, Any]
) -> Change:
    """The change of the data section that was asked for.

    Args:
        data: the data section, as a map.
        roles: what the columns are for now.
        what: `input`, `target`, `weight`, `none`, `toggle` (an input or nothing), `categories`, `classes`, `embed`,
            `text`, or `read` (as dates or numbers, as it was found). An input that is asked to be an input goes to the
            next group of inputs.
        column: its name.
        found: its preview.

    Raises:
        RecipeError: it was not found to be dates or numbers.
    """
    if what == "read":
        change = read_as_found(data, column, found)
        if change is None:
            raise RecipeError(f"'{column}' holds no dates and no numbers that are written with signs.")
        return change
    if what == "embed":
        return embed(data, roles, column)
    if what == "text":
        return free_text(data, roles, column, found)
    if what in ("categories", "classes"):
        return toggle(data, what, column)
    if what == "toggle":
        is_input = roles.use_of(column) is ColumnUse.INPUT
        return assign(data, roles, column, ColumnUse.NONE if is_input else ColumnUse.INPUT)
    use = _USES[what]
    group = ""
    if use is ColumnUse.INPUT and (here := roles.group_of(column)) and len(roles.inputs) > 1:
        names = list(roles.inputs)
        group = names[(names.index(here) + 1) % len(names)]
    return assign(data, roles, column, use, group)


def wrong_name(text: str, roles: ColumnRoles) -> str:
    """What is wrong with a name for a new input; empty where nothing is."""
    if not text.isidentifier():
        return "letters, digits and _ only"
    return f"there is an input '{text}'" if text in roles.inputs else ""


def apply_change(editor: Editor, change: Change) -> None:
    """Make a change in the open recipe.

    Raises:
        RecipeError: it cannot be made.
    """
    if isinstance(use := editor.get("data"), str):  # a map can hold what a column is for
        change = Change({"data": {"use": use}, **change.values}, change.removed)
    editor.update("what a column is for", change.values, change.removed)
