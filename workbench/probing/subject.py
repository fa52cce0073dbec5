"""The model and the batch of a probe: of a recipe, of a run, or of a saved file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from workbench.assembly.own_training import lacks_call
from workbench.assembly.stateful import static_batch
from workbench.catalog.lookup import Catalog
from workbench.data.preparation import Part
from workbench.data.weights import class_weights
from workbench.errors import DataError, FileError
from workbench.probing.reopened_run import reopen
from workbench.recipe.document import Document
from workbench.storage.run_folder import RunFolder
from workbench.training.engines.data import Arrays, packed
from workbench.training.preparing import PreparedRun, prepare
from workbench.training.python_state import PythonState
from workbench.training.resume import restore
from workbench.training.saved_model import SavedModel

FILE_ROWS = 32  # of a saved file, which does not say how large its batches were

RowRange = tuple[int, int]


@dataclass(frozen=True)
class ProbeSubject:
    """What is probed.

    Attributes:
        name: of the recipe, the run or the file.
        model: built; compiled, unless a file holds it uncompiled.
        batch: what its `train_step` gets, as tensors.
        rows: of the batch.
        began: which weights it has, in words.
        steps: of an epoch of its training; 0 where that is not known, or where the batch is none of its training.
        data_bytes: of all rows as numbers for the model; 0 where that is not known.
        batch_size: of its training; 0 where that is not known.
    """

    name: str
    model: Any
    batch: Any
    rows: int
    began: str
    steps: int = 0
    data_bytes: int = 0
    batch_size: int = 0

    @property
    def trains(self) -> bool:
        """True if it has a loss to compute gradients of."""
        return bool(self.model.compiled)

    def step(self, batch: Any) -> Any:
        """The model's training step; of a model that is not compiled a call of it."""
        if self.trains:
            return self.model.train_step(batch)
        x, _, _ = keras.utils.unpack_x_y_sample_weight(batch)
        self.model(x, training=False)
        return {}


def of_recipe(document: Document, catalog: Catalog, rows: RowRange | None = None) -> ProbeSubject:
    """A recipe's model with the weights that its training begins with, on rows of the training part.

    Args:
        rows: from and to, counted from 0 in the order of the data; by default a batch.

    Raises:
        WorkbenchError: the recipe cannot be trained, or has no such rows.
    """
    prepared = prepare(document, catalog)
    loads = document.recipe.weights is not None or hasattr(document.recipe.model, "load")
    began = "the weights that the recipe loads" if loads else "new weights"
    return _of_prepared(prepared, document.recipe.name, began, rows)


def of_run(run: RunFolder, catalog: Catalog, rows: RowRange | None = None) -> ProbeSubject:
    """A run's model with the weights of its last checkpoint, on rows of its training part.

    Raises:
        WorkbenchError: it has no checkpoint, or its recipe cannot be trained any more.
    """
    prepared = reopen(run, catalog).prepare()
    try:
        position = restore(run, PythonState(prepared.model, prepared.callbacks))
    except FileError as error:
        error.hint = (
            "The recipe or a layer's code has changed since: probe the recipe, or the run's saved file."
        )
        raise
    if position.checkpoint is None:
        raise FileError(
            "has no checkpoint, so there are no weights of it to look at.",
            where=run.name,
            hint=f"kwb probe {run.recipe} looks at new ones.",
        )
    epoch, step = position.epoch, position.step
    began = (
        f"the weights of epoch {epoch + 1:,}, step {step:,}" if step else f"the weights of epoch {epoch:,}"
    )
    return _of_prepared(prepared, run.name, began, rows)


def of_file(
    path: Path,
    catalog: Catalog,
    data: str = "",
    rows: RowRange | None = None,
    recipe: Document | None = None,
) -> ProbeSubject:
    """A saved model, on rows of the test part of its data, or of other data.

    Args:
        data: as for `kwb evaluate --data`; "" for that of the recipe in the file.
        recipe: of a file that holds weights only, how its model is built.

    Raises:
        WorkbenchError: the file is refused, or its data is not there or has no such rows.
    """
    saved = SavedModel.open(path, catalog, recipe)
    with_targets = bool(saved.model.compiled)
    found = (
        saved.read(data, catalog, with_targets=with_targets)
        if data
        else saved.read_own(Path(), catalog, with_targets=with_targets)
    )
    part = _some(found, rows or (0, static_batch(saved.model) or FILE_ROWS), str(path))
    return ProbeSubject(
        path.name, saved.model, _tensors(saved.arrays(part)), part.rows, "the weights of the file"
    )


def _of_prepared(prepared: PreparedRun, name: str, began: str, rows: RowRange | None) -> ProbeSubject:
    recipe = prepared.document.recipe
    size = recipe.train.batch_size
    train = prepared.prepared.train
    part = _some(train, rows or (0, size), prepared.document.name)
    arrays = prepared.arrays(part)
    batch = _tensors(arrays, class_weights(recipe, prepared.prepared))
    if prepared.augmenter is not None:
        batch = _caught(prepared.augmenter.wrap_step, batch)
    whole = rows is None and not lacks_call(prepared.model)
    return ProbeSubject(
        name,
        prepared.model,
        batch,
        part.rows,
        began,
        prepared.steps if whole else 0,
        prepared.prepared.preparation.row_bytes * train.rows,
        size,
    )


def _some(rows: Any, wanted: RowRange, where: str) -> Part:
    """Some rows of a part, in memory."""
    first, last = wanted
    if first >= min(last, rows.rows):
        raise DataError(
            f"there are no rows {first}:{last}: it has {rows.rows:,}.",
            where=where,
            hint="Rows are counted from 0: `--rows 0:8`.",
        )
    found = rows if isinstance(rows, Part) else rows.head(last)
    return found.take(slice(first, last)).in_memory()


def _tensors(arrays: Arrays, class_weight: Any = None) -> Any:
    """The batch as the training step gets it."""

    def tensor(array: Any) -> Any:
        return None if array is None else tf.convert_to_tensor(array)

    def as_float(array: Any) -> Any:  # 8-bit pixels stay small until a step runs on them
        return tf.cast(array, keras.config.floatx()) if array.dtype == tf.uint8 else array

    batch = keras.tree.map_structure(tensor, packed(arrays, class_weight))
    x, y, weights = keras.utils.unpack_x_y_sample_weight(batch)
    return keras.utils.pack_x_y_sample_weight(keras.tree.map_structure(as_float, x), y, weights)


def _caught(wrap: Callable[[Any], Any], batch: Any) -> Any:
    """The batch that a wrapped step gets."""
    kept: list[Any] = []
    wrap(kept.append)(batch)
    return kept[0]
