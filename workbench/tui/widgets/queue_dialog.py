"""The queue as a dialog: what is trained, what waits and in which order, what failed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Label, OptionList, Static
from textual.widgets.option_list import Option

from workbench.queue.store import QueueRow, QueueState
from workbench.tui.context import LiveTraining, kwb
from workbench.tui.views import marks
from workbench.tui.views.fitting import printable
from workbench.tui.widgets.dialogs import Choice, ConfirmDialog, Dialog

LOOK_EVERY = 1.0  # seconds, while the dialog is open: other processes use the queue too

_MARKS = {QueueState.WAITING: marks.OFF, QueueState.TRAINING: marks.RUNNING, QueueState.FAILED: marks.FAILED}
_STYLES = {QueueState.WAITING: "", QueueState.TRAINING: "$text-success", QueueState.FAILED: "$text-error"}


@dataclass(frozen=True)
class QueueChoice:
    """What was chosen in the dialog: a training of this app, or a row of the queue."""

    training: LiveTraining | None = None
    row: QueueRow | None = None

    @property
    def key(self) -> str:
        """Its own while the dialog is open."""
        return f"row-{self.row.training.number}" if self.row is not None else f"training-{id(self.training)}"


class QueueDialog(Dialog[QueueChoice | None]):
    """Shows the queue and changes it; the result is what is to be shown or opened."""

    DEFAULT_CSS = """
    QueueDialog {
        & > Vertical { width: 90; }
        OptionList { height: auto; max-height: 18; border: none; background: $surface; padding: 0; margin-top: 1; }
        OptionList > .option-list--option-highlighted { text-style: bold; }
        #queue-about { width: 100%; color: $text-muted; margin-top: 1; }
    }
    """
    BINDING_GROUP_TITLE = "Queue"
    HELP = "Trainings that wait for their turn; the uppermost one is the next."

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "leave", "Close", id="queue.close", tooltip="Close the queue; it goes on"),
        Binding("K,shift+up", "move(-1)", "Up", id="queue.up", key_display="K",
                tooltip="Let it be trained earlier"),
        Binding("J,shift+down", "move(1)", "Down", id="queue.down", key_display="J",
                tooltip="Let it be trained later"),
        Binding("n", "now", "Now", id="queue.now", tooltip="Begin it now, beside what is being trained"),
        Binding("x,delete", "remove", "Remove", id="queue.remove", key_display="x",
                tooltip="Take it out of the queue, after asking; a run that it has made stays"),
        Binding("a", "again", "Again", id="queue.again", tooltip="Let one that failed wait once more"),
        Binding("h", "hold", "Hold", id="queue.hold",
                tooltip="Let nothing begin by itself, or let the queue go on"),
        Binding("plus,equals_sign", "at_once(1)", "More at once", id="queue.more", key_display="+",
                tooltip="Let one more training run at the same time"),
        Binding("minus", "at_once(-1)", "Fewer at once", id="queue.fewer", key_display="-",
                tooltip="Let one training less run at the same time"),
    ]  # fmt: skip

    def __init__(self) -> None:
        super().__init__()
        self._choices: list[QueueChoice] = []
        self._shown: list[Content] = []

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Label("Queue", classes="dialog-title")
            yield OptionList(compact=True)
            yield Static(id="queue-about", markup=False)

    def on_mount(self) -> None:
        self.query_one(OptionList).focus()
        self._fill()
        self.set_interval(LOOK_EVERY, self._look)
        self.call_later(self._look)

    async def _look(self) -> None:
        await kwb(self).queue.look()
        self._fill()

    def _fill(self) -> None:
        app = kwb(self)
        chosen = self._chosen.key if self._chosen is not None else ""
        mine = [training for training in app.worker.live if training not in app.queue.claimed.values()]
        self._choices = [
            *(QueueChoice(training=training) for training in mine),
            *(QueueChoice(row=row) for row in app.queue.rows),
        ]
        self._say_about()
        shown = list(self._lines())
        if shown == self._shown:
            return
        self._shown = shown
        rows = self.query_one(OptionList)
        rows.set_options(Option(line) for line in shown)
        keys = [choice.key for choice in self._choices]
        rows.highlighted = keys.index(chosen) if chosen in keys else 0 if keys else None
        self.refresh_bindings()

    def _lines(self) -> Iterable[Content]:
        names = [_name(choice) for choice in self._choices]
        width = min(max((len(name) for name in names), default=0), 30)
        for name, choice in zip(names, self._choices, strict=True):
            state = choice.row.state if choice.row is not None else QueueState.TRAINING
            number = f"{choice.row.training.number:>3}" if choice.row is not None else "   "
            yield Content.assemble(
                (f"{_MARKS[state]} {state:<8}", _STYLES[state]),
                (f" {number} ", "dim"),
                f"{name[:width]:<{width}}  ",
                (self._about(choice), "dim"),
            )

    def _about(self, choice: QueueChoice) -> str:
        row = choice.row
        if row is None:
            return "by this app"
        if row.training.error:
            return printable(row.training.error)
        if row.by:
            mine = row.training.number in kwb(self).queue.claimed
            return "by this app" if mine else f"by {printable(row.by)}"
        words = [*row.training.order.overrides, *(["goes on with its run"] if row.training.run else [])]
        return printable(" ".join(words))

    def _say_about(self) -> None:
        queue = kwb(self).queue
        if not self._choices:
            text = (
                "Nothing waits. A training that is started (t) while another one runs waits here; "
                "`kwb queue add RECIPE` puts one here too."
            )
        elif queue.held:
            text = f"{marks.PAUSED} Held: nothing begins by itself. h lets it go on."
        else:
            text = f"{marks.RUNNING} What waits begins when there is room."
        at_once = f"{queue.at_once} training{'s' if queue.at_once > 1 else ''} at once (+ and - change it)"
        self.query_one("#queue-about", Static).update(f"{text}\n{at_once}.")

    # ------------------------------------------------------------------ what is done

    @property
    def _chosen(self) -> QueueChoice | None:
        at = self.query_one(OptionList).highlighted if self.is_mounted else None
        return self._choices[at] if at is not None and at < len(self._choices) else None

    @property
    def _row(self) -> QueueRow | None:
        return self._chosen.row if self._chosen is not None else None

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Keys that mean nothing now are not offered."""
        state = self._row.state if self._row is not None else None
        match action:
            case "move":
                return state is not None
            case "now":
                return state is QueueState.WAITING
            case "remove":
                return state in (QueueState.WAITING, QueueState.FAILED)
            case "again":
                return state is QueueState.FAILED
        return True

    def key_words(self, action: str) -> str | None:
        return "Go on" if action == "hold" and kwb(self).queue.held else None

    @on(OptionList.OptionHighlighted)
    def _highlighted(self) -> None:
        self.refresh_bindings()

    @on(OptionList.OptionSelected)
    def _selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.dismiss(self._choices[event.option_index])

    @work(group="queue-change")
    async def action_move(self, by: int) -> None:
        if (row := self._row) is None:
            return
        await kwb(self).queue.change(lambda queue: queue.move(row.training.number, by=by))
        self._fill()

    @work(group="queue-change")
    async def action_now(self) -> None:
        if (row := self._row) is not None:
            await kwb(self).queue.begin(row.training.number)
            self._fill()

    @work(group="queue-ask", exclusive=True)
    async def action_remove(self) -> None:
        if (row := self._row) is None:
            return
        answer = await kwb(self).push_screen_wait(
            ConfirmDialog(
                f"Take '{row.training.name}' out of the queue?",
                choices=[Choice("no", "Keep it", "k"), Choice("yes", "Remove", "r", "error")],
            )
        )
        if answer == "yes":
            await kwb(self).queue.change(lambda queue: queue.remove(row.training.number))
            self._fill()

    @work(group="queue-change")
    async def action_again(self) -> None:
        if (row := self._row) is not None:
            await kwb(self).queue.change(lambda queue: queue.again(row.training.number))
            self._fill()

    def action_hold(self) -> None:
        kwb(self).queue.hold(not kwb(self).queue.held)
        self._fill()
        self.refresh_bindings()

    def action_at_once(self, by: int) -> None:
        queue = kwb(self).queue
        queue.set_at_once(queue.at_once + by)
        self._fill()


def _name(choice: QueueChoice) -> str:
    if choice.row is not None:
        return printable(choice.row.training.name)
    return printable(choice.training.name) if choice.training is not None else ""
