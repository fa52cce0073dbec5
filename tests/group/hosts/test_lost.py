"""A process, a machine or a cable is lost: the others end soon, or go on as asked; a machine that comes is taken in."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Kwb
from tests.group.hosts.machines import NETWORK, WITHIN, Machine, Machines, Program, machines, needs_machines
from tests.group.hosts.test_training import copied
from tests.group.test_equality import DENSE, MSE, Case, table, write_recipe
from tests.group.trainings import trained, weights_of
from tests.whole import part

__all__ = ["table"]

pytestmark = [pytest.mark.slow, needs_machines]

EPOCHS = 150
LONG = Case(DENSE, f"{MSE}, batch_size: 72, epochs: {EPOCHS}, checkpoint_seconds: 0.3")


@contextmanager
def training(
    table: Path, folder: Path, count: int, *more: str, workers: str = ""
) -> Iterator[tuple[Machines, Program, list[Program]]]:
    """A long training of so many machines, past its first checkpoint."""
    recipe = write_recipe(table, LONG)
    with machines(folder, count) as found:
        token = str(copied(found, table, recipe))
        begin = ["--batch", recipe, "--network", NETWORK, "--workers", workers or str(count), "--json"]
        first = found[0].start(*begin, "--token-file", token, *more)
        others = [join(machine, token) for machine in found.machines[1:]]
        first.wait_for('"checkpoint"')
        yield found, first, others


def join(machine: Machine, token: str) -> Program:
    return machine.start("worker", "--join", "10.77.0.1:7750", "--token-file", token, "--wait", "60")


def happened(said: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in said.splitlines() if line.startswith("{")]


def last_loss(said: str) -> float:
    return float([each["logs"]["loss"] for each in happened(said) if each["event"] == "epoch"][-1])


def epochs_of(said: str) -> list[int]:
    return [each["epoch"] for each in happened(said) if each["event"] == "epoch"]


LOSSES = ["process", "frozen", "worker", "cable", "chief", "kwb"]


def lose(what: str, found: Machines, first: Program, others: list[Program]) -> None:
    match what:
        case "process":
            os.kill(found[2].training()[0], signal.SIGKILL)
        case "frozen":
            os.kill(found[2].training()[0], signal.SIGSTOP)
        case "worker":
            os.kill(others[1].pid, signal.SIGKILL)
        case "cable":
            found.cable(found[2], plugged=False)
        case "chief":
            os.kill(found[0].training()[0], signal.SIGKILL)
        case "kwb":
            os.kill(first.pid, signal.SIGKILL)


@pytest.mark.parametrize("what", part("processes", LOSSES, ["cable"]))
def test_the_others_end(what: str, kwb: Kwb, table: Path, tmp_path: Path) -> None:
    with training(table, tmp_path / "net", 3) as (found, first, others):
        moment = time.monotonic()
        lose(what, found, first, others)
        code, said = first.end(3 * WITHIN)  # a loaded machine takes longer
        for other in others:
            other.end(3 * WITHIN)
        assert not any(machine.is_left(5.0) for machine in found.machines)
        took = time.monotonic() - moment
        assert took < 3 * WITHIN
        if what != "kwb":
            assert code == 1, said
            who = "process 1 of 3" if what == "chief" else "10.77.0.3)"
            assert who in said.splitlines()[-1], said[-2000:]
            assert "Traceback" not in said
        run = run_of(found[0].folder, said)
    # One process goes on from there, on the first machine's files.
    went_on = kwb("--batch", str(run), "--json", cwd=found[0].folder, timeout=300)
    assert went_on.returncode == 0, went_on.stderr
    wanted = trained(kwb, table, "r.yaml")
    assert last_loss(went_on.stdout) == pytest.approx(wanted.logs[-1]["loss"], rel=1e-3)
    assert weights_of(run / "model.keras").keys() == wanted.weights.keys()


def run_of(folder: Path, said: str) -> Path:
    return folder / next(each["folder"] for each in happened(said) if each["event"] == "run_started")


@pytest.mark.parametrize("what", part("processes", ["process", "worker", "cable", "chief"], ["cable"]))
def test_elastic_goes_on_and_takes_new_ones_in(what: str, kwb: Kwb, table: Path, tmp_path: Path) -> None:
    with training(table, tmp_path / "net", 3, "--elastic", workers="1:3") as (found, first, others):
        lose(what, found, first, others)
        first.wait_for("The others go on from the last checkpoint")
        if what == "cable":  # that machine looks for the others by itself
            found.cable(found[2], plugged=True)
        elif what != "chief":
            others[1].end(3 * WITHIN)
            first.wait_for("2 processes: ")
            others[1] = join(found[2], str(table / "token.pem"))
        while first.said().count("3 processes: ") < 2 and first.process.poll() is None:
            time.sleep(0.1)
        code, said = first.end(240)
        assert code == 0, said[-3000:]
        for other in others:
            assert other.end(WITHIN)[0] == 0, other.said()
        assert not any(machine.is_left(5.0) for machine in found.machines)
    assert said.count("3 processes: ") == 2, said[-3000:]
    done = [each for each in happened(said) if each["event"] == "run_started"]
    assert all(each["resumed_from"] for each in done[1:])
    assert epochs_of(said)[-1] == EPOCHS
    wanted = trained(kwb, table, "r.yaml")
    assert last_loss(said) == pytest.approx(wanted.logs[-1]["loss"], rel=1e-3)


@pytest.mark.parametrize("elastic", part("processes", [False, True], [True]))
def test_a_machine_that_has_to_end(elastic: bool, table: Path, tmp_path: Path) -> None:
    """As a cluster does before it takes a machine away: nothing is lost, no step is run twice."""
    more = ["--elastic"] if elastic else []
    with training(table, tmp_path / "net", 2, *more, workers="1:2") as (found, first, others):
        os.kill(others[0].pid, signal.SIGTERM)
        code, said_there = others[0].end(3 * WITHIN)
        assert code == 0, said_there
        code, said = first.end(240)
        assert "leaves: SIGTERM came" in said
        assert not any(machine.is_left(5.0) for machine in found.machines)
    if elastic:
        assert code == 0, said
        assert epochs_of(said)[-1] == EPOCHS
    else:
        assert code == 130, said
        assert happened(said)[-1]["status"] == "interrupted"
        assert epochs_of(said)[-1] < EPOCHS
    assert weights_of(run_of(found[0].folder, said) / "model.keras")


def test_ctrl_c_and_waiting(table: Path, tmp_path: Path) -> None:
    recipe = write_recipe(table, LONG)
    with machines(tmp_path / "net", 2) as found:
        token = str(copied(found, table, recipe))
        first = found[0].start(
            "--batch", recipe, "--network", NETWORK, "--workers", "2", "--token-file", token
        )
        first.wait_for("waits for 1 more")
        os.kill(first.pid, signal.SIGINT)
        code, said = first.end(WITHIN)
        assert code == 130, said
        assert "Traceback" not in said
        other = found[1].start("worker", "--join", "10.77.0.1:7750", "--token-file", token, "--wait", "60")
        time.sleep(3.0)
        os.kill(other.pid, signal.SIGINT)
        code, said = other.end(WITHIN)
        assert code == 1, said
        assert "cannot be reached" in said
