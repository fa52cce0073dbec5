"""A distribution of entries with one error each: the check that is named for it finds it, and no other."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any

import pytest

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def done(kwb, installed):
    """`kwb check broken --json`, ended."""
    return kwb("check", "broken", "--json", "--limit", "10", path=[installed("broken-layers")], timeout=900.0)


@pytest.fixture(scope="module")
def found(done) -> Mapping[tuple[str, str], dict[str, dict[str, Any]]]:
    """Results by kind and entry, then by check."""
    found: dict[tuple[str, str], dict[str, dict[str, Any]]] = {}
    for result in json.loads(done.stdout)["results"]:
        found.setdefault((result["kind"], result["entry"]), {})[result["check"]] = result
    return found


@pytest.fixture(scope="module")
def meant(kwb, installed) -> dict[tuple[str, str], str]:
    """The check that must find an entry's error, as its summary says."""
    rows = json.loads(kwb("catalog", "--json", path=[installed("broken-layers")]).stdout)
    return {(r["kind"], f"broken.{r['name']}"): r["summary"] for r in rows if r["plugin"] == "broken"}


def test_each_error_is_found_by_exactly_the_check_that_is_named_for_it(done, found, meant):
    assert done.returncode == 1
    failed = {
        key: [check for check, result in results.items() if result["status"] == "failed"]
        for key, results in found.items()
    }
    assert failed == {key: [check] if check else [] for key, check in meant.items()}


def test_what_an_error_makes_impossible_is_skipped_and_says_why(found):
    results = found["layer", "broken.Forgetful"]
    assert results["saves_keras"]["status"] == "skipped"
    assert results["from_config"]["detail"] == "it needs 'config_keeps_arguments', which failed."
    assert results["gradients"]["status"] == "passed"


@pytest.mark.parametrize(
    ("entry", "check", "words"),
    [
        ("Forgetful", "config_keeps_arguments", "does not give back 'units'"),
        ("Lazy", "weights_in_build", "in build() or __init__"),
        ("Remaking", "weights_in_build", "2 weights again each time"),
        ("Hiding", "no_hidden_layers", "box/items/0"),
        ("TwoInputs", "declared_inputs", "it expects 2. Let the entry say inputs=2."),
        ("Leaving", "constructor", "sys.exit('no licence')"),
        ("Demanding", "constructor", "needs the argument 'units'. Let the entry's example give units."),
        ("Endless", "call", "it took over 10 s. An endless loop?"),
        ("Crashing", "call", "it crashed the process (SIGSEGV)"),
        ("Misspelt", "call", "has no attribute 'kernl'"),
        ("Refusing", "call", "It takes 3 columns, not 8"),
        ("WrongShape", "output_shape", "says (batch, 3); it returns (batch, 8)"),
        ("FixedBatch", "batch_sizes", "a batch of 1"),
        ("Rows32", "batch_sizes", "a batch of 1 fails, one of 32 does not"),
        (
            "RawVariable",
            "no_hidden_layers",
            "'raw' (tf.Variable): not trained and not saved. Make it with self.add_weight()",
        ),
        ("WrongWay", "deterministic", "the wrong way round"),
        ("Cut", "gradients", "'kernel'"),
        ("Elsewhere", "registered_name", "'broken-layers'"),
        ("Overannounced", "finite", "it passes, though it is announced to fail (large inputs overflow)"),
        ("Misannounced", "expected_failures", "Did you mean 'finite'?"),
    ],
)
def test_an_error_is_reported_in_the_authors_terms(found, entry, check, words):
    assert words in found["layer", f"broken.{entry}"][check]["detail"]


def test_an_announced_failure_is_reported_with_its_reason_and_what_needs_it_is_still_checked(found):
    results = found["layer", "broken.Announced"]
    assert results["deterministic"]["status"] == "xfail"
    assert results["deterministic"]["detail"].startswith(
        "it is for Monte Carlo (under the same seed, a second time it returns other"
    )
    assert results["gradients"]["status"] == "passed"
    assert results["graph"]["status"] == "xfail"


def test_an_entry_of_an_unknown_input_is_skipped_not_passed(found):
    results = found["layer", "broken.Picky"]
    assert results["call"]["status"] == "skipped"
    assert "input_shapes=[[8]]" in results["call"]["detail"]
    assert "passed" not in {results[name]["status"] for name in ("finite", "functional", "saves_h5")}


def test_the_summary_counts_everything(done, found):
    summary = json.loads(done.stdout)["summary"]
    assert summary.pop("entries") == len(found)
    assert sum(summary.values()) == sum(map(len, found.values()))


def test_nothing_of_it_is_left_running(done):
    psutil = pytest.importorskip("psutil")
    commands = [" ".join(p.info["cmdline"] or ()) for p in psutil.process_iter(["cmdline"])]
    assert not [
        command for command in commands if "workbench.check.child" in command and sys.executable in command
    ]
