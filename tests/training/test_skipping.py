"""`train.on_nan: skip`: a step that is not finite is left out, as if its batch were not there."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from tests.training.test_finite import BAD_STEP, BATCH, ENGINES, ROWS, Heard, write_rows
from workbench import events
from workbench.errors import TrainingError


@pytest.fixture
def folder(tmp_path):
    write_rows(tmp_path / "rows.csv")
    return tmp_path


MODEL = "{sequential: [Log, {use: BatchNormalization}, {use: Dense, units: 1}]}"
SKIP = """on_nan: skip
  optimizer: {use: Adam, learning_rate: 0.01}
  metrics: [mae]"""


def by_hand(
    start: list[np.ndarray], folder, steps_left_out: set[int]
) -> tuple[keras.Model, dict[str, float]]:
    """Three epochs of plain Keras, batch by batch, without some of them; the logs of the last epoch."""
    rows = np.loadtxt(folder / "rows.csv", delimiter=",", skiprows=1).astype("float32")
    model = keras.Sequential([keras.Input((1,)), keras.layers.BatchNormalization(), keras.layers.Dense(1)])
    model.compile(keras.optimizers.Adam(0.01), "mse", metrics=["mae"])
    model.set_weights(start)
    for _ in range(3):
        batches = []
        for step in range(ROWS // BATCH):
            if step + 1 not in steps_left_out:
                batch = rows[step * BATCH : (step + 1) * BATCH]
                model.reset_metrics()
                batches.append(model.train_on_batch(np.log(batch[:, :1]), batch[:, 1:], return_dict=True))
    return model, {name: float(np.mean([each[name] for each in batches])) for name in batches[0]}


@pytest.mark.parametrize("engine", ENGINES)
def test_it_is_as_if_the_batch_were_not_there(folder, engine):
    heard = Heard(folder, model=MODEL, engine=engine, more=SKIP)
    assert heard.error is None, heard.error
    assert heard.finished.status == "done"
    saved = keras.models.load_model(folder / "out.keras", custom_objects=_layers())
    start = Heard(
        folder, model=MODEL, engine=engine, more=SKIP.replace("0.01}", "0.0}")
    )  # nothing moves but averages
    first = keras.models.load_model(start.run.model, custom_objects=_layers()).get_weights()
    first[2], first[3] = np.zeros(1), np.ones(1)  # the moving mean and variance of a new layer
    right, logs = by_hand(first, folder, {BAD_STEP})
    for found, wanted in zip(saved.get_weights(), right.get_weights(), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=2e-5, atol=2e-6)
    last = heard.of(events.Epoch)[-1]
    assert last.logs["loss"] == pytest.approx(logs["loss"], rel=1e-4)
    assert last.logs["mae"] == pytest.approx(logs["mae"], rel=1e-4)
    assert [event.skipped for event in heard.of(events.Epoch)] == [{"steps": 1, "first": BAD_STEP}] * 3
    warnings = [event.text for event in heard.of(events.Message) if "was left out" in event.text]
    assert warnings[0].startswith(f"step {BAD_STEP} of epoch 1 was left out")


def _layers():
    from workbench.keras_private import REGISTERED_NAMES

    return {cls.__name__: cls for cls in REGISTERED_NAMES if cls.__name__ == "Log"}


def test_a_training_in_which_nothing_is_left_has_failed(folder):
    write_rows(folder / "rows.csv", bad=None)
    (folder / "rows.csv").write_text(
        (folder / "rows.csv").read_text().replace("\n0.", "\n-0.").replace("\n1.", "\n-1.")
    )
    with pytest.raises(TrainingError, match="every step of epoch 1 was left out"):
        Heard(folder, more="on_nan: skip")
    assert not (folder / "out.keras").exists()


def test_a_training_without_such_steps_is_the_same_to_the_bit(folder):
    write_rows(folder / "rows.csv", bad=None)
    runs = [Heard(folder, engine="chunk", more=f"on_nan: {what}") for what in ("skip", "stop")]
    one, other = ([event.logs for event in run.of(events.Epoch)] for run in runs)
    assert one == other


def skipped(heard) -> list[int]:
    return [event.skipped.get("steps", 0) for event in heard.of(events.Epoch)]


def test_a_bad_gradient_does_not_stay_in_the_optimizer(folder):
    """With gradients that are accumulated, one that is infinite would be added to all later ones."""
    more = SKIP.replace("learning_rate: 0.01", "learning_rate: 0.01, gradient_accumulation_steps: 4")
    heard = Heard(folder, model=MODEL, more=more)
    assert heard.error is None, heard.error
    assert skipped(heard) == [1, 1, 1]


def test_a_moving_average_that_would_be_infinite(folder):
    """The loss stays finite: the layer divides by the variance of the batch."""
    rows = (folder / "rows.csv").read_text().splitlines()
    rows[1 + 83] = "3e38,1.0"
    (folder / "rows.csv").write_text("\n".join(rows) + "\n")
    heard = Heard(
        folder, model="{sequential: [{use: BatchNormalization}, {use: Dense, units: 1}]}", more=SKIP
    )
    assert heard.error is None, heard.error
    assert skipped(heard) == [1, 1, 1]
    saved = keras.models.load_model(folder / "out.keras")
    assert all(np.isfinite(weight).all() for weight in saved.get_weights())


def test_large_weights_are_no_reason(folder):
    """Their sum is no float32, each of them is one."""
    write_rows(folder / "rows.csv", bad=None)
    dense = "{use: Dense, units: 4, trainable: false, kernel_initializer: {use: Constant, value: 3.0e+38}}"
    model = f"{{sequential: [{{use: Rescaling, scale: 1.0e-38}}, {dense}, {{use: Dense, units: 1}}]}}"
    heard = Heard(folder, model=model, more="on_nan: skip")
    assert heard.error is None, heard.error
    assert skipped(heard) == [0, 0, 0]


def test_the_scale_of_the_loss_in_half_precision_is_no_reason(folder):
    """Keras begins with a large one, leaves out the steps that are too large for it itself, and makes it smaller."""
    write_rows(folder / "rows.csv", bad=None)
    model = "{sequential: [{use: Dense, units: 4}, {use: Dense, units: 1}]}"
    runs = [
        Heard(folder, model=model, more=f"on_nan: {what}\n  dtype: mixed_float16")
        for what in ("skip", "stop")
    ]
    assert [run.error for run in runs] == [None, None]
    assert skipped(runs[0]) == [0, 0, 0]
    one, other = ([event.logs for event in run.of(events.Epoch)] for run in runs)
    assert one == other
