"""Every engine, and above all the one that `auto` takes, trains every sort of model as stock `fit` does.

Logs, weights and predictions after three epochs, from the same start. A few trainings are enough for every day;
KWB_WHOLE=engines trains all of them with every engine (some ten minutes).
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

from tests.training.equivalence import BATCH, TRAININGS, Training
from tests.whole import whole
from workbench.events import EngineChosen
from workbench.training.engines import Arrays, FitSettings, choose, fit, measuring
from workbench.training.engines.logs import PerClass

ENGINES = ("auto", "plain", "steps", "chunk", "chunk-xla")
EPOCHS = 3
VALIDATION = slice(0, 2 * BATCH)

EVERY_DAY = (
    "metrics by class", "weights of time steps", "weights by output", "callback rate by step",
    "callback acts in validation", "stateful", "dropout", "own train step",
)  # fmt: skip
WHOLE = whole("engines")
CHOSEN = [
    (name, engine)
    for name in (TRAININGS if WHOLE else EVERY_DAY)
    for engine in (ENGINES if WHOLE else ("auto", "chunk"))
]


@pytest.fixture
def prefers_xla(monkeypatch: pytest.MonkeyPatch) -> None:
    """`auto` measures every candidate, and would take XLA wherever it gives the right numbers."""
    monkeypatch.setattr(choose, "TINY_RUN", 0)
    monkeypatch.setattr(measuring, "LONG_RUN", 0.0)
    monkeypatch.setattr(measuring.Measuring, "_xla_may_pay", lambda self: True)
    monkeypatch.setattr(measuring.Measuring, "_compiling", 0.0)  # measured at the second step
    favour = {"chunk-xla": 3.0, "chunk": 2.0}
    monkeypatch.setattr(measuring, "steps_per_second", lambda program, *rest: favour.get(program.name, 1.0))


@pytest.fixture(scope="module")
def stock() -> Any:
    """Histories, weights and predictions of stock `fit`, each training once."""
    known: dict[str, Any] = {}

    def of(name: str) -> Any:
        if name not in known:
            training = TRAININGS[name]
            model = made(training)
            arrays, validation = training.arrays, part(training.arrays)
            history = model.fit(
                arrays.x,
                arrays.y,
                sample_weight=arrays.sample_weight,
                class_weight=training.class_weight,
                validation_data=(validation.x, validation.y, validation.sample_weight),
                batch_size=BATCH,
                epochs=EPOCHS,
                shuffle=False,
                verbose=0,
                callbacks=list(training.callbacks()),
            ).history
            known[name] = (by_epoch(history), *state(model, arrays))
        return known[name]

    return of


def made(training: Training) -> keras.Model:
    keras.utils.clear_session()  # metrics without a name of their own count from the start
    keras.utils.set_random_seed(3)
    return training.make()


def part(arrays: Arrays) -> Arrays:
    taken = keras.tree.map_structure(
        lambda a: None if a is None else a[VALIDATION], (arrays.x, arrays.y, arrays.sample_weight)
    )
    return Arrays(*taken)


def by_epoch(history: dict[str, list[Any]]) -> dict[str, list[float]]:
    """A history with the vectors of metrics by class taken apart, as kwb shows them."""
    found: dict[str, list[float]] = {}
    for name, values in history.items():
        for value in values:
            for own, number in (PerClass().apart({name: np.asarray(value)}) or {}).items():
                found.setdefault(own, []).append(float(number))
    return found


def state(model: keras.Model, arrays: Arrays) -> tuple[list[np.ndarray], list[np.ndarray]]:
    predictions = model.predict(arrays.x, batch_size=BATCH, verbose=0)
    return (
        [np.asarray(weight) for weight in model.get_weights()],
        [np.asarray(array) for array in keras.tree.flatten(predictions)],
    )


@pytest.mark.usefixtures("prefers_xla")
@pytest.mark.parametrize(("name", "engine"), CHOSEN)
def test_a_training_is_that_of_stock_fit(name: str, engine: str, stock: Any) -> None:
    training = TRAININGS[name]
    model = made(training)
    chosen: list[EngineChosen] = []
    history = fit(
        model,
        training.arrays,
        part(training.arrays),
        FitSettings(
            epochs=EPOCHS, batch_size=BATCH, shuffle=False, engine=engine, class_weight=training.class_weight
        ),  # type: ignore[arg-type]
        training.callbacks(),
        chosen.append,
    ).history
    choice = chosen[-1]  # the one that it ended with
    if choice.engine in choice.differs:
        assert engine == "chunk-xla", "the default engine never differs"
        assert training.random, choice.differs
        return
    assert not (training.random and choice.engine == "chunk-xla")
    wanted_history, wanted_weights, wanted_predictions = stock(name)
    weights, predictions = state(model, training.arrays)
    found = by_epoch(history)
    assert found.keys() == wanted_history.keys()
    for own, values in wanted_history.items():
        assert_close(found[own], values, training.tolerance, own)
    for kind, ours, theirs in (
        ("weights", weights, wanted_weights),
        ("predictions", predictions, wanted_predictions),
    ):
        for one, other in zip(ours, theirs, strict=True):
            assert_close(one, other, training.tolerance, kind)


def assert_close(found: Any, wanted: Any, tolerance: float, what: str) -> None:
    wanted = np.asarray(wanted, dtype="float64")
    scale = max(float(np.abs(wanted).max(initial=0.0)), 1e-2)
    np.testing.assert_allclose(
        np.asarray(found, dtype="float64"), wanted, rtol=0, atol=tolerance * scale, err_msg=what
    )
