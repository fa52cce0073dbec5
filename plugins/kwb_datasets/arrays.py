"""The reader of numpy's .npz files."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kwb_datasets.names import check_there
from kwb_datasets.signatures import refuse_other
from workbench.plugin import (
    Columns,
    DataError,
    FileError,
    Source,
    StreamedSource,
    Streaming,
    data_file,
    near,
    should_stream,
)

if TYPE_CHECKING:
    from kwb_datasets.array_chunks import ArrayArchive


def npz(
    path: str,
    columns: list[str] | None = None,
    test: dict[str, str] | None = None,
    stream: Streaming = "auto",
) -> Source | StreamedSource:
    """Arrays in a .npz file. Pickled objects are refused: they could run code.

    Args:
        path: the file.
        columns: read these arrays only; all by default.
        test: for a file with a test part of its own, the name of each array's test rows:
            `{x_train: x_test, y_train: y_test}`.
        stream: whether to read the rows as they are needed, or to hold them in memory; by default that
            depends on how much memory there is.
    """
    from kwb_datasets.array_chunks import ArrayArchive

    file = data_file(path)
    refuse_other(file, "npz")
    if not zipfile.is_zipfile(file):
        raise FileError(f"'{near(file)}' is no readable .npz file.", where="data.path")
    archive = ArrayArchive(file)
    names = archive.names
    if not names:
        raise DataError("the file holds no array.", where=file.name)
    test = test or {}
    for name in columns or ():
        check_there(name, names, file.name, what="array")
    for name, other in test.items():
        check_there(name, names, file.name, what="array", key="test")
        check_there(other, names, file.name, what="array", key=f"test.{name}")
    wanted = columns if columns is not None else [name for name in names if name not in test.values()]
    read = {*wanted, *test.values()}
    if should_stream(stream, archive.size(read), archive.encoded_size(read)):
        return _streamed(archive, wanted, test, everything=columns is None)
    arrays = _read(file, {*wanted, *test.values()})
    return Source(
        # Without a choice, single values beside the arrays are notes and not data.
        columns={name: arrays[name] for name in wanted if columns is not None or arrays[name].ndim},
        test={name: arrays[other] for name, other in test.items()} or None,
        origin=file.name,
    )


def _streamed(
    archive: ArrayArchive, wanted: list[str], test: dict[str, str], *, everything: bool
) -> StreamedSource:
    from kwb_datasets.array_chunks import ArrayChunks

    stored = {name: archive.array(name) for name in {*wanted, *test.values()}}
    arrays = {name: stored[name] for name in wanted if not everything or stored[name].shape}
    parts = {name: stored[other] for name, other in test.items()}
    return StreamedSource(
        ArrayChunks(archive, arrays),
        test=ArrayChunks(archive, parts) if parts else None,
        origin=archive.file.name,
    )


def _read(file: Path, names: Collection[str]) -> Columns:
    arrays: dict[str, np.ndarray] = {}
    with np.load(file, allow_pickle=False) as archive:
        for name in names:
            try:
                arrays[name] = archive[name]
            except ValueError as error:
                if "pickle" not in str(error):
                    raise FileError(f"array '{name}' is damaged: {error}.", where=file.name) from None
                raise FileError(
                    f"array '{name}' holds pickled Python objects, which could run code and are refused.",
                    where=file.name,
                    hint="Save it with a number or text type, or name the arrays to read with `columns`.",
                ) from None
            except (OSError, EOFError, zipfile.BadZipFile, zlib.error) as error:
                raise FileError(f"array '{name}' is damaged: {error}.", where=file.name) from None
    return arrays
