"""The three file formats, `.keras`, `.h5` and `.weights.h5`, and how each stores the same content.

A `.keras` file is a zip of `config.json`, `metadata.json`, `model.weights.h5` and assets; kwb adds `kwb.json`
(notes, names, and state that Keras does not save). The two HDF5 formats carry the same members
in a group `kwb`, so that they rebuild any model, subclassed ones too, through Keras' own `.keras` loader:

- `.weights.h5`: Keras' weight tree at the root, where plain `load_weights` finds it.
- `.h5`: the weight groups of the legacy format at the root (`model_weights`, see `legacy`), and Keras' weight
  tree under `kwb/weights`; a weight is in the file once and has two names (HDF5 hard links).
"""

from __future__ import annotations

import errno
import json
import os
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from workbench.atomic import errno_of
from workbench.errors import FileError

CONFIG = "config.json"
METADATA = "metadata.json"
WEIGHTS = "model.weights.h5"
NOTES = "kwb.json"
GROUP = "kwb"
WEIGHT_TREE = "weights"


def is_archive(path: Path) -> bool:
    """True if the file is a `.keras` zip. (`zipfile.is_zipfile` also says so of HDF5 with a zip inside.)"""
    with open(path, "rb") as file:
        return file.read(2) == b"PK"


def add_members(archive: Path, members: Mapping[str, bytes]) -> None:
    """Put members into an existing `.keras` file."""
    with zipfile.ZipFile(archive, "a") as file:
        for name, content in members.items():
            file.writestr(name, content)


def read_notes(archive: Path) -> bytes:
    """The `kwb.json` of a `.keras` file, or an empty object where plain Keras made the file."""
    with zipfile.ZipFile(archive) as file:
        return file.read(NOTES) if NOTES in file.namelist() else b"{}"


def read_config(archive: Path) -> str:
    """The text of a `.keras` file's configuration."""
    with zipfile.ZipFile(archive) as file:
        return file.read(CONFIG).decode()


def extract_weights(archive: Path, target: Path) -> None:
    """Write the `model.weights.h5` member of a `.keras` file to `target`."""
    with zipfile.ZipFile(archive) as file, file.open(WEIGHTS) as source, open(target, "wb") as out:
        while block := source.read(1 << 20):
            out.write(block)


def write_weights_h5(archive: Path, target: Path) -> None:
    """Turn a `.keras` file into a `.weights.h5` file."""
    extract_weights(archive, target)
    with h5py.File(target, "r+") as file:
        _write_members(archive, file.create_group(GROUP))


def write_notes(weights: Path, record: Mapping[str, Any]) -> None:
    """Add the content of `kwb.json` to a `.weights.h5` file of plain Keras."""
    with h5py.File(weights, "r+") as file:
        content = np.frombuffer(json.dumps(record).encode(), dtype=np.uint8)
        file.create_group(GROUP).create_dataset(NOTES, data=content)


def write_h5(archive: Path, target: Path) -> None:
    """Turn a `.keras` file into an `.h5` file, still without the groups of the legacy format."""
    extract_weights(archive, target)
    with h5py.File(target, "r+") as file:
        tree = list(file)
        weights = file.create_group(f"{GROUP}/{WEIGHT_TREE}")
        for name in tree:
            file.move(name, f"{weights.name}/{name}")  # renames the link, copies no data
        _write_members(archive, file[GROUP])


@contextmanager
def as_archive(path: Path) -> Iterator[Path]:
    """The path of a `.keras` file with the content of `path`: itself, or made for the time of the block.

    `path` is a `.keras` file, or an HDF5 file that `holds_archive`.
    """
    if is_archive(path):
        yield path
        return
    with _folder_to_unpack() as folder:
        archive = folder / "model.keras"
        with h5py.File(path, "r") as file, zipfile.ZipFile(archive, "w") as out:
            for name, content in _read_members(file[GROUP]):
                out.writestr(name, content)
            if WEIGHT_TREE in file[GROUP]:
                weights = folder / WEIGHTS
                copy_tree(file[GROUP][WEIGHT_TREE], weights)
                out.write(weights, WEIGHTS)
                os.unlink(weights)
            else:
                out.write(path, WEIGHTS)
        yield archive


@contextmanager
def as_weights(path: Path) -> Iterator[Path]:
    """The path of a file in `.weights.h5` layout with the weights of `path`, itself not of legacy layout."""
    if not is_archive(path):
        with h5py.File(path, "r") as file:
            moved = GROUP in file and WEIGHT_TREE in file[GROUP]
        if not moved and path.name.endswith(".weights.h5"):
            yield path
            return
    with _folder_to_unpack() as folder:
        weights = folder / WEIGHTS
        if is_archive(path):
            extract_weights(path, weights)
        else:
            with h5py.File(path, "r") as file:
                copy_tree(file[GROUP][WEIGHT_TREE] if moved else file, weights)
        yield weights


@contextmanager
def _folder_to_unpack() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="kwb-") as folder:
        try:
            yield Path(folder)
        except (OSError, RuntimeError) as error:
            if errno_of(error) in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                hint = "Free some space there, or name another folder in TMPDIR."
                raise FileError("has no room to unpack the model.", where=folder, hint=hint) from error
            raise


def copy_tree(source: Any, target: Path) -> None:
    """Copy all that a HDF5 group holds into a new file."""
    with h5py.File(target, "w") as file:
        for name in source:
            source.copy(name, file)


def holds_archive(file: Any) -> bool:
    """True if an open HDF5 file was made by kwb and can rebuild its model."""
    return GROUP in file and isinstance(file[GROUP], h5py.Group) and CONFIG in file[GROUP]


def parse_notes(content: bytes) -> dict[str, Any]:
    """The content of `kwb.json`.

    `notes`; `weights`: path by dataset; `state`, `layers`: rows; `classes`: the registered names of those
    that the configuration names barely; `files`: the packages of registered names that are plugin files.
    """
    record = json.loads(content)
    if not isinstance(record, dict):
        raise ValueError(f"{NOTES} does not hold an object")
    return {
        "notes": _mapping(record.get("notes")),
        "weights": {str(name): str(path) for name, path in _mapping(record.get("weights")).items()},
        "state": [_mapping(row) for row in record.get("state") or []],
        "layers": [_mapping(row) for row in record.get("layers") or []],
        "classes": {str(name): str(given) for name, given in _mapping(record.get("classes")).items()},
        "files": [str(name) for name in record.get("files") or []],
    }


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _write_members(archive: Path, group: Any) -> None:
    with zipfile.ZipFile(archive) as file:
        for info in file.infolist():
            if info.filename != WEIGHTS and not info.is_dir():
                # A dataset, for an attribute ends at 64 KB; of bytes, for their size is known unread.
                group.create_dataset(info.filename, data=np.frombuffer(file.read(info), dtype=np.uint8))


def _read_members(group: Any, prefix: str = "") -> Iterator[tuple[str, bytes]]:
    for name, item in group.items():
        if isinstance(item, h5py.Dataset):
            yield prefix + name, np.asarray(item, dtype=np.uint8).tobytes()
        elif prefix or name != WEIGHT_TREE:
            yield from _read_members(item, f"{prefix}{name}/")
