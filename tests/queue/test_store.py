"""The queue on disk: order, claims that end with their process, damaged files."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from workbench.errors import FileError, WorkbenchError
from workbench.queue.entries import TrainingOrder
from workbench.queue.store import QueueState, TrainingQueue
from workbench.storage.ownership import own
from workbench.storage.runs import create_run


@pytest.fixture
def queue(tmp_path: Path) -> TrainingQueue:
    return TrainingQueue(tmp_path / "saved" / "queue")


def order(name: str, folder: Path, run: str = "") -> TrainingOrder:
    return TrainingOrder(name, f"kwb: 1\nname: {name}   # é\n", folder, ("train.epochs=3",), run)


def names(queue: TrainingQueue) -> list[str]:
    return [row.training.name for row in queue.rows()]


def test_order_is_as_added_and_as_moved_and_numbers_stay(queue: TrainingQueue, tmp_path: Path) -> None:
    for name in "abc":
        queue.add(order(name, tmp_path))
    queue.add(order("d", tmp_path), first=True)
    assert names(queue) == ["d", "a", "b", "c"]
    assert queue.move(3, to=0) == 0
    assert names(queue) == ["c", "d", "a", "b"]
    assert queue.move(3, to=99) == 3
    assert queue.move(1, to=-5) == 0
    assert names(queue) == ["a", "d", "b", "c"]
    assert [row.training.number for row in queue.rows()] == [1, 4, 2, 3]
    assert queue.move(4, by=1) == 2
    assert queue.move(4, by=-1) == 1
    assert queue.move(1, by=-1) == 0
    assert queue.remove(2).name == "b"
    assert queue.add(order("e", tmp_path)).number == 5
    kept = queue.rows()[0].training
    assert kept.order == order("a", tmp_path)  # to the letter


def test_what_is_not_there_is_named_with_what_is(queue: TrainingQueue, tmp_path: Path) -> None:
    with pytest.raises(WorkbenchError, match="no training 1") as raised:
        queue.remove(1)
    assert raised.value.hint == "The queue is empty."
    queue.add(order("a", tmp_path))
    with pytest.raises(WorkbenchError, match="has not failed"):
        queue.again(1)
    with pytest.raises(WorkbenchError, match="no training 7"):
        queue.move(7, to=0)


def test_reading_an_empty_queue_makes_no_folder(queue: TrainingQueue) -> None:
    assert queue.rows() == []
    assert queue.take() is None
    assert not queue.folder.parent.exists()


@pytest.mark.parametrize(
    "content",
    ["{", "[]", '{"trainings": 1}', '{"trainings": [1]}', '{"trainings": [{"number": "1"}]}', "\x00"],
)
def test_a_damaged_file_is_reported_and_left_as_it_is(
    queue: TrainingQueue, tmp_path: Path, content: str
) -> None:
    queue.folder.mkdir(parents=True)
    queue.file.write_text(content)
    for call in (queue.rows, queue.take, lambda: queue.add(order("a", tmp_path))):
        with pytest.raises(FileError, match="queue"):
            call()
    assert queue.file.read_text() == content


def test_a_claim_is_for_one_and_settles_what_becomes_of_it(queue: TrainingQueue, tmp_path: Path) -> None:
    for name in "abc":
        queue.add(order(name, tmp_path))
    first, second = queue.take(), queue.take()
    assert first is not None
    assert second is not None
    assert [row.state for row in queue.rows()] == [
        QueueState.TRAINING, QueueState.TRAINING, QueueState.WAITING
    ]  # fmt: skip
    assert f"process {os.getpid()}" in queue.rows()[0].by
    with pytest.raises(WorkbenchError, match="is being trained by process"):
        queue.remove(1)
    first.done()
    second.failed(WorkbenchError("there is no layer 'Gtae'.", where="b.yaml:3"))
    assert [(row.training.name, row.state) for row in queue.rows()] == [
        ("b", QueueState.FAILED), ("c", QueueState.WAITING)
    ]  # fmt: skip
    assert queue.rows()[0].training.error == "b.yaml:3: there is no layer 'Gtae'."
    third = queue.take()
    assert third is not None
    assert third.training.name == "c"
    third.leave()  # interrupted: it waits again, before one that failed is tried
    again = queue.take()
    assert again is not None
    assert again.training.name == "c"
    assert queue.take() is None
    assert queue.again(2).error == ""
    assert queue.take() is not None
    assert sorted(path.name for path in queue.folder.glob(".lock-*")) == [".lock-2", ".lock-3"]


def test_one_by_its_number(queue: TrainingQueue, tmp_path: Path) -> None:
    for name in "ab":
        queue.add(order(name, tmp_path))
    claim = queue.take(2)
    assert claim is not None
    assert claim.training.name == "b"
    assert queue.take(2) is None
    assert queue.take(9) is None


def test_a_process_that_is_killed_gives_its_training_back(queue: TrainingQueue, tmp_path: Path) -> None:
    queue.add(order("a", tmp_path))
    code = (
        "import sys, time; from pathlib import Path; from workbench.queue.store import TrainingQueue;"
        f"claim = TrainingQueue(Path({str(queue.folder)!r})).take(); print('taken', flush=True); time.sleep(60)"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "taken\n"
    assert queue.take() is None
    assert f"process {process.pid}" in queue.rows()[0].by
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert queue.rows()[0].state is QueueState.WAITING
    assert queue.take() is not None


def test_a_run_that_is_still_trained_is_not_taken(queue: TrainingQueue, tmp_path: Path) -> None:
    """Its runner was killed, and its own process has not ended yet."""
    run = create_run(tmp_path / "saved" / "runs", "a", recipe="kwb: 1\n", environment={})
    queue.add(order("a", tmp_path, run=str(run.path)))
    with own(run):
        assert queue.rows()[0].state is QueueState.TRAINING
        assert queue.take() is None
    claim = queue.take()
    assert claim is not None
    assert claim.training.run == ""  # it has no checkpoint: from the beginning


def test_many_threads_take_each_training_once(queue: TrainingQueue, tmp_path: Path) -> None:
    for number in range(40):
        queue.add(order(f"r{number}", tmp_path))
    taken: list[str] = []

    def work() -> None:
        while (claim := queue.take()) is not None:
            taken.append(claim.training.name)
            claim.done()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == sorted(f"r{number}" for number in range(40))
    assert json.loads(queue.file.read_text()) == {"v": 1, "trainings": []}
