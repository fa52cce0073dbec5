"""The app in a real terminal, where every name that it shows tries to drive it."""

from __future__ import annotations

import json
from pathlib import Path

from tests.hostile.files import NASTY, SHOWN, Config, keras_file
from tests.hostile.terminal import Terminal
from workbench import events

FILE = NASTY.replace("/", "")
START = r"a\x1b[2J"  # what of a long name is seen in a narrow place
assert SHOWN.startswith(START)

RECIPE = f"""\
kwb: 1
name: odd
data: {{use: csv, path: odd.csv, targets: [y]}}
model: {{sequential: [{{use: Dense, units: 1, name: {json.dumps(NASTY)}}}]}}
train: {{loss: mse}}   # \u202e\u200b
"""


def named(config: Config) -> None:
    config["config"]["name"] = NASTY
    config["config"]["layers"][1]["config"]["name"] = NASTY
    config["compile_config"]["optimizer"]["class_name"] = NASTY


def make_working_directory(folder: Path) -> None:
    (folder / f"{FILE}.yaml").write_text(RECIPE)
    (folder / "odd.yaml").write_text(RECIPE)
    (folder / "odd.csv").write_text(f"{json.dumps(NASTY).replace(chr(92), '')},y\n1,2\n")
    saved = folder / "saved"
    run = saved / "runs" / "odd-1"
    run.mkdir(parents=True)
    keras_file(saved / f"{FILE}.keras", edit=named)
    keras_file(saved / "odd.keras", "{}", members={"config.json": NASTY.encode()})
    (run / "recipe.yaml").write_text(RECIPE)
    kept = [
        events.RunStarted(NASTY, {"name": NASTY, "train": {"epochs": 2}}, {"host": NASTY}, None),
        events.Message("warning", NASTY),
        events.Epoch(1, 2, {"loss": 1.0, NASTY: 2.0}, 0.5, 10.0, 0.001),
        events.Failed({"what": NASTY, "where": NASTY, "hint": NASTY}),
    ]
    (run / "events.jsonl").write_text("".join(events.to_json(event, NASTY, 1.0) + "\n" for event in kept))


def test_no_screen_lets_anything_through(tmp_path: Path) -> None:
    make_working_directory(tmp_path)
    terminal = Terminal(["odd.yaml"], tmp_path, size=(50, 200))
    try:
        terminal.until_shown("loss: mse")  # the text pane of a recipe that is wrong, or its rows
        for key, shown in (("1", START), ("6", START), ("5", "odd-1"), ("3", "Data")):
            before = len(terminal.text)
            terminal.press(key)
            terminal.until(lambda shown=shown, before=before: shown in terminal.text[before:])  # type: ignore[misc]
        terminal.press("\x1bOQ")  # F2: the notices
        terminal.until_shown("Notices")
        terminal.press("\x1b")
        terminal.press("\x11")
        terminal.until(
            lambda: (
                terminal.process.poll() is not None
                or terminal.press("\x11")
                or "without" in terminal.text[-3000:]
            )
        )
        if terminal.process.poll() is None:
            terminal.press("w")
        terminal.wait()
        assert not terminal.unsafe, terminal.text[max(0, terminal.text.find(chr(27)) - 50) :][:200]
    finally:
        terminal.close()


def test_a_run_of_strange_names_is_watched(tmp_path: Path) -> None:
    make_working_directory(tmp_path)
    terminal = Terminal(["watch", "odd-1"], tmp_path, size=(50, 200))
    try:
        terminal.until_shown(START)
        for key in ("o", "e", "w", "i", "c"):
            terminal.press(key)
            terminal.read(0.3)
        terminal.press("\x11")
        assert terminal.wait() == 0
        assert not terminal.unsafe, terminal.text[max(0, terminal.text.find(chr(27)) - 50) :][:200]
    finally:
        terminal.close()
