"""All processes wait, for data or for each other: that is said, and the training goes on when they compute again."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.group.test_equality import DENSE, MSE, Case, table, write_recipe
from tests.group.trainings import needs_networks
from workbench import events
from workbench.group import session
from workbench.group.hosts.opening import group_session
from workbench.group.pools import PluginChoice
from workbench.recipe.document import read

__all__ = ["table"]

pytestmark = [pytest.mark.slow, needs_networks]

WAITS = "no process has computed anything"
SLEEPS = """
import time
import keras

class Sleeps(keras.callbacks.Callback):
    '''Waits for something, at the end of the first epoch.'''

    def on_epoch_end(self, epoch, logs=None):
        if epoch == 0:
            time.sleep(6)
"""


def test_it_is_said_once(table: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "IDLE", 3.0)
    monkeypatch.setenv("KWB_STATE_DIR", str(table / "state"))
    (table / "sleeps.py").write_text(SLEEPS)
    recipe = write_recipe(table, Case(DENSE, f"{MSE}, epochs: 3, workers: 2, callbacks: [{{use: Sleeps}}]"))
    found: list[events.Event] = []
    plugins = PluginChoice([table / "sleeps.py"])
    with group_session(
        read(table / recipe),
        None,
        plugins,
        lambda event, line: found.append(event),
        runs_folder=table / "runs",
    ) as group:
        assert group.run().status == "done"
    idle = [at for at, each in enumerate(found) if isinstance(each, events.Message) and WAITS in each.text]
    epochs = [at for at, each in enumerate(found) if isinstance(each, events.Epoch)]
    assert len(idle) == 1
    assert len(epochs) == 3
    assert idle[0] < epochs[1]
