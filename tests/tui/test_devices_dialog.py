"""The dialog of the palette with the devices of this machine, and the devices of a run under its messages."""

from __future__ import annotations

import pytest

from tests.tui.conftest import OpenApp, settle, shown, until
from workbench import events
from workbench.tui.palette import commands
from workbench.tui.views.training_view import TrainingView
from workbench.tui.widgets.devices_dialog import DevicesDialog


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_the_palette_shows_the_devices(open_app: OpenApp, size: tuple[int, int]) -> None:
    async with open_app(size=size) as pilot:
        app = pilot.app
        command = next(each for each in commands(app, app.screen) if each.title == "App: Devices")
        command.callback()
        await until(lambda: isinstance(app.screen, DevicesDialog))
        dialog = app.screen
        assert isinstance(dialog, DevicesDialog)
        await settle(pilot)
        await until(lambda: "TensorFlow" in dialog.copy_text(), 60)
        await pilot.pause()
        for word in ("processor", "cores", "threads", "memory", "GPU"):
            assert word in shown(app)
        assert "for this process" in shown(app)
        assert "looking at" not in shown(app)
        assert "Devices" in shown(app)
        await pilot.press("q")
        assert not app.screen.is_modal


def test_the_messages_of_a_training_begin_with_its_devices() -> None:
    devices = {
        "cpu": "Intel Xeon",
        "cores": 2,
        "threads": {"intra_op": 1, "inter_op": 2},
        "gpus": [],
        "memory_gib": 15.6,
        "unused_gpus": [
            {"gpus": ["NVIDIA T4"] * 2, "level": "warning", "reason": "NVIDIA's driver is not loaded."}
        ],
    }
    started = events.RunStarted("r", {}, {"devices": devices})
    view = TrainingView().take(started, 5.0)
    assert [(note.moment, note.level, note.text) for note in view.messages] == [
        (5.0, "info", "on 2 cores (Intel Xeon), 1 thread, 15.6 GiB of memory"),
        (5.0, "warning", "not used: 2 × NVIDIA T4: NVIDIA's driver is not loaded."),
    ]
    assert TrainingView().take(events.RunStarted("r", {}, {}), 5.0).messages == ()
