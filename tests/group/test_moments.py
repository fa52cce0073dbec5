"""A process of a training is killed or frozen at a random moment of it: the start, a validation, the end included."""

from __future__ import annotations

import json
import os
import random
import signal
import threading
import time
from contextlib import suppress
from functools import cache
from pathlib import Path

import pytest

from tests.conftest import Kwb
from tests.group.test_equality import DENSE, MSE, Case, table, write_recipe
from tests.group.test_lost import WITHIN, gone, training
from tests.group.trainings import Trained, needs_networks, trained, weights_of
from tests.whole import part

__all__ = ["table"]

pytestmark = [pytest.mark.slow, needs_networks]

SAVED = Case(
    DENSE,
    f"{MSE}, batch_size: 16, epochs: 120, checkpoint_seconds: 0.2, callbacks: "
    "[{use: ReduceLROnPlateau, monitor: val_loss, factor: 0.9, patience: 20}]",
)
LONGEST = 12.0  # seconds of a training, from its first event on; past its end nothing is lost


def write(folder: Path) -> str:
    recipe = write_recipe(folder, SAVED)
    with (folder / recipe).open("a") as file:
        file.write("save: [saved/moments.keras, saved/moments.h5]\n")
    return recipe


@cache
def undisturbed(kwb: Kwb, folder: Path) -> Trained:
    recipe = write(folder)
    return trained(kwb, folder, recipe)


@pytest.fixture(scope="module")
def whole_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("whole")


@pytest.mark.parametrize("seed", part("moments", range(20), []))
def test_a_random_moment(seed: int, kwb: Kwb, table: Path, whole_folder: Path) -> None:
    for name in ("table.csv", "own.py"):
        (whole_folder / name).write_bytes((table / name).read_bytes())
    wanted = undisturbed(kwb, whole_folder)
    draws = random.Random(seed)
    workers, number = draws.choice([2, 3]), draws.choice([signal.SIGKILL, signal.SIGSTOP])
    rank, moment = draws.randrange(workers), draws.uniform(0.0, LONGEST)
    recipe = write(table)
    lost: list[float] = []
    with training(table, recipe, "--workers", str(workers)) as begun:
        begun.wait_for("run_started")
        members = begun.members()
        assert len(members) == workers

        def lose() -> None:
            with suppress(ProcessLookupError):  # the training is over
                os.kill(members[rank], number)
                lost.append(time.monotonic())

        timer = threading.Timer(moment, lose)
        timer.start()
        code, said = begun.end(300.0)
        ended = time.monotonic()
        timer.cancel()
        assert gone(members, 1.0)
    run = table / next(each["folder"] for each in begun.events if each["event"] == "run_started")
    finished = begun.events[-1]["event"] == "finished"
    assert code == (0 if finished else 1), said
    if not finished:
        assert lost
        assert ended - lost[0] < WITHIN
        assert f"process {rank + 1} of {workers}" in said
        assert "Traceback" not in said
        went_on = kwb(
            "--batch", str(run), "--json", "--workers", str(draws.choice([1, 2, 3])), cwd=table, timeout=300
        )
        assert went_on.returncode == 0, went_on.stderr
        happened = [json.loads(line) for line in went_on.stdout.splitlines()]
        before = [Path(each["path"]).name for each in begun.events if each["event"] == "checkpoint"]
        resumed = next(each for each in happened if each["event"] == "run_started")["resumed_from"]
        assert Path(resumed or "").name >= max(before, default=""), "nothing that was said to be kept is lost"
    kept = [json.loads(line) for line in (run / "events.jsonl").read_text().splitlines()]
    epochs = {each["epoch"]: each["logs"] for each in kept if each["event"] == "epoch"}
    assert sorted(epochs) == list(range(1, 121))
    for name, value in wanted.logs[-1].items():
        assert epochs[120][name] == pytest.approx(value, rel=1e-3), name
    for path in ("saved/moments.keras", "saved/moments.h5"):
        assert (table / path).is_file()
    found = weights_of(run / "model.keras")
    assert found.keys() == wanted.weights.keys()
    for name, value in wanted.weights.items():
        assert found[name] == pytest.approx(value, rel=1e-2, abs=1e-2), name
    assert not [path for path in table.rglob("*") if path.name.startswith(".writing-")]
