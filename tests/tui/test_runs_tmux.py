"""The table of experiments in a real terminal: burst of keys, tags, a filter, groups."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.tui.test_tmux import Open, terminal
from workbench import events
from workbench.storage.event_stream import EventLog
from workbench.storage.labels import read_labels
from workbench.storage.runs import create_run

__all__ = ["terminal"]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed"),
]

RATES = (0.1, 0.01, 0.01)


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
def test_tags_filter_and_groups(terminal: Open, tmp_path: Path, size: tuple[int, int]) -> None:
    folder = tmp_path / "working_directory"
    folder.mkdir()
    made = []
    for number, rate in enumerate(RATES):
        run = create_run(folder / "saved" / "runs", f"r{number}", recipe="kwb: 1\n", environment={})
        recipe = {"name": "r", "train": {"optimizer": {"learning_rate": rate}}}
        with EventLog(run) as log:
            log.append(events.RunStarted(str(run.path), recipe, {}), 1_760_000_000.0 + number)
            log.append(events.Epoch(1, 1, {"loss": 1.0 + number}, 1.0, 10.0, rate), 1_760_000_001.0 + number)
        made.append(run)
    kwb = terminal(size=size)
    kwb.until(lambda screen: "residual-regressor" in screen, "list of recipes")
    kwb.press("5")
    kwb.until(lambda screen: made[2].name[:10] in screen, "the runs")
    # in one burst: the dialog of the tags, and what is typed into it
    kwb.press("l", *"base lr-test", "Enter")
    kwb.until(lambda screen: "#base #lr-test" in screen, "the tags")
    assert read_labels(made[2]).tags == ("base", "lr-test")  # the newest is the first
    kwb.press("/", *"lr=0.01 tag!=base", "Enter")
    screen = kwb.until(lambda screen: "1 of 3 shown" in screen and made[1].name[:10] in screen, "the filter")
    assert made[0].name[:10] not in screen.replace(made[1].name, "")
    kwb.press("Escape")
    kwb.until(lambda screen: "shown" not in screen and made[0].name[:10] in screen, "all runs")
    kwb.press("g")
    kwb.until(lambda screen: "Group by" in screen, "the keys")
    kwb.press(*"learning_rate", "Enter")
    kwb.until(lambda screen: "3 runs by learning_rate" in screen, "the groups")
    screen = kwb.until(lambda screen: "▣ 2" in screen and "2.5 ± 0.71" in screen, "the rows")
    (line,) = (line for line in screen.splitlines() if "▣ 1" in line)
    assert "2.5 ± 0.71" in line
    assert line.split()[:4] == ["▣", "1", "0.01", "2"]
    screen = kwb.until(lambda screen: "learning_rate 0.01 2.5 ± 0.71" in screen, "the bands")
    assert "─○" in screen  # the curve of the other group has a shape of its own
    kwb.press("Escape")
    kwb.until(lambda screen: made[0].name[:10] in screen and "runs by" not in screen, "all runs")
