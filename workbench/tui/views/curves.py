"""The curves of a training: for each chart its series, in bounded memory, with epochs as the common x.

A step is between two epochs: step 5 of 10 in epoch 3 is at x = 2.5, and the end of epoch 3 at x = 3. So batches,
epochs, validation and internals share one axis and one cursor.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from workbench import events
from workbench.tui.views.series import Series

LOSS, LEARNING_RATE = "loss", "learning rate"
BATCHES, TRAINING, VALIDATION = "batches", "training", "validation"
GUESS, LINEAR = "a guess", "linear model"
ORDER = (BATCHES, TRAINING, VALIDATION, GUESS, LINEAR)  # as they are drawn, the last on top

INTERNALS = {
    "losses": "terms of the loss",
    "metrics": "metrics of layers",
    "gradients": "gradient norm",
    "updates": "update / weight",
    "dead": "dead units",
}
"""The numbers of an `internals` event and how their charts are called."""

_JUMP = 0.2  # how much a change of the learning rate (in log) must differ from the change before to be marked
_MOST_SERIES = 512  # of one chart; a model of more layers shows the first of them


@dataclass(frozen=True)
class Mark:
    """Something that happened at x; the kinds are those of `Chart.mark`."""

    x: float
    kind: str
    text: str


@dataclass
class Panel:
    """One chart: its series by name, in the order they came. `of` makes the difference between panels of one name."""

    title: str
    series: dict[str, Series] = field(default_factory=dict)

    def append(self, name: str, x: float, y: float) -> None:
        series = self.series.get(name)
        if series is None:
            if len(self.series) >= _MOST_SERIES:
                return
            series = self.series[name] = Series(name)
        series.append(x, y)


class Curves:
    """Adds events to `panels` (loss and metrics), `internals` and `marks`. Reading copies nothing."""

    def __init__(self) -> None:
        self.panels: dict[str, Panel] = {}
        self.internals: dict[str, Panel] = {}
        self.marks: list[Mark] = []
        self._lines: dict[
            tuple[str, str], float
        ] = {}  # by panel and series: what is reached without the model
        self._scaled: tuple[str, ...] = ()  # targets
        self._rate = math.nan
        self._change = 0.0
        self._finite = True

    def take(self, event: events.Event) -> bool:
        """Add the values of an event. Returns True if there was anything to draw."""
        match event:
            case events.Step():
                x = event.epoch - 1 + event.step / max(event.steps, 1)
                for name, value in event.logs.items():
                    self._panel(name).append(BATCHES, x, value)
                self._watch_loss(x, event.logs)
            case events.Epoch():
                self._epoch(event)
            case events.Internals():
                self._internals(event)
            case events.Assembled():
                self._scaled = tuple(event.scaled_targets)
                return False
            case events.Checkpoint() | events.Saved():
                if isinstance(event, events.Checkpoint):
                    steps = f", step {event.step}" if event.step else ""
                    self._mark(Mark(self._x, "checkpoint", f"checkpoint of epoch {event.epoch}{steps}"))
                else:
                    self._mark(Mark(self._x, "checkpoint", f"saved {event.path}"))
            case events.Paused():
                self._mark(Mark(self._x, "paused", "paused"))
            case events.Finished() if event.baselines:
                self._baselines(event.baselines)
                self._draw_lines(self._x)
            case events.RunStarted():
                if event.resumed_from:
                    self._mark(Mark(self._x, "resumed", "resumed"))
                return False
            case _:
                return False
        return True

    @property
    def _x(self) -> float:
        """The position of the training."""
        loss = self.panels.get(LOSS)
        return (
            max((series.x[-1] for series in loss.series.values() if len(series)), default=0.0)
            if loss
            else 0.0
        )

    def _panel(self, name: str) -> Panel:
        panel = self.panels.get(name)
        if panel is None:
            title = events.loss_title(name, self._scaled)
            panel = self.panels[name] = Panel(title)
        return panel

    def _epoch(self, event: events.Epoch) -> None:
        x = float(event.epoch)
        for name, value in event.logs.items():
            if name == "learning_rate":  # some callbacks log what the event has anyway
                continue
            if name.startswith("val_"):
                self._panel(name[4:]).append(VALIDATION, x, value)
            else:
                self._panel(name).append(TRAINING, x, value)
        self._watch_loss(x, event.logs)
        self._watch_rate(x, event.learning_rate)
        self._baselines(event.baselines)
        self._draw_lines(x)

    def _baselines(self, baselines: Mapping[str, Any]) -> None:
        """Level lines for what is reached on the validation part without the model, from where the chart begins."""
        for name in baselines:
            panel = self.panels.get(name.removeprefix("val_")) if name.startswith("val_") else None
            if panel is None:
                continue
            for series, which in ((GUESS, "guess"), (LINEAR, "linear")):
                value = events.baseline_value(baselines, name, which)
                if value is None or not math.isfinite(value):
                    continue
                if series not in panel.series:
                    begins = [own.x[0] for own in panel.series.values() if len(own)]
                    panel.append(series, min(begins, default=0.0), value)
                self._lines[name.removeprefix("val_"), series] = value

    def _draw_lines(self, x: float) -> None:
        for (name, series), value in self._lines.items():
            self.panels[name].append(series, x, value)

    def _watch_rate(self, x: float, rate: float) -> None:
        """A mark where the learning rate jumps; a schedule that falls evenly has a mark at its beginning only."""
        self._panel(LEARNING_RATE).append("learning rate", x, rate)
        before, self._rate = self._rate, rate
        if not (rate > 0.0 and before > 0.0):
            return
        change = math.log(rate / before)
        if change and (abs(change - self._change) > _JUMP or not self._change):
            self._mark(Mark(x, "learning_rate", f"learning rate {before:.3g} → {rate:.3g}"))
        self._change = change

    def _watch_loss(self, x: float, logs: Mapping[str, float]) -> None:
        loss = logs.get(LOSS)
        if loss is None:
            return
        finite = math.isfinite(loss)
        if self._finite and not finite:
            self._mark(Mark(x, "nan", f"the loss is {loss}"))
        self._finite = finite

    @property
    def inside(self) -> dict[str, Panel]:
        """The panels of internals worth a chart: the main loss alone is the loss again."""
        only_main = set(self.internals["losses"].series) == {"main"} if "losses" in self.internals else False
        return {
            group: panel for group, panel in self.internals.items() if not (only_main and group == "losses")
        }

    def _internals(self, event: events.Internals) -> None:
        if event.nan:
            self._mark(Mark(self._x, "nan", f"first not finite: {first_bad(event.nan)}"))
        for group, title in INTERNALS.items():
            values: Mapping[str, float] = getattr(event, group)
            if values:
                panel = self.internals.setdefault(group, Panel(title))
                for name, value in values.items():
                    panel.append(name, float(event.epoch), value)

    def rename_layers(self, rename: Callable[[str], str]) -> None:
        """Go on with the charts of the inside of the model under other names of layers."""
        for panel in self.internals.values():
            for name in [*panel.series]:
                series = panel.series.pop(name)
                series.name = rename(name)
                panel.series[series.name] = series

    def _mark(self, mark: Mark) -> None:
        self.marks.append(mark)
        if len(self.marks) > 4096:
            del self.marks[:2048:2]

    @property
    def shown(self) -> dict[str, Panel]:
        """The panels worth a chart, the loss first: a learning rate that never changes is shown in the header."""
        names = sorted(self.panels, key=lambda name: (name != LOSS, name == LEARNING_RATE))
        constant = LEARNING_RATE in self.panels and _constant(self.panels[LEARNING_RATE].series.values())
        return {name: self.panels[name] for name in names if not (constant and name == LEARNING_RATE)}


def first_bad(nan: Mapping[str, Any]) -> str:
    """Where the first value that is not finite was found, in words."""
    what, layer, step = nan.get("what", "a value"), nan.get("layer", ""), nan.get("step", "")
    place = f" of {layer}" if layer else ""
    return f"{what}{place}" + (f" in step {step}" if step != "" else "")


def _constant(series: object) -> bool:
    return all(one.lowest >= one.highest for one in series)  # type: ignore[attr-defined]
