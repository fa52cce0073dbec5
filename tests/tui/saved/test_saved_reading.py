"""Looking into files: distributions, rows, a process that dies, files that are none."""

from __future__ import annotations

import asyncio
import math
import os
import signal

import h5py
import numpy as np
import pytest

from tests.coroutines import until
from tests.hostile.files import hanging_h5_file
from workbench.errors import FileError
from workbench.tui.screens.saved import reader as reader_module
from workbench.tui.screens.saved.contents import rows_of
from workbench.tui.screens.saved.facts import Distribution, FileFacts, Layer, Weight
from workbench.tui.screens.saved.reader import FileReader
from workbench.tui.screens.saved.reading import distribution


def distribution_of(values) -> Distribution:
    return Distribution.from_record(distribution(np.asarray(values)))


# ---------------------------------------------------------------------- values


def test_a_distribution_counts_what_a_mean_hides() -> None:
    found = distribution_of([0.0, 0.0, 1.0, 3.0, np.nan, np.inf, -np.inf])
    assert (found.size, found.finite, found.nan, found.infinite, found.zeros) == (7, 4, 1, 2, 2)
    assert (found.low, found.high, found.mean) == (0.0, 3.0, 1.0)
    assert found.deviation == pytest.approx(np.std([0, 0, 1, 3]))
    assert sum(found.histogram.counts) == 4
    assert found.histogram.shares(0.0, 3.0, 3) == pytest.approx([0.5, 0.25, 0.25], abs=0.01)


def test_values_of_many_blocks_are_counted_as_one() -> None:
    values = np.random.default_rng(0).normal(size=2_500_000).astype(np.float32)
    found = distribution_of(values)
    assert sum(found.histogram.counts) == found.size == 2_500_000
    assert found.mean == pytest.approx(float(values.mean()), abs=1e-6)
    assert found.deviation == pytest.approx(float(values.std(dtype=np.float64)), rel=1e-6)
    expected, _ = np.histogram(values.astype(np.float64), 240, (found.low, found.high))
    assert list(found.histogram.counts) == list(expected)


@pytest.mark.parametrize(
    ("values", "low", "high"),
    [
        ([7.0], 7.0, 7.0),
        ([2.5, 2.5, 2.5], 2.5, 2.5),
        ([-1.7e308, 1.7e308], -1.7e308, 1.7e308),
        ([1e-300, 2e-300], 1e-300, 2e-300),
        ([True, False], 0.0, 1.0),
        (np.array([3, 4], np.uint8), 3.0, 4.0),
        (np.array([1.0, 2.0], np.float16), 1.0, 2.0),
        ([], 0.0, 0.0),
        ([math.nan, math.nan], 0.0, 0.0),
    ],
)
def test_odd_values_have_a_distribution(values, low: float, high: float) -> None:
    found = distribution_of(values)
    assert (found.low, found.high) == (low, high)
    assert sum(found.histogram.counts) == found.finite


# ---------------------------------------------------------------------- rows


def test_weights_stand_below_their_layers() -> None:
    layers = [
        Layer("block", "Block"),
        Layer("block/hidden/0", "Dense"),
        Layer("out", "Dense"),
        Layer("flat", "Flatten"),
    ]
    weights = [
        Weight("block/scale", (2,), "float32"),
        Weight("block/hidden/0/kernel", (2, 3), "float32"),
        Weight("out/kernel", (3, 1), "float32"),
        Weight("elsewhere/vars/0", (5,), "float32"),
    ]
    rows = [(row.level, row.name, row.what, row.parameters) for row in rows_of(layers, weights)]
    assert rows == [
        (0, "block", "Block", 8),
        (1, "scale", "2", 2),
        (1, "hidden/0", "Dense", 6),
        (2, "kernel", "2 × 3", 6),
        (0, "out", "Dense", 3),
        (1, "kernel", "3 × 1", 3),
        (0, "flat", "Flatten", None),
        (0, "elsewhere/vars/0", "5", 5),
    ]


# ---------------------------------------------------------------------- the process


