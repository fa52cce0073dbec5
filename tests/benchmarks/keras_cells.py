"""The columns that train with Keras: stock `fit`, its best `steps_per_execution`, kwb, and kwb watching everything."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import keras
from keras import layers

from kwb_custom.layers import MyDense, ResidualBlock
from kwb_custom.models import ReconstructingRegressor, ResidualRegressor
from tests.benchmarks.epoch_clock import EpochClock
from tests.benchmarks.timing import Clock, Measured
from tests.benchmarks.workloads import WORKLOADS
from workbench.events import EngineChosen, Event
from workbench.recipe.train_schema import Train
from workbench.storage.event_stream import EventLog
from workbench.storage.run_folder import RunFolder
from workbench.training.control import Control
from workbench.training.engines import Arrays, FitSettings, Stream, fit
from workbench.training.monitors import Monitors
from workbench.training.progress import Progress
from workbench.training.thread_settings import fit_threads, graphs_as_they_are, is_small

STEPS_PER_EXECUTION = (8, 64, 256)


def _my_dense() -> keras.Model:
    return keras.Sequential(
        [layers.Input((8,)), MyDense(30, activation="relu"), MyDense(30, activation="relu"), MyDense(1)]
    )


def _two_inputs() -> keras.Model:
    left, right = keras.Input((8,), name="left"), keras.Input((8,), name="right")
    hidden, block = layers.Dense(30, activation="elu"), ResidualBlock(2, 30)
    z = layers.Add()([block(hidden(left)), block(hidden(right))])
    return keras.Model({"left": left, "right": right}, layers.Dense(1)(block(z)))


def _mlp() -> keras.Model:
    hidden = [layers.Dense(512, activation="relu"), layers.Dense(512, activation="relu")]
    return keras.Sequential([layers.Input((784,)), *hidden, layers.Dense(10)])


def _cnn() -> keras.Model:
    return keras.Sequential(
        [
            layers.Input((28, 28, 1)),
            layers.Conv2D(16, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(32, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(64, activation="relu"),
            layers.Dense(10),
        ]
    )


def _lstm() -> keras.Model:
    return keras.Sequential([layers.Input((50, 16)), layers.LSTM(32), layers.Dense(1)])


MODELS: dict[str, Callable[[], keras.Model]] = {
    "residual-regressor": lambda: ResidualRegressor(1),
    "reconstructing-regressor": lambda: ReconstructingRegressor(1),
    "my-dense": _my_dense,
    "two-inputs": _two_inputs,
    "mlp": _mlp,
    "cnn": _cnn,
    "lstm": _lstm,
}


def model_of(workload: str, **compiled: Any) -> keras.Model:
    """The workload's model, compiled as in its other columns: Adam, and the loss with one metric."""
    keras.utils.set_random_seed(0)
    model = MODELS[workload]()
    if workload in ("mlp", "cnn"):
        loss, metric = keras.losses.SparseCategoricalCrossentropy(from_logits=True), "accuracy"
    else:
        loss, metric = keras.losses.MeanSquaredError(), "mae"
    model.compile(keras.optimizers.Adam(1e-3), loss, metrics=[metric], **compiled)
    return model


def plain(workload: str, rows: int, epochs: int) -> Measured:
    """Stock `model.fit`."""
    return _stock(workload, rows, epochs, 1)


def steps_per_execution(workload: str, rows: int, epochs: int) -> Measured:
    """Stock `model.fit` with the `steps_per_execution` that a short trial found best; the trial is not counted."""
    some = min(rows, 256 * WORKLOADS[workload].batch_size)
    trials = {count: _stock(workload, some, 3, count).steps_per_second for count in STEPS_PER_EXECUTION}
    best = max(trials, key=trials.__getitem__)
    keras.utils.clear_session()
    return _stock(workload, rows, epochs, best, note=str(best))


def kwb(workload: str, rows: int, epochs: int) -> Measured:
    """kwb as it trains a recipe that says nothing of it: `engine: auto`, the event stream on, what is watched by
    default."""
    return _kwb(workload, rows, epochs, Train.model_fields["watch"].default)


def kwb_watching(workload: str, rows: int, epochs: int) -> Measured:
    """The same with `watch: [all]`."""
    return _kwb(workload, rows, epochs, ["all"])


def _kwb(workload: str, rows: int, epochs: int, watch: Sequence[str]) -> Measured:
    found = WORKLOADS[workload]
    x, y = found.data(rows)
    return train_with_kwb(lambda: model_of(workload), Arrays(x, y), x, found.batch_size, epochs, watch)


def train_with_kwb(
    make: Callable[[], keras.Model],
    training: Arrays | Stream,
    x: Any,
    batch_size: int,
    epochs: int,
    watch: Sequence[str],
) -> Measured:
    """Train as a session does; `x` are some rows of the inputs."""
    steps = -(-training.rows // batch_size)
    clock = Clock()
    one_thread = fit_threads(lambda: _with_symbols(make(), x), batch_size, epochs * steps)
    threads_chosen = time.perf_counter()
    # TensorFlow begins to work here, so the threads come before; the model is not timed, its building is.
    model = make()
    clock.leave_out(time.perf_counter() - threads_chosen)
    _, symbols = _with_symbols(model, x)
    small = one_thread or is_small(model, symbols, batch_size)
    chosen: list[EngineChosen] = []
    graphs = graphs_as_they_are() if small else nullcontext()
    with tempfile.TemporaryDirectory() as folder, EventLog(RunFolder(Path(folder))) as log, graphs:

        def emit(event: Event) -> None:
            log.append(event)
            if isinstance(event, EngineChosen):
                chosen.append(event)

        progress = Progress(emit, Control(), epochs=epochs, steps=steps)
        monitors = Monitors(model, watch, steps=steps)
        fit(
            model,
            training,
            None,
            FitSettings(epochs=epochs, batch_size=batch_size),
            [progress, monitors.callback(emit), EpochClock(clock)],
            emit,
            monitors.wrap_step,
        )
        return clock.measured(steps, chosen[-1].engine)


def _with_symbols(model: keras.Model, x: Any) -> tuple[keras.Model, Any]:
    symbols = keras.tree.map_structure(lambda array: keras.Input(array.shape[1:], dtype=str(array.dtype)), x)
    model(symbols)
    return model, symbols


def _stock(workload: str, rows: int, epochs: int, count: int, note: str = "") -> Measured:
    found = WORKLOADS[workload]
    x, y = found.data(rows)
    model = model_of(workload, steps_per_execution=count)
    clock = Clock()
    model.fit(x, y, batch_size=found.batch_size, epochs=epochs, verbose=0, callbacks=[EpochClock(clock)])
    return clock.measured(-(-rows // found.batch_size), note)
