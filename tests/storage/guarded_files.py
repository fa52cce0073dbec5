"""Sound model files and changes to them, for the tests of the guard."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import h5py
import keras
import pytest

from tests.storage.models import Residual, softsquare
from workbench.errors import ExitCode, FileError
from workbench.storage import guard


class Plugins:
    """A resolver that knows two plugins, and counts how often all of them must be imported."""

    known: ClassVar[dict[str, object]] = {
        "acme-layers>Residual": Residual,
        "acme-layers>softsquare": softsquare,
        "kwb>MyDense": keras.layers.Dense,
    }
    listed = 0

    def registered_names(self) -> set[str]:
        self.listed += 1
        return set(self.known)

    def resolve_registered(self, name: str) -> object | None:
        return self.known.get(name)


Config = dict[str, Any]


def refusal(path: Path) -> FileError:
    with pytest.raises(FileError) as error:
        guard.check_file(path, Plugins())
    assert error.value.exit_code is ExitCode.FILE
    assert error.value.where == str(path)
    return error.value


def edited(good: Path, target: Path, edit: Callable[[Config], None]) -> Path:
    """A `.keras` file with its configuration edited."""
    with zipfile.ZipFile(good) as source, zipfile.ZipFile(target, "w") as out:
        for info in source.infolist():
            content = source.read(info)
            if info.filename == "config.json":
                config = json.loads(content)
                edit(config)
                content = json.dumps(config).encode()
            out.writestr(info.filename, content)
    return target


def layer(config: Config, index: int) -> Config:
    return config["config"]["layers"][index]  # type: ignore[no-any-return]


# What is no model file at all


def zipped(path: Path, members: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return path


def members_of(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as file:
        return {name: file.read(name) for name in file.namelist()}


def with_hdf5(good: Path, target: Path, edit: Callable[[Any], None]) -> Path:
    target.write_bytes(good.read_bytes())
    with h5py.File(target, "r+") as file:
        edit(file)
    return target
