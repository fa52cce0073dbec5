"""The folder of a run: what a training leaves on disk, and where.

saved/runs/<name>-<stamp>/
    recipe.yaml        the recipe as resolved
    environment.json   versions, plugins, seed, git revision
    adapted.json       the state of layers that were adapted to the training rows, where there are any
    events.jsonl       the event stream, a line an event; its last line may be torn by a crash
    checkpoints/       checkpoints of the run's state
    model.keras        the trained model; of one that cannot be rebuilt from a file: model.weights.h5
    .lock              held by the process that owns the run
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class RunFolder:
    """The folder of one run, and the paths in it."""

    path: Path

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def recipe(self) -> Path:
        return self.path / "recipe.yaml"

    @property
    def environment(self) -> Path:
        return self.path / "environment.json"

    @property
    def adapted(self) -> Path:
        return self.path / "adapted.json"

    @property
    def events(self) -> Path:
        return self.path / "events.jsonl"

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    @property
    def failed(self) -> Path:
        """Weights without the rest of a training's state, of a training that failed."""
        return self.checkpoints / "failed"

    @property
    def model(self) -> Path:
        return self.path / "model.keras"

    @property
    def weights(self) -> Path:
        """The weights of a model that `model` cannot hold."""
        return self.path / "model.weights.h5"

    @property
    def lock(self) -> Path:
        return self.path / ".lock"
