"""ColumnDialog: all that can be set of one column, with what is set now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Label, OptionList, Static
from textual.widgets.option_list import Option

from workbench.recipe.column_edits import missing_now
from workbench.recipe.data_edits import ColumnRoles, ColumnUse
from workbench.recipe.yaml_values import one_line
from workbench.tui.screens.data.columns_list import ColumnsList
from workbench.tui.screens.data.preview import column_text, kind_text
from workbench.tui.terminal.textual_private import bind
from workbench.tui.views.fitting import printable
from workbench.tui.views.marks import DONE, OFF, READY
from workbench.tui.widgets.dialogs import Dialog

_USES = {
    "input": ColumnUse.INPUT,
    "target": ColumnUse.TARGET,
    "weight": ColumnUse.WEIGHT,
    "none": ColumnUse.NONE,
}


@dataclass(frozen=True)
class ColumnSetting:
    """One thing that can be set of a column.

    Attributes:
        what: the name of the action, as `ColumnsList.Asked` has it.
        key: the key that does it.
        mark: how it is now.
        label: a few words.
        about: a sentence.
    """

    what: str
    key: str
    mark: str
    label: str
    about: str


def column_settings(
    data: Mapping[str, Any], roles: ColumnRoles, found: Mapping[str, Any]
) -> list[ColumnSetting]:
    """What can be set of a column, in the order and with the words of the keys of the list.

    Args:
        data: the data section of the recipe, as a map.
        roles: what the columns are for now.
        found: the column's preview.
    """
    name, settings = str(found["name"]), []
    use = roles.use_of(name)
    is_read = any(name in (data.get(key) or {}) for key in ("dates", "numbers"))
    is_on = {
        "categories": name in roles.categories,
        "classes": name in roles.classes,
        "embed": name in roles.embedded,
        "text": name in roles.texts,
        "read": is_read,
    }
    for binding in ColumnsList.BINDINGS:
        if not isinstance(binding, Binding) or "ask(" not in binding.action:
            continue
        what = binding.action.partition("'")[2].rstrip("')")
        if what == "toggle" or (what == "classes" and use is not ColumnUse.TARGET):
            continue  # Space goes between two of the uses that are listed
        if what == "read" and not is_read and not (found.get("dates") or found.get("numbers")):
            continue
        label = binding.description
        if what in _USES:
            mark = READY if use is _USES[what] else OFF
        else:
            mark = DONE if is_on.get(what) else " "
        if what == "missing" and (policy := missing_now(data, name)) is not None:
            mark, label = DONE, f"{label}: {one_line(policy, inside_brackets=False)}"
        settings.append(ColumnSetting(what, binding.key.partition(",")[0], mark, label, binding.tooltip))
    return settings


class ColumnDialog(Dialog[str | None]):
    """Asks what to set of a column; the result is the name of the action, or None.

    Args:
        found: the column's preview.
        settings: what can be set.
    """

    HELP = (
        "All that can be set of this column. The cursor begins at what the column is now; each has its key."
    )
    DEFAULT_CSS = """
    ColumnDialog {
        OptionList { height: auto; max-height: 13; border: none; background: $surface; padding: 0; margin-top: 1; }
        #about { width: 100%; height: 2; margin-top: 1; color: $text-muted; }
        .dialog-text { margin-top: 0; height: 1; text-wrap: nowrap; text-overflow: ellipsis; }
    }
    """

    def __init__(self, found: Mapping[str, Any], settings: Sequence[ColumnSetting]) -> None:
        super().__init__()
        self._found = found
        self._settings = settings

    def compose(self) -> ComposeResult:
        missing = f"{self._found['missing']:,} missing" if self._found["missing"] else ""
        facts = (kind_text(self._found), missing, printable(column_text(self._found)))
        with Vertical():
            yield Label(printable(str(self._found["name"])), classes="dialog-title", markup=False)
            yield Static("  ".join(filter(None, facts)), classes="dialog-text", markup=False)
            yield OptionList(*map(_option, self._settings), compact=True, markup=False)
            yield Static("", id="about", markup=False)

    def on_mount(self) -> None:
        for setting in self._settings:
            bind(self, setting.key, f"set({setting.what!r})", setting.label)
        listing = self.query_one(OptionList)
        listing.highlighted = next(
            (at for at, setting in enumerate(self._settings) if setting.mark == READY), 0
        )
        listing.focus()

    @on(OptionList.OptionHighlighted)
    def _show_about(self, event: OptionList.OptionHighlighted) -> None:
        self.query_one("#about", Static).update(self._settings[event.option_index].about)

    @on(OptionList.OptionSelected)
    def _chosen(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.action_set(self._settings[event.option_index].what)

    def action_set(self, what: str) -> None:
        """Answer with one of the settings."""
        self.dismiss(what)


def _option(setting: ColumnSetting) -> Option:
    return Option(
        Content.assemble((setting.key, "$text-accent"), f"  {setting.mark} ", printable(setting.label))
    )
