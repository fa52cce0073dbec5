"""F1: the screen's own keys first, then those of what has the focus, then those that work everywhere."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from textwrap import wrap

from rich.cells import cell_len
from textual import events
from textual.app import ComposeResult
from textual.binding import ActiveBinding
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.dom import DOMNode
from textual.screen import Screen
from textual.widgets import Static

ONE_COLUMN, TWO_COLUMNS = 50, 100  # cells of the panel
_WIDE = 120  # cells of a terminal in which two columns have room
_LONGEST_KEY = 14  # cells; longer ones get a line of their own
_OWN = "app.help-"  # the ids of the keys that are for this panel


@dataclass(frozen=True)
class Section:
    """Keys that belong together: (key as it is shown, what it does); `about` is a sentence or two before them."""

    title: str
    about: str
    keys: Sequence[tuple[str, str]]


class HelpPanel(VerticalScroll, can_focus=False):
    """The keys that work now. It never takes the focus, so a key can be tried while reading about it."""

    DEFAULT_CSS = """
    HelpPanel {
        dock: right;
        layer: help;
        max-width: 100%;
        height: 1fr;
        background: $surface;
        border-left: vkey $border-blurred;
        padding: 0 1;
        scrollbar-size-vertical: 1;
        Horizontal { height: auto; }
        Static { width: 1fr; margin-right: 1; }
        #help-title, #help-names { width: 100%; }
    }
    """

    def compose(self) -> ComposeResult:
        yield Static(id="help-title", markup=False)
        with Horizontal():
            yield Static(classes="help-column", markup=False)
            yield Static(classes="help-column", markup=False)
        yield Static(id="help-names", markup=False)

    def on_mount(self) -> None:
        self.watch(self.screen, "focused", self._update)
        self.screen.bindings_updated_signal.subscribe(self, lambda _: self._update())
        self._update()

    def on_resize(self, event: events.Resize) -> None:
        self._update()

    def _update(self) -> None:
        width = self.app.size.width
        two = width >= _WIDE
        panel = TWO_COLUMNS if two else ONE_COLUMN if width >= 80 else width
        self.styles.width = panel
        each = (panel - 5) // 2 - 1 if two else panel - 5
        parts = sections(self.screen)
        first, second = (_halves(parts, each)) if two else (parts, ())
        columns = list(self.query(".help-column").results(Static))
        columns[1].display = two
        for column, shown in zip(columns, (first, second), strict=True):
            column.update(_laid_out(shown, each))
        self.query_one("#help-names", Static).update(_laid_out([names_of_keys(self.screen)], panel - 5))
        self.query_one("#help-title", Static).update(
            Content.assemble(
                ("PgUp PgDn", "bold $accent"), " scroll   ", ("Esc", "bold $accent"), " closes\n"
            )
        )


def sections(screen: Screen[object]) -> list[Section]:
    """The screen's keys, those of what has the focus and of what is around it, those of the app, and what moves."""
    by_node: dict[DOMNode, list[ActiveBinding]] = {}
    for active in screen.active_bindings.values():
        if not (active.binding.id or "").startswith(_OWN):
            by_node.setdefault(active.node, []).append(active)
    chain = (screen.focused or screen).ancestors_with_self
    nodes = [screen, *(node for node in chain if node is not screen)]
    ours = [
        Section(_title(node), _about(node), keys)
        for node in nodes
        if (keys := _keys(screen, by_node.get(node, ()), ours=True))
    ]
    moving = [key for node in nodes for key in _keys(screen, by_node.get(node, ()), ours=False)]
    found = [*ours, Section("Moving about", "", list(dict.fromkeys(moving)))]
    return [section for section in found if section.keys]


def names_of_keys(screen: Screen[object]) -> Section:
    """The name in the settings of each key that works now."""
    keys: dict[str, list[str]] = {}
    for active in screen.active_bindings.values():
        name = active.binding.id or ""
        if name and not name.startswith(_OWN):
            keys.setdefault(name, []).append(screen.app.get_key_display(active.binding))
    about = "What the settings file calls these keys. Under keymap it can give them others."
    return Section(
        "Names of the keys", about, [(" ".join(dict.fromkeys(k)), name) for name, k in keys.items()]
    )


def _about(node: DOMNode) -> str:
    return inspect.cleandoc(node.HELP) if node.HELP else ""


def _title(node: DOMNode) -> str:
    if node.BINDING_GROUP_TITLE:
        return node.BINDING_GROUP_TITLE
    if node.parent is None:
        return "Everywhere"
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type(node).__name__).removeprefix("Kwb ")
    return re.sub(r" (Screen|Dialog)$", "", words)


def _keys(screen: Screen[object], bindings: Iterable[ActiveBinding], *, ours: bool) -> list[tuple[str, str]]:
    """The action of each binding, with all its keys. kwb's bindings have an id; the others are Textual's cursor
    keys."""
    together: dict[str, list[ActiveBinding]] = {}
    for active in bindings:
        binding = active.binding
        if bool(binding.id) is ours and (binding.description or active.tooltip):
            together.setdefault(binding.id or binding.action, []).append(active)
    first = list(getattr(screen, "FIRST_KEYS", ()))
    names = sorted(together, key=lambda name: first.index(name) if name in first else len(first))
    return [
        (
            " ".join(dict.fromkeys(screen.app.get_key_display(active.binding) for active in together[name])),
            together[name][0].tooltip or together[name][0].binding.description,
        )
        for name in names
    ]


# ---------------------------------------------------------------------- lay-out


def _halves(parts: Sequence[Section], width: int) -> tuple[Sequence[Section], Sequence[Section]]:
    """The sections in two columns, in their order, so that the longer one is as short as can be."""
    lengths = [_laid_out([part], width).plain.count("\n") for part in parts]
    at = min(range(1, len(parts) + 1), key=lambda cut: max(sum(lengths[:cut]), sum(lengths[cut:])))
    return parts[:at], parts[at:]


def _laid_out(parts: Iterable[Section], width: int) -> Content:
    """Sections as lines of so many cells: the keys in a column of their own, the words beside them wrapped."""
    width = max(width, 8)
    lines: list[Content | str | tuple[str, str]] = []
    for part in parts:
        lines.append((f"{part.title}\n", "bold $primary"))
        lines += [(f"{line}\n", "dim") for line in wrap(part.about, width)]
        gutter = min(max(cell_len(key) for key, _ in part.keys), _LONGEST_KEY)
        for key, words in part.keys:
            lines.append((key, "bold $accent"))
            room = max(width - gutter - 2, 16)
            first, *more = wrap(words, room) or [""]
            if cell_len(key) > gutter:
                lines.append("\n" + " " * (gutter + 2) + f"{first}\n")
            else:
                lines.append(" " * (gutter + 2 - cell_len(key)) + f"{first}\n")
            lines += [" " * (gutter + 2) + f"{line}\n" for line in more]
        lines.append("\n")
    return Content.assemble(*lines)
