"""Import what a reader needs and kwb itself does not."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from workbench.plugin import RecipeError


def needed(module: str, extra: str, reader: str) -> Any:
    """A module of an optional package.

    Raises:
        RecipeError: it is not installed; the error says what to install.
    """
    try:
        return import_module(module)
    except ImportError as error:
        if (error.name or "").partition(".")[0] != module.partition(".")[0]:
            raise
        raise RecipeError(
            f"`use: {reader}` needs the package '{module.partition('.')[0]}', which is not installed.",
            where="data.use",
            hint=f"Install it: pip install 'kwb[{extra}]'",
        ) from None
