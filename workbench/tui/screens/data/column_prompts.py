"""What is asked for in a dialog before a column changes: the name of a new input, what stands for a missing value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter, ValidationError
from textual.app import App

from workbench.errors import WorkbenchError
from workbench.recipe.column_edits import missing_now, set_missing
from workbench.recipe.data_edits import Change, ColumnUse, assign
from workbench.recipe.options.missing import OfColumn
from workbench.recipe.yaml_text import yaml_value
from workbench.recipe.yaml_values import one_line
from workbench.tui.screens.data.column_dialog import ColumnDialog, column_settings
from workbench.tui.screens.data.preview import DataPreview
from workbench.tui.screens.data.role_changes import wanted_change, wrong_name
from workbench.tui.widgets.dialogs import PromptDialog

LIST = "change"  # all that can be set of a column
PROMPTS = (LIST, "new", "missing")
_POLICIES = ("mean", "median", "most_frequent", "drop", "error")
_ADAPTER: TypeAdapter[Any] = TypeAdapter(OfColumn)


async def ask_change(
    app: App[Any], what: str | None, data: Mapping[str, Any], look: DataPreview, column: str
) -> Change | None:
    """Ask, and give the change of the data section; None where nothing is to change.

    Args:
        app: shows the dialog.
        what: one of `PROMPTS`.
        data: the data section, as a map.
        look: the worker's last answer about the data.
        column: the column to change.

    Raises:
        RecipeError: what was chosen is not possible.
    """
    roles = look.roles
    if what == LIST:
        found = look.column(column)
        settings = column_settings(data, roles, found)
        what = await app.push_screen_wait(ColumnDialog(found, settings))
        if what is None:
            return None
        if what not in PROMPTS:
            return wanted_change(data, roles, what, column, found)
    if what == "new":
        dialog = PromptDialog(
            "Name the new input",
            text=f"'{column}' moves there. A graph takes inputs by these names.",
            check=lambda text: wrong_name(text, roles),
        )
        name = await app.push_screen_wait(dialog)
        return assign(data, roles, column, ColumnUse.INPUT, name) if name else None
    now = missing_now(data, column)
    dialog = PromptDialog(
        f"Missing values of '{column}'",
        "" if now is None else one_line(now, inside_brackets=False),
        text="mean, median, most_frequent, drop, error, a number or a text; {fill: mean, indicator: true} adds an "
        "input that is 1 where it is missing. Empty: as for all inputs or targets.",
        check=_wrong_policy,
        suggestions=_POLICIES,
    )
    text = await app.push_screen_wait(dialog)
    if text is None:
        return None
    return set_missing(data, column, yaml_value(text) if text.strip() else None)


def _wrong_policy(text: str) -> str:
    """What is wrong with a policy for missing values; empty where nothing is."""
    if not text.strip():
        return ""
    try:
        _ADAPTER.validate_python(yaml_value(text))
    except WorkbenchError as error:
        return error.what
    except ValidationError as error:
        first = error.errors()[0]
        return str(first.get("ctx", {}).get("error", first["msg"]))
    return ""
