"""The catalog: the entries of plugins, searched by typing; broken plugins with their error."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from workbench.catalog import Entry, Kind
from workbench.catalog.discovery import Plugin, PluginState
from workbench.catalog.lookup import Catalog
from workbench.tui.terminal.text import one_line
from workbench.tui.views.fitting import printable
from workbench.tui.views.marks import FAILED

LISTED = tuple(kind for kind in Kind if kind is not Kind.RECIPE)


class CatalogPanel(Vertical):
    """Type to search, ↑ and ↓ choose, enter takes the entry, escape leaves."""

    BINDING_GROUP_TITLE = "Catalog"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "step(1)", "Next", id="catalog.next", show=False, tooltip="The next entry"),
        Binding("up", "step(-1)", "Previous", id="catalog.previous", show=False, tooltip="The entry before"),
        Binding(
            "pagedown", "step(10)", "Further", id="catalog.further", show=False, tooltip="Ten entries down"
        ),
        Binding("pageup", "step(-10)", "Back", id="catalog.back", show=False, tooltip="Ten entries up"),
        Binding("escape", "leave", "Back", id="catalog.leave", tooltip="Back to the rows"),
    ]
    DEFAULT_CSS = """
    CatalogPanel {
        & > Input { margin-bottom: 0; }
        & > OptionList { height: 2fr; border: none; background: transparent; padding: 0; }
        & > OptionList > .option-list--option { padding: 0 1; }
        & > OptionList > .option-list--option-highlighted {
            background: $block-cursor-blurred-background;
            text-style: bold;
        }
        & > VerticalScroll { height: 1fr; border-top: solid $border-blurred; padding: 0 1; }
    }
    """

    class Chosen(Message):
        """An entry was chosen."""

        def __init__(self, panel: CatalogPanel, entry: Entry) -> None:
            super().__init__()
            self.panel = panel
            self.entry = entry

        @property
        def control(self) -> CatalogPanel:
            return self.panel

    class Reached(Message):
        """An entry is highlighted; its documentation is wanted."""

        def __init__(self, panel: CatalogPanel, entry: Entry) -> None:
            super().__init__()
            self.panel = panel
            self.entry = entry

        @property
        def control(self) -> CatalogPanel:
            return self.panel

    class Left(Message):
        """Escape was pressed."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._catalog = Catalog(())
        self._kinds: tuple[Kind, ...] = LISTED
        self._extra: tuple[Entry, ...] = ()
        self._found: list[Entry | Plugin] = []
        self._title = "Catalog"

    def compose(self) -> ComposeResult:
        yield Input(placeholder="type to search", compact=True)
        yield OptionList(markup=False)
        with VerticalScroll(can_focus=False):
            yield Static("", markup=False)

    def offer(
        self, catalog: Catalog, kinds: Sequence[Kind] = LISTED, extra: Sequence[Entry] = (), title: str = ""
    ) -> None:
        """Set the entries to choose from.

        Args:
            catalog: the entries.
            kinds: of these kinds only.
            extra: entries of the recipe's own language, such as an empty stack; listed first.
            title: the purpose of the choice.
        """
        self._catalog, self._kinds, self._extra = catalog, tuple(kinds), tuple(extra)
        self._title = title or "Catalog"
        with self.prevent(Input.Changed):
            self.query_one(Input).value = ""
        self._search("")

    @property
    def entry(self) -> Entry | None:
        """The highlighted entry."""
        at = self.query_one(OptionList).highlighted
        found = self._found[at] if at is not None and at < len(self._found) else None
        return found if isinstance(found, Entry) else None

    def focus_search(self) -> None:
        self.query_one(Input).focus()

    # ------------------------------------------------------------------ searching

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self._search(event.value)

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self._take()

    @on(OptionList.OptionSelected)
    def _clicked(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self._take()

    def _take(self) -> None:
        if (entry := self.entry) is not None:
            self.post_message(self.Chosen(self, entry))

    def _search(self, text: str) -> None:
        entries = [*self._extra, *(entry for entry in self._catalog.entries if entry.kind in self._kinds)]
        self._found = [*search(entries, text), *_broken(self._catalog, text)]
        clashing = _clashing(entries)
        width = max(self.query_one(OptionList).scrollable_content_region.width - 2, 16)
        options = self.query_one(OptionList)
        with self.app.batch_update():
            options.clear_options()
            options.add_options([Option(_line(item, self._kinds, clashing, width)) for item in self._found])
        options.highlighted = 0 if self._found else None
        self.border_title = one_line(f"{self._title}  {len(self._found)}")
        self._show_details()

    def action_step(self, step: int) -> None:
        options = self.query_one(OptionList)
        if self._found:
            options.highlighted = min(max((options.highlighted or 0) + step, 0), len(self._found) - 1)

    def action_leave(self) -> None:
        self.post_message(self.Left())

    def on_resize(self, event: events.Resize) -> None:
        options = self.query_one(OptionList)
        width = max(options.scrollable_content_region.width - 2, 16)
        clashing = _clashing(item for item in self._found if isinstance(item, Entry))
        for index, item in enumerate(self._found):
            options.replace_option_prompt_at_index(index, _line(item, self._kinds, clashing, width))

    # ------------------------------------------------------------------ details

    @on(OptionList.OptionHighlighted)
    def _reached(self, event: OptionList.OptionHighlighted) -> None:
        event.stop()
        self._show_details()

    def _show_details(self) -> None:
        at = self.query_one(OptionList).highlighted
        found = self._found[at] if at is not None and at < len(self._found) else None
        text = self.query_one(Static)
        if found is None:
            text.update("Nothing of that name. Other kinds are found where they can stand.")
        elif isinstance(found, Plugin):
            text.update(
                Content.assemble(
                    (f"{FAILED} {found.error or found.state.value}", "$text-error"), "\n\n", found.details
                )
            )
        else:
            text.update(_details(found, ""))
            self.post_message(self.Reached(self, found))

    def show_entry(self, entry: Entry, documentation: str) -> None:
        """Show an entry's documentation, if it is still the highlighted one."""
        if entry == self.entry:
            self.query_one(Static).update(_details(entry, documentation))

    def copy_text(self) -> str:
        """The text that `y` copies."""
        return str(self.query_one(Static).visual)


def search(entries: Sequence[Entry], text: str) -> list[Entry]:
    """Entries with all words of a text; those whose name begins with it first, then those that hold it in the name."""
    words = text.casefold().split()
    ranked: list[tuple[int, int, Entry]] = []
    for place, entry in enumerate(entries):
        name = entry.name.casefold()
        names = (name, *(alias.casefold() for alias in entry.aliases))
        all_text = " ".join((*names, entry.plugin, entry.kind.value, entry.summary, *entry.tags)).casefold()
        if not all(word in all_text for word in words):
            continue
        first = words[0] if words else ""
        rank = (
            0
            if first in names
            else 1
            if name.startswith(first)
            else 2
            if any(first in n for n in names)
            else 3
        )
        ranked.append((rank if words else 0, place, entry))
    return [entry for _, _, entry in sorted(ranked, key=lambda each: each[:2])]


def _broken(catalog: Catalog, text: str) -> Iterator[Plugin]:
    for plugin in catalog.plugins:
        if (
            plugin.state is not PluginState.LOADED
            and text.casefold() in f"{plugin.name} {plugin.error}".casefold()
        ):
            yield plugin


def _clashing(entries: Sequence[Entry] | Iterator[Entry]) -> Collection[str]:
    """Names that several plugins offer: they are shown with their plugin's."""
    seen: dict[str, set[str]] = {}
    for entry in entries:
        seen.setdefault(entry.name, set()).add(entry.plugin)
    return {name for name, plugins in seen.items() if len(plugins) > 1}


def _line(item: Entry | Plugin, kinds: Sequence[Kind], clashing: Collection[str], width: int) -> Content:
    if isinstance(item, Plugin):
        line = Content.assemble(
            (f"{FAILED} {printable(item.name)} ", "$text-error"),
            (printable(item.error or item.state.value), "dim"),
        )
        return line.truncate(width, ellipsis=True, pad=True)
    name = item.qualified_name if item.name in clashing else item.name
    kind = f" {item.kind.value}" if len(kinds) > 2 else ""
    first = Content.assemble((name, "$primary"), (kind, "dim"))
    room = width - first.cell_length - 2
    if room < 12:
        return first.truncate(width, ellipsis=True, pad=True)
    return Content.assemble(first, "  ", (printable(item.summary), "dim")).truncate(
        width, ellipsis=True, pad=True
    )


def _details(entry: Entry, documentation: str) -> Content:
    plugin = " ".join(part for part in (entry.distribution, entry.version) if part)
    parts = [
        Content.assemble((entry.name, "bold"), f"  {entry.kind.value}", (f"  {entry.plugin}", "$primary")),
        Content.styled(plugin, "dim"),
    ]
    if entry.kind in (Kind.LAYER, Kind.MODEL) and entry.target:
        parts.append(Content(f"{_count(entry.inputs)} in, {_count(entry.outputs)} out"))
    if entry.aliases:
        parts.append(Content(f"also: {', '.join(entry.aliases)}"))
    parts += [Content(""), Content(documentation or entry.summary)]
    return Content("\n").join(part for part in parts if part is not None)


def _count(count: int | None) -> str:
    return "any number" if count is None else "1 tensor" if count == 1 else f"{count} tensors"
