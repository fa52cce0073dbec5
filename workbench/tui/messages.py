"""Messages that screens share.

The app posts them to every mode's screen that exists (each gets an object of its own), also to those not in view:
a screen handles what concerns it with `@on(...)`, or finds the state on the app when it is made or resumed
(`app.editor`, `app.training`, `app.catalog`, `app.worker.state`). None of them bubbles.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Self

from textual.message import Message

if TYPE_CHECKING:
    from collections.abc import Sequence, Set
    from pathlib import Path

    from workbench.tui.context import LiveTraining, TimedEvent, WorkerState


class SharedMessage(Message, bubble=False):
    """A message from the app to its screens. Plain classes: making dataclasses costs the first paint 5 ms."""

    def copy(self) -> Self:
        """The same news as an object of its own; Textual marks each object as it travels."""
        return copy.copy(self)


class CatalogChanged(SharedMessage):
    """`app.catalog` was filled, or read again; `renewed` if the plugins' code may have changed."""

    def __init__(self, *, renewed: bool = False) -> None:
        super().__init__()
        self.renewed = renewed


class FilesChanged(SharedMessage):
    """Files that the open recipe reads were changed on disk: its data, a model or weights that it loads."""

    def __init__(self, paths: Set[Path]) -> None:
        super().__init__()
        self.paths = paths


class RecipeOpened(SharedMessage):
    """`app.editor` is that of another recipe."""


class RecipeReplaced(SharedMessage):
    """The user chose the text of the open recipe's file: every field shows it, also the one being typed in."""


class RecipeChanged(SharedMessage):
    """The open recipe was edited, saved, or an edit was undone; `revision` counts up."""

    def __init__(self, revision: int) -> None:
        super().__init__()
        self.revision = revision


class CheckWanted(SharedMessage):
    """`app.check_target` is to be checked, again if it was checked before."""


class SearchWanted(SharedMessage):
    """A process is to be begun: `kwb ARGUMENTS` for the search of a name."""

    def __init__(self, name: str, arguments: Sequence[str]) -> None:
        super().__init__()
        self.name = name
        self.arguments = arguments


class WorkerChanged(SharedMessage):
    """The child that assembles is starting, ready, busy, dead, or off."""

    def __init__(self, state: WorkerState) -> None:
        super().__init__()
        self.state = state


class TrainingStarted(SharedMessage):
    """`app.training` is another one."""

    def __init__(self, training: LiveTraining) -> None:
        super().__init__()
        self.training = training


class TrainingEvents(SharedMessage):
    """Events of a training, in order, as `(event, moment)`; moment is seconds since the epoch.

    They come in batches, at most about 20 a second, because a small model ends a thousand epochs a second. Before
    this message is posted, they are in the run's folder as well.
    """

    def __init__(self, training: LiveTraining, batch: Sequence[TimedEvent]) -> None:
        super().__init__()
        self.training = training
        self.batch = batch


class TrainingChanged(SharedMessage):
    """`training.state` changed: starting, running, paused, stopping, finished, failed, detached."""

    def __init__(self, training: LiveTraining) -> None:
        super().__init__()
        self.training = training


class QueueChanged(SharedMessage):
    """`app.queue.rows` are others: something waits, is trained, or has left the queue."""
