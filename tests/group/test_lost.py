"""A process of a training is lost: the others end soon, it is said which, and the run goes on from where it was."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Kwb
from tests.group.test_equality import DENSE, MSE, Case, table, write_recipe, write_table
from tests.group.trainings import (
    Trained,
    assert_equal,
    children,
    is_member,
    needs_networks,
    trained,
    weights_of,
)
from tests.whole import part

__all__ = ["table"]

pytestmark = [pytest.mark.slow, needs_networks]

EPOCHS = 400
LONG = Case(DENSE, f"{MSE}, batch_size: 32, epochs: {EPOCHS}, checkpoint_seconds: 0.3")
WITHIN = 20.0  # seconds in which nothing of the training is left


@pytest.fixture(scope="module")
def undisturbed(kwb: Kwb, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """The long training by one process, never broken off."""
    folder = write_table(tmp_path_factory.mktemp("undisturbed"))
    return trained(kwb, folder, write_recipe(folder, LONG))


class Begun:
    """`kwb --batch --json` in a process of its own, and the processes that train."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.events: list[dict[str, Any]] = []
        self.process = subprocess.Popen(
            [
                sys.executable,
                "-c",
                "from workbench.cli import command; command()",
                "--batch",
                *arguments,
                "--json",
            ],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def wait_for(self, kind: str, count: int = 1) -> None:
        """Read events until so many of a kind have come."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.events.append(json.loads(line))
            if sum(each["event"] == kind for each in self.events) >= count:
                return
        raise AssertionError(f"ended without: {self.process.communicate()[1][-2000:]}")

    def members(self) -> list[int]:
        """The processes that train, by rank."""
        return [pid for pid in children(self.process.pid) if is_member(pid)]

    def end(self, seconds: float = 60.0) -> tuple[int, str]:
        """The exit code, and what was said."""
        rest, said = self.process.communicate(timeout=seconds)
        self.events += [json.loads(line) for line in rest.splitlines()]
        return self.process.returncode, said


@contextmanager
def training(folder: Path, *arguments: str) -> Iterator[Begun]:
    started = Begun(folder, *arguments)
    try:
        yield started
    finally:
        with suppress(ProcessLookupError):
            started.process.kill()
        started.process.communicate()


def gone(pids: list[int], seconds: float = WITHIN) -> bool:
    """Whether none of these processes is left, in so many seconds."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if not any(Path(f"/proc/{pid}").exists() for pid in pids):
            return True
        time.sleep(0.05)
    return False


LOSSES = [(rank, number) for number in (signal.SIGKILL, signal.SIGSTOP) for rank in (0, 1, 2)]


@pytest.mark.parametrize(("rank", "number"), part("processes", LOSSES, [LOSSES[0], LOSSES[4]]))
def test_a_lost_process_ends_the_others_and_the_run_goes_on(
    rank: int, number: signal.Signals, kwb: Kwb, table: Path, undisturbed: Trained
) -> None:
    recipe = write_recipe(table, LONG)
    with training(table, recipe, "--workers", "3") as begun:
        begun.wait_for("checkpoint", 2)
        members = begun.members()
        assert len(members) == 3
        time.sleep(random.Random(rank).uniform(0.0, 0.5))
        moment = time.monotonic()
        os.kill(members[rank], number)
        code, said = begun.end()
        assert time.monotonic() - moment < WITHIN
        assert gone(members, 1.0)
    assert code == 1
    assert f"process {rank + 1} of 3" in said
    assert "Traceback" not in said
    run = table / next(each["folder"] for each in begun.events if each["event"] == "run_started")
    # One process, and two, go on from there, and end as one that was never broken off.
    workers = "1" if rank == 0 else "2"
    went_on = kwb("--batch", str(run), "--json", "--workers", workers, cwd=table, timeout=300)
    assert went_on.returncode == 0, went_on.stderr
    happened = [json.loads(line) for line in went_on.stdout.splitlines()]
    assert next(each for each in happened if each["event"] == "run_started")["resumed_from"]
    last = [each["logs"] for each in happened if each["event"] == "epoch"][-1]
    assert last["loss"] == pytest.approx(undisturbed.logs[-1]["loss"], rel=1e-3)
    assert weights_of(run / "model.keras").keys() == undisturbed.weights.keys()


@pytest.mark.parametrize("rank", part("processes", [0, 1], [0]))
def test_elastic_goes_on_with_the_others(rank: int, table: Path, undisturbed: Trained) -> None:
    recipe = write_recipe(table, LONG)
    with training(table, recipe, "--workers", "2", "--elastic") as begun:
        begun.wait_for("checkpoint", 2)
        os.kill(begun.members()[rank], signal.SIGKILL)
        code, said = begun.end()
    assert code == 0, said
    started = [each for each in begun.events if each["event"] == "run_started"]
    assert len(started) == 2
    assert started[0]["folder"] == started[1]["folder"]
    assert started[1]["resumed_from"]
    warnings = [
        each["text"] for each in begun.events if each["event"] == "message" and each["level"] == "warning"
    ]
    assert any(f"process {rank + 1} of 2 was ended by SIGKILL" in each for each in warnings)
    assert begun.events[-1]["status"] == "done"
    last = [each["logs"] for each in begun.events if each["event"] == "epoch"][-1]
    assert last["loss"] == pytest.approx(undisturbed.logs[-1]["loss"], rel=1e-3)
    kept = [
        json.loads(line) for line in (table / started[0]["folder"] / "events.jsonl").read_text().splitlines()
    ]
    assert [each["epoch"] for each in kept if each["event"] == "epoch"][-1] == EPOCHS


def test_nothing_is_left_when_kwb_itself_is_killed(table: Path) -> None:
    recipe = write_recipe(table, LONG)
    with training(table, recipe, "--workers", "2") as begun:
        begun.wait_for("epoch", 2)
        members = begun.members()
        begun.process.kill()
        assert gone(members)


def test_ctrl_c_stops_after_the_batch_and_saves(kwb: Kwb, table: Path) -> None:
    recipe = write_recipe(table, LONG)
    with training(table, recipe, "--workers", "2") as begun:
        begun.wait_for("epoch", 5)
        members = begun.members()
        begun.process.send_signal(signal.SIGINT)
        code, said = begun.end()
        assert code == 130, said
        assert gone(members, 5.0)
    assert begun.events[-1]["status"] == "interrupted"
    run = table / begun.events[0]["folder"]
    assert weights_of(run / "model.keras")
    epochs = 3 + max(each["epoch"] for each in begun.events if each["event"] == "epoch")
    went_on = kwb("--batch", str(run), "--json", "--set", f"train.epochs={epochs}", cwd=table, timeout=300)
    assert went_on.returncode == 0, went_on.stderr
    happened = [json.loads(line) for line in went_on.stdout.splitlines()]
    assert [each["epoch"] for each in happened if each["event"] == "epoch"][-1] == epochs


def test_kwb_stop_stops_and_saves(kwb: Kwb, table: Path) -> None:
    recipe = write_recipe(table, LONG)
    with training(table, recipe, "--workers", "2") as begun:
        begun.wait_for("epoch", 3)
        run = table / begun.events[0]["folder"]
        stopped = kwb("stop", str(run), cwd=table)
        assert stopped.returncode == 0, stopped.stderr
        code, said = begun.end()
        assert code == 0, said
    assert begun.events[-1]["status"] == "stopped"
    assert begun.events[-1]["logs"]
    assert sum(each["event"] == "epoch" for each in begun.events) < EPOCHS
    assert weights_of(run / "model.keras")


def test_resumed_by_another_number_of_processes(kwb: Kwb, table: Path) -> None:
    """Broken off after an epoch, and gone on with by one process more: as one process without a break."""
    recipe = write_recipe(table, Case(DENSE, f"{MSE}, batch_size: 32, epochs: 4"))
    wanted = trained(kwb, table, recipe)
    begun = trained(kwb, table, recipe, "--workers", "2", "--set", "train.epochs=2")
    found = trained(kwb, table, str(begun.run), "--workers", "3", "--set", "train.epochs=4")
    assert_equal(found, trained_tail(wanted, found), within=2e-5)
    again = kwb("--batch", str(begun.run), "--workers", "2", cwd=table)
    assert "nothing to resume" in again.stdout + again.stderr


def trained_tail(whole: Any, tail: Any) -> Any:
    """The same training with the logs of the last epochs only."""
    return type(whole)(whole.logs[-len(tail.logs) :], whole.evaluation, whole.weights, whole.run)


def test_a_long_training_takes_no_more_threads(table: Path) -> None:
    recipe = write_recipe(table, LONG)
    with training(table, recipe, "--workers", "2") as begun:
        begun.wait_for("epoch", 20)
        before = [len(os.listdir(f"/proc/{pid}/task")) for pid in begun.members()]
        begun.wait_for("epoch", 120)
        after = [len(os.listdir(f"/proc/{pid}/task")) for pid in begun.members()]
    assert all(now <= then + 20 for now, then in zip(after, before, strict=True)), (before, after)


def test_the_ports_are_in_a_network_of_their_own(table: Path) -> None:
    recipe = write_recipe(table, LONG)
    with training(table, recipe, "--workers", "2") as begun:
        begun.wait_for("epoch", 2)
        members = begun.members()
        ours = os.stat("/proc/self/ns/net").st_ino
        networks = {os.stat(f"/proc/{pid}/ns/net").st_ino for pid in members}
        assert len(networks) == 1
        assert ours not in networks
        assert os.stat(f"/proc/{begun.process.pid}/ns/net").st_ino == ours
        assert listening(members[0]) == {20_000, 20_001}
        interfaces = Path(f"/proc/{members[0]}/net/dev").read_text().splitlines()[2:]
        assert [line.split(":")[0].strip() for line in interfaces] == ["lo"]


def listening(pid: int) -> set[int]:
    """The ports that somebody listens on in the network of a process."""
    lines = [
        line.split()
        for name in ("tcp", "tcp6")
        for line in Path(f"/proc/{pid}/net/{name}").read_text().splitlines()[1:]
    ]
    return {int(line[1].rpartition(":")[2], 16) for line in lines if line[3] == "0A"}
