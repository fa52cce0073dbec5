"""The app leaves little to Python's garbage collector: what is not needed any more is gone at once."""

from __future__ import annotations

import gc
import subprocess
import sys
import weakref

from rich.segment import Segment
from textual.strip import Strip
from textual.widgets import Footer
from textual.widgets._footer import FooterKey

from tests.tui.conftest import settle
from workbench.tui.terminal import gc_tuning


def test_a_line_cut_at_its_own_width_leaves_nothing_to_collect() -> None:
    gc_tuning.spare_strips()
    gc.collect()
    gc.disable()
    try:
        for _ in range(100):
            strip = Strip([Segment("a line")], 6)
            assert strip.divide([6]) == [strip]
            assert strip.divide([6, 9]) == [strip]  # a cut beyond the end is none
            assert [part.text for part in strip.divide([2, 6])] == ["a ", "line"]
        del strip
        assert gc.collect() < 100
    finally:
        gc.enable()


async def test_keys_that_are_no_longer_offered_are_forgotten(open_app) -> None:
    async with open_app() as pilot:
        keys: list[weakref.ref[FooterKey]] = []
        for mode in "1616":
            await pilot.press(mode)
            await settle(pilot)
            keys += map(weakref.ref, pilot.app.screen.query(FooterKey))
            pilot.app.screen.query_one(Footer).refresh(recompose=True)
            await settle(pilot)
        gc.collect()
        kept = {key() for key in keys if key() is not None}
        assert all(key.is_attached for key in kept)
        assert pilot.app.screen.query(FooterKey)


async def test_the_same_keys_are_not_made_anew(open_app) -> None:
    async with open_app() as pilot:
        before = list(pilot.app.screen.query(FooterKey))
        pilot.app.screen.refresh_bindings()
        await settle(pilot)
        assert list(pilot.app.screen.query(FooterKey)) == before


def test_what_is_set_aside_is_taken_back() -> None:
    """In a process of its own: this one has set aside what all tests before have left: a minute to collect."""
    code = (
        "import gc; from workbench.tui.terminal import gc_tuning\n"
        "gc_tuning.set_aside(); assert gc.get_freeze_count() > 0\n"
        "gc_tuning.take_back(); assert gc.get_freeze_count() == 0"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
