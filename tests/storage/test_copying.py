"""A model's file under a second name: the bytes of the first, where those are what was written."""

from __future__ import annotations

from pathlib import Path

import keras
import pytest

from workbench.errors import FileError
from workbench.storage.copying import copy_of
from workbench.storage.formats import KerasRegistry, WrittenFile, load, save


@pytest.fixture
def written(tmp_path: Path) -> WrittenFile:
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    return save(model, tmp_path / "run" / "model.keras", {"epoch": 3})


def test_a_copy_has_the_same_bytes_and_loads(written: WrittenFile, tmp_path: Path) -> None:
    path = tmp_path / "elsewhere" / "price.keras"
    copied = copy_of(written, path)
    assert copied == WrittenFile(path, ".keras", written.sha256, written.warnings)
    assert path.read_bytes() == written.path.read_bytes()
    assert load(path, KerasRegistry()).notes == {"epoch": 3}


def test_the_file_before_gets_its_other_name(written: WrittenFile, tmp_path: Path) -> None:
    path, kept = tmp_path / "price.keras", tmp_path / "price.previous.keras"
    path.write_bytes(b"the one before")
    assert copy_of(written, path, keep=kept) is not None
    assert kept.read_bytes() == b"the one before"
    assert path.read_bytes() == written.path.read_bytes()


@pytest.mark.parametrize("how", ["damaged", "gone", "of another format"])
def test_what_was_not_checked_is_not_copied(written: WrittenFile, tmp_path: Path, how: str) -> None:
    path = tmp_path / ("price.h5" if how == "of another format" else "price.keras")
    path.write_bytes(b"the one before")
    if how == "damaged":
        written.path.write_bytes(written.path.read_bytes()[:-1])
    elif how == "gone":
        written.path.unlink()
    assert copy_of(written, path) is None
    assert path.read_bytes() == b"the one before"


def test_a_folder_in_its_place_is_an_error(written: WrittenFile, tmp_path: Path) -> None:
    (tmp_path / "price.keras").mkdir()
    with pytest.raises(FileError, match="it is a folder"):
        copy_of(written, tmp_path / "price.keras")
