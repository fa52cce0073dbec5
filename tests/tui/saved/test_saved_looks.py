"""Pictures of the saved screen; renewed by `pytest --snapshot-update`."""

from __future__ import annotations

import pytest

SIZES = pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=["normal", "wide"])


@SIZES
def test_empty(looks_as_before, size) -> None:
    assert looks_as_before(mode="saved", size=size)


@SIZES
@pytest.mark.slow
def test_a_model(looks_as_before, put, fixed_file, weights_file, size) -> None:
    put("price.keras", fixed_file)
    put("runs/price-20260101-120000/model.keras", fixed_file)
    put("pretrained/plain.weights.h5", weights_file)
    assert looks_as_before(mode="saved", size=size)


@pytest.mark.slow
@pytest.mark.parametrize("keys", [(), ("enter", "down")], ids=["list", "inside"])
def test_narrow(looks_as_before, put, fixed_file, weights_file, keys) -> None:
    put("price.keras", fixed_file)
    put("plain.weights.h5", weights_file)
    assert looks_as_before(*keys, mode="saved", size=(60, 20))


def test_weights_that_are_not_finite(looks_as_before, put, weights_file) -> None:
    put("plain.weights.h5", weights_file)
    assert looks_as_before("enter", "down", mode="saved")


@SIZES
def test_a_damaged_file(looks_as_before, put, size) -> None:
    put("cut.keras", b"PK\x03\x04 and nothing more")
    put("other.h5", b"no HDF5 at all")
    assert looks_as_before(mode="saved", size=size)
