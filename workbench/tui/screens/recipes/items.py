"""The rows of the home screen and their texts."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.cells import set_cell_size
from textual.content import Content

from workbench.tui.views.fitting import fit, printable
from workbench.tui.views.formatting import ago, number
from workbench.tui.views.marks import run_state

if TYPE_CHECKING:
    from workbench.catalog.entries import Entry
    from workbench.storage.runs import RunSummary
    from workbench.tui.services.files import RecipeFile

NAME_WIDTH = 26
MOST_DATA = 8


@dataclass(frozen=True)
class Item:
    """Something to open.

    Attributes:
        id: unique among the rows, and the same at the next start.
        group: the heading it is under.
        name: what it is called.
        about: one line.
        recipe: a built-in recipe's name or a file to open; None for a run.
        run: a run's folder to show; None for a recipe.
        data: a file of data to make a recipe of, from the working directory.
    """

    id: str
    group: str
    name: str
    about: str
    recipe: str | Path | None = None
    run: Path | None = None
    data: str = ""

    @property
    def searched(self) -> str:
        return f"{self.name} {self.about} {self.group}".casefold()

    @property
    def prompt(self) -> Content:
        """The row; the list cuts it off where it ends."""
        name = set_cell_size(fit(self.name, NAME_WIDTH), NAME_WIDTH)
        return Content.assemble(name, "  ", (printable(self.about), "dim"))


def builtin_items(entries: Sequence[Entry]) -> list[Item]:
    """Recipes that plugins bring."""
    names = [entry.name for entry in entries]
    return [
        Item(f"builtin:{entry.qualified_name}", "Built in", name, entry.summary, recipe=name)
        for entry in entries
        for name in [entry.name if names.count(entry.name) == 1 else entry.qualified_name]
    ]


def file_items(recipes: Sequence[RecipeFile], folder: Path) -> list[Item]:
    """Recipes in the working_directory."""
    items = []
    for recipe in recipes:
        shown = recipe.path.relative_to(folder) if recipe.path.is_relative_to(folder) else recipe.path
        items.append(
            Item(f"file:{recipe.path}", "In this folder", str(shown), recipe.summary, recipe=recipe.path)
        )
    return items


def data_items(files: Sequence[Path], folder: Path) -> list[Item]:
    """Files and folders of data in the working directory itself, of which a recipe can be made."""
    names = [f"{path.name}/" if path.is_dir() else path.name for path in files if path.parent == folder]
    return [
        Item(f"data:{name}", "Data in this folder", name, "Enter makes a recipe of it", data=name)
        for name in names
    ][:MOST_DATA]


def run_items(runs: Sequence[RunSummary]) -> list[Item]:
    """Runs that were trained lately."""
    return [
        Item(f"run:{run.folder.name}", "Recent runs", run.folder.name, run_words(run), run=run.folder.path)
        for run in runs
    ]


def run_words(run: RunSummary) -> str:
    """`✓ done  epoch 12/60  val_loss 2984  3 h ago`."""
    words = [run_state(run)]
    if run.epochs:
        words.append(f"epoch {run.epoch}/{run.epochs}")
    for name in ("val_loss", "loss"):
        if name in run.logs:
            words.append(f"{name} {number(run.logs[name])}")
            break
    if run.last_event:
        words.append(ago(time.time() - run.last_event))
    return "  ".join(words)


def duplicate(text: str, path: Path) -> None:
    """Write a recipe's text to another file, with that file's name as the recipe's.

    Raises:
        WorkbenchError: it cannot be written.
    """
    from workbench.recipe.editing import Editor

    editor = Editor(text, name=path.name)
    if editor.is_yaml and editor.get("name") is not None:
        editor.set("name", path.stem)
    editor.save(path)
