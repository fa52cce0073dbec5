"""Take the README's pictures again: `python -m tests.screenshots [NAME...]`.

The real app runs headless in a folder of its own, trains a built-in recipe in a real child, and is asked for an SVG of
each main screen. They lie beside this file.
"""

from __future__ import annotations

import asyncio
import os
import re
import sys
import tempfile
from pathlib import Path

from textual.pilot import Pilot

from tests.coroutines import until
from workbench.tui.app import KwbApp
from workbench.tui.settings import Settings
from workbench.tui.state import AppState

FOLDER = Path(__file__).parent
SIZE = (120, 36)


async def take(names: set[str]) -> None:
    """Walk through the app and keep the screens asked for; all of them when none is named."""
    app = KwbApp(
        settings=Settings(animations=False),
        state=AppState(Path("state.json").absolute()),
        working_directory=Path.cwd(),
        log_folder=Path.cwd(),
        recipe="reconstructing-regressor",
    )

    async def picture(name: str, pilot: Pilot[None]) -> None:
        await pilot.pause(1.0)
        if not names or name in names:
            svg = app.export_screenshot(title="kwb")
            # No font is fetched to look at a page of documentation: the viewer's own monospaced one serves.
            (FOLDER / f"{name}.svg").write_text(re.sub(r"@font-face \{.*?\}", "", svg, flags=re.S))
            print(f"{name}.svg")

    async with app.run_test(size=SIZE) as pilot:
        await until(lambda: app.worker.state == "ready", 90, "the child is ready")
        await pilot.press("2")
        await pilot.pause(4.0)
        await picture("assemble", pilot)
        await pilot.press("L")
        await until(lambda: "weight kernel" in app.screen.copy_text(), 90, "the layers are seen")
        await picture("inside", pilot)
        await pilot.press("escape", "home", "k")
        await pilot.pause(4.0)
        await until(lambda: not app.screen.live, 180, "the checks are made")
        await picture("check", pilot)
        await pilot.press("2")
        await pilot.press("t")
        await until(
            lambda: app.worker.training and app.worker.training.ended.is_set(), 120, "the training ended"
        )
        await picture("train", pilot)
        await pilot.press("i")
        await picture("internals", pilot)
        for key, name in (("1", "recipes"), ("3", "data"), ("5", "runs"), ("6", "saved")):
            await pilot.press(key)
            await pilot.pause(3.0)
            await picture(name, pilot)
        await app.worker.close()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        asyncio.run(take(set(sys.argv[1:])))
