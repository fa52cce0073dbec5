"""Engines and models with ways of their own: own steps, eager ones, mixed precision, wrapped steps."""

from __future__ import annotations

from typing import Any

import keras
import pytest
import tensorflow as tf
from keras import layers

from tests.training.engine_cases import (
    BATCH,
    ENGINES,
    LEFT,
    ONE_INPUT,
    ROWS,
    STEPS,
    TARGET,
    Reconstructing,
    assert_close,
    sequential,
    settings,
    subclassed,
)
from tests.whole import part as part_of
from workbench.events import EngineChosen
from workbench.training.engines import fit

# --- models with ways of their own --------------------------------------------------------------------------------


class OwnStep(Reconstructing):
    """A train step with logs that no metric holds."""

    def train_step(self, data: Any) -> dict[str, Any]:
        x, y = data
        with tf.GradientTape() as tape:
            loss = self.compute_loss(x, y, self(x, training=True))
        gradients = tape.gradient(loss, self.trainable_weights)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_weights, strict=True))
        return {"batch_loss": loss, "gradient": tf.linalg.global_norm(gradients)}


@pytest.mark.parametrize(
    "engine", part_of("engines", ["steps", "chunk", "chunk-xla"], ["steps", "chunk-xla"])
)
def test_a_train_step_of_the_models_own_gives_its_own_logs(engine: str) -> None:
    def made() -> keras.Model:
        keras.utils.set_random_seed(1)
        model = OwnStep()
        model.compile("sgd", "mse")
        return model

    history = fit(made(), ONE_INPUT, None, settings(engine=engine)).history
    wanted = made().fit(LEFT, TARGET, batch_size=BATCH, epochs=2, shuffle=False, verbose=0).history
    assert history.keys() == {"batch_loss", "gradient"}
    assert_close(history, wanted)


@pytest.mark.parametrize("engine", ["auto", "chunk"])
def test_run_eagerly_stays_plain_and_runs_python_at_every_step(engine: str) -> None:
    calls = []

    class Eager(Reconstructing):
        def call(self, inputs: Any) -> Any:
            calls.append(float(inputs[0, 0]))  # needs a value: impossible when traced
            return super().call(inputs)

    keras.utils.set_random_seed(1)
    model = Eager()
    model.compile("sgd", "mse", run_eagerly=True)
    chosen: list[EngineChosen] = []
    fit(model, ONE_INPUT, None, settings(engine=engine, epochs=1), on_chosen=chosen.append)
    assert (chosen[0].engine, chosen[0].reason) == ("plain", "run_eagerly is on")
    assert calls[-STEPS:] == [float(LEFT[start, 0]) for start in range(0, ROWS, BATCH)]


@pytest.mark.parametrize("engine", part_of("engines", ["steps", "chunk", "chunk-xla"], ["chunk"]))
def test_mixed_precision_scales_the_loss(engine: str) -> None:
    def made() -> keras.Model:
        keras.utils.set_random_seed(1)
        policy = keras.DTypePolicy("mixed_float16")
        inputs = keras.Input((5,))
        hidden = layers.Dense(8, activation="relu", dtype=policy)(inputs)
        model = keras.Model(inputs, layers.Dense(1, dtype="float32")(hidden))
        optimizer = keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.01), 1024.0, 4)
        model.compile(optimizer, "mse")
        return model

    model, other = made(), made()
    history = fit(model, ONE_INPUT, None, settings(engine=engine)).history
    wanted = other.fit(LEFT, TARGET, batch_size=BATCH, epochs=2, shuffle=False, verbose=0).history
    assert_close(history, wanted, tolerance=2e-3)
    assert float(model.optimizer.dynamic_scale) == float(other.optimizer.dynamic_scale) == 8 * 1024.0


def test_jit_compiled_models() -> None:
    history = fit(sequential(jit_compile=True), ONE_INPUT, None, settings(engine="chunk")).history
    wanted = sequential().fit(LEFT, TARGET, batch_size=BATCH, epochs=2, shuffle=False, verbose=0).history
    assert_close(history, wanted)


@pytest.mark.parametrize("engine", part_of("engines", ENGINES, ["plain", "steps", "chunk"]))
def test_a_wrapped_step_is_part_of_every_engines_step(engine: str) -> None:
    rows = tf.Variable(0)

    def counting(step: Any) -> Any:
        def counted(data: Any) -> Any:
            rows.assign_add(tf.shape(data[0])[0])
            return step(data)

        return counted

    model = subclassed()
    fit(model, ONE_INPUT, None, settings(engine=engine), wrap_step=counting)
    assert rows.numpy() == 2 * ROWS
    assert "train_step" not in vars(model)
