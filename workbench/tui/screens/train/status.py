"""The lines with the state of a training; they stay, whatever panel is shown below them. Two, and a third one where
several processes train."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import suppress

from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from workbench import events
from workbench.tui.terminal.text import one_line
from workbench.tui.views import formatting, marks
from workbench.tui.views.training_view import Stage, TrainingView

_STYLES = {
    Stage.RUNNING: "bold $text-success",
    Stage.FINISHED: "bold $text-success",
    Stage.PAUSED: "bold $text-warning",
    Stage.STOPPING: "bold $text-warning",
    Stage.FAILED: "bold $text-error",
    Stage.LOST: "bold $text-error",
}
_BAR = 24  # cells of the bar at most

Part = tuple[str, str]
Fact = tuple[str, str]  # its name, which may be empty, and what it is


def first_line(view: TrainingView, width: int, where: str) -> Content:
    """Stage and name; at the right end the bar, the place and the time left."""
    style = _STYLES.get(view.stage, "bold")
    status = f" ({view.status})" if view.stage is Stage.FINISHED and view.status != "done" else ""
    glyph = view.stage.glyph
    if view.no_better:
        glyph, status, style = marks.WARNING, f", {marks.NOT_LEARNED}", "bold $text-warning"
    stage = Content.styled(f" {glyph} {view.stage}{status}", style)
    right = _progress(view, width)
    room = width - stage.cell_length - right.cell_length - 4  # a blank at either end and beside the name
    name = f"{view.name}  {where}" if where else view.name
    middle = one_line(name).truncate(max(room, 0), ellipsis=True)
    gap = width - stage.cell_length - middle.cell_length - right.cell_length - 3
    return Content.assemble(stage, "  ", middle, " " * max(gap, 0), right, " ")


def _progress(view: TrainingView, width: int) -> Content:
    if not view.epochs or view.stage in (Stage.NOTHING, Stage.WARMING):
        return Content()
    parts: list[Part] = []
    cells = min(_BAR, (width - 60) // 2)
    if cells >= 6:
        full = view.progress * cells
        bar = "━" * int(full) + ("╸" if full - int(full) >= 0.5 else "")
        parts += [(bar, "$primary"), ("─" * (cells - len(bar)), "dim"), (f" {view.progress:4.0%}  ", "")]
    parts.append((view.place, "bold"))
    if view.stage is Stage.FINISHED:
        parts.append((f"  in {formatting.duration(view.seconds)}", ""))
    elif view.stage in (Stage.RUNNING, Stage.STOPPING) and (left := view.seconds_left) is not None:
        parts.append((f"  {formatting.duration(left)} left", ""))
    return Content.assemble(*parts)


def second_line(view: TrainingView, width: int, memory: int, asked: float = 0.0) -> Content:
    """Facts, the most wanted first; what finds no room is left out. `asked`: a rate not yet used."""
    facts: list[Fact] = []
    if view.latest:
        facts += [(name, formatting.number(value)) for name, value in list(view.latest.items())[:1]]
        if "val_loss" in view.latest:
            facts.append(("val_loss", formatting.number(view.latest["val_loss"])))
    if view.steps_per_second and view.stage is not Stage.FAILED:
        facts.append(("", formatting.speed(view.steps_per_second)))
    if view.engine:
        facts.append(("engine", view.engine))
    if len(set(view.learning_rates.values())) > 1:
        facts += [(f"rate {name}", formatting.number(rate)) for name, rate in view.learning_rates.items()]
    elif math.isfinite(view.learning_rate) or asked:
        now = formatting.number(view.learning_rate) if math.isfinite(view.learning_rate) else ""
        facts.append(("rate", f"{now} → {formatting.number(asked)}".strip() if asked else now))
    if view.best is not None:
        epoch, value = view.best
        facts.append(("best", f"{formatting.number(value)} in epoch {epoch}"))
    if memory and view.processes is None:
        facts.append(("memory", formatting.amount(memory)))
    if view.parameters:
        facts.append(("", f"{view.parameters:,} parameters"))
    return _in_a_line(facts, width)


def third_line(processes: events.Processes, width: int) -> Content:
    """What several processes do together."""
    facts: list[Fact] = [
        ("", f"{processes.count} processes"),
        ("", formatting.speed(processes.rows_per_second, "rows")),
    ]
    if processes.straggler:
        facts.append((f"{marks.WARNING} all wait for", f"process {processes.straggler}"))
    facts.append(("adding up", f"{100 * processes.adding_up:.0f} %"))
    if memory := processes.memory_of_all:
        facts.append(("memory", formatting.amount(memory)))
    if processes.speed_up:
        facts.append(("speed", f"{processes.speed_up:.2g} times one"))
    return _in_a_line(facts, width)


def _in_a_line(facts: Sequence[Fact], width: int) -> Content:
    """Facts side by side; one that finds no room is left out."""
    parts: list[Part] = []
    used = 1
    for name, fact in facts:
        needed = len(name) + len(fact) + (3 if parts else 0) + (1 if name else 0)
        if used + needed > width:
            continue
        used += needed
        if parts:
            parts.append((" · ", "dim"))
        if name:
            parts.append((f"{name} ", "dim"))
        parts.append((fact, ""))
    return Content.assemble(" ", *parts)


class StatusLines(Widget):
    """Shows a view; set `view`, `memory` (bytes, 0 for unknown), `where` (words about the
    place), and `asked` (a learning rate that is about to be used, 0 for none)."""

    DEFAULT_CSS = "StatusLines { height: 2; background: $surface; &.-several { height: 3; } }"

    view: reactive[TrainingView] = reactive(TrainingView())
    memory: reactive[int] = reactive(0)
    asked: reactive[float] = reactive(0.0)
    where: reactive[str] = reactive("")

    def watch_view(self, view: TrainingView) -> None:
        self.set_class(view.processes is not None, "-several")

    def render(self) -> Content:
        width, view = self.size.width, self.view
        lines = [first_line(view, width, self.where), second_line(view, width, self.memory, self.asked)]
        if view.processes is not None:
            lines.append(third_line(view.processes, width))
        return Content("\n").join(lines)


def resident(pid: int) -> int:
    """Bytes of memory that a process and those that it has started use; 0 if it is gone."""
    import psutil

    try:
        process = psutil.Process(pid)
        every = [process, *process.children(recursive=True)]
    except psutil.Error:
        return 0
    used = 0
    for each in every:
        with suppress(psutil.Error):  # it has ended meanwhile
            used += int(each.memory_info().rss)
    return used
