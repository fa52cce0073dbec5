"""A training that waits: what is needed to begin it, as it is kept on disk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from workbench.errors import FileError


@dataclass(frozen=True)
class TrainingOrder:
    """What is to be trained.

    Attributes:
        name: of the recipe.
        text: of the recipe, as it is when the training is put into the queue: what is edited later does not count.
        folder: what relative paths of the recipe start from.
        overrides: `--set` assignments.
        run: the folder of the run to go on with; "" for a new one.
    """

    name: str
    text: str
    folder: Path
    overrides: tuple[str, ...] = ()
    run: str = ""

    @property
    def arguments(self) -> dict[str, Any]:
        """The arguments of the worker's `train` command, but for the folder of runs."""
        found: dict[str, Any] = {"text": self.text, "name": self.name, "folder": str(self.folder)}
        found |= {"overrides": list(self.overrides)} if self.overrides else {}
        return found | ({"resume": self.run} if self.run else {})


@dataclass(frozen=True)
class QueuedTraining:
    """A training of the queue.

    Attributes:
        number: its own as long as it is in the queue, wherever it is moved.
        order: what is to be trained. Its run is known once the training has begun.
        added: when it was put into the queue, in seconds since the epoch.
        error: why it failed; such a training is not begun again by itself.
    """

    number: int
    order: TrainingOrder
    added: float = 0.0
    error: str = ""

    @property
    def name(self) -> str:
        return self.order.name

    @property
    def run(self) -> str:
        return self.order.run

    def with_run(self, run: str) -> QueuedTraining:
        """The same training with another run, or from the beginning."""
        return replace(self, order=replace(self.order, run=run))

    def as_record(self) -> dict[str, Any]:
        """As JSON."""
        order = {
            **asdict(self.order),
            "folder": str(self.order.folder),
            "overrides": list(self.order.overrides),
        }
        return {"number": self.number, **order, "added": self.added, "error": self.error}


def from_record(record: Mapping[str, Any], where: str) -> QueuedTraining:
    """A training from JSON.

    Raises:
        FileError: the record is not one of a training.
    """
    texts = {key: record.get(key, "") for key in ("name", "text", "folder", "run", "error")}
    number, overrides, added = record.get("number"), record.get("overrides", []), record.get("added", 0.0)
    sound = (
        isinstance(number, int)
        and number > 0
        and all(isinstance(text, str) for text in texts.values())
        and isinstance(overrides, list)
        and all(isinstance(each, str) for each in overrides)
        and isinstance(added, int | float)
    )
    if not sound or not isinstance(number, int):
        raise FileError(
            f"a training of the queue cannot be read: {str(record)[:60]}",
            where=where,
            hint="Correct the file, or delete it: the queue is empty then.",
        )
    order = TrainingOrder(texts["name"], texts["text"], Path(texts["folder"]), tuple(overrides), texts["run"])
    return QueuedTraining(number, order, float(added), texts["error"])
