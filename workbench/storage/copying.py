"""Write a model's file once more under another name, without saving the model and reading it back once more."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

from workbench.atomic import atomic_path, keep_as
from workbench.errors import FileError
from workbench.storage.digests import sha256_if_there, sha256_of
from workbench.storage.formats import WrittenFile, format_of


def copy_of(written: WrittenFile, path: Path, *, keep: Path | None = None) -> WrittenFile | None:
    """A second file with the content of one that `formats.save` has written and compared with the model.

    Args:
        path: its name ends as that of the first.
        keep: another name that an old file gets when the new one replaces it.

    Returns:
        None where the first file is of another format, or is not what was written.

    Raises:
        FileError: the file cannot be written. An old file is untouched.
    """
    if format_of(path) != written.format or sha256_if_there(written.path) != written.sha256:
        return None
    with atomic_path(path) as temporary:
        shutil.copyfile(written.path, temporary)
        if sha256_of(temporary) != written.sha256:
            raise FileError(
                f"a copy of {written.path} is not what was copied.", where=str(path), hint="Try again."
            )
        if keep is not None:
            keep_as(path, keep)
    return replace(written, path=path)
