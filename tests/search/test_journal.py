"""The journal: several processes add to it, and none loses or repeats what another did."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from workbench.errors import FileError
from workbench.search import state as records
from workbench.search.journal import Journal, JournalUnreachable
from workbench.search.leases import Leases, describe_agent
from workbench.search.state import Record, SearchState, TrialState

ADDING = """
import sys
from pathlib import Path
from workbench.search import state as records
from workbench.search.journal import Journal
journal = Journal(Path(sys.argv[1]))
for _ in range(60):
    def decide(state):
        number = len(state.trials)
        return [records.new_trial({"seed": number}, 1), records.begun(sys.argv[2], number, 0)]
    journal.update(decide)
"""


def test_three_processes_at_once(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    others = [subprocess.Popen([sys.executable, "-c", ADDING, str(path), name]) for name in "abc"]
    assert [each.wait(120) for each in others] == [0, 0, 0]
    state = Journal(path).read()
    assert [trial.settings["seed"] for trial in state.trials] == list(range(180))
    owners = [trial.repetitions[0].owner for trial in state.trials]
    assert [owners.count(name) for name in "abc"] == [60, 60, 60]


def test_a_torn_line_is_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    Journal(path).update(lambda _: [records.new_trial({"seed": 1}, 1)])
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"v": 1, "kind": "tri')
    again = Journal(path)
    assert len(again.read().trials) == 1
    again.update(lambda _: [records.new_trial({"seed": 2}, 1)])
    assert [trial.settings["seed"] for trial in Journal(path).read().trials] == [1, 2]


def test_what_is_no_journal(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    path.write_text("[1, 2]\n")
    with pytest.raises(FileError, match="is no journal of a search"):
        Journal(path).read()


def test_a_disk_that_is_full_for_a_while(tmp_path: Path) -> None:
    """The system takes a part of the line, or nothing: it is all there or nothing of it, and once."""
    journal = Journal(tmp_path / "journal.jsonl")
    decide = lambda state: [records.new_trial({"seed": len(state.trials)}, 1)]  # noqa: E731
    journal.update(decide)
    before = journal.path.read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    for room in (0, 10):
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + room, limits[1]))
        try:
            with pytest.raises(JournalUnreachable, match="larger than this process may write"):
                journal.update(decide)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        assert journal.path.read_bytes() == before
        assert len(journal.state.trials) == 1
    journal.update(decide)
    assert [trial.settings["seed"] for trial in Journal(journal.path).read().trials] == [0, 1]


RECORDS: list[dict[str, Any]] = [
    {"kind": "recipe", "text": "kwb: 1", "name": "r.yaml", "folder": "/", "overrides": ["seed=1"]},
    {**describe_agent(1)[1], "agent": "a", "runs": "/runs"},
    {"kind": "beat", "agent": "a"},
    dict(records.new_trial({"seed": 1}, 1)),
    dict(records.begun("a", 0, 0)),
    dict(records.died("a", 0, 0)),
    dict(records.run_made("a", 0, 0, "/runs/x")),
    dict(records.compared("a", 0, 0, 2, 0.5)),
    dict(
        records.ended(
            *("a", 0, 0, TrialState.DONE),
            epoch=2,
            value=0.5,
            seconds=1.0,
            early=False,
            why="",
            logs={"loss": 0.5},
            evaluation={"loss": 0.5},
        )
    ),
    {"kind": "left", "agent": "a"},
]
ODD: dict[type, list[Any]] = {
    str: [None, 5, True, ["x"], {"x": 1}],
    int: [None, "x", "1", -1, 10**400, 0.5, True, [1], {"x": 1}],
    float: [None, "x", "1", 10**400, True, [1], {"x": 1}],
    bool: [None, "x", 5, [True]],
    dict: [None, "x", 5, True, ["x"], [["x", 1]]],
    list: [None, 5, True, [None], [5], [["x"]]],
}


def test_odd_values_of_every_record_are_refused(tmp_path: Path) -> None:
    """Each key of each kind of record with values of other types, too large, negative; and the record without it."""
    path = tmp_path / "journal.jsonl"
    path.write_text("".join(f"{json.dumps({'v': 1, 'time': 1.0, **each})}\n" for each in RECORDS))
    whole = Journal(path).read()
    assert whole.trials[0].repetitions[0].logs == {"loss": 0.5}
    tried = 0
    for place, record in enumerate(RECORDS):
        for key, value in {"time": 1.0, **record}.items():
            for odd in ODD[type(value) if not isinstance(value, TrialState) else str]:
                if key == "value" and odd is None and record["kind"] == "ended":
                    continue  # a training that came to no value
                broken = {"v": 1, "time": 1.0, **record, key: odd}
                lines = [*RECORDS[:place], broken]
                path.write_text("".join(f"{json.dumps(each)}\n" for each in lines))
                journal = Journal(path)
                with pytest.raises(FileError, match="is no journal of a search"):
                    journal.read()
                tried += 1
    assert tried > 150


@pytest.mark.parametrize("line", ["5", "null", '"x"', "[]", "{}", '{"kind": []}', "{", "[" * 100_000, "\xff"])
def test_lines_that_are_no_records(tmp_path: Path, line: str) -> None:
    path = tmp_path / "journal.jsonl"
    path.write_bytes(line.encode("latin-1") + b"\n")
    journal = Journal(path)
    with pytest.raises(FileError, match="is no journal of a search"):
        journal.read()


def filled(*more: Record) -> SearchState:
    state = SearchState()
    state.add([records.new_trial({}, 1), records.begun("a", 0, 0), *more])
    return state


def test_one_that_was_taken_over_says_nothing_more() -> None:
    taken_over = records.begun("b", 0, 0)
    late = records.ended("a", 0, 0, TrialState.DONE, value=1.0)
    repetition = filled(taken_over, late).trials[0].repetitions[0]
    assert (repetition.state, repetition.owner, repetition.value) == (TrialState.RUNNING, "b", None)
    repetition = (
        filled(taken_over, records.ended("b", 0, 0, TrialState.DONE, value=2.0), late)
        .trials[0]
        .repetitions[0]
    )
    assert (repetition.state, repetition.value) == (TrialState.DONE, 2.0)


def test_the_value_of_parts() -> None:
    state = SearchState()
    ended = [
        records.ended("a", 0, repetition, TrialState.DONE, value=value)
        for repetition, value in enumerate([1.0, 2.0, 6.0])
    ]
    state.add(
        [records.new_trial({}, 3), *(records.begun("a", 0, repetition) for repetition in range(3)), *ended]
    )
    trial = state.trials[0]
    assert trial.value == pytest.approx(3.0)
    assert trial.spread == pytest.approx(7.0**0.5)
    assert trial.state is TrialState.DONE


def test_an_agent_lives_as_long_as_its_process() -> None:
    name, record = describe_agent(1)
    state = SearchState()
    state.add([record])
    leases = Leases()
    assert not leases.dead(name, state)
    with subprocess.Popen([sys.executable, "-c", "pass"]) as ended:
        pass
    state.add([{**record, "agent": "gone", "pid": ended.pid}])
    assert leases.dead("gone", state)
    state.add([{"kind": "left", "agent": name}])
    assert leases.dead(name, state)


def test_an_agent_elsewhere_lives_as_long_as_it_is_heard_of(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("workbench.search.leases.time.monotonic", lambda: now[0])
    _, record = describe_agent(1)
    state = SearchState()
    state.add([{**record, "agent": "far", "boot": "another machine"}])
    leases = Leases()
    assert not leases.dead("far", state)
    now[0] = 25.0
    state.add([{"kind": "beat", "agent": "far"}])
    assert not leases.dead("far", state)
    now[0] = 50.0
    assert not leases.dead("far", state)
    now[0] = 56.0
    assert leases.dead("far", state)
