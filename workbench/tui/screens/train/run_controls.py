"""Requests to a training from its screen: pause, go on, stop, save, change the learning rate."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from textual import work
from textual.binding import Binding, BindingType

from workbench.errors import WorkbenchError
from workbench.storage.run_folder import RunFolder
from workbench.tui.actions.keep_model import save_model
from workbench.tui.actions.stop import stop_run
from workbench.tui.context import kwb
from workbench.tui.screens.base import WorkbenchScreen
from workbench.tui.views.record import TrainingRecord
from workbench.tui.views.training_view import Stage, TrainingView
from workbench.tui.widgets.dialogs import PromptDialog

if TYPE_CHECKING:
    from workbench.tui.context import LiveTraining

BINDINGS: list[BindingType] = [
    Binding("space", "pause", "Pause", id="train.pause", key_display="space",
            tooltip="Hold the training after its batch, or let it go on"),
    Binding("x", "stop", "Stop", id="train.stop", tooltip="End after this batch; everything is saved"),
    Binding("k", "save", "Keep", id="train.save", tooltip="Write a checkpoint after this batch"),
    Binding("k", "save_model", "Save model", id="train.save-model",
            tooltip="Write the run's model to its recipe's files, though the run was not finished"),
    Binding("r", "rate", "Rate", id="train.rate", tooltip="Set the learning rate from the next batch on"),
    Binding("asterisk", "scale_rate(2.0)", "Rate ×2", id="train.rate-up", show=False, key_display="*",
            tooltip="Double the learning rate"),
    Binding("slash", "scale_rate(0.5)", "Rate ÷2", id="train.rate-down", show=False, key_display="/",
            tooltip="Halve the learning rate"),
]  # fmt: skip

NEEDS = {
    "pause": (Stage.MEASURING, Stage.RUNNING, Stage.PAUSED),
    "stop": (Stage.ASSEMBLING, Stage.MEASURING, Stage.RUNNING, Stage.PAUSED),
    "save": (Stage.RUNNING, Stage.PAUSED),
    "rate": (Stage.MEASURING, Stage.RUNNING, Stage.PAUSED),
    "scale_rate": (Stage.MEASURING, Stage.RUNNING, Stage.PAUSED),
}


class RunControlsScreen(WorkbenchScreen):
    """The part of the train screen that controls `self.training`, and stops `self.run`, which another process
    trains."""

    BINDINGS: ClassVar[list[BindingType]] = BINDINGS

    training: LiveTraining | None
    run: RunFolder | None
    record: TrainingRecord

    def __init__(self) -> None:
        super().__init__()
        self.rate_asked: float | None = None

    def can_steer(self, action: str) -> bool:
        """True if the training shown is far enough for an action. One that is not this app's can only be stopped."""
        if self.record.view.stage not in NEEDS[action]:
            return False
        if self.training is None:
            return action == "stop" and self.run is not None
        return self.training.state.live

    @property
    def learning_rate(self) -> float:
        """The rate asked for last, or the one reported last, or the recipe's; nan for unknown."""
        if self.rate_asked is not None:
            return self.rate_asked
        rate = self.record.view.learning_rate
        return rate if math.isfinite(rate) else recipe_rate(self.record.view)

    def action_pause(self) -> None:
        self.steer("resume" if self.record.view.stage is Stage.PAUSED else "pause")

    def action_stop(self) -> None:
        if self.training is None and self.run is not None:
            self._stop_watched(self.run)
        else:
            self.steer("stop")

    @work(group="stop", exclusive=True)
    async def _stop_watched(self, run: RunFolder) -> None:
        if await stop_run(kwb(self), run) and self.run is run:
            self.record.become(self.record.view.stopping())
            self.changed()

    @property
    def can_save_model(self) -> bool:
        """True if the run shown left files of the recipe as they were, or failed and has a checkpoint."""
        view = self.record.view
        if view.stage is Stage.FAILED:
            return bool(view.rescued)
        return view.stage is Stage.FINISHED and bool(view.left)

    @work(group="save-model", exclusive=True)
    async def action_save_model(self) -> None:
        view = self.record.view
        if (
            view.folder
            and await save_model(kwb(self), RunFolder(Path(view.folder)))
            and view is self.record.view
        ):
            self.record.become(replace(view, left=()))
            self.changed()

    def action_save(self) -> None:
        self.steer("save", message="a checkpoint is written after this batch.")

    def action_scale_rate(self, factor: float) -> None:
        if (rate := self.learning_rate) > 0.0 and self._may_set_rate():
            self.set_rate(float(f"{rate * factor:.6g}"))

    @work(group="rate", exclusive=True)
    async def action_rate(self) -> None:
        if not self._may_set_rate():
            return
        rate = self.learning_rate
        answer = await self.app.push_screen_wait(
            PromptDialog(
                "Learning rate", f"{rate:.6g}" if math.isfinite(rate) else "",
                text="From the next batch on.", placeholder="0.001", check=rate_error,
            )
        )  # fmt: skip
        if answer is not None:
            self.set_rate(float(answer))

    def set_rate(self, rate: float) -> None:
        """Ask for a learning rate."""
        self.rate_asked = rate
        self.changed()
        self.steer("set_learning_rate", value=rate)

    def _may_set_rate(self) -> bool:
        """A schedule sets the rate itself at every step."""
        optimizer = self.record.view.recipe.get("train", {}).get("optimizer", {})
        if isinstance(optimizer, Mapping) and isinstance(optimizer.get("learning_rate"), Mapping):
            schedule = optimizer["learning_rate"].get("use", "a schedule")
            kwb(self).notice(
                WorkbenchError(f"the learning rate follows {schedule}, which cannot be steered by hand."),
                "warning",
            )
            return False
        return True

    @work(group="steer")
    async def steer(self, command: str, message: str = "", **arguments: Any) -> None:
        """Send a command to the training."""
        training = self.training
        if training is None:
            return
        try:
            await training.control(command, **arguments)
        except WorkbenchError as error:
            self.rate_asked = None
            self.changed()
            kwb(self).notice(error, "warning")
            return
        if command == "stop":
            self.record.become(self.record.view.stopping())
            self.changed()
        elif message:
            kwb(self).notice(message, "information")

    def changed(self) -> None:
        """See to it that the record is shown."""
        raise NotImplementedError


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
