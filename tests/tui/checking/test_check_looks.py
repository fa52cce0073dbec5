"""How the check screen looks. Renew with: pytest --snapshot-update."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from tests.tui.checking.conftest import FORGOTTEN, GATE, KEPT, made
from workbench.tui.actions.begin_check import begin_check
from workbench.tui.context import CheckTarget

SIZES = [(80, 24), (120, 40)]
OTHERS = """

class ALayerWithALongNameThatDoesNotFitAboveItsColumn(keras.Layer):
    def call(self, x):
        return x + 1


def gap(y_true, y_pred):
    return keras.ops.mean(keras.ops.abs(y_true - y_pred), axis=-1)
"""


@pytest.mark.parametrize("size", SIZES)
def test_nothing_is_checked_yet(looks_as_before, size) -> None:
    assert looks_as_before(mode="check", size=size)


@pytest.mark.slow
@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("size", SIZES)
def test_a_plugin_file_with_a_layer_that_fails(looks_as_before, gate: Path, size, turned: bool) -> None:
    gate.write_text(GATE.replace(KEPT, FORGOTTEN) + OTHERS)

    async def check(pilot: Pilot[Any]) -> None:
        begin_check(pilot.app, CheckTarget("plugin", "gate"))
        await made(pilot, 400)
        pilot.app.clear_notifications()

    keys = ("v", "n") if turned else ("n",)
    assert looks_as_before(*keys, before=check, plugin_files=[gate], size=size)
