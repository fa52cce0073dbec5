"""Checkpoint checkpoints: whole or not there, under an error and under a kill at every operation."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from workbench.errors import FileError
from workbench.training import checkpoints

# What a write does to the file system, in the order it first does it.
OPERATIONS = ((os, "mkdir"), (os, "fsync"), (os, "open"), (os, "rename"), (os, "close"), (os, "scandir"))


def count_operations(act: Callable[[int], None]) -> None:
    """Call `act(n)` before the nth operation from now on."""
    done = 0

    def wrap(owner: Any, name: str) -> None:
        original = getattr(owner, name)

        def counted(*args: Any, **kwargs: Any) -> Any:
            nonlocal done
            done += 1
            act(done)
            return original(*args, **kwargs)

        setattr(owner, name, counted)

    for owner, name in OPERATIONS:
        wrap(owner, name)


def write(folder: Path, value: float) -> checkpoints.CheckpointFolder:
    return checkpoints.write(folder, {"value": value}, {"weights": np.full((50, 3), value, "float32")})


def value_in(folder: Path) -> float | None:
    """The value of the newest checkpoint, which must be whole."""
    found = checkpoints.newest(folder)
    if found is None:
        return None
    _, position, arrays = found
    assert set(arrays["weights"].flat) == {position["value"]}
    return float(position["value"])


def test_the_newest_two_are_kept(tmp_path: Path) -> None:
    assert checkpoints.newest(tmp_path) is None
    for value in range(5):
        assert write(tmp_path, value).number == value + 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["000004", "000005"]
    assert value_in(tmp_path) == 4


def test_every_type_comes_back_bit_for_bit(tmp_path: Path) -> None:
    arrays = {
        "a/b": np.array([[1.5, np.nan, -0.0, np.inf]], "float32"),
        "bf": np.arange(7).astype(ml_dtypes.bfloat16),
        "half": np.array([6e-8, 65504], "float16"),
        "seed": np.array([2**32 - 1, 7], "uint32"),
        "scalar": np.array(12345678901, "int64"),
        "flag": np.array([True, False]),
        "empty": np.zeros((0, 3), "float32"),
    }
    checkpoints.write(tmp_path, {"epoch": 3, "best": float("inf")}, arrays)
    found = checkpoints.newest(tmp_path)
    assert found is not None
    _, position, again = found
    assert position == {"epoch": 3, "best": float("inf")}
    assert again.keys() == arrays.keys()
    for name, array in arrays.items():
        assert again[name].dtype == array.dtype, name
        assert again[name].shape == array.shape, name
        assert again[name].tobytes() == array.tobytes(), name


@pytest.mark.parametrize("name", [checkpoints.VARIABLES, checkpoints.POSITION, checkpoints.MANIFEST])
@pytest.mark.parametrize("damage", ["a flipped bit", "cut short", "gone"])
def test_a_damaged_checkpoint_is_passed_over(tmp_path: Path, name: str, damage: str) -> None:
    write(tmp_path, 1)
    file = write(tmp_path, 2).path / name
    content = bytearray(file.read_bytes())
    if damage == "gone":
        file.unlink()
    elif damage == "cut short":
        file.write_bytes(content[: len(content) // 2])
    else:
        content[len(content) // 2] ^= 1
        file.write_bytes(content)
    assert value_in(tmp_path) == 1


def test_when_all_are_damaged_it_is_said(tmp_path: Path) -> None:
    for value in (1, 2):
        (write(tmp_path, value).path / checkpoints.POSITION).write_text("{}")
    with pytest.raises(FileError, match="no checkpoint can be read") as error:
        checkpoints.newest(tmp_path)
    assert "--resume" in error.value.hint


def test_an_error_at_any_operation_leaves_the_old_or_the_new(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for owner, name in OPERATIONS:
        monkeypatch.setattr(owner, name, getattr(owner, name))  # put back at the end
    write(tmp_path, 1)
    write(tmp_path, 2)
    plan = {"at": 0, "done": 0}

    def fail(number: int) -> None:
        plan["done"] += 1
        if plan["done"] == plan["at"]:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    count_operations(fail)
    value, failures = 2, []
    for at in range(1, 100):
        plan.update(at=at, done=0)
        try:
            write(tmp_path, value + 1)
        except FileError as error:
            failures.append(str(error))
        reached, plan["at"] = plan["done"] >= at, 0
        newest = value_in(tmp_path)
        assert newest in (value, value + 1)
        value = int(newest)
        if not reached:
            break
    assert len(failures) >= 8
    assert all("full" in shown or "space" in shown for shown in failures)
    assert sorted(path.name for path in tmp_path.iterdir() if not path.name.isdigit()) == []


KILLER = """\
import os, signal, sys
from pathlib import Path
sys.path.insert(0, {root!r})
from tests.training.test_checkpoints import count_operations, write
at = int(sys.argv[2])
count_operations(lambda number: os.kill(os.getpid(), signal.SIGKILL) if number == at else None)
write(Path(sys.argv[1]), float(sys.argv[3]))
"""


def test_a_kill_at_any_operation_leaves_the_old_or_the_new(tmp_path: Path) -> None:
    write(tmp_path, 1)
    value, kills = 1, 0
    script = KILLER.format(root=str(Path(__file__).parents[2]))
    for at in range(1, 100):
        command = [sys.executable, "-c", script, str(tmp_path), str(at), str(value + 1)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        newest = value_in(tmp_path)
        assert newest in (value, value + 1), at
        value = int(newest)
        if done.returncode == 0:
            break
        assert done.returncode == -signal.SIGKILL, done.stderr
        kills += 1
    assert kills >= 8
    write(tmp_path, value + 1)
    left = [path.name for path in tmp_path.iterdir()]
    assert all(name.isdigit() for name in left), "the next write removes what a kill left"
    assert len(left) == 2
