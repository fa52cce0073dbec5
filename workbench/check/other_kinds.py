"""Checks of the kinds other than layers and models (losses, metrics, optimizers ...): each kind has one check."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np

from workbench.assembly.batch_hooks import acts_at_batches
from workbench.catalog.lookup import example_file, recipe_file
from workbench.catalog.readers import READER
from workbench.check.results import CheckFailed, Skipped, error_text
from workbench.check.subject import CheckedEntry
from workbench.data.preview import preview
from workbench.data.reading.calls import read as read_data
from workbench.data.source import Source
from workbench.errors import RecipeError
from workbench.recipe.document import Document, read
from workbench.recipe.names import check_names
from workbench.recipe.schema import Data

_PROBABILITIES = np.array([[0.9, 0.1], [0.2, 0.8], [0.7, 0.3]], "float32")


def _pairs() -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Targets and predictions of the usual forms: one-hot, of classes, of a number, of predicted classes, of
    sequences."""
    yield np.array([[1, 0], [0, 1], [0, 1]], "float32"), _PROBABILITIES
    yield np.array([0, 1, 1]), _PROBABILITIES
    yield np.array([[0.5], [1.0], [2.0]], "float32"), np.array([[0.4], [1.5], [2.0]], "float32")
    yield np.array([0, 1, 1]), np.array([0, 1, 0])
    yield np.array([[1, 2, 1]]), np.random.default_rng(0).normal(size=(1, 5, 3)).astype("float32")


def _tried(use: Callable[[np.ndarray, np.ndarray], None]) -> None:
    """Use a loss or a metric on the first pair that it accepts.

    Raises:
        Skipped: it accepts none.
    """
    first: Exception | None = None
    for truth, prediction in _pairs():
        try:
            use(truth, prediction)
            return
        except CheckFailed as error:
            first = error  # it accepts the pair and returns nonsense
            raise
        except Exception as error:
            first = first or error
    assert first is not None
    raise Skipped(f"no targets and predictions were found that it accepts: {error_text(first)}") from first


def _finite(value: Any, what: str) -> np.ndarray:
    array = np.asarray(keras.ops.convert_to_numpy(value))
    if not np.isfinite(array).all():
        raise CheckFailed(f"{what} is not finite.")
    return array


def loss_value(subject: CheckedEntry) -> None:
    loss = subject.make()

    def use(truth: np.ndarray, prediction: np.ndarray) -> None:
        value = _finite(loss(truth, prediction), "the loss")
        if subject.is_class and value.shape != () and loss.reduction not in (None, "none"):
            raise CheckFailed(f"the loss has shape {value.shape}; reduced, it is one number.")

    _tried(use)


def metric_value(subject: CheckedEntry) -> None:
    metric = subject.make()

    def use(truth: np.ndarray, prediction: np.ndarray) -> None:
        if not subject.is_class:
            _finite(metric(truth, prediction), "the value")
            return
        metric.reset_state()
        metric.update_state(truth, prediction)
        once = _values(metric)
        metric.reset_state()
        metric.update_state(truth, prediction)
        if not all(map(np.allclose, once, _values(metric))):
            raise CheckFailed(
                "after reset_state the same data results in another value.",
                hint="Let reset_state put back every variable that update_state changes.",
            )

    _tried(use)


def _values(metric: Any) -> list[np.ndarray]:
    return [_finite(value, "the value") for value in keras.tree.flatten(metric.result())]


def optimizer_step(subject: CheckedEntry) -> None:
    optimizer = subject.make()
    weight = keras.Variable(np.ones((3, 2), "float32"))
    optimizer.build([weight])
    optimizer.apply([keras.ops.ones((3, 2))])
    if (_finite(weight, "the weight after a step") == 1.0).all():
        raise CheckFailed("a step does not move the weight.")


def schedule_value(subject: CheckedEntry) -> None:
    schedule = subject.make()
    for step in (0, 1, 1_000, 1_000_000):
        value = _finite(schedule(step), f"the learning rate of step {step:,}")
        if value.shape != ():
            raise CheckFailed(
                f"the learning rate of step {step:,} has shape {value.shape}, and is no number."
            )
        if value < 0:
            raise CheckFailed(f"the learning rate of step {step:,} is {float(value):g}, less than 0.")


