"""Files that are the old one or the new one, whole: under errors, kills, full disks, at every moment of a save."""

from __future__ import annotations

import errno
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest

from tests.storage.models import FORMATS
from workbench import atomic
from workbench.atomic import atomic_path, check_writable, write_bytes
from workbench.errors import FileError
from workbench.storage.formats import KerasRegistry, load, save
from workbench.storage.inspect import read_weight

as_root = pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")


def test_the_new_file_takes_the_place_of_the_old(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "er" / "m.weights.h5"
    write_bytes(target, b"old")
    os.chmod(target, 0o640)
    with atomic_path(target) as temporary:
        assert temporary.parent == target.parent
        assert temporary.name.endswith(".weights.h5")
        temporary.write_bytes(b"new")
        assert target.read_bytes() == b"old"
    assert target.read_bytes() == b"new"
    assert target.stat().st_mode & 0o777 == 0o640
    assert os.listdir(target.parent) == ["m.weights.h5"]


def fail_half_way(path: Path, error: type[BaseException]) -> None:
    path.write_bytes(b"half")
    raise error


def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "m.keras"
    write_bytes(target, b"old")
    for error in (ValueError, KeyboardInterrupt):
        with pytest.raises(error), atomic_path(target) as temporary:
            fail_half_way(temporary, error)
    assert target.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["m.keras"]


def test_a_symbolic_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link.keras").symlink_to(tmp_path / "real" / "m.keras")
    write_bytes(tmp_path / "link.keras", b"new")
    assert (tmp_path / "link.keras").is_symlink()
    assert (tmp_path / "real" / "m.keras").read_bytes() == b"new"


def test_strays_of_dead_processes_are_removed_and_those_of_living_ones_stay(tmp_path: Path) -> None:
    script = (
        "import os, signal, sys; from workbench.atomic import atomic_path\n"
        "with atomic_path(sys.argv[1]) as t:\n    t.write_bytes(b'half'); os.kill(os.getpid(), signal.SIGKILL)"
    )
    for name in ("m.keras", "m2.keras"):
        subprocess.run([sys.executable, "-c", script, str(tmp_path / name)], check=False)
    assert len(os.listdir(tmp_path)) == 2
    with atomic_path(tmp_path / "m.keras") as temporary:
        temporary.write_bytes(b"mine")
        with atomic_path(tmp_path / "m.keras") as other:
            other.write_bytes(b"other")
        assert temporary.exists()
    left = sorted(os.listdir(tmp_path))
    assert left[1] == "m.keras"
    assert left[0].startswith(".m2.tmp-")


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("folder", "it is a folder"),
        ("file/m.keras", "a part of the path is a file"),
        ("file/deeper/m.keras", "a part of the path is a file"),
        ("x" * 300 + ".keras", "the name is too long"),
    ],
)
def test_paths_that_cannot_be_written(place: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_bytes(b"")
    for attempt in (check_writable, lambda path: write_bytes(path, b"x")):
        with pytest.raises(FileError, match=words) as error:
            attempt(tmp_path / place)
        assert error.value.where == str(tmp_path / place)
        assert error.value.hint
    assert sorted(os.listdir(tmp_path)) == ["file", "folder"]


@as_root
def test_a_folder_without_permission(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    for attempt in (check_writable, lambda path: write_bytes(path, b"x")):
        with pytest.raises(FileError, match="permission denied"):
            attempt(tmp_path / "new" / "m.keras")


def test_a_file_system_that_is_read_only() -> None:
    with pytest.raises(FileError, match="cannot be written"):
        check_writable("/proc/self/m.keras")


def test_checking_a_path_leaves_no_trace(tmp_path: Path) -> None:
    check_writable(tmp_path / "new" / "folder" / "m.keras")
    assert os.listdir(tmp_path) == []


# Saves that fail or are killed at every operation


OPERATIONS: list[tuple[Any, str]] = [
    *((os, name) for name in ("replace", "fsync", "unlink", "open", "chmod")),
    *((zipfile.ZipFile, name) for name in ("__init__", "open", "writestr", "close")),
    *((h5py.File, name) for name in ("__init__", "close")),
    *((h5py.Group, name) for name in ("create_group", "create_dataset", "move", "__setitem__")),
    (h5py.AttributeManager, "__setitem__"),
]


@pytest.fixture
def at_operation(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int, Callable[[], None]], None]]:
    """Have a function called before the Nth operation on files from now on."""
    plan: dict[str, Any] = {"left": -1, "act": None}

    def wrap(owner: Any, name: str) -> None:
        original = getattr(owner, name)

        def counted(*args: Any, **kwargs: Any) -> Any:
            plan["left"] -= 1
            if plan["left"] == 0:
                plan["act"]()
            return original(*args, **kwargs)

        monkeypatch.setattr(owner, name, counted)

    for owner, name in OPERATIONS:
        wrap(owner, name)

    def set_plan(number: int, act: Callable[[], None]) -> None:
        plan.update(left=number, act=act)

    yield set_plan
    plan["left"] = -1


