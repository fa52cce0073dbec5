"""A plugin file of a test's own, and what the check screen says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from tests.coroutines import until
from tests.tui.gate import GATE

KEPT = '"strength": self.strength'
FORGOTTEN = '"strength": 0.5'

HOSTILE = '''

class Leaving(keras.Layer):
    """Ends the process."""

    def call(self, x):
        import os
        os._exit(3)


class Crashing(keras.Layer):
    """Reads what is not there."""

    def call(self, x):
        import ctypes
        ctypes.string_at(0)
        return x


class Looping(keras.Layer):
    """Never ends."""

    def call(self, x):
        while True:
            pass


class Printing(keras.Layer):
    """Prints without end."""

    def call(self, x):
        while True:
            print("x" * 1_000_000)
'''


@pytest.fixture
def gate(working_directory: Path) -> Path:
    path = working_directory / "gate.py"
    path.write_text(GATE)
    return path


async def made(pilot: Pilot[Any], seconds: float = 180.0) -> Any:
    """Wait until the checks are made; the screen."""
    screen = pilot.app.screen
    await until(lambda: not screen.live and screen.states.entries, seconds)
    return screen


def failed(screen: Any) -> list[str]:
    """What failed: `Gate: config_keeps_arguments`."""
    return [f"{key[1].partition('.')[2]}: {check}" for key, check in screen.states.in_state("failed")]
