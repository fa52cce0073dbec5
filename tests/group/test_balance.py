"""Where the time of several processes goes: by hand, and of a training in which one of them is slower."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conftest import Kwb
from tests.group.test_equality import MSE, Case, table, write_recipe
from tests.group.trainings import needs_networks
from workbench.training.group.balance import Balance
from workbench.training.group.spent import Spent

__all__ = ["table"]

# In the second process alone: its parent has given it the network of the first.
SLOW = '''
import json
import os
import time

import keras
import tensorflow as tf


class Slow(keras.layers.Layer):
    """Takes 60 ms in one of the processes."""

    def call(self, x, training=False):
        if training:
            tf.numpy_function(self.wait, [x], [])
        return x

    def wait(self, x):
        if json.loads(os.environ["TF_CONFIG"])["task"]["index"] == 1:
            time.sleep(0.06)
'''


def spent(seconds: float, waited: float, memory: int = 1000) -> Spent:
    return Spent(seconds, waited, memory)


def warm(count: int) -> Balance:
    """After the calls that are not counted."""
    balance = Balance(count)
    for _ in range(3):
        balance.add(1, 10, 9.0, [spent(9.0, 0.0)] * count)
    assert balance.news() is None
    return balance


def test_the_numbers_of_a_call() -> None:
    balance = warm(2)
    balance.alone, balance.expected_speed_up = 0.09, 1.5
    balance.add(40, 1280, 2.0, [spent(1.9, 0.3, 500), spent(1.9, 0.2, 700)])
    found = balance.news()
    assert found is not None
    assert found.count == 2
    assert found.rows_per_second == pytest.approx(640.0)
    assert found.adding_up == pytest.approx(0.1), "of who waits least: the other waits for it"
    assert found.computing == pytest.approx([0.04, 0.0425])
    assert found.memory == [500, 700]
    assert found.straggler == 0
    assert found.speed_up == pytest.approx(0.09 / 0.05)
    assert found.expected_speed_up == 1.5
    assert balance.news() is None, "not again at once"


def test_what_was_before_counts_less() -> None:
    balance = warm(2)
    balance.add(10, 100, 1.0, [spent(1.0, 0.0)] * 2)
    assert balance.news() is not None
    balance.add(10, 300, 1.0, [spent(1.0, 0.0)] * 2)
    assert balance.now().rows_per_second == pytest.approx((50 + 300) / 1.5)


@pytest.mark.parametrize(
    ("seconds", "computing", "straggler"),
    [
        (10.0, (4.0, 9.0, 4.2), 2),
        (10.0, (9.0, 4.0, 4.2), 1),
        (10.0, (8.0, 9.0, 8.2), 0),  # nearly as fast
        (10.0, (0.1, 0.4, 0.1), 0),  # slower, but nobody loses time by that
        (0.5, (0.1, 0.4, 0.1), 0),  # too soon
    ],
)
def test_who_is_slower(seconds: float, computing: tuple[float, ...], straggler: int) -> None:
    balance = warm(3)
    balance.add(10, 100, seconds, [spent(seconds, seconds - each) for each in computing])
    assert balance.now().straggler == straggler


@pytest.mark.slow
@needs_networks
def test_a_slow_process_is_named(kwb: Kwb, table: Path) -> None:
    (table / "slow.py").write_text(SLOW)
    case = Case("{sequential: [{use: Slow}, {use: Dense, units: 1}]}", f"{MSE}, batch_size: 16, epochs: 5")
    recipe = write_recipe(table, case)
    arguments = ("--batch", recipe, "--workers", "2", "--plugin", "slow.py")
    result = kwb(*arguments, "--json", cwd=table, timeout=300)
    assert result.returncode == 0, result.stderr
    happened = [json.loads(line) for line in result.stdout.splitlines()]
    found = [each for each in happened if each["event"] == "processes"]
    assert found[-1]["straggler"] == 2
    first, second = found[-1]["computing"]
    assert second > 0.05 > first, "the first only waits"
    assert all(each["count"] == 2 and len(each["memory"]) == 2 for each in found)
    assert all(100e6 < size < 5e9 for each in found for size in each["memory"])
    assert 0.0 <= found[-1]["adding_up"] <= 1.0
    assert found[-1]["expected_speed_up"] == 0.0, "a step that acts outside of its graph is not tried out"

    shown = kwb(*arguments, cwd=table, timeout=300)
    assert shown.returncode == 0, shown.stderr
    assert "process 2 of 2 is slower than the others, which wait for it" in shown.stdout
    assert "2 processes: " in shown.stdout
    assert "GB of memory in all" in shown.stdout
