"""Each row of a batch goes to one process, and each process draws its own random numbers."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from tests.conftest import Kwb
from tests.group.test_equality import MSE, Case, table, write_recipe
from tests.group.trainings import needs_networks, trained
from tests.whole import part
from workbench.training.engines.data import Arrays, ArraySource, Stream, StreamSource
from workbench.training.engines.shares import Share

__all__ = ["table"]

NOTING = '''
import os

import keras
import tensorflow as tf


class Noting(keras.layers.Layer):
    """Writes the first number of each row that it is trained on into a file of its process."""

    def call(self, x, training=False):
        if training:
            tf.numpy_function(self.note, [x], [])
        return x

    def note(self, x):
        with open(f"noted-{os.getpid()}", "a") as file:
            file.writelines(f"{value:.6f}\\n" for value in x[:, 0])


class Drawn(keras.layers.Layer):
    """Writes what it draws."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.seeds = keras.random.SeedGenerator(3)

    def call(self, x, training=False):
        if training:
            drawn = keras.random.uniform((), seed=self.seeds)
            tf.numpy_function(self.note, [drawn], [])
            x = x + 0.0 * drawn
        return x

    def note(self, value):
        with open(f"drawn-{os.getpid()}", "a") as file:
            file.write(f"{value:.8f}\\n")
'''


@pytest.mark.parametrize("size", [2, 3, 7])
@pytest.mark.parametrize("rows", [1, 2, 3, 10, 32])
def test_the_shares_of_a_batch(size: int, rows: int) -> None:
    shares = [Share(rank, size) for rank in range(size)]
    parts = [list(range(*share.bounds(rows))) for share in shares]
    if rows < size:
        assert parts == [list(range(rows))] * size
    else:
        assert [row for part in parts for row in part] == list(range(rows))
        assert max(map(len, parts)) - min(map(len, parts)) <= 1
    taken = [share.take(tf.range(rows)).numpy().tolist() for share in shares]
    assert taken == parts, "in a graph as outside of one"


def test_array_and_stream_give_the_same_rows_to_each() -> None:
    numbers = np.arange(23, dtype="float32")[:, None]

    def batches(epoch: int, step: int, at_once: int):
        for start in range(5 * step, 23, 5 * at_once):
            yield Arrays(numbers[start : start + 5 * at_once])

    for rank in range(3):
        share = Share(rank, 3)
        array = ArraySource(Arrays(numbers), 5, share=share)
        stream = StreamSource(Stream(23, 5, batches), share=share)
        found = [
            [batch.numpy()[:, 0].tolist() for batch in source.dataset(0, 0, 1)] for source in (array, stream)
        ]
        assert found[0] == found[1]
        wanted = [numbers[slice(*share.bounds(5)), 0] + 5 * step for step in range(4)]
        assert found[0][:4] == [each.tolist() for each in wanted]
        stream.close()


@needs_networks
@pytest.mark.slow
@pytest.mark.parametrize("data", part("processes", ["", ", stream: true"], [", stream: true"]))
def test_every_row_once_in_an_epoch(data: str, kwb: Kwb, table: Path) -> None:
    (table / "own.py").write_text(NOTING)
    case = Case(
        "{sequential: [{use: Noting}, {use: Dense, units: 1}]}",
        f"{MSE}, batch_size: 32, epochs: 2",
        data=data,
    )
    result = kwb(
        "--batch",
        write_recipe(table, case),
        "--json",
        "--workers",
        "3",
        "--plugin",
        "own.py",
        cwd=table,
        timeout=300,
    )
    assert result.returncode == 0, result.stderr
    happened = [json.loads(line) for line in result.stdout.splitlines()]
    assert [each["engine"] for each in happened if each["event"] == "engine_chosen"] == [
        "steps" if data else "chunk"
    ]
    noted = [path.read_text().split() for path in table.glob("noted-*")]
    assert len(noted) == 3
    every = sorted(float(each) for part in noted for each in part)
    first = {
        f"{float(line.split(',')[0]):.6f}" for line in (table / "table.csv").read_text().splitlines()[1:]
    }
    counts = {value: every.count(value) for value in every}
    assert set(counts.values()) == {2}, "once in each epoch"
    assert {f"{value:.6f}" for value in counts} <= first
    assert len(counts) == len(every) // 2


@needs_networks
@pytest.mark.slow
def test_each_process_draws_its_own_numbers(kwb: Kwb, table: Path) -> None:
    (table / "own.py").write_text(NOTING)
    case = Case("{sequential: [{use: Drawn}, {use: Dense, units: 1}]}", f"{MSE}, batch_size: 32, epochs: 1")
    trained(kwb, table, write_recipe(table, case), "--workers", "3", "--plugin", "own.py")
    drawn = [path.read_text().split() for path in table.glob("drawn-*")]
    assert len(drawn) == 3
    assert len({value for part in drawn for value in part}) == sum(map(len, drawn)), "none twice"


@needs_networks
@pytest.mark.slow
def test_what_adding_up_costs_is_said_once(kwb: Kwb, table: Path) -> None:
    case = Case("{sequential: [{use: Dense, units: 1}]}", f"{MSE}, batch_size: 32, epochs: 12")
    result = kwb("--batch", write_recipe(table, case), "--json", "--workers", "2", cwd=table, timeout=300)
    assert result.returncode == 0, result.stderr
    texts = [json.loads(line).get("text", "") for line in result.stdout.splitlines()]
    (said,) = [text for text in texts if "adding up the gradients of 2 processes" in text]
    found = re.fullmatch(r"a step takes ([\d.e+-]+) ms; .* is ([\d.e+-]+) ms of that \((\d+) %\)", said)
    assert found
    step, sums = float(found[1]), float(found[2])
    assert 0.0 < sums < step
