"""Checks that are followed as they are made: what begins, what is stopped from another thread, what prints too much."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from workbench.catalog import single_file
from workbench.catalog.discovery import discover
from workbench.catalog.lookup import Catalog
from workbench.check.results import Result, Status
from workbench.check.supervising import CheckBegun, CheckStop, Order, follow_checks, run_checks

pytestmark = pytest.mark.slow

LAYERS = """
import keras


class Whole(keras.Layer):
    def call(self, x):
        return 2 * x


class Flood(keras.Layer):
    def call(self, x):
        while True:
            print("x" * 1_000_000)
"""


@pytest.fixture
def order(tmp_path: Path) -> Order:
    path = tmp_path / "layers.py"
    path.write_text(LAYERS)
    catalog = Catalog(discover([path], scan=single_file.scan))
    entries = [entry for entry in catalog.entries if entry.from_file]
    return Order(entries, frozenset({"resolves", "constructor", "call"}), [path])


def only(order: Order, name: str, **known: Status) -> Order:
    (entry,) = (entry for entry in order.entries if entry.name == name)
    return Order([entry], order.checks, order.plugin_files, known={("layer", entry.qualified_name): known})


def test_each_check_is_said_to_begin_before_its_result(order: Order) -> None:
    reports = list(follow_checks(only(order, "Whole")))
    begun = [report.check for report in reports if isinstance(report, CheckBegun)]
    ended = [report.check for report in reports if isinstance(report, Result)]
    assert begun == ended == ["resolves", "constructor", "call"]
    assert isinstance(reports[0], CheckBegun)
    assert isinstance(reports[1], Result)


def test_what_is_known_is_not_made_again_and_counts(order: Order) -> None:
    made = list(run_checks(only(order, "Whole", resolves=Status.PASSED, constructor=Status.PASSED)))
    assert [result.check for result in made] == ["call"]
    made = list(run_checks(only(order, "Whole", resolves=Status.PASSED, constructor=Status.FAILED)))
    assert [(result.check, result.status) for result in made] == [("call", Status.SKIPPED)]
    assert "'constructor', which failed" in made[0].detail


def test_code_that_prints_without_end_fails(order: Order) -> None:
    (failed,) = (result for result in run_checks(only(order, "Flood")) if result.status is Status.FAILED)
    assert failed.check == "call"
    assert failed.detail == "it printed over 64 MB."


def test_another_thread_stops_them_and_what_was_under_way_has_no_result(order: Order) -> None:
    stop = CheckStop()
    reports = []
    for report in follow_checks(only(order, "Flood"), stop):
        reports.append(report)
        if isinstance(report, CheckBegun) and report.check == "call":
            threading.Timer(0.2, stop.stop).start()
    assert reports[-1] == CheckBegun("layer", "layers.Flood", "call")
    assert list(follow_checks(order, stop)) == []  # and no other is started
