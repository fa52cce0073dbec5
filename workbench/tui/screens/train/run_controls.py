"""Requests to a training from its screen: pause, go on, stop, save, change the learning rate."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textual.binding import Binding, BindingType

from workbench.errors import WorkbenchError
from workbench.storage.run_folder import RunFolder
from workbench.tui.actions.keep_model import save_model
from workbench.tui.actions.new_code import train_with_new_code
from workbench.tui.actions.stop import stop_run
from workbench.tui.context import AppContext, kwb
from workbench.tui.screens.train.sources import RunSource
from workbench.tui.views.training_view import Stage, TrainingView
from workbench.tui.widgets.dialogs import PromptDialog

if TYPE_CHECKING:
    from textual.message_pump import MessagePump

BINDINGS: list[BindingType] = [
    Binding("space", "pause", "Pause", id="train.pause", key_display="space",
            tooltip="Hold the training after its batch, or let it go on"),
    Binding("x", "stop", "Stop", id="train.stop", tooltip="End after this batch; everything is saved"),
    Binding("k", "save", "Keep", id="train.save", tooltip="Write a checkpoint after this batch"),
    Binding("k", "save_model", "Save model", id="train.save-model",
            tooltip="Write the run's model to its recipe's files, though the run was not finished"),
    Binding("r", "rate", "Rate", id="train.rate", tooltip="Set the learning rate from the next batch on"),
    Binding("N", "new_code", "New code", id="train.new-code", show=False,
            tooltip="Stop, and go on from here or begin again with the code of the plugins as it is now"),
    Binding("asterisk", "scale_rate(2.0)", "Rate ×2", id="train.rate-up", show=False, key_display="*",
            tooltip="Double the learning rate"),
    Binding("slash", "scale_rate(0.5)", "Rate ÷2", id="train.rate-down", show=False, key_display="/",
            tooltip="Halve the learning rate"),
]  # fmt: skip

NEEDS = {
    "pause": (Stage.MEASURING, Stage.RUNNING, Stage.PAUSED),
    "stop": (Stage.ASSEMBLING, Stage.MEASURING, Stage.RUNNING, Stage.PAUSED),
    "save": (Stage.RUNNING, Stage.PAUSED),
    "new_code": (Stage.MEASURING, Stage.RUNNING, Stage.PAUSED),
    "rate": (Stage.MEASURING, Stage.RUNNING, Stage.PAUSED),
    "scale_rate": (Stage.MEASURING, Stage.RUNNING, Stage.PAUSED),
}


class RunControls:
    """Controls the training of a source, and stops a run that another process trains.

    What takes a while is a coroutine, for a worker of the screen.

    Args:
        node: a screen or widget of the app, to reach the app.
        source: whose training, run and record it is.
    """

    def __init__(self, node: MessagePump, source: RunSource) -> None:
        self._node = node
        self._source = source

    @property
    def _app(self) -> AppContext:
        return kwb(self._node)

    def can_steer(self, action: str) -> bool:
        """True if the training shown is far enough for an action. One that is not this app's can only be stopped."""
        if self._source.record.view.stage not in NEEDS[action]:
            return False
        if self._source.training is None:
            return action == "stop" and self._source.run is not None
        return self._source.training.state.live

    @property
    def learning_rate(self) -> float:
        """The rate asked for last, or the one reported last, or the recipe's; nan for unknown."""
        if self._source.rate_asked is not None:
            return self._source.rate_asked
        rate = self._source.record.view.learning_rate
        return rate if math.isfinite(rate) else recipe_rate(self._source.record.view)

    async def pause(self) -> None:
        """Hold the training, or let it go on."""
        await self.steer("resume" if self._source.record.view.stage is Stage.PAUSED else "pause")

    async def stop(self) -> None:
        """End the training after its batch; the user is asked first where another process trains it."""
        run = self._source.run
        if self._source.training is not None or run is None:
            await self.steer("stop")
        elif await stop_run(self._app, run) and self._source.run is run:
            self._stopping()

    @property
    def can_save_model(self) -> bool:
        """True if the run shown left files of the recipe as they were, or failed and has a checkpoint."""
        view = self._source.record.view
        if view.stage is Stage.FAILED:
            return bool(view.rescued)
        return view.stage is Stage.FINISHED and bool(view.left)

    async def save_model(self) -> None:
        """Write the model of the run shown to its recipe's files."""
        view = self._source.record.view
        if (
            view.folder
            and await save_model(self._app, RunFolder(Path(view.folder)))
            and view is self._source.record.view
        ):
            self._source.record.become(replace(view, left=()))
            self._source.changed()

    async def save(self) -> None:
        """Have a checkpoint written."""
        await self.steer("save", message="a checkpoint is written after this batch.")

    async def train_with_new_code(self) -> None:
        """Stop the training; go on with it, or begin again, with the plugins' code as it is now. The user is asked."""
        if (training := self._source.training) is not None:
            await train_with_new_code(self._app, training, self.stop)

    async def scale_rate(self, factor: float) -> None:
        """Multiply the learning rate."""
        if (rate := self.learning_rate) > 0.0 and self._may_set_rate():
            await self._set_rate(float(f"{rate * factor:.6g}"))

    async def ask_rate(self) -> None:
        """Ask the user for a learning rate."""
        if not self._may_set_rate():
            return
        rate = self.learning_rate
        answer = await self._app.push_screen_wait(
            PromptDialog(
                "Learning rate", f"{rate:.6g}" if math.isfinite(rate) else "",
                text="From the next batch on.", placeholder="0.001", check=rate_error,
            )
        )  # fmt: skip
        if answer is not None:
            await self._set_rate(float(answer))

    async def _set_rate(self, rate: float) -> None:
        self._source.rate_asked = rate
        self._source.changed()
        await self.steer("set_learning_rate", value=rate)

    def _may_set_rate(self) -> bool:
        """A schedule sets the rate itself at every step; of several optimizers none is meant."""
        if several := self._source.record.view.learning_rates:
            names = ", ".join(several)
            what = (
                f"the model has several optimizers ({names}), whose learning rates cannot be steered by hand."
            )
            self._app.notice(WorkbenchError(what), "warning")
            return False
        optimizer = self._source.record.view.recipe.get("train", {}).get("optimizer", {})
        if isinstance(optimizer, Mapping) and isinstance(optimizer.get("learning_rate"), Mapping):
            schedule = optimizer["learning_rate"].get("use", "a schedule")
            self._app.notice(
                WorkbenchError(f"the learning rate follows {schedule}, which cannot be steered by hand."),
                "warning",
            )
            return False
        return True

    async def steer(self, command: str, message: str = "", **arguments: Any) -> None:
        """Send a command to the training."""
        training = self._source.training
        if training is None:
            return
        try:
            await training.control(command, **arguments)
        except WorkbenchError as error:
            self._source.rate_asked = None
            self._source.changed()
            self._app.notice(error, "warning")
            return
        if command == "stop":
            self._stopping()
        elif message:
            self._app.notice(message, "information")

    def _stopping(self) -> None:
        self._source.record.become(self._source.record.view.stopping())
        self._source.changed()


def recipe_rate(view: TrainingView) -> float:
    """The learning rate that the recipe asks for; nan where it does not say a number."""
    optimizer = view.recipe.get("train", {}).get("optimizer", {})
    rate = optimizer.get("learning_rate") if isinstance(optimizer, Mapping) else None
    return float(rate) if isinstance(rate, int | float) else math.nan


def rate_error(text: str) -> str:
    """The error of a learning rate as typed; empty for none."""
    try:
        rate = float(text)
    except ValueError:
        return "a number, as in 0.001 or 1e-3"
    return "" if 0.0 <= rate < 1e3 else "from 0 to 1000"
