"""Pictures of rows for display: of a recipe's data, before and after augmentation, and of predictions."""

from __future__ import annotations

from typing import Any

import numpy as np

from workbench.catalog.lookup import Catalog
from workbench.data.loading import Prepared
from workbench.data.preparation import Part
from workbench.data.thumbnails import is_pixels, picture_inputs, thumbnail
from workbench.errors import WorkbenchError
from workbench.recipe.document import Document
from workbench.storage import draws
from workbench.training.augmenting import augmenter_alone
from workbench.worker.kept_data import KeptData

_PARTS = ("train", "validation", "test")


def pictures_of(
    document: Document, catalog: Catalog, kept: KeptData, *, part: str, start: int, count: int, most: int
) -> dict[str, Any]:
    """Some rows of a part of a recipe's data as pictures.

    Args:
        part: `train`, `validation` or `test`.
        start, count: which rows, in the order of the data.
        most: pixels of a picture's longer side.

    Returns:
        `pictures`: [{title, file, picture, augmented}], `augmented` as a training batch may have it, or None;
        `total`: the rows of the part; `parts`: the parts there are.

    Raises:
        WorkbenchError: the data cannot be read, or no input is a picture.
    """
    prepared = kept.load(document, catalog)
    if not isinstance(prepared, Prepared):
        raise WorkbenchError("this data is read as a stream.", hint="`stream: false` reads it into memory.")
    parts = [name for name in _PARTS if getattr(prepared, name) is not None]
    chosen: Part = getattr(prepared, part if part in parts else "train")
    order = np.argsort(chosen.index, kind="stable")[start : start + count]
    shown = pictures(chosen, order, most)
    classes = prepared.preparation.classes()
    items = document.recipe.data.augment
    changed: list[Any] = [None] * len(order)
    if items and part == "train" and len(order):
        name = picture_inputs(chosen)[0]
        rows = chosen.take(order).in_memory().inputs[name]
        with draws.kept():
            augmented = np.asarray(augmenter_alone(items, catalog, document.recipe.seed, rows)(rows))
        pixels = is_pixels(chosen.inputs[name])
        changed = [thumbnail(each, most, pixels=pixels) for each in augmented]
    for at, row in enumerate(order):
        shown[at]["title"] = ", ".join(
            f"{classes[name][int(values[row])]}" if name in classes else _number(values[row])
            for name, values in chosen.targets.items()
        )
        shown[at]["augmented"] = changed[at]
    return {"pictures": shown, "total": chosen.rows, "parts": parts}


def _number(value: Any) -> str:
    flat = np.asarray(value).reshape(-1)
    return ", ".join(f"{each:.4g}" for each in flat[:3]) + (" …" if flat.size > 3 else "")


def pictures(part: Part, rows: np.ndarray, most: int) -> list[dict[str, Any]]:
    """Rows of a part, at these positions in it, as pictures with their files: [{file, picture, augmented: None}].

    Raises:
        WorkbenchError: no input is a picture.
    """
    names = picture_inputs(part)
    if not names:
        raise WorkbenchError("no input of this data is a picture: height, width and 1 or 3 channels.")
    array: Any = part.inputs[names[0]]
    taken, pixels = array[rows], is_pixels(array)
    files = taken.names() if hasattr(taken, "names") else [f"row {int(row) + 1}" for row in part.index[rows]]
    return [
        {"file": str(file), "picture": thumbnail(picture, most, pixels=pixels), "augmented": None}
        for file, picture in zip(files, np.asarray(taken), strict=True)
    ]
