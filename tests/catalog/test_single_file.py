"""A plugin file is imported as it is on disk, whatever bytecode Python has kept."""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path

import pytest

from workbench.catalog.single_file import import_file, module_name

MOMENT = 1_800_000_000


def _read_again(path: Path) -> int:
    """The number in a file that has just been saved, in a process that has not read it yet."""
    os.utime(path, (MOMENT, MOMENT))
    sys.modules.pop(module_name(path), None)
    sys.modules.pop("kwb_test_neighbour", None)
    importlib.invalidate_caches()
    number: int = import_file(path).NUMBER
    return number


@pytest.fixture(autouse=True)
def as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    monkeypatch.setattr(sys, "path", [*sys.path])


def test_a_file_that_is_saved_twice_in_a_second_is_the_last_one(tmp_path: Path) -> None:
    path = tmp_path / "gate.py"
    for number in (1, 2, 3):
        path.write_text(f"NUMBER = {number}\n")
        assert _read_again(path) == number


def test_so_is_what_it_imports_from_beside_it(tmp_path: Path) -> None:
    path, neighbour = tmp_path / "gate.py", tmp_path / "kwb_test_neighbour.py"
    path.write_text("from kwb_test_neighbour import NUMBER\n")
    for number in (1, 2, 3):
        neighbour.write_text(f"NUMBER = {number}\n")
        os.utime(neighbour, (MOMENT, MOMENT))
        assert _read_again(path) == number
