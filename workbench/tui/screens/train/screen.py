"""The train screen: joins a source of events, the record of their values, and the panes that show it.

The events of a training of this app come as messages; those of any other run are read from its folder. Either way
they go into the record at once, which is cheap, and the widgets are brought up to date at most `FRAMES` times a
second, and only those that can be seen: so a slow terminal never queues anything.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path
from time import monotonic
from typing import ClassVar

from textual import on, work
from textual.binding import Binding, BindingType
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import ContentSwitcher

from workbench.errors import WorkbenchError
from workbench.storage.run_folder import RunFolder
from workbench.tui.actions.reopen import resume_run
from workbench.tui.chart.histogram import HistogramChart
from workbench.tui.chart.widget import Chart
from workbench.tui.context import kwb
from workbench.tui.messages import (
    RecipeOpened,
    SharedMessage,
    TrainingChanged,
    TrainingEvents,
    TrainingStarted,
    WorkerChanged,
)
from workbench.tui.screens.base import WorkbenchScreen
from workbench.tui.screens.train import run_controls, status_panel, watching
from workbench.tui.screens.train.chart_grid import ChartGrid, PanelChart
from workbench.tui.screens.train.epoch_table import EpochTable
from workbench.tui.screens.train.output import LogTail, OutputPane
from workbench.tui.screens.train.run_controls import NEEDS, RunControls
from workbench.tui.screens.train.sources import RunSource
from workbench.tui.screens.train.status import StatusLines, resident
from workbench.tui.screens.train.status_panel import StatusPanel
from workbench.tui.screens.train.tab_line import TabLine
from workbench.tui.screens.train.weights import WeightsPane
from workbench.tui.terminal import gc_tuning
from workbench.tui.views import formatting, marks
from workbench.tui.views.record import TrainingRecord
from workbench.tui.views.training_view import Stage, TrainingView

FRAMES = 6  # a second: live to an eye; a frame of four charts costs this process some 10 ms

TABS = {
    "charts": ("c", "Charts"),
    "internals": ("i", "Internals"),
    "weights": ("w", "Weights"),
    "epochs": ("e", "Epochs"),
    "output": ("o", "Output"),
}


class TrainScreen(WorkbenchScreen):
    """A training: this app's latest one, or a run that is watched (`watch`)."""

    CSS_PATH = "screen.tcss"
    BINDING_GROUP_TITLE = "Train"
    HELP = "The training of this app that was started last, or a run that is watched."
    AUTO_FOCUS = ""  # the first chart takes the focus when it is there

    BINDINGS: ClassVar[list[BindingType]] = [
        *run_controls.BINDINGS,
        *(
            Binding(letter, f"show_tab('{tab}')", label, id=f"train.{tab}", show=False, tooltip=f"Show: {label}")
            for tab, (letter, label) in TABS.items()
        ),
        Binding("z", "enlarge", "Enlarge", id="train.enlarge",
                tooltip="Give the chart in focus the whole screen, or take it back"),
        Binding("a", "watch", "Watch", id="train.watch",
                tooltip="Add what this pane shows to the recipe (train.watch); the next training reports it"),
        Binding("less_than_sign", "turn(-1)", "Layers before", id="train.layers-before", show=False, key_display="<",
                tooltip="Show the eight curves before, where a chart has more"),
        Binding("greater_than_sign", "turn(1)", "More layers", id="train.layers-after", show=False, key_display=">",
                tooltip="Show the next eight curves, where a chart has more"),
        Binding("u", "resume_run", "Resume", id="train.resume",
                tooltip="Go on from the last checkpoint of a training that was cut off or stopped"),
        Binding("b", "back", "Back to mine", id="train.back", show=False,
                tooltip="Leave the watched run and show this app's own training"),
    ]  # fmt: skip

    FIRST_KEYS = ("train.pause", "train.stop", "train.save", "train.rate", "train.resume", "train.enlarge")

    def __init__(self) -> None:
        super().__init__()
        self.source = RunSource(self, on_change=self._changed, on_forget=self._forgotten)
        self.controls = RunControls(self, self.source)
        self._tail: LogTail | None = None
        self._frame_pending = False
        self._framed_at = 0.0
        self._sent = 0  # bytes to the terminal, before the frame
        self._pause = 0.0  # seconds after it, on a slow line
        self._each_second: Timer | None = None
        self._stage_shown: Stage | None = None

    @property
    def record(self) -> TrainingRecord:
        """What is known of the training that is shown."""
        return self.source.record

    def compose_body(self) -> Iterable[Widget]:
        yield StatusLines()
        yield StatusPanel()
        tab = kwb(self).state.get("train.tab", "charts")
        tab = tab if tab in TABS else "charts"
        yield TabLine(TABS, tab)
        with ContentSwitcher(initial=tab):
            yield ChartGrid(empty="the first batch is awaited", id="charts")
            yield ChartGrid(id="internals")
            yield WeightsPane(self.record.distributions, id="weights")
            yield EpochTable(self.record.epochs, id="epochs")
            yield OutputPane(id="output")

    def on_mount(self) -> None:
        self.query_one("#charts", ChartGrid).restore_choices(kwb(self).state)
        self._each_second = self.set_interval(1.0, self._tick, pause=True)
        self.source.choose()

    def on_screen_resume(self) -> None:
        self.source.hidden = False
        self.source.choose()

    def on_screen_suspend(self) -> None:
        self.source.hidden = True
        self.query_one("#charts", ChartGrid).keep_choices(kwb(self).state)

    def on_unmount(self) -> None:
        self.source.close()

    @on(TrainingStarted)
    @on(TrainingEvents)
    @on(TrainingChanged)
    @on(WorkerChanged)
    @on(RecipeOpened)
    def _heard(self, message: SharedMessage) -> None:
        self.source.handle(message)

    def _forgotten(self) -> None:
        self._tail = None
        self.query_one("#charts", ChartGrid).clear()
        self.query_one("#internals", ChartGrid).clear()
        self.query_one(WeightsPane).show(self.record.distributions)
        self.query_one(EpochTable).show(self.record.epochs)
        self.query_one(OutputPane).clear()

    # ------------------------------------------------------------------ bringing the widgets up to date

    def _changed(self) -> None:
        if self._frame_pending or not self.is_mounted:
            return
        self._frame_pending = True
        wait = self._framed_at + max(1 / FRAMES, self._pause) - monotonic()
        if wait > 0:
            self.set_timer(wait, self._frame)
        else:
            self.call_next(self._frame)

    def _frame(self) -> None:
        self._frame_pending = False
        if self not in self.app.screen_stack:  # not in view, also not behind a dialog
            return
        self._framed_at = monotonic()
        outflow = kwb(self).outflow
        self._sent, before = outflow.sent, self._sent
        self._pause = outflow.pause(self._sent - before)
        view = self.record.view
        status = self.query_one(StatusLines)
        status.view, status.asked = view, self.source.rate_asked or 0.0
        status.where = (
            "catching up" if self.source.catching_up else "" if self.source.run is None else "watched"
        )
        if self.source.catching_up:  # the end first: a curve of what was long ago helps nobody
            return
        self._show_stage(view)
        charts = self.query_one("#charts", ChartGrid)
        match self.query_one(ContentSwitcher).current:
            case "charts":
                charts.say_empty("no batch was trained" if view.stage.ended else "the first batch is awaited")
                charts.update(self.record.curves.shown, self.record.curves.marks)
                if self.focused is None and charts.charts:
                    self.call_after_refresh(self._focus_pane)
            case "internals":
                internals = self.query_one("#internals", ChartGrid)
                internals.say_empty(watching.why_empty(view))
                internals.update(self.record.curves.inside, self.record.curves.marks)
            case "weights":
                self.query_one(WeightsPane).set_watched(
                    bool({"histograms", "all"} & watching.watched_in(view.recipe))
                )
                self.query_one(WeightsPane).update()
            case "epochs":
                self.query_one(EpochTable).update()
            case "output":
                self.query_one(OutputPane).show_messages(view)
        errors = sum(note.level != "info" for note in view.messages)
        self.query_one(TabLine).set_badge("output", f"{marks.WARNING}{errors}" if errors else "")

    def _show_stage(self, view: TrainingView) -> None:
        app = kwb(self)
        mine = self.source.training is not None
        recipe = app.editor.name if app.editor else ""
        text = status_panel.described(view, recipe=recipe, mine=mine, folder=view.folder)
        self.query_one(StatusPanel).say(text, view.stage)
        for selector in (TabLine, ContentSwitcher):
            self.query_one(selector).display = view.stage is not Stage.NOTHING
        if view.stage is self._stage_shown:
            return
        self._stage_shown = view.stage
        if view.stage is Stage.RUNNING:
            gc_tuning.set_aside()  # from now on the charts are drawn many times a second
        self.refresh_bindings()
        if self._each_second is not None:
            if mine and view.stage.alive:
                self._each_second.resume()
            else:
                self._each_second.pause()
                self.call_later(self._tick)

    async def _tick(self) -> None:
        """Once a second while it runs: the memory of the child and of its children, and its output."""
        training = self.source.training
        output = self.query_one(OutputPane)
        if training is None:
            output.set_mine(False)
            return
        if training.worker is not None and training.state.live:
            memory = await asyncio.to_thread(resident, training.worker.pid)
            self.query_one(StatusLines).memory = memory
        if training.log is None:
            return
        if self._tail is None:
            self._tail = LogTail(training.log)
            output.set_mine(True)
        output.add_output(await asyncio.to_thread(self._tail.read_new))

    @on(Chart.CursorMoved)
    def _cursor_moved(self, message: Chart.CursorMoved) -> None:
        self._share_cursor(message.x, message.chart)

    @on(HistogramChart.EpochMoved)
    def _epoch_moved(self, message: HistogramChart.EpochMoved) -> None:
        self._share_cursor(message.epoch, None)

    @on(EpochTable.EpochChosen)
    def _epoch_chosen(self, message: EpochTable.EpochChosen) -> None:
        self._share_cursor(message.epoch, None)

    def _share_cursor(self, x: float | None, chart: Chart | None) -> None:
        for grid in self.query(ChartGrid):
            grid.share_cursor(x, chart)
        self.query_one(WeightsPane).share_cursor(x)
        self.query_one(EpochTable).cursor = x

    @on(Chart.ViewChanged)
    def _view_changed(self, message: Chart.ViewChanged) -> None:
        for grid in self.query(ChartGrid):
            grid.share_view(message.view, message.chart)

    # ------------------------------------------------------------------ actions

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Keys that mean nothing now are not offered."""
        if action in NEEDS:
            return self.controls.can_steer(action)
        if action == "save_model":
            return self.controls.can_save_model
        if action == "back":
            return self.source.training is None and self.is_mounted and kwb(self).training is not None
        if action == "resume_run":
            return self.record.view.resumable
        if action == "enlarge":
            return self.maximized is not None or isinstance(self.focused, Chart | HistogramChart)
        if action == "watch":
            return bool(self._unwatched)
        if action == "turn":
            return any(chart.pages > 1 for chart in self.query(PanelChart))
        return True

    def key_words(self, action: str) -> str | None:
        if action == "enlarge" and self.maximized is not None:
            return "Back"
        if action == "pause" and self.record.view.stage is Stage.PAUSED:
            return "Go on"
        return None

    def watch_maximized(self) -> None:
        self.refresh_bindings()

    def action_show_tab(self, tab: str) -> None:
        if self.maximized is not None:  # or the pane chosen would stay hidden behind the enlarged chart
            self.minimize()
        self.query_one(ContentSwitcher).current = tab
        self.query_one(TabLine).active = tab
        kwb(self).state.set("train.tab", tab)
        self._frame()
        self.call_after_refresh(self._focus_pane)
        if tab == "output":
            self.call_later(self._tick)

    @on(TabLine.Chosen)
    def _tab_chosen(self, message: TabLine.Chosen) -> None:
        self.action_show_tab(message.tab)

    def _focus_pane(self, attempts: int = 3) -> None:
        switcher = self.query_one(ContentSwitcher)
        if (pane := switcher.visible_content) is None or pane.has_focus_within:
            return
        if not pane.is_on_screen:  # it is not laid out yet
            if attempts:
                self.call_after_refresh(self._focus_pane, attempts - 1)
            return
        for widget in (pane, *pane.query("*")):
            if widget.focusable:
                widget.focus(scroll_visible=False)
                return

    def action_enlarge(self) -> None:
        if self.maximized is not None:
            self.minimize()
        elif isinstance(self.focused, Chart | HistogramChart):
            self.maximize(self.focused)

    @property
    def _unwatched(self) -> list[str]:
        """The values that the visible pane shows and the open recipe does not watch."""
        editor = kwb(self).editor
        pane = self.query_one(ContentSwitcher).current if self.is_mounted else None
        return watching.missing(editor.data, pane) if editor is not None and pane else []

    def action_watch(self) -> None:
        app, added = kwb(self), self._unwatched
        if app.editor is None or not added:
            return
        try:
            watching.add(app.editor, added)
        except WorkbenchError as error:
            app.notice(error)
            return
        what = formatting.listed(added)
        app.notice(f"{app.editor.name} now watches {what}, from the next training on (t).", "information")
        self.refresh_bindings()

    def action_turn(self, direction: int) -> None:
        for chart in self.query(PanelChart):
            if chart.pages > 1:
                chart.turn(direction)

    @work(group="steer")
    async def action_pause(self) -> None:
        await self.controls.pause()

    @work(group="steer")
    async def action_stop(self) -> None:
        await self.controls.stop()

    @work(group="steer")
    async def action_save(self) -> None:
        await self.controls.save()

    @work(group="new-code", exclusive=True)
    async def action_new_code(self) -> None:
        await self.controls.train_with_new_code()

    @work(group="steer")
    async def action_scale_rate(self, factor: float) -> None:
        await self.controls.scale_rate(factor)

    @work(group="rate", exclusive=True)
    async def action_rate(self) -> None:
        await self.controls.ask_rate()

    @work(group="save-model", exclusive=True)
    async def action_save_model(self) -> None:
        await self.controls.save_model()

    @work(group="resume", exclusive=True)
    async def action_resume_run(self) -> None:
        await resume_run(kwb(self), self.source.run or RunFolder(Path(self.record.view.folder)))

    def action_back(self) -> None:
        kwb(self).watched = None
        self.source.choose()

    def copy_text(self) -> str | None:
        """The text that `y` copies where the focus has no text: the state of the training."""
        view = self.record.view
        if view.stage is Stage.NOTHING:
            return None
        text = self.query_one(StatusPanel).text
        lines = [f"{view.name} {view.stage} {view.place}".strip(), formatting.logged(view.latest), text]
        return "\n".join(line for line in lines if line)
