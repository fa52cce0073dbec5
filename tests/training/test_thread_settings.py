"""What serves a training of small operations: what counts as small, and that the same is learnt."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from kwb_custom.models import ReconstructingRegressor, ResidualRegressor
from workbench import events
from workbench.catalog.lookup import Catalog
from workbench.recipe.document import parse
from workbench.training import thread_settings
from workbench.training.session import Session
from workbench.training.thread_settings import LONG_RUN, fit_threads, is_small


def _called(model: keras.Model, *shapes: tuple[int, ...]) -> tuple[keras.Model, Any]:
    symbols = [keras.Input(shape) for shape in shapes]
    example = symbols[0] if len(symbols) == 1 else symbols
    model(example)
    return model, example


SMALL = {
    "a chain of narrow layers": lambda: _called(ResidualRegressor(1), (8,)),
    "losses from inside": lambda: _called(ReconstructingRegressor(1), (8,)),
    "a recurrent layer": lambda: _called(keras.Sequential([layers.LSTM(32), layers.Dense(1)]), (50, 16)),
    "a recurrent layer that gives a sequence": lambda: _called(
        keras.Sequential([layers.GRU(16, return_sequences=True), layers.LSTM(16)]), (50, 16)
    ),
    "no weights": lambda: _called(keras.Sequential([layers.Rescaling(2.0)]), (8,)),
}
LARGE = {
    "a wide layer": lambda: _called(keras.Sequential([layers.Dense(512), layers.Dense(1)]), (784,)),
    "a wide layer inside a layer": lambda: _called(
        keras.Sequential([layers.TimeDistributed(layers.Dense(300)), layers.Flatten(), layers.Dense(1)]),
        (3, 300),
    ),
    "a kernel at many places": lambda: _called(keras.Sequential([layers.Conv2D(16, 3)]), (28, 28, 1)),
    "a long input": lambda: _called(keras.Sequential([layers.GlobalMaxPooling1D()]), (10_000, 3)),
    "one of two inputs": lambda: _called(
        keras.Model([a := keras.Input((4,)), b := keras.Input((2000,))], layers.Concatenate()([a, b])),
        (4,),
        (2000,),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SMALL)
def test_small(name: str) -> None:
    model, example = SMALL[name]()
    assert is_small(model, example, 32)
    assert not is_small(model, example, 100_000), "a batch may be large where the layers are not"


@pytest.mark.parametrize("name", LARGE)
def test_large(name: str) -> None:
    assert not is_small(*LARGE[name](), 64)


def test_a_process_that_has_begun_keeps_its_threads() -> None:
    tf.constant(1.0)
    asked = []
    assert not fit_threads(lambda: asked.append(1), 32, LONG_RUN)  # type: ignore[arg-type, func-returns-value]
    assert not asked
    assert tf.config.threading.get_intra_op_parallelism_threads() == 0


def test_looking_is_bounded_and_never_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the model's own code does in the other process. Nothing of TensorFlow is touched in it here."""

    def fails() -> bool:
        raise RuntimeError("the model cannot be built")

    monkeypatch.setattr(thread_settings, "PATIENCE", 1.0)
    assert thread_settings._in_fork(lambda: True)
    assert not thread_settings._in_fork(fails)
    assert not thread_settings._in_fork(lambda: sys.exit(3))
    began = time.monotonic()
    assert not thread_settings._in_fork(lambda: time.sleep(60) is None)
    assert time.monotonic() - began < 30


_TRAINING = """
import json, sys
from workbench.process import import_keras
import_keras()
import keras, numpy as np, tensorflow as tf
from kwb_custom.models import ResidualRegressor
from workbench.training.engines import Arrays, FitSettings, fit
from workbench.training.thread_settings import fit_threads

def build():
    print("built for a look")
    model, symbols = ResidualRegressor(1), keras.Input((8,))
    model(symbols)
    return model, symbols

one = fit_threads(build, 32, int(sys.argv[1]))
keras.utils.set_random_seed(1)
model = ResidualRegressor(1)
model.compile("adam", "mse")
x = np.random.default_rng(0).normal(size=(2048, 8)).astype("float32")
fit(model, Arrays(x, x[:, :1]), None, FitSettings(epochs=3, engine="chunk-xla"))
weights = [float(weight.numpy().sum(dtype="float64")) for weight in model.weights]
print(json.dumps([one, tf.config.threading.get_intra_op_parallelism_threads(), weights]))
"""


def test_one_thread_gives_the_same_bits() -> None:
    """In processes of their own, for a process sets its threads once."""

    def trained(steps: int) -> tuple[bool, int, list[float]]:
        done = subprocess.run(
            [sys.executable, "-c", _TRAINING, str(steps)], capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, done.stderr
        return tuple(json.loads(done.stdout))  # one line: what is built for a look prints nowhere

    one, count, weights = trained(LONG_RUN)
    assert (one, count) == (sys.platform == "linux", int(sys.platform == "linux"))
    few, as_it_was, same = trained(LONG_RUN - 1)
    assert (few, as_it_was) == (False, 0)
    assert np.isfinite(weights).all()
    assert weights == same


def test_a_long_training_of_a_small_model_says_so(tmp_path: Path) -> None:
    start = "from workbench.cli import main; main()"
    command = [sys.executable, "-c", start, "--batch", "residual-regressor", "--json"]
    settings = ["train.epochs=500", "train.callbacks=[]", "save=[]"]
    done = subprocess.run(
        [*command, *(part for setting in settings for part in ("--set", setting))],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    reported = [record.get("text", "") for record in map(json.loads, done.stdout.splitlines())]
    assert any("one thread is enough" in text for text in reported) is (sys.platform == "linux")


SMALL_RECIPE = """
kwb: 1
name: small
seed: 3
data: {use: diabetes, split: {validation: 0.2}, scale: standard}
model: {use: ResidualRegressor, output_dim: 1}
train: {epochs: 3, batch_size: 32, loss: mse, metrics: [mae], shuffle: false}
"""


def _options() -> bool:
    return bool(tf.config.optimizer.get_experimental_options().get("disable_meta_optimizer", False))


def test_graphs_that_are_not_rewritten_give_the_losses_of_plain_keras(
    catalog: Catalog, tmp_path: Path
) -> None:
    def trained(engine: str) -> tuple[list[dict[str, float]], bool]:
        logs: list[dict[str, float]] = []
        left_alone: list[bool] = []

        def take(event: events.Event, line: str) -> None:
            if isinstance(event, events.Epoch):
                logs.append(dict(event.logs))
                left_alone.append(_options())

        document = parse(SMALL_RECIPE, folder=tmp_path, overrides=(f"train.engine={engine}",))
        Session(document, catalog, take, runs_folder=tmp_path / "runs").run()
        return logs, all(left_alone)

    before = _options()
    stock, left_alone = trained("plain")
    assert not left_alone
    for engine in ("chunk", "steps"):
        ours, left_alone = trained(engine)
        assert left_alone
        assert len(ours) == len(stock) == 3
        for mine, its in zip(ours, stock, strict=True):
            assert mine == pytest.approx(its, rel=1e-5)
    assert _options() is before