def small_model(value: float) -> Any:
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, name="d"), keras.layers.Dropout(0.5)])
    model.compile(keras.optimizers.SGD(momentum=0.9), "mse")
    model.optimizer.build(model.trainable_variables)
    model.set_weights([np.full((3, 2), value, "float32"), np.zeros(2, "float32")])
    return model


def value_in(path: Path) -> float:
    """The value that the file's model was made with; the file must be whole."""
    kernel = read_weight(path, "d/kernel")
    assert kernel.shape == (3, 2)
    assert len(set(kernel.flat)) == 1
    if path.name.endswith(".keras"):
        with zipfile.ZipFile(path) as file:
            assert file.testzip() is None
    return float(kernel[0, 0])


def disk_full() -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("format", FORMATS)
def test_an_error_at_any_operation_leaves_the_old_file_or_the_new(
    format: str, tmp_path: Path, at_operation: Any
) -> None:
    path = tmp_path / f"m{format}"
    old, new = small_model(1.0), small_model(2.0)
    save(old, path, {}, check=False)
    failed, shown = 0, set()
    for number in range(1, 400):
        at_operation(number, disk_full)
        try:
            save(new, path, {}, check=False)
        except FileError as error:
            failed += 1
            shown.add(error.what)
            at_operation(-1, disk_full)
            assert value_in(path) in (1.0, 2.0)
            if value_in(path) == 2.0:  # only the flush of the folder came after
                save(old, path, {}, check=False)
            assert os.listdir(tmp_path) == [path.name]
        else:
            at_operation(-1, disk_full)
            if value_in(path) == 2.0 and number > failed + 5:
                break
            save(old, path, {}, check=False)
    assert failed > 15
    assert all("the disk is full" in what for what in shown)


@pytest.mark.parametrize("format", FORMATS)
def test_at_every_operation_the_old_file_or_the_new_is_on_disk(
    format: str, tmp_path: Path, at_operation: Any
) -> None:
    """The folder as it is before each operation is what a kill at that moment leaves."""
    folder, moments = tmp_path / "saved", tmp_path / "moments"
    path = folder / f"m{format}"
    save(small_model(1.0), path, {}, check=False)
    count = 0

    def keep() -> None:
        nonlocal count
        at_operation(-1, keep)
        count += 1
        shutil.copytree(folder, moments / str(count))
        at_operation(1, keep)

    new = small_model(2.0)
    at_operation(1, keep)
    save(new, path, {})
    at_operation(-1, keep)
    values = [value_in(moments / str(number) / path.name) for number in range(1, count + 1)]
    assert values == sorted(values)
    assert set(values) == {1.0, 2.0}
    assert count > 20
    assert max(len(os.listdir(moments / str(number))) for number in range(1, count + 1)) > 1
    assert os.listdir(folder) == [path.name]


def in_a_child(work: Callable[[], None]) -> int:
    """Run it in a forked child; returns the signal that ended it, or 0."""
    child = os.fork()
    if child == 0:
        try:
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            work()
        finally:
            os._exit(0)
    return os.WTERMSIG(os.waitpid(child, 0)[1])


@pytest.mark.slow
@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("killed", [True, False], ids=["killed", "refused"])
def test_a_save_cut_off_at_any_byte_leaves_the_old_file(format: str, killed: bool, tmp_path: Path) -> None:
    """A limit on the size of files ends the writing at that byte: by a signal, or by an error as a full disk does."""
    path = tmp_path / f"m{format}"
    old, new = small_model(1.0), small_model(2.0)
    save(old, path, {}, check=False)
    whole = path.stat().st_size
    for limit in range(0, whole - 1, whole // 6):

        def save_within(limit: int = limit) -> None:
            signal.signal(signal.SIGXFSZ, signal.SIG_DFL if killed else signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
            try:
                save(new, path, {}, check=False)
            except FileError as error:
                if "larger than this process may write" in error.what:
                    os.kill(os.getpid(), signal.SIGUSR1)
            os.kill(os.getpid(), signal.SIGUSR2)

        ended = in_a_child(save_within)
        assert ended == (signal.SIGXFSZ if killed else signal.SIGUSR1)
        assert value_in(path) == 1.0
    save(new, path, {}, check=False)
    assert os.listdir(tmp_path) == [path.name]
    assert atomic.extension_of(path) == format


def test_no_room_to_unpack_is_reported_with_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = keras.Sequential([keras.Input((100,)), keras.layers.Dense(100)])
    save(model, tmp_path / "m.h5", {})
    (tmp_path / "small").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "small"))

    def load_within() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
        try:
            load(tmp_path / "m.h5", KerasRegistry())
        except FileError as error:
            if "no room to unpack" in error.what and error.where.startswith(str(tmp_path / "small")):
                os.kill(os.getpid(), signal.SIGUSR1)

    assert in_a_child(load_within) == signal.SIGUSR1
