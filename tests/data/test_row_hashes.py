"""Hashes of rows: the same however the rows come, another for every change, and the block that has it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from workbench.data.row_hashes import MOST_BLOCKS, RowHasher, RowHashes, digest, hashes_of


def hashed(columns: dict[str, Any], *pieces: int) -> RowHashes:
    hasher, start = RowHasher(), 0
    for end in (*pieces, len(next(iter(columns.values())))):
        hasher.add_columns({name: values[start:end] for name, values in columns.items()})
        start = end
    return hasher.result()


def columns(rows: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(1)
    return {
        "size": np.arange(rows, dtype=np.float64),
        "count": rng.integers(0, 9, rows),
        "town": np.array([f"town {n % 7}" for n in range(rows)], dtype=object),
        "pixels": rng.integers(0, 255, (rows, 5, 3), dtype=np.uint8),
        "sun": rng.integers(0, 2, rows).astype(bool),
    }


@pytest.mark.parametrize("rows", [1, 100, MOST_BLOCKS, 3 * MOST_BLOCKS + 7])
def test_rows_that_come_in_pieces_have_the_hashes_of_all_at_once(rows: int) -> None:
    whole = hashed(columns(rows))
    for pieces in ([rows // 2], [rows // 3, rows // 3 + 1], list(range(0, rows, 501))):
        found = hashed(columns(rows), *pieces)
        assert found.columns == whole.columns
        assert found.block_rows == whole.block_rows
        np.testing.assert_array_equal(found.blocks, whole.blocks)
    assert len(whole.blocks) <= MOST_BLOCKS
    assert len(whole.blocks) == -(-rows // whole.block_rows)


@pytest.mark.parametrize("rows", [100, 3 * MOST_BLOCKS + 7])
@pytest.mark.parametrize("name", ["size", "count", "town", "pixels", "sun"])
def test_a_changed_value_changes_its_block_and_its_column_alone(name: str, rows: int) -> None:
    before, data = hashed(columns(rows)), columns(rows)
    values = data[name]
    values[57] = "elsewhere" if name == "town" else ~values[57] if name == "sun" else values[57] + 1
    found = hashed(data)
    assert np.flatnonzero(found.blocks != before.blocks).tolist() == [57 // before.block_rows]
    assert [each for each in before.columns if before.columns[each] != found.columns[each]] == [name]


def test_rows_that_are_exchanged_change_the_hashes() -> None:
    before, data = hashed(columns(100)), columns(100)
    for values in data.values():
        values[[3, 8]] = values[[8, 3]]
    assert np.flatnonzero(hashed(data).blocks != before.blocks).tolist() == [3, 8]


def test_values_that_are_exchanged_within_a_row_change_its_hash() -> None:
    one = {"a": np.array([1.0, 2.0]), "b": np.array([4.0, 8.0])}
    other = {"a": np.array([4.0, 2.0]), "b": np.array([1.0, 8.0])}
    assert np.flatnonzero(hashed(one).blocks != hashed(other).blocks).tolist() == [0]


def test_the_parts_of_a_block_are_kept_when_blocks_grow() -> None:
    hasher = RowHasher()
    hasher.add_columns({"a": np.arange(MOST_BLOCKS)})
    hasher.add_part(0, np.arange(10))
    hasher.add_part(2, np.array([9, 10]))
    hasher.add_columns({"a": np.arange(5)})
    found = hasher.result()
    assert found.block_rows == 2
    assert found.parts[:7].tolist() == [1, 1, 1, 1, 1 | 4, 4, 0]
    assert len(found.parts) == len(found.blocks)


@pytest.mark.parametrize(
    "values",
    [
        np.array(["a", None, 1.5, "a"], dtype=object),
        np.array([[1], [2], [3], [1]]),
        np.array(["2020-01-01", "2021-01-01", "NaT", "2020-01-01"], "datetime64[us]"),
        np.array([1, 2, 3, 1], np.float16),
        np.array(["a", "bb", "ccc", "a"]),
        np.array([1j, 2j, 3j, 1j]),
    ],
    ids=lambda values: str(values.dtype),
)
def test_values_of_every_kind_have_hashes(values: np.ndarray) -> None:
    found = hashes_of(values)
    assert found.dtype == np.uint64
    assert found[0] == found[3]
    assert len(set(found.tolist())) == 3


def test_lists_in_cells_have_hashes() -> None:
    values = np.empty(3, dtype=object)
    values[:] = [[1, 2], [1], [1, 2]]
    found = hashes_of(values)
    assert found[0] == found[2] != found[1]


def test_every_bit_of_an_array_counts() -> None:
    values = np.random.default_rng(0).normal(size=(70, 77)).astype(np.float32)
    whole = digest(values)
    assert digest(values.copy()) == whole
    for place in np.random.default_rng(1).integers(0, values.size * 32, 200):
        bits = values.copy().reshape(-1).view(np.uint32)
        bits[place // 32] ^= np.uint32(1) << np.uint32(place % 32)
        assert digest(bits.view(np.float32)) != whole