def callback_fit(subject: CheckedEntry) -> str:
    callback = subject.make()
    weights = _trained_with(callback, steps_a_call=1)
    if acts_at_batches(callback, "train"):
        return "called at every batch, so engines run one step a call"
    if getattr(callback, "every_batch", None) is False:
        rarer = subject.make()
        for weight, other in zip(weights, _trained_with(rarer, steps_a_call=4), strict=True):
            if not np.allclose(weight, other, rtol=1e-4, atol=1e-6):
                raise CheckFailed(
                    "it trains to other weights where its hooks of batches are called once for several batches.",
                    hint="Leave out `every_batch = False`: then they are called at every batch.",
                )
    return ""


def _trained_with(callback: Any, *, steps_a_call: int) -> list[np.ndarray]:
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    # With averages of weights kept, which a callback may ask for.
    optimizer = keras.optimizers.SGD(1e-3, use_ema=True)
    model.compile(optimizer, "mse", steps_per_execution=steps_a_call)
    random = np.random.default_rng(0)
    x, y = random.normal(size=(64, 4)).astype("float32"), random.normal(size=(64, 1)).astype("float32")
    model.fit(
        x, y, batch_size=8, epochs=2, validation_split=0.25, shuffle=False, callbacks=[callback], verbose=0
    )
    return [np.asarray(weight) for weight in model.get_weights()]


def initializer_values(subject: CheckedEntry) -> None:
    initializer = subject.make()
    error: Exception | None = None
    for shape in ((4, 4), (8, 1, 10), (3, 3, 2, 4)):
        try:
            values = initializer(shape, dtype="float32")
        except Exception as refused:  # some are for weights of one rank
            error = error or refused
            continue
        array = _finite(values, "a value")
        if array.shape != shape or array.dtype != "float32":
            raise CheckFailed(f"asked for {shape} of float32, it returns {array.shape} of {array.dtype}.")
        return
    raise Skipped(f"no shape was found that it makes: {error_text(error or ValueError())}")


def regularizer_value(subject: CheckedEntry) -> None:
    value = _finite(subject.make()(keras.ops.full((4, 4), 0.5)), "the penalty")
    if value.shape != ():
        raise CheckFailed(f"the penalty has shape {value.shape}, and is no number.")


def constraint_weights(subject: CheckedEntry) -> None:
    array = _finite(subject.make()(keras.ops.full((4, 4), -3.0)), "a weight")
    if array.shape != (4, 4):
        raise CheckFailed(f"of a weight of shape (4, 4) it makes one of shape {array.shape}.")


def dataset_rows(subject: CheckedEntry) -> str:
    entry = subject.entry
    if "download" in entry.tags:
        raise Skipped("it downloads its data; a check does not")
    path = entry.example.get("path")
    if path is None and READER in entry.tags:
        raise Skipped("it reads a database, and its example's is not there")
    example = dict(entry.example)
    if path is not None and not Path(path).exists():
        if (shipped := example_file(entry, path)) is None:
            raise Skipped(f"it reads a file, and its example's '{path}' is not there")
        example["path"] = str(shipped)
    source = read_data(
        Data.model_validate({**example, "use": entry.qualified_name}), subject.catalog, Path.cwd()
    )
    seen = preview(source if isinstance(source, Source) else source.sample())
    if not seen.rows:
        raise CheckFailed("it has no rows.")
    for column in seen.columns:
        if column.error:
            raise CheckFailed(f"the column '{column.name}' cannot be used: {column.error}")
    missing = [name for name in seen.targets if name not in {column.name for column in seen.columns}]
    if missing:
        raise CheckFailed(f"its target '{missing[0]}' is no column.")
    return f"{seen.rows:,} rows"


def _document(subject: CheckedEntry) -> Document:
    return read(recipe_file(subject.entry))


def recipe_reads(subject: CheckedEntry) -> None:
    document = _document(subject)
    if document.recipe.name != subject.entry.name:
        raise CheckFailed(
            f"its entry is called '{subject.entry.name}', the recipe in the file '{document.recipe.name}'.",
            hint="A run's folder and its files are found by one name.",
        )


def recipe_names(subject: CheckedEntry) -> None:
    try:
        check_names(_document(subject), subject.catalog)
    except RecipeError as error:
        raise CheckFailed(str(error).removesuffix(error.hint).strip(), hint=error.hint) from error


CHECKS = {
    "loss_value": loss_value,
    "metric_value": metric_value,
    "optimizer_step": optimizer_step,
    "schedule_value": schedule_value,
    "callback_fit": callback_fit,
    "initializer_values": initializer_values,
    "regularizer_value": regularizer_value,
    "constraint_weights": constraint_weights,
    "dataset_rows": dataset_rows,
    "recipe_reads": recipe_reads,
    "recipe_names": recipe_names,
}
