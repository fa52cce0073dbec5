"""The contract as a table, the words that choose from it, and what an announcement makes of a result."""

from __future__ import annotations

from dataclasses import replace

import pytest

from workbench.catalog import Entry, Kind
from workbench.check.choosing import choose_checks, choose_entries
from workbench.check.contract import BY_ID, CONTRACT, checks_of, with_needs
from workbench.check.pytest_helpers import parametrize_checks
from workbench.check.results import Status, as_record, judged
from workbench.check.running import missing
from workbench.errors import WorkbenchError

GATE = Entry(Kind.LAYER, "Gate", "acme:Gate", plugin="acme", expected_failures={"xla": "it prints"})


def test_ids_are_unique_and_each_has_its_code():
    assert len(BY_ID) == len(CONTRACT)
    assert not missing()


def test_what_a_check_needs_comes_before_it_for_the_same_kinds():
    for index, check in enumerate(CONTRACT):
        for need in check.needs:
            assert need in {before.id for before in CONTRACT[:index]}
            assert check.kinds <= BY_ID[need].kinds


def test_every_kind_has_checks():
    assert all(len(checks_of(kind)) > 1 for kind in Kind)


def test_needs_of_needs_are_there():
    assert with_needs(["gradients"]) >= {"call", "constructor", "resolves", "training_mode"}
    assert "saves_h5" not in with_needs(["gradients"])


def test_words_choose_checks():
    assert choose_checks("") == set(BY_ID)
    assert choose_checks("saves, xla") == {"saves_keras", "saves_h5", "saves_weights_h5", "xla"}


def test_a_word_of_no_check_is_refused():
    with pytest.raises(
        WorkbenchError, match=r"-k: no check has 'gradiant' in its name\. Did you mean 'gradients'"
    ):
        choose_checks("gradiant")


@pytest.mark.parametrize(
    ("names", "chosen"),
    [
        (["MyDense"], [(Kind.LAYER, "kwb_custom.MyDense")]),
        (["kwb_custom.MyDense", "MyDense"], [(Kind.LAYER, "kwb_custom.MyDense")]),
        (["custom-stack"], [(Kind.RECIPE, "kwb_custom.custom-stack")]),
        (["mae"], [(kind, "kwb_keras.MeanAbsoluteError") for kind in (Kind.LOSS, Kind.METRIC)]),
    ],
)
def test_names_choose_entries(catalog, names, chosen):
    assert [(entry.kind, entry.qualified_name) for entry in choose_entries(names, catalog)] == chosen


def test_a_plugin_means_all_that_it_offers(catalog):
    assert len(choose_entries(["kwb_custom"], catalog)) == 15


def test_an_unknown_name_is_refused_with_the_nearest(catalog):
    with pytest.raises(
        WorkbenchError, match=r"there is no entry and no plugin 'MyDens'\. Did you mean 'MyDense'?"
    ):
        choose_entries(["MyDens"], catalog)


def test_an_announced_failure_keeps_its_reason():
    result = judged(GATE, "xla", Status.FAILED, "it does not run.", "Do this.")
    assert (result.status, result.explanation) == (Status.XFAIL, "it prints (it does not run)")


def test_an_announced_failure_that_passes_fails():
    result = judged(GATE, "xla", Status.PASSED)
    assert result.status is Status.FAILED
    assert "announced to fail (it prints)" in result.explanation


def test_an_announced_failure_that_was_not_found_out_stays_so():
    assert judged(GATE, "xla", Status.SKIPPED, "no").status is Status.SKIPPED
    assert judged(replace(GATE, expected_failures={}), "xla", Status.FAILED).status is Status.FAILED


def test_the_record_counts_by_status():
    results = [judged(GATE, "graph", Status.PASSED), judged(GATE, "xla", Status.FAILED, "no")]
    record = as_record(results)
    assert record["summary"] == {
        "entries": 1,
        "passed": 1,
        "failed": 0,
        "xfail": 1,
        "warning": 0,
        "skipped": 0,
        "not_applicable": 0,
    }
    assert record["results"][0] == {
        "kind": "layer",
        "entry": "acme.Gate",
        "check": "graph",
        "status": "passed",
        "detail": "",
    }


def test_ids_of_an_authors_tests_name_the_entry_and_the_check():
    ids = [parameter.id for parameter in parametrize_checks("kwb_custom").args[1]]
    assert "kwb_custom.MyDense-from_config" in ids
    both = [parameter.id for parameter in parametrize_checks("mae").args[1]]
    assert {
        "kwb_keras.MeanAbsoluteError-loss-loss_value",
        "kwb_keras.MeanAbsoluteError-metric-metric_value",
    } < {*both}
