"""Runs whose engine hands over: their checkpoints, events and receipts say at which step, and it is the same again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.conftest import Kwb
from tests.training.engine_cases import ONE_INPUT, STEPS, assert_same_bits, prefer_xla, sequential, settings
from workbench import events
from workbench.catalog.lookup import Catalog
from workbench.recipe.document import parse
from workbench.storage.receipts import read_receipt
from workbench.storage.run_folder import RunFolder
from workbench.training import checkpoints
from workbench.training.engines import fit
from workbench.training.engines.single_steps import SingleSteps
from workbench.training.session import Session

AT = 20  # of 12 steps an epoch: in the second
RECIPE = """\
kwb: 1
name: handed
seed: 1
data: {use: diabetes, scale: standard, split: {validation: 0.2}}
model: {sequential: [{use: Dense, units: 4, activation: tanh}, {use: Dense, units: 1}]}
train: {epochs: 4, loss: mae, optimizer: {use: Adam, learning_rate: 0.1}, checkpoint_seconds: 3600}
"""


@pytest.fixture
def prefers_xla(monkeypatch: pytest.MonkeyPatch) -> None:
    prefer_xla(monkeypatch, AT)


class Trained:
    """One process' part of a training; it stops after the epoch `stop`."""

    def __init__(
        self, catalog: Catalog, folder: Path, *, stop: int = 0, resume: RunFolder | None = None
    ) -> None:
        self.heard: list[events.Event] = []
        self._stop = stop
        self._session = Session(
            parse(RECIPE, name="handed.yaml"), catalog, self._take, runs_folder=folder, resume=resume
        )
        self.status = self._session.run().status
        self.run = RunFolder(Path(self.of(events.RunStarted)[0].folder))

    def of(self, kind: type[events.Event]) -> list[Any]:
        return [event for event in self.heard if isinstance(event, kind)]

    def _take(self, event: events.Event, line: str) -> None:
        self.heard.append(event)
        if isinstance(event, events.Epoch) and event.epoch == self._stop:
            self._session.control.stop()

    @property
    def engines(self) -> list[tuple[str, str]]:
        return [(event.engine, event.plan) for event in self.of(events.EngineChosen)]

    @property
    def logs(self) -> list[dict[str, float]]:
        return [dict(event.logs) for event in self.of(events.Epoch)]

    def variables(self) -> dict[str, np.ndarray]:
        found = checkpoints.newest(self.run.checkpoints)
        assert found is not None
        return found[2]


@pytest.mark.usefixtures("prefers_xla")
@pytest.mark.parametrize("kept", [True, False])
@pytest.mark.parametrize("stop", [1, 2, 3])
def test_a_run_that_is_stopped_goes_on_with_the_same_engines(
    catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stop: int, kept: bool
) -> None:
    def state(name: str) -> None:
        monkeypatch.setenv("KWB_STATE_DIR", str(tmp_path / ("state" if kept else name)))

    state("whole")
    whole = Trained(catalog, tmp_path / "whole")
    assert whole.engines == [("chunk", "auto@20"), ("chunk-xla", "chunk-xla@20")]
    state("first")
    first = Trained(catalog, tmp_path / "parts", stop=stop)
    planned = "chunk-xla@20" if kept else "auto@20"
    handed = [("chunk-xla", "chunk-xla@20")]
    assert first.status == "stopped"
    assert first.engines == [("chunk", planned)] + (handed if stop > 1 else [])
    state("second")
    second = Trained(catalog, tmp_path / "parts", resume=first.run)
    assert second.engines == [("chunk", planned), *handed] if stop == 1 else second.engines == handed
    assert first.logs + second.logs == whole.logs
    mine, its = second.variables(), whole.variables()
    assert mine.keys() == its.keys()
    assert all(np.array_equal(mine[name], its[name]) for name in its)
    receipt = read_receipt(second.run)
    assert receipt is not None
    assert receipt.engine == "chunk-xla@20"


@pytest.mark.slow
@pytest.mark.usefixtures("prefers_xla")
def test_a_fresh_process_trains_it_to_the_same_weights(catalog: Catalog, tmp_path: Path, kwb: Kwb) -> None:
    trained = Trained(catalog, tmp_path)
    done = kwb("verify", str(trained.run.path), timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr


def test_single_steps_are_those_of_the_engine_that_ran_each() -> None:
    planned = settings(epochs=1, engine="chunk-xla@3", shuffle=True)
    model, other = sequential(), sequential()
    fit(model, ONE_INPUT, None, planned)
    steps = SingleSteps(other, ONE_INPUT, planned)
    for step in range(STEPS):
        steps.run(0, step)
    assert_same_bits(model, other)
