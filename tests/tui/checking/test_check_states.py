"""What is known of checks, by plain results: counts, what is worst, what has turned, what holds for other orders."""

from __future__ import annotations

from workbench.catalog import Entry, Kind
from workbench.check.contract import checks_of
from workbench.check.results import Result, Status
from workbench.check.supervising import CheckBegun
from workbench.tui.views.check_states import STATE_WORDS, CheckStates, key_of
from workbench.tui.views.marks import CHECKS

GATE = Entry(Kind.LAYER, "Gate", "gate.py:Gate", plugin="gate")
LOSS = Entry(Kind.LOSS, "gap", "gate.py:gap", plugin="gate")


def result(entry: Entry, check: str, status: Status) -> Result:
    return Result(entry.kind.value, entry.qualified_name, check, status)


def test_every_state_has_a_mark_of_its_own_and_words() -> None:
    assert {*Status, "waiting", "running"} == CHECKS.keys() == STATE_WORDS.keys()
    assert len(set(CHECKS.values())) == len(CHECKS)


def test_all_waits_and_only_what_is_made_on_a_kind_has_a_state() -> None:
    states = CheckStates([GATE, LOSS])
    assert states.counts["waiting"] == len(checks_of(Kind.LAYER)) + len(checks_of(Kind.LOSS))
    assert states.state(key_of(GATE), "loss_value") == ""
    assert states.state(key_of(LOSS), "loss_value") == "waiting"
    assert states.worst(key_of(GATE)) == "waiting"


def test_states_follow_what_is_reported() -> None:
    states = CheckStates([GATE])
    every = sum(states.counts.values())
    states.take(CheckBegun("layer", "gate.Gate", "call"))
    assert states.in_state("running") == [(key_of(GATE), "call")]
    assert states.worst(key_of(GATE)) == "running"
    states.take(result(GATE, "call", Status.FAILED))
    assert (states.counts["running"], states.counts["failed"]) == (0, 1)
    assert states.worst(key_of(GATE)) == "failed"
    states.take(CheckBegun("layer", "gate.Gate", "graph"))
    states.end()
    assert states.state(key_of(GATE), "graph") == "waiting"
    states.take(CheckBegun("layer", "gate.Other", "call"))  # of an entry that is not shown: no error
    states.take(result(GATE, "loss_value", Status.PASSED))
    assert sum(states.counts.values()) == every


def test_what_is_forgotten_is_no_more_known() -> None:
    states = CheckStates([GATE])
    states.take(result(GATE, "call", Status.FAILED))
    states.take(result(GATE, "constructor", Status.PASSED))
    states.forget([(key_of(GATE), "call")])
    assert states.result(key_of(GATE), "call") is None
    assert states.known() == {key_of(GATE): {"constructor": Status.PASSED}}


def test_what_has_turned_since_the_time_before_also_where_one_was_not_made_to_its_end() -> None:
    first = CheckStates([GATE])
    first.take(result(GATE, "call", Status.FAILED))
    first.take(result(GATE, "graph", Status.SKIPPED))
    first.take(result(GATE, "finite", Status.PASSED))
    unfinished = CheckStates([GATE])
    unfinished.take(result(GATE, "finite", Status.PASSED))
    before = unfinished.completed_by(first)
    assert before.result(key_of(GATE), "call").status is Status.FAILED
    now = CheckStates([GATE])
    now.take(result(GATE, "call", Status.PASSED))
    now.take(result(GATE, "graph", Status.PASSED))
    now.take(result(GATE, "finite", Status.FAILED))
    assert now.turned(before) == (["Gate: finite"], ["Gate: call"])
    assert now.turned(CheckStates()) == ([], [])
