"""The command palette: all actions that are possible now, grouped by name (`Chart: Zoom in`, `Theme: kwb-safe`)."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

from textual.app import SystemCommand
from textual.screen import Screen

from workbench.catalog import Kind
from workbench.tui.actions.begin_check import begin_check
from workbench.tui.context import CheckTarget, kwb
from workbench.tui.views import marks
from workbench.tui.widgets.header import MODE_NAMES

if TYPE_CHECKING:
    from workbench.tui.shell import Shell


def commands(app: Shell, screen: Screen[Any]) -> Iterable[SystemCommand]:
    """The palette's commands on a screen: its bindings, modes, recipes, themes, the worker."""
    for mode, name in MODE_NAMES.items():
        yield SystemCommand(f"Go: {name}", f"Show {name}", partial(kwb(app).go, mode))
    yield from _from_bindings(app, screen)
    for entry in kwb(app).catalog.of_kind(Kind.RECIPE):
        yield SystemCommand(
            f"Recipe: Open {entry.name}",
            entry.summary,
            partial(kwb(app).open_recipe, entry.name),
            discover=False,
        )
    yield SystemCommand("Recipe: New", "From data to a model that fits it", kwb(app).action_new_recipe)
    yield from _checks(app)
    yield SystemCommand(
        "Plugin: New project",
        "Write a project that pip installs, with the layers of your files",
        partial(new_plugin, app),
    )
    yield SystemCommand(
        "Worker: Restart", "End the process that holds Keras and start another", kwb(app).restart_worker
    )
    yield SystemCommand("Worker: Log", "The last lines that it printed", partial(show_worker_log, app))
    yield SystemCommand(
        "App: Devices", "Processor, memory and GPUs, and what TensorFlow uses", partial(show_devices, app)
    )
    yield SystemCommand(
        "App: Plugins", "What is installed, broken ones with their error", partial(show_plugins, app)
    )
    yield SystemCommand("App: Screenshot", "Save this screen as an SVG file", partial(save_picture, app))
    yield SystemCommand(
        "Theme: Choose", "Choose the colours of the app; each is shown as you look at it", app.ask_theme
    )
    for theme in sorted(app.available_themes):
        yield SystemCommand(
            f"Theme: {theme}", "Colours of the app", partial(app.choose_theme, theme), discover=False
        )


def _checks(app: Shell) -> Iterable[SystemCommand]:
    """What can be checked: the open recipe's layers, and all that a plugin offers."""
    context = kwb(app)
    if context.editor is not None:
        yield SystemCommand(
            "Check: The open recipe",
            "Check its layers and models as it makes and feeds them",
            partial(begin_check, context, CheckTarget("recipe")),
            discover=False,
        )
    for plugin in context.catalog.plugins:
        if plugin.entries:
            yield SystemCommand(
                f"Check: {plugin.name}",
                "Check all that this plugin offers",
                partial(begin_check, context, CheckTarget("plugin", plugin.name)),
                discover=False,
            )


def _from_bindings(app: Shell, screen: Screen[Any]) -> Iterable[SystemCommand]:
    """The actions of keys now. The group is the first part of the binding's id."""
    listed = set()
    for active in screen.active_bindings.values():
        binding = active.binding
        if not binding.id or not binding.description or not active.enabled or binding.action in listed:
            continue
        listed.add(binding.action)
        group = binding.id.partition(".")[0]
        if group == "app" and binding.action.startswith(("go(", "command_palette")):
            continue
        name = f"{group.replace('-', ' ').capitalize()}: {binding.description}"
        key = app.get_key_display(binding)
        yield SystemCommand(
            name, f"{active.tooltip} ({key})", partial(app.run_action, binding.action, active.node)
        )


def show_worker_log(app: Shell) -> None:
    """Show what the child printed last."""
    from workbench.tui.widgets.dialogs import DetailsDialog

    app.push_screen(
        DetailsDialog("The worker's log", kwb(app).worker.log_tail() or "It has printed nothing.")
    )


def show_devices(app: Shell) -> None:
    """Show the devices of this machine, and what TensorFlow uses of them."""
    from workbench.tui.widgets.devices_dialog import DevicesDialog

    app.push_screen(DevicesDialog())


def new_plugin(app: Shell) -> None:
    """Ask for a plugin project, and write it."""
    from workbench.tui.actions.new_plugin import ask_new_plugin

    app.run_worker(ask_new_plugin(kwb(app)), group="new-plugin", exclusive=True)


def show_plugins(app: Shell) -> None:
    """Show every plugin, broken ones with their error."""
    from workbench.tui.widgets.dialogs import DetailsDialog

    lines = []
    for plugin in kwb(app).catalog.plugins:
        mark = marks.DONE if plugin.state == "loaded" else marks.FAILED
        text = plugin.error or f"{len(plugin.entries)} entries"
        lines.append(f"{mark} {plugin.name}  {plugin.distribution} {plugin.version}  {plugin.state}: {text}")
        lines += [f"    {line}" for line in (plugin.origin.lines if plugin.origin is not None else ())]
        lines += [f"    {marks.WARNING} {plugin.warning}"] if plugin.warning else []
    app.push_screen(DetailsDialog("Plugins", "\n".join(lines) or "There are none."))


def save_picture(app: Shell) -> None:
    """Save the screen as an SVG file in the current folder, once the palette is gone from it."""

    def save() -> None:
        app.notice(f"saved {app.save_screenshot(path=str(kwb(app).working_directory))}.", "information")

    app.call_after_refresh(save)
