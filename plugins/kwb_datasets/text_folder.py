"""The reader of folders of text files, whose subfolders are classes."""

from __future__ import annotations

import codecs
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kwb_datasets.class_folders import ClassFiles, find_parts
from workbench.plugin import (
    Columns,
    DataError,
    FileError,
    RecipeError,
    Source,
    StreamedSource,
    Streaming,
    data_file,
    near,
    should_stream,
)

CHUNK_FILES = 256
TEXT, LABEL = "text", "label"


def texts(
    path: str,
    encoding: str = "utf-8",
    files: str = "*",
    folders: list[str] | None = None,
    stream: Streaming = "auto",
) -> Source | StreamedSource:
    """Text files in a folder for each class, whole in the column `text`; `label` is the folder's name.

    Where there are folders `train`, `validation` and `test`, each with a folder for each class, they are these parts.
    Files that lie in no such folder have no label.

    Args:
        path: the folder.
        encoding: of the files, such as cp1252.
        files: which files, by their name: `*.txt`.
        folders: the classes to read; by default all.
        stream: whether to read the files as they are needed, or to hold them in memory; by default that depends on
            how much memory there is.
    """
    place = data_file(path, folder_allowed=True)
    if not place.is_dir():
        raise FileError(
            f"'{near(place)}' is a file.",
            where="data.path",
            hint="Name the folder with a folder for each class.",
        )
    try:
        codecs.lookup(encoding)
    except LookupError:
        raise RecipeError(f"there is no encoding '{encoding}'.", where="data.encoding") from None
    parts = find_parts(place, files, folders)
    train, test = parts["train"], parts.get("test")
    targets = (LABEL,) if train.classes else ()
    size = sum(file.stat().st_size for part in parts.values() for file in part.files)
    if stream is True and "validation" in parts:
        raise RecipeError("a validation folder is read into memory only.", where="data.stream")
    if "validation" not in parts and should_stream(stream, 2 * size, size):
        chunks = TextFiles(_mixed(train), encoding)
        return StreamedSource(
            chunks,
            targets=targets,
            classes=dict.fromkeys(targets, ()),
            test=TextFiles(test, encoding) if test else None,
            origin=place.name,
            locate=chunks.files.name,
            texts=(TEXT,),
            rows_are_files=True,
            places={"test": test.name} if test else {},
        )
    columns = {part: _columns(own, encoding) for part, own in parts.items()}
    return Source(
        columns=columns["train"],
        targets=targets,
        classes=dict.fromkeys(targets, ()),
        validation=columns.get("validation"),
        test=columns.get("test"),
        origin=place.name,
        locate=train.name,
        texts=(TEXT,),
        rows_are_files=True,
        places={part: own.name for part, own in parts.items() if part != "train"},
        unlabelled=""
        if targets
        else f"the texts in {place.name} have no classes: each class has a folder of its own",
    )


def _mixed(part: ClassFiles) -> ClassFiles:
    """The files in an order in which every chunk holds all classes; always the same one."""
    order = np.random.default_rng(0).permutation(len(part.files)).tolist()
    classes = tuple(part.classes[at] for at in order) if part.classes else ()
    return ClassFiles(part.folder, tuple(part.files[at] for at in order), classes)


def _columns(
    part: ClassFiles, encoding: str, start: int = 0, stop: int | None = None
) -> dict[str, np.ndarray]:
    """The texts and labels of files, as objects. What is blank has no text."""
    rows = range(len(part.files))[start:stop]
    columns = {TEXT: np.array([_read(part, row, encoding) for row in rows], dtype=object)}
    if part.classes:
        columns[LABEL] = np.array([part.classes[row] for row in rows], dtype=object)
    return columns


def _read(part: ClassFiles, row: int, encoding: str) -> str | None:
    file = part.files[row]
    try:
        data = file.read_bytes()
    except OSError as error:
        raise FileError(f"'{part.name(row)}' cannot be read: {error.strerror}.", where="data.path") from None
    if b"\0" in data and not encoding.casefold().startswith(
        ("utf-16", "utf_16", "utf-32", "utf_32", "utf16", "utf32")
    ):
        raise DataError(
            "is no text: it holds zero bytes.",
            where=part.name(row),
            hint="`files: '*.txt'` reads files of such a name only; `encoding: utf-16` is another possible reason.",
        )
    try:
        text = data.decode(encoding).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise DataError(
            f"is not written in {encoding}: byte {error.start + 1} is {data[error.start]:#04x}.",
            where=part.name(row),
            hint="Name its encoding, such as `encoding: cp1252`.",
        ) from None
    return text if text.strip() else None


class TextFiles:
    """Text files that are read as they are needed."""

    def __init__(self, files: ClassFiles, encoding: str) -> None:
        count = len(files.files)
        self.files = files
        self.encoding = encoding
        self.names: tuple[str, ...] = (TEXT, LABEL) if files.classes else (TEXT,)
        self.rows = tuple(min(CHUNK_FILES, count - start) for start in range(0, count, CHUNK_FILES))
        self.groups = tuple(range(len(self.rows)))

    def open(self) -> TextFilesReader:
        return TextFilesReader(self)


@dataclass(frozen=True)
class TextFilesReader:
    """Reads the files of a chunk."""

    chunks: TextFiles

    def read(self, chunk: int, names: Sequence[str]) -> Columns:
        start = chunk * CHUNK_FILES
        columns = _columns(self.chunks.files, self.chunks.encoding, start, start + CHUNK_FILES)
        return {name: columns[name] for name in names}

    def close(self) -> None:
        """Nothing is held open."""
