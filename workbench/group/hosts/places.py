"""Files of one machine, found on another: a path below the folder where a training was begun is the same path below
the folder of the process that joins; any other path is the same on both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.errors import FileError


@dataclass(frozen=True)
class PlacesThere:
    """From paths of the first machine to paths of this one.

    Attributes:
        begun: the folder where the training was begun.
        folder: what stands for it here.
    """

    begun: Path
    folder: Path

    def path(self, path: str) -> Path:
        """A path of the first machine, on this one."""
        there = Path(path)
        if there.is_relative_to(self.begun):
            return self.folder / there.relative_to(self.begun)
        return there

    def plugin_file(self, path: str) -> Path:
        """A plugin's file.

        Raises:
            FileError: it is not here.
        """
        found = self.path(path)
        if not found.is_file():
            raise FileError(
                "there is no such plugin file on this machine.",
                where=str(found),
                hint="Copy the files of the first machine, or name the folder that they are in: `--folder`.",
            )
        return found

    def of_command(self, command: Mapping[str, Any]) -> dict[str, Any]:
        """A command for a child, with the folder of the recipe on this machine."""
        if "folder" not in command:
            return dict(command)
        folder = self.path(command["folder"])
        return {**command, "folder": str(folder if folder.is_dir() else self.folder), "resume": None}
