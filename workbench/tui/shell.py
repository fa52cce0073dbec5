"""The parts of the app that do not belong to a screen: notices, help, copying, themes."""

from __future__ import annotations

from typing import Any
from weakref import WeakSet

from textual import events, work
from textual.binding import Binding, BindingType
from textual.driver import Driver
from textual.screen import Screen

from workbench.errors import WorkbenchError
from workbench.escaping import escape_line
from workbench.tui.context import Severity
from workbench.tui.state import AppState
from workbench.tui.terminal.crash_guard import Crash, SafeApp
from workbench.tui.terminal.slow_link import Outflow, paced
from workbench.tui.terminal.textual_private import ask_again_for_stale_sizes
from workbench.tui.views.marks import NOTICES

MOST_NOTICES = 500

SHELL_BINDINGS: list[BindingType] = [
    Binding("y", "copy", "Copy", id="app.copy", show=False, tooltip="Copy what has the focus"),
    Binding("f1,question_mark", "toggle_help", "Help", id="app.help", key_display="F1",
            tooltip="Show or hide the keys and what they do here"),
    Binding("pageup", "scroll_help(-1)", "Help up", id="app.help-up", show=False, priority=True,
            tooltip="The page of the help before"),
    Binding("pagedown", "scroll_help(1)", "Help down", id="app.help-down", show=False, priority=True,
            tooltip="The next page of the help"),
    Binding("escape", "close_help", "Close help", id="app.help-close", show=False, priority=True,
            tooltip="Hide the help"),
    Binding("f2", "show_notices", "Notices", id="app.notices", show=False,
            tooltip="Show all notices with their details"),
    Binding("ctrl+p", "command_palette", "Commands", id="app.palette", show=False, priority=True,
            tooltip="Search everything that can be done"),
    Binding("q", "quit", "Leave", id="app.leave",
            tooltip="Leave kwb; a running training can be left running"),
    Binding("ctrl+q", "quit", "Leave", id="app.leave-anywhere", show=False, priority=True,
            tooltip="Leave kwb, also from a text field"),
    Binding("ctrl+c", "help_quit", id="app.interrupt", show=False, system=True,
            tooltip="Copy the selected text"),
]  # fmt: skip


class Shell(SafeApp):
    """An app with notices, help and copying. `state` keeps what is chosen."""

    state: AppState

    def __init__(self, **arguments: Any) -> None:
        ask_again_for_stale_sizes()
        self.outflow = Outflow()
        super().__init__(**arguments)
        self.notices: list[tuple[Severity, WorkbenchError]] = []
        self._helped: WeakSet[Screen[Any]] = WeakSet()  # screens that show their help

    def get_driver_class(self) -> type[Driver]:
        return paced(super().get_driver_class())

    def notice(self, error: WorkbenchError | str, severity: Severity = "error") -> None:
        """Show a notice in a corner; F2 shows it whole, with its details."""
        if isinstance(error, str):
            error = WorkbenchError(error)
        self.notices.append((severity, error))
        del self.notices[:-MOST_NOTICES]
        # No title: over a dialog a notice has only its first line, which has to say what happened.
        where = f"{escape_line(error.where)}: " if error.where else ""
        text = "\n".join(part for part in (f"{NOTICES[severity]} {where}{error.what}", error.hint) if part)
        self.notify(text, severity=severity, timeout=8, markup=False)

    def remember(self, error: WorkbenchError) -> None:
        """Keep an error for F2 that the screen shows by itself; once, however often it is found again."""
        if all(str(known) != str(error) for _, known in self.notices[-20:]):
            self.notices.append(("error", error))

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """Without animations, a text field's cursor does not blink either."""
        if self.animation_level == "none" and hasattr(event.widget, "cursor_blink"):
            event.widget.cursor_blink = False

    def on_crash(self, crash: Crash) -> None:
        error = WorkbenchError(
            f"an error inside kwb: {crash.what}", hint="F2 shows the details; work goes on."
        )
        error.__notes__ = [crash.details]
        self.notice(error)

    def action_show_notices(self) -> None:
        """Show all notices."""
        from workbench.tui.widgets.notices import NoticesDialog

        if not isinstance(self.screen, NoticesDialog):
            self.clear_notifications()
            self.push_screen(NoticesDialog(self.notices))

    def action_toggle_help(self) -> None:
        """Show or hide the help for what has the focus."""
        from workbench.tui.widgets.help_panel import HelpPanel

        if self.screen.query(HelpPanel):
            self.action_close_help()
        else:
            self.screen.mount(HelpPanel())
            self._helped.add(self.screen)

    def action_close_help(self) -> None:
        """Hide the help."""
        from workbench.tui.widgets.help_panel import HelpPanel

        self.screen.query(HelpPanel).remove()
        self._helped.discard(self.screen)

    def action_scroll_help(self, direction: int) -> None:
        """Show the next page of the help, or the one before."""
        from workbench.tui.widgets.help_panel import HelpPanel

        for panel in self.screen.query(HelpPanel):
            panel.scroll_relative(y=direction * max(panel.size.height - 2, 1), animate=False)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """The keys of the help are those of others while it is not shown."""
        if action in ("close_help", "scroll_help"):
            return self.screen in self._helped
        return super().check_action(action, parameters)

    def action_copy(self) -> None:
        """Copy what has the focus to the terminal's clipboard (OSC 52, also over SSH), and in tmux to its buffer."""
        from workbench.tui.terminal.copying import in_tmux, text_to_copy, to_tmux

        text = text_to_copy(self.screen)
        if text:
            self.copy_to_clipboard(text)
            if in_tmux():
                self.run_worker(to_tmux(text), group="copy", exclusive=True)
            lines = text.count("\n") + 1
            self.notify(f"copied {lines} line{'s' if lines > 1 else ''}.", timeout=2, markup=False)
        else:
            self.notify("nothing here to copy.", severity="warning", timeout=2)

    def action_help_quit(self) -> None:
        """Ctrl+C ends many programs, but not this one."""
        self.notify("q leaves kwb, ctrl+q from anywhere.", timeout=3)

    @work(group="theme", exclusive=True)
    async def ask_theme(self) -> None:
        """Choose a theme from a list, and see each at once."""
        from workbench.tui.widgets.theme_dialog import ThemeDialog

        names = sorted(self.available_themes, key=lambda name: (not name.startswith("kwb"), name))
        if name := await self.push_screen_wait(ThemeDialog(names)):
            self.choose_theme(name)

    def choose_theme(self, name: str) -> None:
        """Use a theme, now and at the next start."""
        self.theme = name
        self.state.set("theme", name)
