"""Killed at random moments of a training that hands over to XLA, and resumed: the same weights, to the last bit.

Half of the moments are close to the step of the hand-over, where XLA compiles in a thread, engines are changed and
checkpoints are written in between. KWB_WHOLE=kills makes it sixty kills.
"""

from __future__ import annotations

import io
import json
import os
import random
import threading
import time
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from tests.loaded_kwb import Process
from tests.whole import part
from workbench.storage.event_stream import read_events

pytestmark = pytest.mark.slow

SEED = int(os.environ.get("KWB_KILLS_SEED", "20261128"))
KILLS = 60
NEAR = 0.4  # seconds on each side of the hand-over

# Steps of many small operations, long enough for XLA to pay.
RECIPE = """\
kwb: 1
name: handed
seed: 3
data: {use: csv, path: ROWS, targets: [y], split: {validation: 0.1}}
model: {use: ResidualRegressor, output_dim: 1}
train: {epochs: 40, loss: mse, checkpoint_seconds: 0.3}
"""


@dataclass(frozen=True)
class Heard:
    """A process' events, each with the seconds since its first."""

    events: list[tuple[float, dict[str, Any]]]

    def of(self, kind: str) -> list[tuple[float, dict[str, Any]]]:
        return [each for each in self.events if each[1]["event"] == kind]

    @property
    def engines(self) -> list[tuple[str, str]]:
        return [(event["engine"], event["plan"]) for _, event in self.of("engine_chosen")]


@dataclass(frozen=True)
class Undisturbed:
    """A run that nobody kills, and the folder in which its choice of an engine is kept."""

    folder: Path
    environment: Mapping[str, str]
    heard: Heard

    def moment(self, draw: random.Random) -> float:
        """Seconds after the first event: anywhere in the training, or around the hand-over."""
        (begins, _), (hands_over, _) = self.heard.of("engine_chosen")
        (ends, _) = self.heard.of("epoch")[-1]
        if draw.random() < 0.5:
            return draw.uniform(begins, ends)
        return max(begins, hands_over + draw.uniform(-NEAR, NEAR))


def working_directory(folder: Path, rows: Path) -> Path:
    folder.mkdir()
    (folder / "recipe.yaml").write_text(RECIPE.replace("ROWS", str(rows)))
    return folder


def listen(process: Process, kill_after: float | None = None) -> Heard:
    """Hear the process to its end, or until it is killed so many seconds after its first event."""
    events: list[tuple[float, dict[str, Any]]] = []
    first = process.stdout.readline()
    began = time.monotonic()
    timer = threading.Timer(kill_after or 0.0, process.kill)
    if kill_after is not None:
        timer.start()
    for line in (first, *process.stdout):
        if line.endswith("\n"):  # the last one of a killed process may be torn
            events.append((time.monotonic() - began, json.loads(line)))
    process.wait(timeout=120)
    timer.cancel()
    return Heard(events)


def kwb(folder: Path, environment: Mapping[str, str], *more: str) -> Process:
    return Process(["--batch", "recipe.yaml", "--json", *more], folder, environment)


def the_run(folder: Path) -> Path:
    (run,) = (folder / "saved" / "runs").iterdir()
    return run


def weights(folder: Path) -> dict[str, bytes]:
    """Every weight of the model, to the bit."""
    found: dict[str, bytes] = {}

    def keep(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset):
            found[name] = np.asarray(item[()]).tobytes()

    with zipfile.ZipFile(the_run(folder) / "model.keras") as archive:
        content = io.BytesIO(archive.read("model.weights.h5"))
    with h5py.File(content) as file:
        file.visititems(keep)
    return found


def logs(folder: Path) -> dict[int, Any]:
    """The logs of each epoch, as the run's events have them last."""
    events = [event for event, _, _ in read_events(the_run(folder) / "events.jsonl")]
    return {event.epoch: event.logs for event in events if event.kind == "epoch"}  # type: ignore[attr-defined]


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("rows") / "rows.csv"
    x = np.random.default_rng(0).normal(size=(8000, 8))
    table = np.c_[x, x[:, 0] * x[:, 1] + x[:, 2]]
    np.savetxt(path, table, delimiter=",", header="a,b,c,d,e,f,g,h,y", comments="", fmt="%.6f")
    return path


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, rows: Path) -> Undisturbed:
    """The first training measures and keeps its choice; that of the runs compared is the one kept."""
    folder = tmp_path_factory.mktemp("undisturbed")
    for attempt in range(4):  # on a machine that is busy at this moment, another engine may be faster
        environment = os.environ | {"KWB_STATE_DIR": str(folder / f"state-{attempt}")}
        measured = listen(kwb(working_directory(folder / f"measured-{attempt}", rows), environment))
        if [engine for engine, _ in measured.engines] == ["chunk", "chunk-xla"]:
            break
    else:
        pytest.fail(f"no training handed over to XLA: {measured.of('engine_chosen')}")
    again = working_directory(folder / "again", rows)
    heard = listen(kwb(again, environment))
    plan = measured.engines[-1][1]
    assert heard.engines == [("chunk", plan), ("chunk-xla", plan)]
    assert weights(again) == weights(folder / f"measured-{attempt}")
    return Undisturbed(again, environment, heard)


@pytest.mark.parametrize("number", part("kills", range(KILLS), [0, 1, 2]))
def test_a_run_killed_around_the_hand_over_ends_as_if_nothing_had_happened(
    undisturbed: Undisturbed, rows: Path, tmp_path: Path, number: int
) -> None:
    moment = undisturbed.moment(random.Random(SEED + number))
    folder = working_directory(tmp_path / "killed", rows)
    killed = listen(kwb(folder, undisturbed.environment), moment)
    process = kwb(folder, undisturbed.environment, "--resume")
    resumed = listen(process)
    assert process.returncode == 0, (moment, process.stderr.read())
    assert resumed.events[-1][1]["status"] == "done"
    (plan,) = {plan for _, plan in undisturbed.heard.engines}
    assert {plan for _, plan in (*killed.engines, *resumed.engines)} <= {plan}, moment
    assert weights(folder) == weights(undisturbed.folder), moment
    assert logs(folder) == logs(undisturbed.folder), moment
