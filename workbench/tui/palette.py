"""The command palette: everything that can be done now, grouped by name (`Chart: Zoom in`, `Theme: kwb-safe`)."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

from textual.app import SystemCommand
from textual.screen import Screen

from workbench.catalog import Kind
from workbench.tui.widgets.header import MODE_NAMES

if TYPE_CHECKING:
    from workbench.tui.app import KwbApp


def commands(app: KwbApp, screen: Screen[Any]) -> Iterable[SystemCommand]:
    """The palette's commands on a screen: its bindings, modes, recipes, themes, the worker."""
    for mode, name in MODE_NAMES.items():
        yield SystemCommand(f"Go: {name}", f"Show {name}", partial(app.go, mode))
    yield from _from_bindings(app, screen)
    for entry in app.catalog.of_kind(Kind.RECIPE):
        yield SystemCommand(
            f"Recipe: Open {entry.name}", entry.summary, partial(app.open_recipe, entry.name), discover=False
        )
    yield SystemCommand("Recipe: New", "From data to a model that fits it", app.action_new_recipe)
    yield SystemCommand(
        "Worker: Restart", "End the process that holds Keras and start another", app.restart_worker
    )
    yield SystemCommand("Worker: Log", "The last lines that it printed", app.show_worker_log)
    yield SystemCommand("App: Plugins", "What is installed, broken ones with their error", app.show_plugins)
    yield SystemCommand("App: Screenshot", "Save this screen as an SVG file", app.save_picture)
    for theme in sorted(app.available_themes):
        yield SystemCommand(
            f"Theme: {theme}", "Colours of the app", partial(app.choose_theme, theme), discover=False
        )
    yield SystemCommand("App: Theme", "Choose the colours of the app", app.search_themes)


def _from_bindings(app: KwbApp, screen: Screen[Any]) -> Iterable[SystemCommand]:
    """What keys do now. The group is the first part of the binding's id."""
    told = set()
    for active in screen.active_bindings.values():
        binding = active.binding
        if not binding.id or not binding.description or not active.enabled or binding.action in told:
            continue
        told.add(binding.action)
        group = binding.id.partition(".")[0]
        if group == "app" and binding.action.startswith(("go(", "command_palette")):
            continue
        name = f"{group.replace('-', ' ').capitalize()}: {binding.description}"
        key = app.get_key_display(binding)
        yield SystemCommand(
            name, f"{active.tooltip} ({key})", partial(app.run_action, binding.action, active.node)
        )
