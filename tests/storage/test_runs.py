"""Run folders: made without a clash, owned by one process, read while they grow and after a crash."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from workbench import events
from workbench.errors import FileError
from workbench.storage import ownership, runs
from workbench.storage.event_stream import EventLog, EventReader, read_events
from workbench.storage.run_folder import RunFolder


def new_run(root: Path, name: str = "price") -> RunFolder:
    return runs.create_run(root, name, recipe="kwb: 1\nname: price\n", environment={"seed": 42})


def epoch(number: int, loss: float = 1.0) -> events.Epoch:
    return events.Epoch(number, 10, {"loss": loss}, 0.5, 100.0, 1e-3)


STARTED = events.RunStarted("folder", {"kwb": 1}, {})
FINISHED = events.Finished("done", {"loss": 0.1}, {"loss": 0.2}, 3.0)


def test_a_run_has_its_recipe_environment_and_place_for_checkpoints(tmp_path: Path) -> None:
    run = new_run(tmp_path / "saved" / "runs")
    assert run.recipe.read_text() == "kwb: 1\nname: price\n"
    assert json.loads(run.environment.read_text()) == {"id": run.id, "seed": 42}
    assert run.id
    assert run.id != new_run(tmp_path).id
    assert run.checkpoints.is_dir()
    assert run.name.startswith("price-20")
    assert runs.open_run(run.path) == run


def test_runs_made_at_the_same_moment_do_not_clash(tmp_path: Path) -> None:
    made: list[Path] = []
    threads = [threading.Thread(target=lambda: made.append(new_run(tmp_path).path)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(made)) == 8


@pytest.mark.parametrize("name", ["../../etc/passwd", "a b/c", "", "..", "\x00"])
def test_a_name_from_a_recipe_stays_inside_the_folder(name: str, tmp_path: Path) -> None:
    assert new_run(tmp_path, name).path.parent == tmp_path


def test_events_come_back_as_they_were_written(tmp_path: Path) -> None:
    run = new_run(tmp_path)
    with EventLog(run) as log:
        for event in (STARTED, epoch(1), epoch(2, float("nan")), FINISHED):
            log.append(event)
    found = list(read_events(run.events))
    assert [type(event) for event, _, _ in found] == [
        type(STARTED),
        events.Epoch,
        events.Epoch,
        type(FINISHED),
    ]
    assert {name for _, _, name in found} == {run.name}
    assert found[2][0].logs["loss"] != found[2][0].logs["loss"]  # type: ignore[attr-defined]


def test_an_event_is_on_disk_at_once_and_a_reader_follows(tmp_path: Path) -> None:
    run = new_run(tmp_path)
    reader = EventReader(run.events)
    assert reader.read_new() == []
    with EventLog(run) as log:
        log.append(epoch(1))
        assert [event for event, _, _ in reader.read_new()] == [epoch(1)]
        assert reader.read_new() == []
        log.append(epoch(2))
        assert [event for event, _, _ in reader.read_new()] == [epoch(2)]


def test_a_torn_line_is_waited_for_and_one_torn_by_a_crash_is_cut_off(tmp_path: Path) -> None:
    run = new_run(tmp_path)
    with EventLog(run) as log:
        log.append(epoch(1))
    torn = events.to_json(epoch(2), run.name)
    with open(run.events, "a") as file:
        file.write(torn[:30])
    reader = EventReader(run.events)
    assert [event for event, _, _ in reader.read_new()] == [epoch(1)]
    with open(run.events, "a") as file:
        file.write(torn[30:] + "\n" + torn[:50])
    assert [event for event, _, _ in reader.read_new()] == [epoch(2)]
    with EventLog(run) as log:
        log.append(epoch(3))
    assert [event for event, _, _ in reader.read_new()] == [epoch(3)]
    assert [event for event, _, _ in read_events(run.events)] == [epoch(1), epoch(2), epoch(3)]


def test_lines_of_others_are_passed_over(tmp_path: Path) -> None:
    run = new_run(tmp_path)
    lines = [b"\xff\xfe", b"[1]", b"{", b'{"event": "from a later version"}', b'{"event": "epoch"}']
    good = events.to_json(epoch(1), run.name).encode()
    run.events.write_bytes(b"\n".join([*lines, good, *lines, b""]))
    assert [event for event, _, _ in read_events(run.events)] == [epoch(1)]
    assert EventReader(run.events).read_new(limit=5) == []  # a part of a line is no line


def test_a_stream_larger_than_one_reading_is_read_whole(tmp_path: Path) -> None:
    run = new_run(tmp_path)
    with EventLog(run) as log:
        for number in range(300):
            log.append(epoch(number))
    reader, found = EventReader(run.events), []
    while part := reader.read_new(limit=1000):
        assert len(part) < 20
        found += part
    assert [event.epoch for event, _, _ in found] == list(range(300))  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("stream", "status"),
    [
        ([], "crashed"),
        ([STARTED, epoch(1)], "crashed"),
        ([STARTED, epoch(1), FINISHED], "done"),
        ([STARTED, epoch(1), events.Finished("interrupted", {}, {}, 1.0)], "interrupted"),
        ([STARTED, epoch(1), events.Failed({"what": "x", "where": "", "hint": ""})], "failed"),
        ([STARTED, epoch(1), FINISHED, STARTED, epoch(2)], "crashed"),
    ],
)
def test_the_status_is_what_the_last_events_say(
    stream: list[events.Event], status: str, tmp_path: Path
) -> None:
    run = new_run(tmp_path)
    with EventLog(run) as log:
        for moment, event in enumerate(stream):
            log.append(event, 1000.0 + moment)
    summary = runs.summary_of(run)
    assert summary.status == status
    if stream:
        assert (summary.started, summary.last_event) == (1000.0, 1000.0 + len(stream) - 1)
        assert (summary.epoch, summary.epochs) == (sum(isinstance(e, events.Epoch) for e in stream), 10)
        assert summary.logs == {"loss": 1.0}


def test_a_long_stream_is_summed_up_from_its_ends(tmp_path: Path) -> None:
    run = new_run(tmp_path)
    with EventLog(run) as log:
        log.append(STARTED, 5.0)
        for number in range(1, 30):
            log.append(events.Internals(number, histograms={"w": [0.1] * 10_000}), 6.0)
            log.append(epoch(number), 7.0)
    assert run.events.stat().st_size > 1 << 20
    summary = runs.summary_of(run)
    assert (summary.started, summary.last_event, summary.epoch) == (5.0, 7.0, 29)


def test_runs_are_listed_the_newest_first(tmp_path: Path) -> None:
    old, new = new_run(tmp_path, "old"), new_run(tmp_path, "new")
    (tmp_path / "not-a-run").mkdir()
    for run, moment in ((old, 10.0), (new, 20.0)):
        with EventLog(run) as log:
            log.append(FINISHED, moment)
    assert [s.folder for s in runs.list_runs(tmp_path)] == [new, old]
    assert runs.list_runs(tmp_path / "nowhere") == []


def test_a_second_process_cannot_own_a_run_and_a_killed_one_lets_go(tmp_path: Path) -> None:
    run = new_run(tmp_path)
    script = (
        "import sys, time; from pathlib import Path; from workbench.storage import ownership, runs\n"
        "with ownership.own(runs.RunFolder(Path(sys.argv[1]))):\n    print('owned', flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", script, str(run.path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        try:
            assert child.stdout is not None
            assert child.stdout.readline() == "owned\n"
            assert runs.summary_of(run).status == "running"
            with pytest.raises(FileError, match=f"process {child.pid}"), ownership.own(run):
                pass
        finally:
            child.send_signal(signal.SIGKILL)
    assert ownership.owner(run) is None
    with ownership.own(run):
        assert f"process {os.getpid()} " in (ownership.owner(run) or "")
    assert ownership.owner(run) is None


def test_one_who_looks_does_not_keep_another_from_owning(tmp_path: Path) -> None:
    run = new_run(tmp_path)
    stop = threading.Event()

    def look() -> None:
        while not stop.is_set():
            ownership.owner(run)

    watchers = [threading.Thread(target=look) for _ in range(2)]
    for watcher in watchers:
        watcher.start()
    try:
        for _ in range(20):
            with ownership.own(run):
                time.sleep(0.001)
    finally:
        stop.set()
        for watcher in watchers:
            watcher.join()


def test_what_is_not_a_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"no recipe\.yaml"):
        runs.open_run(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(FileError, match="is a file, not a folder"):
        new_run(tmp_path / "file" / "runs")


def test_a_run_is_found_by_path_by_name_and_by_the_beginning_of_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    root = tmp_path / "saved" / "runs"
    names = ("prices-20250101-000000", "prices-20250102-000000", "price-20240101-000000")
    for age, name in enumerate(names):
        (root / name).mkdir(parents=True)
        (root / name / "recipe.yaml").write_text("")
        os.utime(root / name, (1_000_000 + age, 1_000_000 + age))
    found = lambda name: runs.find_run(name, "saved/runs").path  # noqa: E731
    assert found(str(root / names[0])) == root / names[0]
    assert found(f"saved/runs/{names[0]}") == root / names[0]
    assert found(names[0]) == root / names[0]
    assert found("prices") == root / names[1]  # the latest
    assert found("price") == root / names[2]  # a whole name, not a part of another
    with pytest.raises(FileError, match="no run 'prizes'"):
        found("prizes")
    with pytest.raises(FileError) as error:
        found("prices-20250103-000000")
    assert "Did you mean 'prices-2025010" in error.value.hint
