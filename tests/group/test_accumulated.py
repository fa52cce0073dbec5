"""Several processes that add up the gradients of several batches, and that exchange them in half precision."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import Kwb
from tests.group.test_equality import DENSE, MSE, Case, table, write_recipe
from tests.group.trainings import Trained, assert_equal, needs_networks, trained
from workbench.training import checkpoints
from workbench.training.engines.accumulation import PREFIX

__all__ = ["table"]

pytestmark = [pytest.mark.slow, needs_networks]

# 181 rows: the last of 16 batches has one row, which every process takes, and is added to those of the three before.
ADDED = Case(
    DENSE,
    f"{MSE}, batch_size: 12, accumulate: 4, optimizer: {{use: Adam, clipnorm: 0.5, learning_rate: "
    "{use: ExponentialDecay, initial_learning_rate: 0.05, decay_steps: 3, decay_rate: 0.7}}",
)
LARGE = ("--set", "train.batch_size=48", "--set", "train.accumulate=1", "--set", "train.engine=plain")

DYING = '''
import os
import signal

import keras


class Dying(keras.callbacks.Callback):
    """Kills its process behind the sixth batch of the second epoch, once."""

    def on_epoch_begin(self, epoch, logs=None):
        self.second = epoch == 1

    def on_train_batch_end(self, batch, logs=None):
        if self.second and batch == 5 and not os.path.exists("died"):
            open("died", "w").close()
            os.kill(os.getpid(), signal.SIGKILL)
'''


def worst(found: Trained, wanted: Trained) -> float:
    """The largest difference between weights, as part of their size."""
    return max(
        float(np.max(np.abs(found.weights[name] - each)) / max(1e-3, np.max(np.abs(each))))
        for name, each in wanted.weights.items()
        if np.size(each)
    )


def test_as_stock_keras_with_larger_batches(kwb: Kwb, table: Path) -> None:
    """Also when the chief is killed with a batch added up and two that are not, and three processes go on."""
    recipe = write_recipe(table, ADDED)
    wanted = trained(kwb, table, recipe, *LARGE)
    assert_equal(trained(kwb, table, recipe, "--workers", "2"), wanted)

    (table / "dying.py").write_text(DYING)
    changed = ("--set", "train.callbacks=[Dying]", "--set", "train.checkpoint_seconds=0")
    killed = kwb(
        "--batch",
        recipe,
        "--json",
        "--workers",
        "2",
        "--plugin",
        "dying.py",
        *changed,
        cwd=table,
        timeout=300,
    )
    assert killed.returncode == 1
    assert "process 1 of 2 was ended by SIGKILL" in killed.stderr
    started = next(
        each for each in map(json.loads, killed.stdout.splitlines()) if each["event"] == "run_started"
    )
    run = table / started["folder"]
    found = checkpoints.newest(run / "checkpoints")
    assert found is not None
    _, position, arrays = found
    assert (position["epoch"], position["step"]) == (1, 5)
    assert arrays[f"{PREFIX}optimizer/rows"] == 12.0, "of all processes"
    went_on = trained(kwb, table, str(run), "--workers", "3", "--plugin", "dying.py")
    assert_equal(Trained(went_on.logs[-1:], *_rest(went_on)), Trained(wanted.logs[-1:], *_rest(wanted)))

    rounded = trained(kwb, table, recipe, "--workers", "2", "--set", "train.sum_gradients_in=bfloat16")
    assert 1e-5 < worst(rounded, wanted) < 3e-2, "it is rounded, and no more than that"


def _rest(whole: Trained) -> tuple[dict[str, float], dict[str, np.ndarray], Path]:
    return whole.evaluation, whole.weights, whole.run
