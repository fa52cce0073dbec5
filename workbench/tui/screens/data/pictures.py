"""The rows of the open recipe's data as pictures, before and after augmentation."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

from textual.app import App

from workbench.tui.widgets.pictures import PicturesDialog


def has_pictures(columns: Iterable[Mapping[str, Any]]) -> bool:
    """True if a column is one of pictures, or of arrays of height, width and 1 or 3 channels."""
    shapes = [list(column.get("shape") or ()) for column in columns]
    return any(len(shape) == 3 and shape[2] in (1, 3) for shape in shapes)


def show_pictures(app: App[Any], data: Mapping[str, Any], call: Callable[..., Awaitable[Any]]) -> None:
    """Open the pictures.

    Args:
        data: the recipe's data section.
        call: asks the worker about it.
    """

    async def fetch(start: int, count: int, most: int, part: str) -> Any:
        return await call("pictures", start=start, count=count, most=most, part=part)

    title = f"Pictures of {data.get('path') or data.get('use')}"
    app.push_screen(PicturesDialog(title, fetch, parts=["train"], pairs=bool(data.get("augment"))))
