"""Fingerprints of variables, by which processes see what has changed."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import tensorflow as tf

from workbench.training.group import collectives
from workbench.training.group.collectives import fingerprint

Fingerprint = Callable[[np.ndarray], float]


@pytest.fixture(params=["cpu", "gpu"])
def of(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Fingerprint:
    """The fingerprint of an array, by the operations of each device (those for a GPU run on a CPU as well)."""
    if request.param == "gpu":
        monkeypatch.setattr(collectives, "_on_cpu", collectives._on_gpu)
    return lambda array: float(fingerprint(tf.constant(array)).numpy())


def changes(array: np.ndarray) -> dict[str, np.ndarray]:
    """What a callback may do with weights."""
    swapped, bit, one = array.copy(), array.copy(), array.copy()
    swapped.flat[[1, 5]] = array.flat[[5, 1]]
    bit.view(np.uint8).flat[-1] ^= 0x80
    one.flat[0] = -array.flat[0]
    two = one.copy()
    two.flat[3] = -array.flat[3]
    return {
        "two swapped": swapped, "a bit": bit, "a sign": one, "two signs": two, "all signs": -array,
        "shuffled": np.random.default_rng(1).permutation(array.ravel()).reshape(array.shape),
        "zero": np.zeros_like(array), "reversed": array[::-1].copy(), "half": array / 2,
    }  # fmt: skip


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
def test_what_changes_is_seen(of: Fingerprint, dtype: str) -> None:
    array = np.random.default_rng(0).normal(size=(64, 9)).astype(dtype)
    found = {name: of(changed) for name, changed in changes(array).items()}
    assert of(array.copy()) == of(array)
    assert len({of(array), *found.values()}) == len(found) + 1


@pytest.mark.parametrize("dtype", [tf.bool, tf.int8, tf.uint32, tf.int64, tf.bfloat16])
def test_every_type_of_variable(of: Fingerprint, dtype: tf.DType) -> None:
    ones, zeros = (tf.cast(tf.constant([number, 1, 0]), dtype).numpy() for number in (1, 0))
    assert of(ones) != of(zeros)


def test_no_number(of: Fingerprint) -> None:
    assert of(np.zeros([0, 4], "float32")) == of(np.zeros([0, 4], "float32"))


def test_many_are_added_up_exactly(of: Fingerprint) -> None:
    found = of(np.arange(7.0))
    assert found == int(found)
    assert sum([found] * 4096) == 4096 * int(found)