async def test_a_file_is_read_in_another_process(weights_file) -> None:
    reader = FileReader()
    facts = FileFacts.from_record(await reader.ask("look", str(weights_file)))
    assert facts.model is None
    assert [(weight.path, weight.shape, weight.dtype) for weight in facts.weights] == [
        ("layers/dense/vars/0", (12, 5), "float32"),
        ("layers/dense/vars/1", (5,), "float32"),
    ]
    values = Distribution.from_record(
        await reader.ask("weight", str(weights_file), weight="layers/dense/vars/1")
    )
    assert (values.nan, values.infinite, values.finite) == (1, 2, 2)
    await reader.closed()


async def test_a_weight_that_is_not_there_is_an_error_of_the_file(weights_file) -> None:
    reader = FileReader()
    with pytest.raises(FileError, match="has no weight 'layers/dense/vars/7'"):
        await reader.ask("weight", str(weights_file), weight="layers/dense/vars/7")
    with pytest.raises(FileError, match="keeps no recipe"):
        await reader.ask("recipe", str(weights_file))
    await reader.closed()


async def test_a_file_that_kills_its_reader_harms_no_other(weights_file, tmp_path) -> None:
    """HDF5 loops in the process, which is killed there, as HDF5 may kill itself."""
    slow_file = hanging_h5_file(tmp_path / "slow.h5")
    reader = FileReader()
    asking = asyncio.create_task(reader.ask("look", str(slow_file)))
    await until(lambda: reader._child)
    os.kill(reader._child.pid, signal.SIGSEGV)
    with pytest.raises(FileError, match=r"ended the process that reads files \(SIGSEGV\)"):
        await asking
    assert (await reader.ask("look", str(weights_file)))["weight_count"] == 2
    await reader.closed()


async def test_who_no_longer_waits_for_a_slow_file_holds_up_nobody(weights_file, tmp_path) -> None:
    slow_file = hanging_h5_file(tmp_path / "slow.h5")
    reader = FileReader()
    slow = asyncio.create_task(reader.ask("look", str(slow_file)))
    await until(lambda: reader._child)
    first = reader._child
    behind = asyncio.create_task(reader.ask("look", str(weights_file)))
    await asyncio.sleep(0.1)
    slow.cancel()
    assert (await behind)["weight_count"] == 2  # asked of the process that was ended, answered by the next
    assert reader._child is not first
    await reader.closed()


async def test_a_file_that_takes_for_ever_is_given_up(weights_file, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(reader_module, "MOST_SECONDS", 1.0)
    slow_file = hanging_h5_file(tmp_path / "slow.h5")
    reader = FileReader()
    with pytest.raises(FileError, match="takes longer than 1 s"):
        await reader.ask("look", str(slow_file))
    monkeypatch.undo()
    assert (await reader.ask("look", str(weights_file)))["weight_count"] == 2
    await reader.closed()


async def test_a_file_of_very_many_weights_is_reported_in_part(tmp_path) -> None:
    path = tmp_path / "many.weights.h5"
    with h5py.File(path, "w") as file:
        for number in range(3_050):
            file[f"layers/dense_{number}/vars/0"] = np.float32(number)
    reader = FileReader()
    facts = FileFacts.from_record(await reader.ask("look", str(path)))
    assert (len(facts.weights), facts.weight_count, facts.parameters) == (3_000, 3_050, 3_050)
    await reader.closed()


async def test_names_in_a_file_cannot_disturb_the_terminal(tmp_path) -> None:
    from tests.tui.saved.conftest import archive

    config = {"class_name": "Evil\x1b[2J", "module": "keras", "config": {"name": "a\nb\x07", "layers": []}}
    path = archive(tmp_path / "a.keras", config)
    with h5py.File(tmp_path / "w.h5", "w") as file:
        file["layers/x\x1b[31m/vars/0"] = np.zeros(2)
    import zipfile

    with zipfile.ZipFile(path, "a") as file:
        file.write(tmp_path / "w.h5", "model.weights.h5")
    reader = FileReader()
    facts = FileFacts.from_record(await reader.ask("look", str(path)))
    assert facts.model == Layer(r"a\nb\x07", r"Evil\x1b[2J")
    rows = rows_of(facts.layers, facts.weights)
    assert [row.weight.path for row in rows] == ["layers/x\x1b[31m/vars/0"]  # asked for by its very name
    await reader.closed()
