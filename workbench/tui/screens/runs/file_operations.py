"""Rename and delete runs, but never one that a process is training."""

from __future__ import annotations

import os
import re
import shutil

from workbench.atomic import file_error
from workbench.errors import FileError
from workbench.storage.ownership import own
from workbench.storage.run_folder import RunFolder


def name_error(run: RunFolder, name: str) -> str:
    """What is wrong with a new name for a run; empty if nothing."""
    if not name.strip():
        return "a name is needed"
    if not re.fullmatch(r"[\w.][\w .+=,@-]*", name) or name in (".", ".."):
        return "letters, digits, and . _ - + = , @ only"
    if len(os.fsencode(name)) > 200:
        return "too long"
    if name != run.name and (run.path.parent / name).exists():
        return "there is one of that name"
    return ""


def rename(run: RunFolder, name: str) -> RunFolder:
    """Give a run's folder another name.

    Raises:
        FileError: a process trains it, or it cannot be renamed.
    """
    if wrong := name_error(run, name):
        raise FileError(f"cannot be renamed to '{name}': {wrong}.", where=str(run.path))
    new = RunFolder(run.path.parent / name)
    with own(run):
        try:
            os.rename(run.path, new.path)
        except OSError as error:
            raise file_error(error, run.path, "renamed") from error
    return new


def delete(run: RunFolder) -> None:
    """Delete a run's folder with all that is in it.

    Its recipe goes last: a folder that has one is a run, and can be deleted again where something went wrong.

    Raises:
        FileError: a process trains it, it is no run, or it cannot be deleted.
    """
    if not run.recipe.is_file() or run.path.is_symlink():
        raise FileError("is not a run's folder, so it is not deleted.", where=str(run.path))
    with own(run):
        try:
            for entry in os.scandir(run.path):
                if entry.name in (run.recipe.name, run.lock.name):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    shutil.rmtree(entry.path)
                else:
                    os.unlink(entry.path)
            shutil.rmtree(run.path)
        except OSError as error:
            raise file_error(error, run.path, "deleted") from error
