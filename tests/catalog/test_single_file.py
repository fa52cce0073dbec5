"""A plugin file is imported as it is on disk, whatever bytecode Python has kept, with the modules beside it."""

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


@pytest.mark.parametrize("neighbour", ["kwb_test_helpers.py", "kwb_test_helpers/__init__.py"])
def test_each_has_the_module_beside_itself(tmp_path: Path, neighbour: str) -> None:
    """Also where two folders have one of the same name, whatever was imported before."""
    found = []
    for number in (1, 2):
        beside = tmp_path / f"{number}" / neighbour
        beside.parent.mkdir(parents=True)
        beside.write_text("from kwb_test_more import MORE\n" if number == 2 else "MORE = 0\n")
        (tmp_path / f"{number}" / "kwb_test_more.py").write_text(f"MORE = {number}\n")
        path = tmp_path / f"{number}" / "plugin.py"
        path.write_text("import kwb_test_helpers\nfrom kwb_test_more import MORE as NUMBER\n")
        found.append(import_file(path))
    assert [module.NUMBER for module in found] == [1, 2]
    assert [module.kwb_test_helpers.MORE for module in found] == [0, 2]
    (tmp_path / "1" / "second.py").write_text("from kwb_test_more import MORE\n")
    assert import_file(tmp_path / "1" / "second.py").MORE == 1, "the first folder once more"


def test_what_is_installed_comes_before_what_is_beside(tmp_path: Path) -> None:
    (tmp_path / "random.py").write_text("raise SystemExit(3)\n")
    (tmp_path / "plugin.py").write_text("import random\nNUMBER = random.Random(1).randrange(1)\n")
    known = sys.modules.pop("random")
    try:
        assert import_file(tmp_path / "plugin.py").NUMBER == 0
    finally:
        sys.modules["random"] = known
