"""Record the runs that the tests of the train and runs screens look at: what `kwb --batch` writes, once.

    python -m tests.tui.training.record

A picture of a run that is trained for each test differs from one processor to the next in a last digit. Run this when
what a training writes has changed, as tests/main_job/test_built_in_recipes.py says then. Look at the difference, and
renew the pictures: `pytest tests/tui/training --snapshot-update`.
"""

from __future__ import annotations

import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.tui.training.conftest import RECORDED, batch, endless, run_in, wait_for_epochs
from workbench.storage.run_folder import RunFolder

# A checkpoint is written when seconds have passed, and at the end: with these only there.
LAST_CHECKPOINT = ("--set", "train.checkpoint_seconds=3600")
SHORT = ("residual-regressor", "--set", "train.epochs=8", "--set", "save=[]", *LAST_CHECKPOINT)

STRICT = """\
import keras
import tensorflow as tf


class Strict(keras.layers.Layer):
    def call(self, x):
        return tf.debugging.check_numerics(x, "a value is not finite")
"""

FAILING = """\
kwb: 1
name: failing
data: {use: diabetes, split: {validation: 0.2, test: 0.1}}
model: {sequential: [{use: Dense, units: 8}, Strict, {use: Dense, units: 1}]}
train: {epochs: 50, engine: plain, loss: mse, optimizer: {use: SGD, learning_rate: 1.0e+30}}
"""


def finished(folder: Path) -> None:
    process = batch(folder, *SHORT)
    assert process.wait() == 0, process.stderr.read()


def failed(folder: Path) -> None:
    """Its learning rate is such that a layer finds a value that is not finite."""
    (folder / "strict.py").write_text(STRICT)
    (folder / "failing.yaml").write_text(FAILING)
    process = batch(folder, "failing.yaml", "--plugin", "strict.py")
    assert process.wait() == 1, process.stderr.read()


def killed(folder: Path) -> None:
    """Its process was killed in mid-training."""
    with endless(folder, *LAST_CHECKPOINT) as process:
        wait_for_epochs(folder, process, 10)


RUNS: tuple[Callable[[Path], None], ...] = (finished, failed, killed)


def main() -> None:
    os.environ["KWB_STATE_DIR"] = tempfile.mkdtemp()
    for make in RUNS:
        with tempfile.TemporaryDirectory() as name:
            make(Path(name))
            run = run_in(Path(name))
            assert run is not None
            to = RunFolder(RECORDED / make.__name__)
            shutil.rmtree(to.path, ignore_errors=True)
            to.path.mkdir(parents=True)
            for file in (run.recipe, run.environment, run.events):
                text = anywhere(file.read_text(encoding="utf-8"), name)
                if file == run.events:
                    text = "".join(few(text.splitlines(keepends=True)))
                (to.path / file.name).write_text(text, encoding="utf-8")
            if run.checkpoints.is_dir():
                shutil.copytree(run.checkpoints, to.checkpoints)


def anywhere(text: str, folder: str) -> str:
    """A text without what only this machine has: its folders, its kernel."""
    text = text.replace(folder, "/home/me").replace(str(Path(__file__).parents[3]), "/home/me/kwb")
    text = text.replace(sys.base_prefix, "/usr")
    return text.replace(platform.platform(), "Linux")


def few(lines: list[str]) -> list[str]:
    """The events but for those of the thirteenth epoch and later: how far a run came before it was killed is chance."""
    end = next(
        (at for at, line in enumerate(lines) if '"epoch": 13' in line or '"epoch":13' in line), len(lines)
    )
    return [line for line in lines[:end] if line.endswith("\n")]


if __name__ == "__main__":
    main()
