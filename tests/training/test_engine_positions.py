"""Trainings that go on inside an epoch, and what a training leaves behind in a model."""

from __future__ import annotations

import importlib
from functools import partial
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.training.engine_cases import (
    BATCH,
    FORMS,
    LEFT,
    ONE_INPUT,
    STEPS,
    TARGET,
    VALIDATION,
    Broken,
    assert_same_bits,
    part,
    sequential,
    settings,
    stock,
    subclassed,
)
from tests.whole import part as part_of
from workbench.training.engines import Arrays, evaluate, fit
from workbench.training.engines.data import ArraySource
from workbench.training.engines.programs import ChunkXLA

VALIDATION_PART = part(ONE_INPUT, VALIDATION)

# --- position, and what is left behind -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("engine", "stop"),
    part_of(
        "engines",
        [("plain", 2), ("eager", 2), ("chunk", 2), ("chunk", STEPS), ("chunk-xla", 2)],
        [("plain", 2), ("eager", 2), ("chunk", 2), ("chunk", STEPS)],
    ),
)
def test_a_run_continued_inside_an_epoch_ends_as_if_it_had_not_stopped(engine: str, stop: int) -> None:
    """Weights bit for bit, and the logs of the broken epoch; also when only its validation is left."""
    broken = Broken(stop)
    validation = part(ONE_INPUT, VALIDATION)
    made = partial(sequential, dropout=0.3, run_eagerly=engine == "eager")
    engine = engine.replace("eager", "plain")
    whole = made()
    wanted = fit(whole, ONE_INPUT, validation, settings(engine=engine, epochs=3, shuffle=True), [broken])
    continued = made()
    broken.put_into(continued)
    history = fit(
        continued,
        ONE_INPUT,
        validation,
        settings(
            engine=engine, epochs=3, shuffle=True,
            initial_epoch=1, initial_step=stop, initial_metrics=broken.metrics,
        ),
    )  # fmt: skip
    assert history.history == {name: values[1:] for name, values in wanted.history.items()}
    assert_same_bits(continued, whole)


@pytest.mark.parametrize(
    "engine", part_of("engines", ["auto", "plain", "steps", "chunk-xla"], ["auto", "steps"])
)
def test_evaluate_agrees_with_keras(engine: str) -> None:
    make, arrays = FORMS["graph"]
    model = make()
    wanted = model.evaluate(
        arrays.x, arrays.y, sample_weight=arrays.sample_weight, batch_size=BATCH, return_dict=True, verbose=0
    )
    found = evaluate(model, arrays, BATCH, engine)
    assert found.keys() == wanted.keys()
    for name, value in wanted.items():
        assert found[name] == pytest.approx(value, rel=1e-5)


def test_afterwards_the_model_is_an_ordinary_keras_model(tmp_path: Any) -> None:
    model = sequential(steps_per_execution=3)
    fit(model, ONE_INPUT, part(ONE_INPUT, VALIDATION), settings(engine="chunk-xla"))
    assert model.train_function is None
    assert model.test_function is None
    assert model.steps_per_execution == 3
    model.save(tmp_path / "model.keras")
    reloaded = keras.saving.load_model(tmp_path / "model.keras")
    for trained in (model, reloaded):
        keras.utils.set_random_seed(2)
        stock(trained, ONE_INPUT, epochs=1)
    np.testing.assert_allclose(model.predict(LEFT, verbose=0), reloaded.predict(LEFT, verbose=0), rtol=1e-5)


def test_all_validations_of_a_training_share_one_iterator(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keras makes an iterator over the data for each; that it looks where ours is put is its own affair."""
    made: list[Any] = []
    make = tf.data.Dataset.__iter__

    def noting(dataset: tf.data.Dataset) -> Any:
        made.append(dataset)
        return make(dataset)

    monkeypatch.setattr(tf.data.Dataset, "__iter__", noting)
    history = fit(sequential(), ONE_INPUT, part(ONE_INPUT, VALIDATION), settings(epochs=6, engine="chunk"))
    assert len(history.history["val_loss"]) == 6
    assert len(made) == 2  # one for training, one for the validations


@pytest.mark.parametrize("engine", ["plain", "steps"])
def test_all_validations_of_a_training_read_one_pipeline(
    engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To make one takes longer than many a validation; each gives what Keras' own gives of the weights then."""
    made: list[ArraySource] = []
    dataset = ArraySource.dataset
    monkeypatch.setattr(
        ArraySource, "dataset", lambda source, *position: made.append(source) or dataset(source, *position)
    )
    model, wanted = sequential(), []

    class Validate(keras.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            other = sequential()
            other.set_weights(model.get_weights())
            wanted.append(
                other.evaluate(VALIDATION_PART.x, VALIDATION_PART.y, batch_size=BATCH, verbose=0)[0]
            )

    asked = settings(engine=engine, epochs=4, shuffle=True)
    found = fit(model, ONE_INPUT, VALIDATION_PART, asked, [Validate()]).history["val_loss"]
    assert found == pytest.approx(wanted, rel=1e-5)
    assert len(made) == 2
    assert len({id(source) for source in made}) == 2  # one pipeline of the training, one of the validation


def test_xla_compiles_long_validations_from_an_epoch_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """An epoch that does not hang on how many follow, and that a training resumed behind it knows as well."""
    module = importlib.import_module("workbench.training.engines.testing")
    monkeypatch.setattr(module, "_UNCOMPILED", 4)  # steps, of which a validation has two
    began: list[ChunkXLA] = []
    make = ChunkXLA.prepare

    def noting(program: ChunkXLA) -> None:
        began.append(program)
        make(program)

    monkeypatch.setattr(ChunkXLA, "prepare", noting)
    validation = Arrays(LEFT[:64], TARGET[:64])
    logs, compiled = {}, {}
    for engine, epochs in (("plain", 6), ("chunk-xla", 2), ("chunk-xla", 6)):
        began.clear()
        chosen = settings(engine=engine, epochs=epochs, validation_batch_size=32)
        history = fit(subclassed(), ONE_INPUT, validation, chosen).history
        logs[engine, epochs] = {name: np.array(values) for name, values in history.items()}
        compiled[engine, epochs] = len(began)
    assert compiled == {("plain", 6): 0, ("chunk-xla", 2): 1, ("chunk-xla", 6): 2}
    for name, values in logs["chunk-xla", 6].items():
        np.testing.assert_array_equal(values[:2], logs["chunk-xla", 2][name])
        np.testing.assert_allclose(values, logs["plain", 6][name], rtol=1e-5)
