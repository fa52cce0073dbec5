"""Checkpoints: folders that exist completely or not at all, each with a manifest of its files' hashes.

    checkpoints/000012/
        variables.npz    every variable of model, optimizer, metrics and seed generators
        position.json    epoch and step of the training, and the state of callbacks
        manifest.json    sha256 and size of the others; written last

A checkpoint is written under another name, synced, and renamed; so a crash at any moment leaves the older ones as they
were and at most a folder that the next write removes. Two are kept: if the newest is damaged on disk, the one
before it is used.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np

from workbench.atomic import file_error, flush_to_disk, may_write
from workbench.errors import FileError, without_path
from workbench.storage.digests import sha256_of

KEPT = 2

VARIABLES = "variables.npz"
POSITION = "position.json"
MANIFEST = "manifest.json"

_UNFINISHED = ".writing-"


@dataclass(frozen=True)
class CheckpointFolder:
    """A whole checkpoint on disk."""

    path: Path
    sha256: str  # of its manifest, which holds the hashes of everything else

    @property
    def number(self) -> int:
        return int(self.path.name)


def write(folder: Path, position: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> CheckpointFolder:
    """Write the next checkpoint, and remove what is older than the last two.

    Args:
        folder: the run's `checkpoints` folder.
        position: JSON data.
        arrays: by name.

    Raises:
        FileError: it cannot be written; the checkpoints before are untouched.
    """
    may_write()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _remove_unfinished(folder)
        number = max((int(path.name) for path in _whole_names(folder)), default=0) + 1
        temporary = folder / f"{_UNFINISHED}{number:06d}"
        temporary.mkdir()
        try:
            _write_arrays(temporary / VARIABLES, arrays)
            _write_text(temporary / POSITION, json.dumps(position, indent=1, allow_nan=True))
            manifest = json.dumps(
                {name: _described(temporary / name) for name in (VARIABLES, POSITION)}, indent=1
            )
            _write_text(temporary / MANIFEST, manifest)
            flush_to_disk(temporary)
            final = folder / f"{number:06d}"
            may_write()
            os.rename(temporary, final)
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            raise
        flush_to_disk(folder)
        for old in sorted(_whole_names(folder))[:-KEPT]:
            shutil.rmtree(old, ignore_errors=True)
    except OSError as error:
        raise file_error(error, folder) from error
    return CheckpointFolder(final, hashlib.sha256(manifest.encode()).hexdigest())


def whole(folder: Path) -> list[tuple[CheckpointFolder, dict[str, Any]]]:
    """The checkpoints that are whole, the oldest first, each with its position."""
    found = []
    for path in sorted(_whole_names(folder)) if folder.is_dir() else []:
        try:
            manifest = (path / MANIFEST).read_text()
            position = json.loads((path / POSITION).read_text())
        except (OSError, ValueError):
            continue
        found.append((CheckpointFolder(path, hashlib.sha256(manifest.encode()).hexdigest()), position))
    return found


def newest(folder: Path) -> tuple[CheckpointFolder, dict[str, Any], dict[str, np.ndarray]] | None:
    """The newest checkpoint that is whole, with its position and its arrays; None if there is none.

    Raises:
        FileError: there are checkpoints, and every one is damaged.
    """
    found = sorted(_whole_names(folder), reverse=True) if folder.is_dir() else []
    errors = []
    for path in found:
        try:
            return _read(path)
        except (OSError, ValueError, KeyError) as error:
            errors.append(f"{path.name}: {without_path(error, path)}")
    if errors:
        raise FileError(
            f"no checkpoint can be read ({'; '.join(errors)}).",
            where=str(folder),
            hint="Start the training again from the beginning: leave out --resume.",
        )
    return None


def read(path: Path) -> tuple[CheckpointFolder, dict[str, Any], dict[str, np.ndarray]]:
    """One checkpoint, with its position and its arrays.

    Raises:
        FileError: it is damaged.
    """
    try:
        return _read(path)
    except (OSError, ValueError, KeyError) as error:
        raise FileError(
            f"the checkpoint cannot be read: {without_path(error, path)}.", where=str(path)
        ) from error


def _read(path: Path) -> tuple[CheckpointFolder, dict[str, Any], dict[str, np.ndarray]]:
    manifest = (path / MANIFEST).read_text()
    for name, expected in json.loads(manifest).items():
        if _described(path / name) != expected:
            raise ValueError(f"{name} is not what was written")
    position = json.loads((path / POSITION).read_text())
    with np.load(path / VARIABLES, allow_pickle=False) as file:
        types = json.loads(str(file["types"]))
        arrays = {name: _restored(file[name], types.get(name)) for name in file.files if name != "types"}
    return CheckpointFolder(path, hashlib.sha256(manifest.encode()).hexdigest()), position, arrays


def _write_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Arrays as .npz; a type that numpy does not know itself (bfloat16) goes as its bytes."""
    types = {name: array.dtype.name for name, array in arrays.items() if array.dtype.isbuiltin != 1}
    stored: dict[str, Any] = {
        name: array.view(f"u{array.dtype.itemsize}") if name in types else array
        for name, array in arrays.items()
    }
    with path.open("wb") as file:
        np.savez(file, types=np.array(json.dumps(types)), **stored)
        file.flush()
        os.fsync(file.fileno())


def _restored(array: np.ndarray, dtype: str | None) -> np.ndarray:
    return array.view(getattr(ml_dtypes, dtype)) if dtype else array


def _write_text(path: Path, text: str) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _described(path: Path) -> dict[str, Any]:
    return {"sha256": sha256_of(path), "size": path.stat().st_size}


def _whole_names(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.name.isdigit()]


def _remove_unfinished(folder: Path) -> None:
    for path in folder.glob(f"{_UNFINISHED}*"):
        shutil.rmtree(path, ignore_errors=True)
