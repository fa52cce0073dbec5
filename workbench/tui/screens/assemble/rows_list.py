"""The recipe as rows: name, layer, arguments, output shape, parameters; an error right below the row that has it."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import dedent, fill
from typing import ClassVar

from rich.cells import cell_len
from textual import events
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from workbench.escaping import escape_line
from workbench.recipe.document import split_key, to_yaml
from workbench.recipe.editing import Editor
from workbench.recipe.located_error import LocatedError
from workbench.recipe.outline import RecipeRow, Role
from workbench.tui.context import kwb
from workbench.tui.picture.scene import shape_text
from workbench.tui.screens.assemble.examination import Examination
from workbench.tui.views.marks import FAILED

_HEADS = (Role.MODEL, Role.TRAIN)
_MARKS = {Role.INPUT: "▾", Role.SHARED: "◇", Role.OUTPUTS: "▸"}


class RowsList(OptionList):
    """Rows to move through and to edit; the screen decides what a key does (`Asked`)."""

    BINDING_GROUP_TITLE = "Rows of the recipe"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "ask('edit')", "Edit", id="rows.edit", tooltip="Edit the arguments in the form"),
        Binding("a", "ask('add')", "Add", id="rows.add", tooltip="Add a layer (metric, callback ...) after this row"),
        Binding("i", "ask('insert')", "Insert", id="rows.insert", tooltip="Insert one before this row"),
        Binding("c", "ask('change')", "Change", id="rows.change", tooltip="Put another entry in place of this one"),
        Binding("d", "ask('duplicate')", "Duplicate", id="rows.duplicate", tooltip="A second one below"),
        Binding("delete,x", "ask('delete')", "Delete", id="rows.delete", key_display="x", tooltip="Delete this row"),
        Binding("shift+up,K", "ask('up')", "Move up", id="rows.up", show=False, tooltip="Move this row up"),
        Binding("shift+down,J", "ask('down')", "Move down", id="rows.down", show=False, tooltip="Move this row down"),
        Binding("r", "ask('rename')", "Rename", id="rows.rename", show=False,
                tooltip="Rename, with every use of the name"),
        Binding("w", "ask('rewire')", "Rewire", id="rows.rewire", show=False, tooltip="Choose the inputs of this line"),
        Binding("l", "ask('share')", "Share", id="rows.share", show=False,
                tooltip="Make this line's layer one that other lines can call too, with the same weights"),
        Binding("g", "ask('graph')", "To graph", id="rows.graph", show=False, tooltip="Write the stack as a graph"),
        Binding("b", "ask('compare')", "Better?", id="rows.compare", show=False,
                tooltip="Is another layer better here? Train both with the same seeds, sizes matched"),
        Binding("n", "ask('input')", "New input", id="rows.input", show=False, tooltip="Add an input to the graph"),
    ]  # fmt: skip
    DEFAULT_CSS = """
    RowsList {
        background: transparent;
        padding: 0;
        border: none;
        text-wrap: nowrap;
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
        """A key asks for an action on a row."""

        def __init__(self, rows: RowsList, what: str, row: RecipeRow) -> None:
            super().__init__()
            self.rows = rows
            self.what = what
            self.row = row

        @property
        def control(self) -> RowsList:
            return self.rows

    class Reached(Message):
        """Another row is highlighted."""

        def __init__(self, rows: RowsList, row: RecipeRow) -> None:
            super().__init__()
            self.rows = rows
            self.row = row

        @property
        def control(self) -> RowsList:
            return self.rows

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id, markup=False)
        self.rows: tuple[RecipeRow, ...] = ()
        self._examination = Examination()
        self._error: LocatedError | None = None
        self._stale = False
        self._reached = ""
        self._longest = (0, 0, 0, 0)

    @property
    def row(self) -> RecipeRow | None:
        """The highlighted row."""
        return self.rows[self.highlighted] if self.highlighted is not None and self.rows else None

    def show(
        self,
        rows: Sequence[RecipeRow],
        examination: Examination,
        error: LocatedError | None,
        *,
        stale: bool,
        select: str | None = None,
    ) -> None:
        """Show rows; only those that changed are drawn again.

        Args:
            rows: of the recipe.
            examination: the worker's last answer.
            error: the one to show, at its row.
            stale: the worker has not seen the latest text yet; its shapes are dimmed.
            select: the key of the row to highlight; None keeps the one that is.
        """
        key = select if select is not None else self.row.key if self.row else ""
        at = self.highlighted or 0
        same = [row.key for row in rows] == [row.key for row in self.rows]
        self.rows = tuple(rows)
        self._examination, self._error, self._stale = examination, error, stale
        plain = [row for row in rows if row.role not in _HEADS]
        self._longest = (
            max((cell_len(self._cells(row)[0]) for row in plain), default=0) + 2,
            max((cell_len(row.use) for row in plain if row.role is not Role.FILE), default=0),
            max((cell_len(self._cells(row)[3]) for row in plain), default=0),
            max((cell_len(self._cells(row)[4]) for row in plain), default=0),
        )
        if same:
            self._redraw()
        else:
            with self.prevent(OptionList.OptionHighlighted):
                self.clear_options()
                self.add_options([Option(self._content(row), row.key) for row in rows])
            self.refresh_bindings()
        keys = [row.key for row in rows]
        if keys:
            self.highlighted = keys.index(key) if key in keys else min(at, len(keys) - 1)
        self._post_reached()

    def _redraw(self) -> None:
        for index, row in enumerate(self.rows):
            content = self._content(row)
            shown = self.get_option_at_index(index).prompt
            if not isinstance(shown, Content) or not shown.is_same(content):
                self.replace_option_prompt_at_index(index, content)

    def _post_reached(self) -> None:
        row = self.row
        if row is not None:
            self._reached = row.key
            self.post_message(self.Reached(self, row))

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        event.stop()
        if self.row is not None and self.row.key != self._reached:
            self._post_reached()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.action_ask("edit")

    def on_resize(self, event: events.Resize) -> None:
        self._redraw()

    def watch_show_vertical_scrollbar(self) -> None:
        """The rows have another width now."""
        self.call_after_refresh(self._redraw)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Without a row there is nothing to ask for."""
        return action != "ask" or bool(self.rows)

    def action_ask(self, what: str) -> None:
        if self.row is not None:
            self.post_message(self.Asked(self, what, self.row))

    def copy_text(self) -> str:
        """The text that `y` copies: the row's part of the recipe, as YAML for another recipe; the row's text where the
        recipe has no such part."""
        if self.row is None:
            return ""
        editor = kwb(self).editor
        text = row_text(editor, self.row.key) if editor is not None else ""
        return text or "  ".join(cell for cell in self._cells(self.row) if cell)

    # ------------------------------------------------------------------ drawing

    def _cells(self, row: RecipeRow) -> tuple[str, str, str, str, str]:
        seen = self._examination
        shape, count = seen.shapes.get(row.key), seen.parameters.get(row.key)
        arguments = f"({row.inputs}) {row.arguments}" if row.inputs else row.arguments
        if row.role is Role.MODEL and seen.total is not None:
            frozen = seen.total - (seen.trainable or 0)
            rest = f", {frozen:,} of them frozen" if frozen else ""
            return row.name, row.use, row.arguments, "", f"{seen.total:,}{rest}"
        if row.role is Role.INPUT:
            return row.name, "input", "", shape_text([None, *_list(row.arguments)]), ""
        shared = row.role is Role.CALL and row.form != row.key
        parameters = "" if count is None else "shared" if shared else f"{count:,}"
        name = "  " * row.depth + row.name
        return name, row.use, arguments, shape_text(shape), parameters

    def _content(self, row: RecipeRow) -> Content:
        width = max(self.scrollable_content_region.width - 3, 20)
        name, use, arguments, shape, count = map(escape_line, self._cells(row))
        head = row.role in _HEADS
        indent = "" if head else f"{_MARKS.get(row.role, ' ')} "
        wrong = self._error is not None and self._row_of(self._error.key) == row.key
        warnings = [each.what for each in self._examination.warnings if self._row_of(each.where) == row.key]
        mark = f"{FAILED} " if wrong else "! " if warnings else indent
        weak = "dim"
        known = self._examination
        old = self._stale or (row.key in known.shapes and row.key not in known.fresh)
        dim = "dim italic" if old else weak
        if head:
            if len(count) > width // 2:
                count = f"{known.total:,}" if known.total is not None else count
            title = Content.assemble((f"{mark}{name}", "bold"), (f"  {use}" if use else "", "bold $primary"))
            line = title.append(Content.styled(f"  {arguments}", weak))
            line = _fit(line, max(width - len(count) - 1, 0)).append(Content.styled(f" {count}", dim))
        else:
            first, second, last, number = self._columns(width)
            right = [shape, count] if row.part == "model" and row.role is not Role.OUTPUTS else []
            room = width - first - second - 2
            if room < last + number + 5:
                right = []
            room -= last + number + 1 if right else 0
            parts = [_fit(Content(mark + name), first), Content(" ")]
            used = Content.styled(use, "$primary" if row.written else weak)
            if not arguments and not right:
                parts.append(_fit(used, second + 1 + room))
            else:
                parts += [_fit(used, second), Content(" "), _fit(Content.styled(arguments, weak), room)]
            if right:
                parts += [Content(" "), _fit(Content.styled(shape, dim), last)]
                parts.append(_fit(Content.styled(count.rjust(number), dim), number))
            line = Content("").join(parts)
        line = _fit(line, width)
        if wrong and self._error is not None:
            text = " ".join(part for part in (self._error.what, self._error.hint) if part)
            line = _with_below(line, text, width, "$text-error")
        for text in warnings:
            line = _with_below(line, text, width, "$text-warning")
        return line

    def _columns(self, width: int) -> tuple[int, int, int, int]:
        """The widths for name, layer, shape and parameters; the arguments have the rest."""
        name, use, shape, number = self._longest
        shape, number = min(shape, 17), number + 1
        if width < 56:
            shape, number = min(shape, 12), 0
        most = max((width - shape - number) // 3, 8)
        return min(name, most), min(use, most), shape, number

    def _row_of(self, key: str) -> str:
        """The key of the row that something in the recipe belongs to: the longest that its key begins with."""
        found = [
            row.key for row in self.rows if key == row.key or key.startswith((f"{row.key}.", f"{row.key}["))
        ]
        return max(found, key=len, default="")


def _fit(content: Content, width: int) -> Content:
    return content.truncate(width, ellipsis=True, pad=True)


def _with_below(line: Content, text: str, width: int, style: str) -> Content:
    text = fill(text, width, initial_indent="    ", subsequent_indent="    ")
    return Content.assemble(line.stylize(style), "\n", (text, style))


def _list(text: str) -> list[int | None]:
    """The shape in `shape [8, null]`."""
    inside = text.removeprefix("shape").strip(" []")
    return [int(part) if part.strip().isdigit() else None for part in inside.split(",")] if inside else []


def row_text(editor: Editor, key: str) -> str:
    """What a recipe says at a key, as YAML: an item of a list, or a key with its value; "" where it says nothing."""
    if not key or (value := editor.get(key)) is None:
        return ""
    last = split_key(key)[-1]
    if isinstance(last, int):
        return dedent(to_yaml({"items": [value]}).partition("\n")[2]).rstrip()
    return to_yaml({last: value}).rstrip()
