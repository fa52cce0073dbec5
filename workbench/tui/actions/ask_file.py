"""Ask for the file that a recipe is written to."""

from __future__ import annotations

import re
from os.path import expanduser
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.tui.widgets.dialogs import Choice, ConfirmDialog, PromptDialog

if TYPE_CHECKING:
    from workbench.tui.context import AppContext


async def ask_for_recipe_file(app: AppContext, name: str, own: Path | None = None) -> Path | None:
    """A file for the recipe; an existing one is asked about. None if the user does not want any.

    Needs a worker's context.

    Args:
        app: the app.
        name: the recipe's.
        own: the file that it has already; it is not asked about.
    """
    stem = re.sub(r"[^\w.-]+", "-", name.removesuffix(".yaml").removesuffix(".yml")) or "recipe"
    first = f"{stem}.yaml" if own is None else _from(own, app.working_directory)
    text = await app.push_screen_wait(
        PromptDialog(
            "Save the recipe as",
            first,
            text=f"in {app.working_directory}",
            check=lambda text: _wrong(text, app.working_directory),
        )
    )
    if text is None:
        return None
    path = app.working_directory / Path(expanduser(text.strip()))
    return path if path == own or await may_write(app, path) else None


def _from(path: Path, folder: Path) -> str:
    return str(path.relative_to(folder) if path.is_relative_to(folder) else path)


async def may_write(app: AppContext, path: Path) -> bool:
    """True if a file may be written there; for an existing file the user is asked. Needs a worker's context."""
    if not path.exists():
        return True
    answer = await app.push_screen_wait(
        ConfirmDialog(
            f"{path.name} exists.",
            choices=[Choice("keep", "Keep it", "k"), Choice("replace", "Replace", "r")],
        )
    )
    return answer == "replace"


def _wrong(text: str, folder: Path) -> str:
    """What is wrong with a recipe's file name; empty if nothing."""
    path = folder / Path(expanduser(text.strip()))
    if not text.strip():
        return "give it a name"
    if path.suffix not in (".yaml", ".yml"):
        return "a recipe's name ends with .yaml"
    if path.is_dir() or not path.parent.is_dir():
        return f"there is no folder {path.parent}" if not path.parent.is_dir() else "that is a folder"
    return ""
