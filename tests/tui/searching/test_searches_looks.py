"""How the searches screen looks. Renew with: pytest --snapshot-update."""

from __future__ import annotations

import pytest

SIZES = [(80, 24), (120, 40)]


@pytest.mark.parametrize("size", SIZES)
def test_a_search_and_its_trials(looks_as_before, five, repeated, size) -> None:
    assert looks_as_before("enter", "down", mode="searches", size=size)


@pytest.mark.parametrize("size", SIZES)
def test_a_repeat(looks_as_before, repeated, size) -> None:
    assert looks_as_before(mode="searches", size=size)


@pytest.mark.parametrize("size", SIZES)
def test_no_search_yet(looks_as_before, size) -> None:
    assert looks_as_before(mode="searches", size=size)
