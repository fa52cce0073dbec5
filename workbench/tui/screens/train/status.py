"""The two lines with the state of a training; they stay, whatever panel is shown below them."""

from __future__ import annotations

import math

from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

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
    facts: list[tuple[str, str]] = []
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
    if memory:
        facts.append(("memory", formatting.amount(memory)))
    if view.parameters:
        facts.append(("", f"{view.parameters:,} parameters"))
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

    DEFAULT_CSS = "StatusLines { height: 2; background: $surface; }"

    view: reactive[TrainingView] = reactive(TrainingView())
    memory: reactive[int] = reactive(0)
    asked: reactive[float] = reactive(0.0)
    where: reactive[str] = reactive("")

    def render(self) -> Content:
        width = self.size.width
        return Content("\n").join(
            [first_line(self.view, width, self.where), second_line(self.view, width, self.memory, self.asked)]
        )


def resident(pid: int) -> int:
    """Bytes of memory that a process uses; 0 if it is gone."""
    import psutil

    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:
        return 0
