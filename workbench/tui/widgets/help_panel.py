"""F1: what the widget in focus is for, and every key that works now; made from docstrings and bindings."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable

from textual.app import ComposeResult
from textual.binding import ActiveBinding
from textual.containers import VerticalScroll
from textual.content import Content
from textual.dom import DOMNode
from textual.screen import Screen
from textual.widgets import Static


class HelpPanel(VerticalScroll):
    """The keys that work now, nearest first. Tab goes here to scroll; F1 closes it."""

    DEFAULT_CSS = """
    HelpPanel {
        dock: right;
        layer: help;
        width: 46;
        max-width: 100%;
        height: 1fr;
        background: $surface;
        border-left: vkey $border-blurred;
        padding: 0 1;
        &:focus { border-left: vkey $border; }
        Static { width: 100%; }
    }
    Screen.-narrow HelpPanel { width: 100%; }
    """

    def compose(self) -> ComposeResult:
        yield Static(markup=False)

    def on_mount(self) -> None:
        self.watch(self.screen, "focused", self._update)
        self.screen.bindings_updated_signal.subscribe(self, lambda _: self._update())
        self._update()

    def _update(self) -> None:
        if self.screen.focused is not self:
            self.query_one(Static).update(help_text(self.screen))


def help_text(screen: Screen[object]) -> Content:
    """Help for what has the focus and for all around it."""
    by_node: dict[DOMNode, list[tuple[str, ActiveBinding]]] = {}
    for key, active in screen.active_bindings.items():
        by_node.setdefault(active.node, []).append((key, active))
    focus = screen.focused or screen
    parts: list[Content | str] = []
    for node in focus.ancestors_with_self:
        about = about_node(node)
        keys = list(_key_lines(screen, by_node.get(node, [])))
        if not keys and (not about or node is not focus):
            continue
        parts.append(Content.styled(f"{_title(node)}\n", "bold $primary"))
        if about:
            parts.append(f"{about}\n")
        parts += keys
        parts.append("\n")
    return Content.assemble(*parts)


def about_node(node: DOMNode) -> str:
    """What a widget is for: its `HELP`, or the first paragraph of the docstring of a class of ours."""
    if node.HELP:
        return inspect.cleandoc(node.HELP)
    if not type(node).__module__.startswith("workbench."):
        return ""
    docstring = inspect.cleandoc(type(node).__doc__ or "")
    paragraph = docstring.partition("\n\n")[0].replace("\n", " ")
    return paragraph.replace("`", "")


def _title(node: DOMNode) -> str:
    if node.BINDING_GROUP_TITLE:
        return node.BINDING_GROUP_TITLE
    if node.parent is None:
        return "Everywhere"
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type(node).__name__).removeprefix("Kwb ")


def _key_lines(screen: Screen[object], bindings: Iterable[tuple[str, ActiveBinding]]) -> Iterable[Content]:
    """One binding with all its keys, what it does, and the id to remap it by."""
    seen: dict[str, list[str]] = {}
    first: dict[str, ActiveBinding] = {}
    for _, active in bindings:
        binding = active.binding
        if not binding.description and not active.tooltip:
            continue
        name = binding.id or binding.action
        display = screen.app.get_key_display(binding)
        if display not in seen.setdefault(name, []):
            seen[name].append(display)
        first.setdefault(name, active)
    for name, keys in seen.items():
        active = first[name]
        style = "" if active.enabled else "dim"
        yield Content.assemble(
            (" ".join(keys), "bold $accent"),
            "  ",
            (active.binding.description or active.tooltip, style),
            "\n",
        )
        about = active.tooltip if active.tooltip != active.binding.description else ""
        told = " · ".join(part for part in (about, active.binding.id or "") if part)
        if told:
            yield Content.styled(f"    {told}\n", "dim")
