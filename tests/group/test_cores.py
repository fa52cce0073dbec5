"""Each of several processes that train has cores of its own."""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.conftest import Kwb
from tests.group.test_equality import MSE, Case, table, write_recipe
from tests.group.trainings import needs_networks, trained
from workbench.devices.cores import CoreShare
from workbench.group.hosts.meeting import Guest
from workbench.group.hosts.pool import core_share

__all__ = ["table"]

LAYER = """
import json
import os
import keras
import tensorflow as tf

class Looks(keras.layers.Dense):
    '''Writes which cores its process may run on, and how many threads TensorFlow has.'''

    def build(self, shape):
        super().build(shape)
        threads = tf.config.threading
        found = {
            "cores": [sorted(os.sched_getaffinity(int(each))) for each in os.listdir("/proc/self/task")],
            "threads": [threads.get_intra_op_parallelism_threads(), threads.get_inter_op_parallelism_threads()],
        }
        with open(f"looked-{os.getpid()}.json", "w") as file:
            json.dump(found, file)
"""


@pytest.mark.slow
@needs_networks
def test_two_processes_keep_to_different_cores(kwb: Kwb, table: Path) -> None:
    allowed = os.sched_getaffinity(0)
    if len(allowed) < 2:
        pytest.skip("there is one core")
    (table / "looks.py").write_text(LAYER)
    recipe = write_recipe(table, Case("{sequential: [{use: Looks, units: 1}]}", f"{MSE}, epochs: 1"))
    done = trained(kwb, table, recipe, "--workers", "2", "--plugin", "looks.py")
    found = [json.loads(path.read_text()) for path in table.glob("looked-*.json")]
    # What looks whether the model can be saved may build it in a third process, which is kept to none.
    kept = {tuple(map(tuple, each["cores"])): each for each in found if set(each["cores"][0]) < allowed}
    assert len(kept) == 2
    first, second = (set(each["cores"][0]) for each in kept.values())
    assert not first & second
    assert first | second == allowed
    for each in kept.values():
        assert len({tuple(cores) for cores in each["cores"]}) == 1, "all threads are kept"
        assert each["threads"] == [len(allowed) // 2] * 2
    environment = json.loads((done.run / "environment.json").read_text())
    assert environment["devices"]["cores"] == len(allowed), "a run has the cores of all its processes"


def guests(*allowed: set[int], peer: str = "10.0.0.2", cores: int = 8) -> list[Guest]:
    connection: Any = SimpleNamespace(peer=peer)
    return [
        Guest(connection, "gpu2", cores, frozenset(each), process=number, place=None)
        for number, each in enumerate(allowed)
    ]


def test_processes_of_a_machine_share_its_cores() -> None:
    two = guests(set(range(8)), set(range(8)))
    other = guests(set(range(8)), peer="10.0.0.3")
    every = [*two, *other]
    assert [core_share(each, every) for each in every] == [
        CoreShare(0, 2, 8),
        CoreShare(1, 2, 8),
        CoreShare(0, 1, 8),
    ]


def test_cores_that_a_cluster_has_given_to_each_are_not_shared() -> None:
    four = guests(*({*range(8 * task, 8 * task + 8)} for task in range(4)))
    assert [core_share(each, four) for each in four] == [CoreShare(0, 1, 8)] * 4


def test_where_the_system_does_not_say_they_are_shared() -> None:
    two = guests(set(), set())
    assert core_share(two[1], two) == CoreShare(1, 2, 8)
