"""Suggest data files: those that a reader can read, in this folder and in the folder that is typed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from workbench.tui.services.files import complete_path, list_data
from workbench.tui.widgets.pick import Pickable


def data_files(folder: Path, suffixes: Collection[str]) -> list[Pickable]:
    """The data files in a folder and right below it. Reads the disk: for a thread."""
    return [Pickable(str(path.relative_to(folder)), "file") for path in list_data(folder, suffixes)]


def typed_paths(folder: Path, suffixes: Collection[str]) -> Callable[[str], Sequence[Pickable]]:
    """A source of more files for `PickInput`: those of the folder that is being typed."""
    return lambda typed: [Pickable(path) for path in complete_path(typed, folder, suffixes)]
