"""The folder of a run: what a training leaves on disk, and where.

saved/runs/<name>-<stamp>/
    recipe.yaml        the recipe as resolved
    environment.json   the run's id, versions, plugins, seed, git revision
    labels.json        tags and a note that a person gave it, where there are any
    receipt.jsonl      hashes of rows, plugin files, recipe and versions, and of the weights on the way
    adapted.json       the state of layers that were adapted to the training rows, where there are any
    events.jsonl       the event stream, a line an event; its last line may be torn by a crash
    checkpoints/       checkpoints of the run's state
    model.keras        the trained model; of one that cannot be rebuilt from a file: model.weights.h5
    .lock              held by the process that owns the run
    .fence/            of a trial of a search: who trained it, a file for each (see `fencing.py`)
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class RunFolder:
    """The folder of one run, and the paths in it."""

    path: Path

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def id(self) -> str:
        """What no other run has, also where one of the same second has the name of one that is deleted.

        "" for a run of a kwb that gave none.
        """
        return str(_record(self).get("id", ""))

    @property
    def recipe(self) -> Path:
        return self.path / "recipe.yaml"

    @property
    def environment(self) -> Path:
        return self.path / "environment.json"

    @property
    def labels(self) -> Path:
        return self.path / "labels.json"

    @property
    def receipt(self) -> Path:
        return self.path / "receipt.jsonl"

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

    @property
    def fence(self) -> Path:
        return self.path / ".fence"


def read_environment(run: RunFolder) -> Mapping[str, Any]:
    """The environment of a run, which another run may have as well; empty where it cannot be read."""
    return {key: value for key, value in _record(run).items() if key != "id"}


def _record(run: RunFolder) -> Mapping[str, Any]:
    try:
        data = json.loads(run.environment.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return data if isinstance(data, Mapping) else {}


def recipe_folder(run: RunFolder) -> Path | None:
    """Where relative paths of the run's recipe start; None where that cannot be read."""
    folder = read_environment(run).get("recipe_folder")
    return Path(folder) if isinstance(folder, str) else None


def has_checkpoint(run: RunFolder) -> bool:
    """True if a checkpoint of the run's state was written."""
    try:
        return bool(os.listdir(run.checkpoints))
    except OSError:
        return False
