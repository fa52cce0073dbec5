"""Predictions as the arrays that the model makes, such as masks: an `.npz` file."""

from __future__ import annotations

import io
import zipfile

import numpy as np

from workbench.training.prediction_table import Predicted
from workbench.training.saved_model import SavedModel


def npz(saved: SavedModel, predicted: Predicted, order: np.ndarray | None = None) -> bytes:
    """The file: `row` (from 1), what stands beside a row, and each output (rows, ...) by the name of its target.

    Args:
        saved: the model.
        predicted: its predictions.
        order: the rows to write; by default all, in the order of the data.
    """
    order = np.argsort(predicted.index, kind="stable") if order is None else order
    arrays = {"row": predicted.index + 1}
    for name, values in {**predicted.beside, **_named(saved, predicted)}.items():
        while name in arrays:
            name = f"{name}_2"
        arrays[name] = values.astype(str) if values.dtype == object else values
    content = io.BytesIO()
    with zipfile.ZipFile(
        content, "w", zipfile.ZIP_DEFLATED
    ) as archive:  # np.savez allows no array named `file`
        for name, values in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as file:
                np.lib.format.write_array(file, values[order], allow_pickle=False)
    return content.getvalue()


def _named(saved: SavedModel, predicted: Predicted) -> dict[str, np.ndarray]:
    outputs = dict(predicted.outputs)
    targets = saved.notes.preparation.targets if saved.notes is not None else ()
    if len(outputs) == len(targets) == 1:
        return {targets[0].name: next(iter(outputs.values()))}
    return outputs
