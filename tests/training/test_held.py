"""A training that is held at the ends of epochs, where a search compares trials: it goes on or stops, exactly."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from workbench import events
from workbench.catalog.lookup import Catalog
from workbench.recipe.document import parse, to_yaml
from workbench.storage.run_folder import RunFolder
from workbench.training import checkpoints
from workbench.training.session import Session

RECIPE: dict[str, Any] = {
    "kwb": 1,
    "name": "held",
    "seed": 1,
    "data": {"use": "diabetes", "scale": "standard", "split": {"validation": 0.2}},
    "model": {
        "sequential": [
            {"use": "Dense", "units": 4},
            {"use": "Dropout", "rate": 0.3},
            {"use": "Dense", "units": 1},
        ]
    },
    "train": {
        "epochs": 7,
        "loss": "mae",
        "optimizer": {"use": "Adam", "learning_rate": 0.1},
        "callbacks": [{"use": "ReduceLROnPlateau", "monitor": "val_loss", "patience": 1, "min_delta": 1.0}],
        "checkpoint_seconds": 3600,
    },
}


class Training:
    """One process' part of a training, held at the end of some epochs; it stops at that of `stop`.

    Args:
        answers_to: the event at which it is told to stop or to go on: an epoch's comes before the pause.
    """

    def __init__(
        self,
        catalog: Catalog,
        folder: Path,
        engine: str,
        *,
        stop: int = 0,
        resume: RunFolder | None = None,
        answers_to: type[events.Event] = events.Paused,
    ) -> None:
        content = {**RECIPE, "train": {**RECIPE["train"], "engine": engine}}
        self.heard: list[events.Event] = []
        self._stop = stop
        self._answers_to = answers_to
        self._epoch = 0
        document = parse(to_yaml(content))
        self.session = Session(document, catalog, self.take, runs_folder=folder, resume=resume)
        self.session.control.hold_after([2, 4, 7])
        self.status = self.session.run().status
        started = next(event for event in self.heard if isinstance(event, events.RunStarted))
        self.run = RunFolder(Path(started.folder))

    def take(self, event: events.Event, line: str) -> None:
        self.heard.append(event)
        if isinstance(event, events.Epoch):
            self._epoch = event.epoch
        if isinstance(event, self._answers_to):
            if self._epoch == self._stop:
                self.session.control.stop()
            else:
                self.session.control.resume()

    @property
    def epochs(self) -> dict[int, dict[str, float]]:
        return {event.epoch: dict(event.logs) for event in self.heard if isinstance(event, events.Epoch)}

    @property
    def held(self) -> int:
        return sum(isinstance(event, events.Paused) for event in self.heard)

    def variables(self) -> dict[str, np.ndarray]:
        found = checkpoints.newest(self.run.checkpoints)
        assert found is not None
        return found[2]


@pytest.mark.parametrize("answers_to", [events.Paused, events.Epoch])
@pytest.mark.parametrize("engine", ["plain", "steps", "chunk"])
def test_stopped_at_the_end_of_an_epoch_and_gone_on(
    catalog: Catalog, tmp_path: Path, engine: str, answers_to: type[events.Event]
) -> None:
    whole = Training(catalog, tmp_path / "whole", engine)
    assert whole.held == 3
    assert sorted(whole.epochs) == [1, 2, 3, 4, 5, 6, 7]
    first = Training(catalog, tmp_path / "parts", engine, stop=4, answers_to=answers_to)
    assert (first.status, sorted(first.epochs)) == ("stopped", [1, 2, 3, 4])
    assert first.held == (2 if answers_to is events.Paused else 0)
    second = Training(catalog, tmp_path / "parts", engine, resume=first.run)
    assert (second.status, sorted(second.epochs)) == ("done", [5, 6, 7])
    assert first.epochs | second.epochs == whole.epochs
    mine, its = second.variables(), whole.variables()
    assert mine.keys() == its.keys()
    assert all(np.array_equal(mine[name], its[name]) for name in its)


def test_a_training_that_a_callback_has_ended_is_not_held(catalog: Catalog, tmp_path: Path) -> None:
    RECIPE["train"]["callbacks"].append(
        {
            "use": "EarlyStopping",
            "monitor": "val_loss",
            "patience": 0,
            "min_delta": 1e9,
            "start_from_epoch": 1,
        }
    )
    try:
        trained = Training(catalog, tmp_path, "plain")
    finally:
        RECIPE["train"]["callbacks"].pop()
    assert trained.status == "done"
    assert max(trained.epochs) < 7
    resumed = Training(catalog, tmp_path, "plain", resume=trained.run)
    assert not resumed.epochs
