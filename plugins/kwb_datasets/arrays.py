"""The reader of numpy's .npz files."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path
from typing import BinaryIO

import numpy as np

from workbench.data.files import data_file
from workbench.data.source import Source
from workbench.errors import DataError, FileError, RecipeError, did_you_mean


def npz(path: str, columns: list[str] | None = None, test: dict[str, str] | None = None) -> Source:
    """Arrays in a .npz file. Pickled objects are refused: they could run code.

    Args:
        path: the file.
        columns: read these arrays only; all by default.
        test: for a file with a test part of its own, the name of each array's test rows:
            `{x_train: x_test, y_train: y_test}`.
    """
    with data_file(path).open("rb") as opened:
        return _read(Path(path), opened, columns, test or {})


def _read(file: Path, opened: BinaryIO, columns: list[str] | None, test: dict[str, str]) -> Source:
    try:
        archive = np.load(opened, allow_pickle=False)
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as fault:
        raise FileError(f"'{file}' is no readable .npz file: {fault}.", where="data.path") from None
    if not isinstance(archive, np.lib.npyio.NpzFile):
        raise FileError(
            f"'{file}' holds a single array without a name.",
            where="data.path",
            hint="Write a .npz file with `numpy.savez(path, x=..., y=...)`.",
        )
    with archive:
        held_back = set(test.values())
        wanted = columns if columns is not None else [name for name in archive.files if name not in held_back]
        if not archive.files:
            raise DataError("the file holds no array.", where=file.name)

        def array(name: str, key: str) -> np.ndarray:
            if name not in archive.files:
                raise RecipeError(
                    f"there is no array '{name}' in {file.name}.",
                    where=f"data.{key}",
                    hint=did_you_mean(name, archive.files) or f"The arrays are: {', '.join(archive.files)}.",
                )
            try:
                return archive[name]
            except ValueError as fault:
                if "pickle" not in str(fault):
                    raise FileError(f"array '{name}' is damaged: {fault}.", where=file.name) from None
                raise FileError(
                    f"array '{name}' holds pickled Python objects, which could run code and are refused.",
                    where=file.name,
                    hint="Save it with a number or text type, or name the arrays to read with `columns`.",
                ) from None
            except (OSError, EOFError, zipfile.BadZipFile, zlib.error) as fault:
                raise FileError(f"array '{name}' is damaged: {fault}.", where=file.name) from None

        arrays = {name: array(name, "columns") for name in wanted}
        if columns is None:  # single values beside the arrays are notes, not data
            arrays = {name: values for name, values in arrays.items() if values.ndim}
        return Source(
            columns=arrays,
            test={name: array(other, f"test.{name}") for name, other in test.items()} or None,
            origin=file.name,
        )
