"""Messages that screens share.

The app posts them to every mode's screen that exists (each gets an object of its own), also to those not in view:
a screen handles what concerns it with `@on(...)`, or finds the state on the app when it is made or resumed
(`app.editor`, `app.training`, `app.catalog`, `app.worker.state`). None of them bubbles.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Self

from textual.message import Message

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workbench.tui.services.training import TimedEvent, Training
    from workbench.tui.services.workers import WorkerState


@dataclass
class Shared(Message, bubble=False):
    """A message from the app to its screens."""

    def copy(self) -> Self:
        """The same news as an object of its own; Textual marks each object as it travels."""
        return type(self)(**{field.name: getattr(self, field.name) for field in fields(self)})


@dataclass
class CatalogChanged(Shared):
    """`app.catalog` is filled in, or was read again."""


@dataclass
class RecipeOpened(Shared):
    """`app.editor` is another recipe's."""


@dataclass
class RecipeChanged(Shared):
    """The open recipe was edited, saved, or an edit was undone; `revision` counts up."""

    revision: int


@dataclass
class WorkerChanged(Shared):
    """The child that assembles is starting, ready, busy, or dead."""

    state: WorkerState


@dataclass
class TrainingStarted(Shared):
    """`app.training` is another one; its history is empty or that of before a resume."""

    training: Training


@dataclass
class TrainingEvents(Shared):
    """Events of a training, in order, as `(event, moment)`; moment is seconds since the epoch.

    They come in batches, at most about 20 a second, because a small model ends a thousand epochs a second. Before
    this message is posted, they are in `training.history` as well.
    """

    training: Training
    batch: Sequence[TimedEvent]


@dataclass
class TrainingChanged(Shared):
    """`training.state` changed: starting, running, paused, stopping, finished, failed, detached."""

    training: Training
