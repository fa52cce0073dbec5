"""Whether what the processes of a training count apart can be added up, found out on some rows."""

from __future__ import annotations

from collections.abc import Callable
from operator import itemgetter
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import tree

from workbench import events
from workbench.assembly.own_training import variables_with_optimizers
from workbench.errors import RecipeError
from workbench.keras_private import backend_value, has_mask, kept_generators
from workbench.training.engines.data import Arrays, packed
from workbench.training.engines.measuring import preserved
from workbench.training.group.chief import Chief
from workbench.training.preparing import PreparedRun

_CLOSE = 1e-3  # of a result: far above rounding
_SAME = 1e-6  # of a result that is computed once more


def look_at_first_batch(
    prepared_run: PreparedRun, chief: Chief, emit: Callable[[events.Event], None]
) -> None:
    """Make the chief known with a model, and find out on the first batch what several processes cannot do alike.

    Raises:
        RecipeError: a metric cannot be added up.
    """
    document, model = prepared_run.document, prepared_run.model
    chief.emit = emit
    chief.sum_in = document.recipe.train.sum_gradients_in
    chief.others = prepared_run.augmenter.layers if prepared_run.augmenter else ()
    rows = prepared_run.arrays(prepared_run.first_rows())
    kept = [backend_value(each) for each in (*variables_with_optimizers(model), *model.metrics_variables)]
    with preserved(kept), kept_generators():  # a layer may keep something of every call, and draw numbers
        try:
            check_metrics(model, rows)
        except RecipeError as error:
            raise document.located(error) from error
        masked = masked_outputs(model, rows)
    if masked:
        text = (
            "the loss is a mean over the steps that are not masked, in each process over its own: several processes "
            "train nearly what one does, not quite"
        )
        emit(events.Message("warning", text))


def check_metrics(model: Any, rows: Arrays) -> None:
    """Test a model on rows in two halves, add up its metrics, and compare them with those of all rows.

    Args:
        model: compiled and built. What it has counted before is forgotten.
        rows: the first of the training part.

    Raises:
        RecipeError: a metric is another one then, as the largest error of all rows would be.
    """
    half = rows.rows // 2
    if not half or not model.metrics_variables:
        return
    whole = tree.map_structure(tf.convert_to_tensor, packed(rows))
    try:
        parts = (slice(half), slice(half, 2 * half), slice(2 * half))
        counted = [_counted(model, tree.map_structure(itemgetter(part), whole)) for part in parts]
        wanted = _results(model)
        _counted(model, whole)
        again = _results(model)
        for variable, one, other in zip(model.metrics_variables, *counted[:2], strict=True):
            variable.assign(one + other)
        found = _results(model)
    except Exception:  # the model's own code: it may want whole batches, or none outside of training
        return
    finally:
        model.reset_metrics()
    # Of a test that draws random numbers no two results are alike.
    drawn = {name for name, value in wanted.items() if not _close(again[name], value, _SAME)}
    differ = [
        name for name, value in wanted.items() if name not in drawn and not _close(found.get(name), value)
    ]
    if differ:
        raise RecipeError(
            f"{', '.join(differ)} cannot be computed by several processes: what each has counted, added up, is not "
            "what one process counts.",
            where="train.metrics",
            hint="A metric must count sums, as those of Keras do. Leave it out, or train with `workers: 1`.",
        )


def masked_outputs(model: Any, rows: Arrays) -> bool:
    """True if an output of a model comes with a mask: its loss is then a mean over the steps that are not masked, which
    are not as many in each process."""
    try:
        return any(has_mask(each) for each in tree.flatten(model(packed(rows)[0], training=False)))
    except Exception:  # it cannot be called
        return False


def _counted(model: Any, batch: Any) -> list[np.ndarray]:
    model.reset_metrics()
    model.test_step(batch)
    return [keras.ops.convert_to_numpy(variable) for variable in model.metrics_variables]


def _results(model: Any) -> dict[str, Any]:
    results = keras.Model.get_metrics_result(model)
    return {name: keras.ops.convert_to_numpy(value) for name, value in results.items()}


def _close(found: Any, wanted: Any, within: float = _CLOSE) -> bool:
    return found is not None and bool(
        np.all(np.abs(found - wanted) <= within * np.maximum(np.abs(wanted), 1e-3))
        or np.any(np.isnan(wanted))
    )
