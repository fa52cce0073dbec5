"""What is relied on of Textual's private parts, and that no other module relies on any.

What the parts do is tested where they are used: `test_crash_guard`, `test_escape_key`, `test_slow_link`,
`test_terminal_text`, and here.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import sys
from collections.abc import Iterator
from pathlib import Path

import textual
from textual.app import App, ComposeResult
from textual.message_pump import MessagePump
from textual.screen import Screen
from textual.widgets import DataTable

import workbench.tui
from tests.tui.conftest import settle, until
from workbench.tui.terminal import textual_private
from workbench.tui.terminal.textual_private import ask_again_for_stale_sizes


class Rows(App[None]):
    CSS = "DataTable { height: auto; }"

    def compose(self) -> ComposeResult:
        yield DataTable()


async def test_a_layout_between_a_request_and_the_rows_does_not_hide_them() -> None:
    ask_again_for_stale_sizes()
    app = Rows()
    async with app.run_test() as pilot:
        await pilot.pause()
        table = app.query_one(DataTable)
        table.refresh(layout=True)
        app.screen._clear_arrangement_cache()  # as another widget does that asks for a layout,
        app.screen._refresh_layout()  # which comes, on a busy machine, before the table is idle
        table.add_column("run")
        table.add_row("first")
        table.add_row("second")
        await until(lambda: table.size.height == 3, what="a line for the header and for each row")


PRIVATE = Path(textual_private.__file__)


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def private_names(cls: type) -> set[str]:
    """What the classes of Textual below a class keep private: their methods, and what they store."""
    found: set[str] = set()
    for base in cls.__mro__:
        if base.__module__.startswith("textual."):
            found |= {name for name in vars(base) if is_private(name)}
            for node in ast.walk(ast.parse(inspect.getsource(sys.modules[base.__module__]))):
                if isinstance(node, ast.ClassDef) and node.name == base.__name__:
                    found |= {name for name, _ in used(node) if is_private(name)}
    return found


def used(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """Attributes and methods by name, with the object they are of: `self`, `super()`, `app` ..."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            yield node.attr, ast.unparse(node.value)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, "self"


def test_no_other_module_uses_what_is_private() -> None:
    found = []
    all_names = private_names(App) | private_names(Screen) | private_names(DataTable)
    for info in pkgutil.walk_packages(workbench.tui.__path__, "workbench.tui."):
        module = importlib.import_module(info.name)
        assert module.__file__ is not None
        path = Path(module.__file__)
        if path == PRIVATE:
            continue
        tree = ast.parse(path.read_text())
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("textual"):
                names = [*(node.module or "").split("."), *(alias.name for alias in node.names)]
                found += [f"{info.name}: {name}" for name in names if is_private(name)]
        for name, owner in used(tree):
            if name in all_names and owner not in ("self", "super()", "cls", "os"):
                found.append(f"{info.name}: {owner}.{name}")
        for cls in (node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)):
            made = getattr(module, cls.name, None)
            if isinstance(made, type) and issubclass(made, MessagePump):
                names = private_names(made)
                found += [f"{info.name}: {cls.name}.{name}" for name, owner in used(cls)
                          if name in names and owner in ("self", "super()", "cls")]  # fmt: skip
    assert sorted(set(found)) == []


async def test_what_is_read_is_there(open_app) -> None:
    async with open_app(mode="runs") as pilot:
        app = pilot.app
        assert [type(screen).__name__ for screen in textual_private.screens_of(app, "runs")] == ["RunsScreen"]
        assert textual_private.screens_of(app, "nothing") == []
        assert app.screen in [*textual_private.all_screens(app)]
        assert app.screen._compositor._dirty_regions is not None
        assert not textual_private.is_left(app)
        before = app.screen.active_bindings
        textual_private.bind(app.screen, "f12", "bell", "Ring")
        assert "f12" not in before
        assert app.screen.active_bindings["f12"].binding.action == "bell"
        assert all("f12" not in screen._bindings.key_to_bindings for screen in app.screen_stack[:-1])
        await settle(pilot)
        app.exit()
        assert textual_private.is_left(app)


def test_textual_is_of_a_version_that_this_was_written_for() -> None:
    assert textual.__version__.startswith("8.2."), "look through textual_private.py, then allow the version"
