"""The columns of the data: the role and the values of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from rich.cells import cell_len
from textual import events
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from workbench.recipe.data_edits import ColumnRoles, ColumnUse
from workbench.tui.screens.data.preview import column_text, kind_text
from workbench.tui.screens.data.summaries import Summaries, missing_text, relation_text, spark
from workbench.tui.views.fitting import printable

_PICTURE, _RELATION = 8, 7  # cells of the distribution, and of the correlation with the target
_MARKS = {
    ColumnUse.INPUT: "▾",
    ColumnUse.TARGET: "▸",
    ColumnUse.WEIGHT: "⚖",
    ColumnUse.TIME: "↓",
    ColumnUse.SERIES: "≡",
    ColumnUse.NONE: "·",
}


class ColumnsList(OptionList):
    """Columns to move through; a key sets the role of a column."""

    BINDING_GROUP_TITLE = "Columns of the data"
    HELP = (
        "Each column has its role, a small picture of its values and how it goes with the target: r is Pearson's, η "
        "the correlation ratio (categories and numbers), V Cramér's (two of categories)."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "select", "Options", id="columns.change", key_display="⏎",
                tooltip="All that can be set of this column: a list with the key of each"),
        Binding("space", "ask('toggle')", "In/out", id="columns.toggle", key_display="␣",
                tooltip="Use this column as an input, or leave it out"),
        Binding("i", "ask('input')", "Input", id="columns.input",
                tooltip="An input; where there are several, the next one"),
        Binding("o", "ask('target')", "Target", id="columns.target", tooltip="What the model learns to predict"),
        Binding("x,delete", "ask('none')", "Leave out", id="columns.none", show=False, tooltip="Leave this column out"),
        Binding("n", "ask('new')", "New input", id="columns.new", show=False,
                tooltip="Begin another named input with this column"),
        Binding("W", "ask('weight')", "Weight", id="columns.weight", show=False, tooltip="The weight of each row"),
        Binding("k", "ask('categories')", "Category", id="columns.category", show=False,
                tooltip="Numbers that are categories (one-hot), or not"),
        Binding("d", "ask('read')", "Dates, signs", id="columns.read", show=False,
                tooltip="Read it as what was found: dates, or numbers with signs such as $ and %; or no longer"),
        Binding("m", "ask('missing')", "Missing", id="columns.missing", show=False,
                tooltip="What is done about its missing values"),
        Binding("h", "ask('embed')", "Embed", id="columns.embed", show=False,
                tooltip="Many categories: an input of its own, for an Embedding, or not"),
        Binding("T", "ask('text')", "Free text", id="columns.text", show=False,
                tooltip="Free text: an input of its own of words, or not; the settings have its options"),
        Binding("l", "ask('classes')", "Classes", id="columns.classes", show=False,
                tooltip="A target whose values are class names, or not"),
    ]  # fmt: skip
    DEFAULT_CSS = """
    ColumnsList {
        background: transparent;
        padding: 0;
        border: none;
        & > .option-list--option { padding: 0 1; }
        &:focus { border: none; background-tint: transparent; }
        &:focus > .option-list--option-highlighted {  /* under the colours of the row's own words */
            background: $block-cursor-blurred-background;
            color: $foreground;
            text-style: bold;
        }
    }
    """

    class Asked(Message):
        """A key asks for an action on a column."""

        def __init__(self, columns: ColumnsList, what: str, column: str) -> None:
            super().__init__()
            self.columns = columns
            self.what = what
            self.column = column

        @property
        def control(self) -> ColumnsList:
            return self.columns

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id, markup=False)
        self._columns: list[Mapping[str, Any]] = []
        self._roles = ColumnRoles()
        self._summaries: Summaries = {}
        self._widths = (6, 6, 6)

    @property
    def column(self) -> str:
        """The name of the highlighted column, "" for none."""
        at = self.highlighted
        return str(self._columns[at]["name"]) if at is not None and at < len(self._columns) else ""

    def show(
        self, columns: Sequence[Mapping[str, Any]], roles: ColumnRoles, summaries: Summaries | None = None
    ) -> None:
        """Show columns; those that are the same are drawn again only where they changed."""
        here, at = self.column, self.highlighted
        before = [column["name"] for column in self._columns]
        self._columns, self._roles, self._summaries = list(columns), roles, summaries or {}
        names = [column["name"] for column in columns]
        if before == names:
            self._redraw()
            return
        self._fit()
        self.clear_options()
        self.add_options([Option(self._content(column)) for column in columns])
        if columns:
            self.highlighted = names.index(here) if here in names else min(at or 0, len(columns) - 1)
        self.refresh_bindings()

    def _fit(self) -> None:
        """Give names, roles and kinds as much as they need, within limits."""
        width = max(self.scrollable_content_region.width - 3, 20)
        names = [str(column["name"]) for column in self._columns]
        self._widths = (
            min(max(map(cell_len, map(printable, names)), default=0), max(width // 4, 6)),
            min(max((cell_len(self._use_text(name)) for name in names), default=0), max(width // 6, 6)),
            min(max((cell_len(kind_text(each)) for each in self._columns), default=0), max(width // 7, 6)),
        )

    def _redraw(self) -> None:
        self._fit()
        for index, column in enumerate(self._columns):
            content, shown = self._content(column), self.get_option_at_index(index).prompt
            if not isinstance(shown, Content) or not shown.is_same(content):
                self.replace_option_prompt_at_index(index, content)

    def on_resize(self, event: events.Resize) -> None:
        self._redraw()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.action_ask("change")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Without a column there is nothing to ask for."""
        return action != "ask" or bool(self._columns)

    def action_ask(self, what: str) -> None:
        if self.column:
            self.post_message(self.Asked(self, what, self.column))

    def copy_text(self) -> str:
        """The text that `y` copies: every column, one a line."""
        lines = [
            (str(c["name"]), self._use_text(str(c["name"])), kind_text(c), column_text(c))
            for c in self._columns
        ]
        return "\n".join("\t".join(line) for line in lines)

    def _use_text(self, name: str) -> str:
        use = self._roles.use_of(name)
        text = use.value
        if use is ColumnUse.INPUT and len(self._roles.inputs) > 1:
            text = self._roles.group_of(name)
        if name in self._roles.categories:
            text += ", category"
        if name in self._roles.texts:
            text += ", text"
        if name in self._roles.embedded:
            text += ", embedded"
        return f"{text}, classes" if name in self._roles.classes else text

    def _content(self, column: Mapping[str, Any]) -> Content:
        width = max(self.scrollable_content_region.width - 3, 20)
        names, uses, kinds = self._widths
        name = str(column["name"])
        use, summary = self._roles.use_of(name), self._summaries.get(name)
        style = {
            ColumnUse.INPUT: "",
            ColumnUse.TARGET: "bold $secondary",
            ColumnUse.WEIGHT: "$accent",
            ColumnUse.TIME: "$accent",
            ColumnUse.SERIES: "$accent",
            ColumnUse.NONE: "dim",
        }[use]
        rows = int(summary["rows"]) if summary else 0
        missing = missing_text(int(summary["missing"]), rows) if summary else ""
        if not missing and column["missing"]:
            missing = f"{column['missing']:,} missing"
        rest = Content.assemble(
            (f"{missing}  " if missing else "", "$text-warning"),
            (printable(column_text(column)), "$text-error" if column["error"] else "dim"),
        )
        room = width - names - uses - kinds - 8
        picture = Content("")
        if room >= _PICTURE + _RELATION + 8:
            related = f"{relation_text(summary):<{_RELATION}}"
            picture = Content.assemble((spark(summary, _PICTURE), "$primary"), "  ", related, "  ")
            room -= _PICTURE + _RELATION + 4
        return Content.assemble(
            (f"{_MARKS[use]} ", style),
            _fit(Content.styled(printable(name), style), names),
            "  ",
            _fit(Content.styled(printable(self._use_text(name)), style), uses),
            "  ",
            _fit(Content.styled(kind_text(column), "dim"), kinds),
            "  ",
            picture,
            _fit(rest, max(room, 4)),
        )


def _fit(content: Content, width: int) -> Content:
    return content.truncate(width, ellipsis=True, pad=True)
