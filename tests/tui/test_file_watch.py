"""Which files changed: found by looking, reported once they are still."""

from __future__ import annotations

import os
from pathlib import Path

from workbench.tui.services.file_watch import FileWatch
from workbench.tui.watching import paths_in


def test_a_change_is_reported_once_it_is_still(tmp_path: Path) -> None:
    path, other = tmp_path / "a.csv", tmp_path / "b.csv"
    path.write_text("1")
    other.write_text("1")
    watch = FileWatch()
    look = lambda: watch.look([path, other])  # noqa: E731
    assert look() == set()
    path.write_text("12")
    assert look() == set()  # it may be half written
    path.write_text("123")
    assert look() == set()
    assert look() == {path}
    assert look() == set()


def test_a_file_put_in_its_place_and_one_that_goes_and_comes_back(tmp_path: Path) -> None:
    path, new = tmp_path / "a.yaml", tmp_path / "new"
    path.write_text("same")
    watch = FileWatch()
    watch.look([path])
    stamp = path.stat()
    new.write_text("same")
    os.utime(new, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    os.replace(new, path)  # as vim does; not even the time is another
    assert [watch.look([path]) for _ in range(3)] == [set(), {path}, set()]
    path.unlink()  # for the moment between two renames
    watch.look([path])
    path.write_text("back")
    assert [watch.look([path]) for _ in range(3)] == [set(), {path}, set()]
    path.unlink()
    assert [watch.look([path]) for _ in range(3)] == [set(), {path}, set()]


def test_a_file_that_is_new_to_it_is_no_change(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    watch = FileWatch()
    watch.look([])
    path.write_text("1")
    assert watch.look([path]) == set()
    assert watch.look([]) == set()
    path.write_text("12")
    assert watch.look([path]) == set()  # it was not looked at meanwhile


def test_what_a_recipe_reads(tmp_path: Path) -> None:
    recipe = {
        "data": {"use": "csv", "path": "houses.csv", "targets": ["price"]},
        "model": {"sequential": [{"load": "saved/a.keras"}, {"use": "Dense", "units": 1}]},
        "weights": "start.weights.h5",
        "save": ["saved/b.keras"],
    }
    names = ["houses.csv", "saved/a.keras", "start.weights.h5"]
    assert list(paths_in(recipe, tmp_path)) == [tmp_path / name for name in names]
    assert list(paths_in({"data": "diabetes"}, tmp_path)) == []
    assert list(paths_in("no recipe", tmp_path)) == []


def test_what_changes_between_the_reading_and_the_first_look_is_reported(tmp_path: Path) -> None:
    path, other = tmp_path / "gate.py", tmp_path / "other.py"
    path.write_text("a = 1\n")
    watch = FileWatch()
    watch.note([path])
    path.write_text("a = 20\n")
    assert watch.look([other]) == set()  # it is not forgotten before it was looked at
    watch.look([path])
    assert watch.look([path]) == {path}
    assert watch.look([path]) == set()
