"""The importance of keys, from trials whose values are worked out here."""

from __future__ import annotations

import json
import math
import random
import sys
from pathlib import Path

import pytest

from tests.search.bases import OVER, recipe, search
from workbench.children import JsonChild
from workbench.errors import RecipeError
from workbench.search import state as records
from workbench.search.importance import LEAST, importance_of
from workbench.search.journal import Journal
from workbench.search.state import SearchState, TrialState

RATE, UNITS = OVER


def made(count: int, *, pruned: int = 0) -> list[records.Record]:
    """Trials whose value is decided by the rate, and hardly by the units; and some pruned ones that say otherwise."""
    draw, made = random.Random(1), [{"kind": "agent", "agent": "a"}]
    for number in range(count + pruned):
        rate, units = 10 ** draw.uniform(-3, -1), draw.choice([4, 16])
        value = (math.log10(rate) + 2) ** 2 + 0.01 * (units == 4)
        state = TrialState.DONE
        if number >= count:
            value, state = 100.0 * (units == 4), TrialState.PRUNED
        made += [records.new_trial({RATE: rate, UNITS: units}, 1), records.begun("a", number, 0)]
        made += [records.ended("a", number, 0, state, epoch=1, value=value)]
    return made


def trials(count: int, **more: int) -> list[records.Trial]:
    state = SearchState()
    state.add(made(count, **more))
    return state.trials


def test_the_key_that_decides_is_the_most_important() -> None:
    found = importance_of(search(), trials(30, pruned=10))
    assert list(found.shares) == [RATE, UNITS]
    assert found.shares[RATE] > 0.9
    assert sum(found.shares.values()) == pytest.approx(1)
    assert found.trials == 30


def test_what_has_no_importance_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RecipeError, match=f"{LEAST - 1} of {LEAST} trials have ended"):
        importance_of(search(), trials(LEAST - 1, pruned=5))
    alike = SearchState()
    alike.add([{**each, "value": 1.0} if each["kind"] == "ended" else each for each in made(LEAST)])
    with pytest.raises(RecipeError, match="the same value"):
        importance_of(search(), alike.trials)
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(RecipeError) as caught:
        importance_of(search(), trials(LEAST))
    assert "pip install 'kwb[search]'" in caught.value.hint


@pytest.fixture
def begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Journal:
    """A search of twelve trials in the working directory."""
    monkeypatch.chdir(tmp_path)
    journal = Journal(tmp_path / "saved" / "searches" / "small" / "journal.jsonl")
    text = recipe(search={"over": OVER, "trials": 12})
    first = {"kind": "recipe", "text": text, "name": "small.yaml", "folder": str(tmp_path), "overrides": []}
    journal.update(lambda _: [first, *made(12)])
    return journal


def test_the_command_prints_it_and_trains_nothing(begun: Journal, kwb) -> None:
    before = begun.path.read_bytes()
    record = json.loads(kwb("search", "small", "--importance", "--json").stdout)
    assert record == {
        "v": 1,
        "event": "importance",
        "trials": 12,
        "shares": dict(importance_of(search(trials=12), begun.read().trials).shares),
    }
    words = kwb("search", "small", "--importance").stdout
    assert words.startswith(
        "importance for val_loss (lowest), from 12 trials\ntrain.optimizer.learning_rate  "
    )
    assert begun.path.read_bytes() == before


def test_a_process_of_its_own_answers_the_same(begun: Journal) -> None:
    child = JsonChild("workbench.search.importance_child")
    try:
        found = child.ask({"folder": str(begun.path.parent)}, 120)
        begun.path.write_text("[1]\n")
        broken = child.ask({"folder": str(begun.path.parent)}, 120)
    finally:
        child.close()
    assert found is not None
    assert broken is not None
    assert found["trials"] == 12
    assert next(iter(found["shares"])) == RATE
    assert "is no journal of a search" in broken["error"]
