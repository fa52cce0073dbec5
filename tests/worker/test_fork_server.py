"""The process that forks children: they begin at once, are as separate as any others, and their ends are reported."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.coroutines import until
from tests.tui.checking.conftest import FORGOTTEN, GATE, HOSTILE, KEPT
from tests.worker.conftest import Started, recipe
from tests.worker.test_worker import gone
from workbench import events
from workbench.catalog import single_file
from workbench.catalog.discovery import discover
from workbench.catalog.lookup import Catalog
from workbench.check.results import Status
from workbench.check.supervising import Order, run_checks
from workbench.children import JsonChild, kill_group, start_alone
from workbench.spawning import CAN_FORK, ForkServer
from workbench.worker.client import Worker, WorkerDied

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CAN_FORK, reason="children are forked on Linux only"),
]


@pytest.fixture
def fork_server(tmp_path: Path) -> Iterator[ForkServer]:
    """One of the test's own."""
    made = ForkServer(tmp_path / "fork_server.log")
    yield made
    made.close()


async def test_a_forked_child_has_done_nothing_yet(child: Started, tmp_path: Path) -> None:
    """TensorFlow has not begun in it, so that a long training can still choose its threads."""
    async with child() as (first, heard), child(log=tmp_path / "second.log") as (second, _):
        assert (await first.ready)["pid"] == first.pid
        assert (await second.ready)["pid"] == second.pid != first.pid
        assert {os.getsid(first.pid), os.getsid(second.pid)} == {first.pid, second.pid}
        await second.call("examine", text=recipe())
        result = await first.call("train", text=recipe(epochs=400, engine="chunk"), runs="runs")
        assert result["status"] == "done"
        assert "one thread is enough" in "".join(event.text for event in heard.of(events.Message))


async def test_children_do_not_draw_the_same_numbers(child: Started, tmp_path: Path) -> None:
    plugin = tmp_path / "draws.py"
    plugin.write_text("import numpy as np, random\nprint('drew', np.random.rand(), random.random())\n")
    drawn = []
    for name in ("one.log", "two.log"):
        async with child(plugin_files=[plugin], log=tmp_path / name) as (worker, _):
            await worker.call("examine", text=recipe())
            drawn += [line for line in worker.log.read_text().splitlines() if line.startswith("drew")]
    assert len(drawn) == 2
    numbers = [number for line in drawn for number in line.split()[1:]]
    assert len(set(numbers)) == 4


@pytest.mark.parametrize("forked", [True, False])
async def test_a_child_ends_as_any_program_does(child: Started, tmp_path: Path, forked: bool) -> None:
    """What a plugin wants done at the exit is done, and no temporary file of TensorFlow stays."""
    (here := tmp_path / "here").mkdir()
    plugin = tmp_path / "leaves.py"
    plugin.write_text(
        "import atexit, pathlib, tempfile\n"
        "import tensorflow as tf\n"
        f"tempfile.tempdir = {str(here)!r}\n"
        f"atexit.register(pathlib.Path({str(here)!r}, 'left').touch)\n"
        "@tf.function\n"
        "def half(x):\n"
        "    return x / 2\n"
        "half(tf.constant(1.0))\n"
    )
    settings: dict[str, Any] = {} if forked else {"fork_server": None}
    async with child(plugin_files=[plugin], **settings) as (worker, _):
        await worker.call("examine", text=recipe())
        assert list(here.glob("__autograph*"))
        await worker.quit()
    assert [path.name for path in here.iterdir()] == ["left"]


async def test_children_outlive_their_fork_server_which_forks_no_more(
    fork_server: ForkServer, tmp_path: Path
) -> None:
    async def start(name: str, **settings: Any) -> Worker:
        return await Worker.start(
            lambda *_: None, log=tmp_path / name, folder=tmp_path, fork_server=fork_server, **settings
        )

    worker = await start("worker.log")
    fork_server.close()
    await until(lambda: not fork_server.alive)
    assert (await worker.call("examine", text=recipe()))["parameters"] == 49
    with pytest.raises(WorkerDied, match="killed from outside"):
        await start("late.log")
    await worker.quit()
    assert worker.died.result() is None


async def test_a_folder_that_is_gone_is_reported(fork_server: ForkServer, tmp_path: Path) -> None:
    with pytest.raises(OSError, match="gone"):
        await Worker.start(
            lambda *_: None, log=tmp_path / "log", folder=tmp_path / "gone", fork_server=fork_server
        )
    worker = await Worker.start(
        lambda *_: None, log=tmp_path / "log", folder=tmp_path, fork_server=fork_server
    )
    assert (await worker.ready)["pid"] == worker.pid
    await worker.quit()


async def test_a_child_that_nobody_waits_for_any_more_ends(fork_server: ForkServer, tmp_path: Path) -> None:
    starting = asyncio.ensure_future(
        Worker.start(lambda *_: None, log=tmp_path / "given-up.log", folder=tmp_path, fork_server=fork_server)
    )
    await asyncio.sleep(0.2)  # TensorFlow is still being loaded
    starting.cancel()
    worker = await Worker.start(
        lambda *_: None, log=tmp_path / "log", folder=tmp_path, fork_server=fork_server
    )
    await worker.ready
    children = Path(f"/proc/{fork_server.pid}/task/{fork_server.pid}/children")
    await until(lambda: children.read_text().split() == [str(worker.pid)])
    await worker.quit()


async def test_tensorflow_that_cannot_be_loaded_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "tensorflow.py").write_text("raise ImportError('this one is broken')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "broken"))
    fork_server = ForkServer(tmp_path / "fork_server.log")
    with pytest.raises(WorkerDied, match="exit code 1") as error:
        await Worker.start(lambda *_: None, log=tmp_path / "log", folder=tmp_path, fork_server=fork_server)
    assert "this one is broken" in error.value.log
    assert not fork_server.alive


_PARENT = """
import pathlib, sys, time
from workbench.spawning import ForkServer
print(ForkServer(pathlib.Path(sys.argv[1])).pid, flush=True)
time.sleep(60)
"""


async def test_it_ends_with_its_parent(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _PARENT, str(tmp_path / "log")], stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert not gone(pid)
        parent.send_signal(signal.SIGKILL)
    await until(lambda: gone(pid))


def test_a_process_without_a_group_of_its_own_is_killed() -> None:
    """As a child is that was forked a moment ago: it is to become the head of a group, and is not yet."""
    process = subprocess.Popen(["sleep", "600"])
    kill_group(process)
    assert process.wait(60) == -signal.SIGKILL
    kill_group(process)  # it is gone: nothing happens


async def test_children_that_are_killed_at_once_are_gone(fork_server: ForkServer, tmp_path: Path) -> None:
    for number in range(10):
        worker = await Worker.start(
            lambda *_: None, log=tmp_path / f"{number}.log", folder=tmp_path, fork_server=fork_server
        )
        worker.kill()
        await asyncio.wait_for(worker.gone(), 60)
        assert not worker.alive


@pytest.fixture
def order(tmp_path: Path) -> Order:
    """The checks of the layers of a file."""
    path = tmp_path / "layers.py"
    path.write_text(GATE.replace(KEPT, FORGOTTEN) + HOSTILE.partition("class Looping")[0])
    plugins = discover([path], scan=single_file.scan_in_child)
    return Order([entry for entry in Catalog(plugins).entries if entry.from_file], plugin_files=[path])


def test_checks_find_the_same_in_children_that_are_forked_and_alone(
    order: Order, fork_server: ForkServer
) -> None:
    """Also where the code ends its process or crashes it, which harms neither the fork server nor other checks."""
    found = [[*run_checks(order, start=start)] for start in (start_alone, fork_server.start)]
    alone, forked = ([(each.entry, each.check, each.status, each.detail) for each in some] for some in found)
    assert forked == alone
    words = " ".join(detail for *_, detail in forked)
    assert "it ended the process (exit code 3)" in words
    assert "SIGSEGV" in words
    assert fork_server.alive
    assert not Path(f"/proc/{fork_server.pid}/task/{fork_server.pid}/children").read_text().split()


def test_what_has_forked_no_more_starts_children_alone(order: Order, fork_server: ForkServer) -> None:
    fork_server.close()
    first = replace(order, entries=order.entries[:1], checks=frozenset({"resolves"}))
    assert [result.status for result in run_checks(first, start=fork_server.start)] == [Status.PASSED]
    assert not fork_server.alive


def test_a_json_child_that_is_forked_ends_with_all_that_it_started(
    fork_server: ForkServer, tmp_path: Path
) -> None:
    with (tmp_path / "log").open("w+b") as log:
        child = JsonChild("tests.worker.starts_another", log=log, start=fork_server.start)
        answer = child.receive(60)
        assert answer is not None
        child.kill()
        assert child.close() == -signal.SIGKILL
    assert gone(child.pid)
    assert gone(answer["pid"])
    assert "said by what it started" in (tmp_path / "log").read_text()


def test_what_is_imported_before_a_fork_runs_nothing_of_tensorflow_and_starts_no_thread() -> None:
    code = (
        "import threading; from workbench.process import import_keras; import_keras()\n"
        "import importlib, workbench.worker.commands; from workbench.worker.fork_server import LATE\n"
        "for name in LATE: importlib.import_module(name)\n"
        "import tensorflow as tf\n"
        "tf.config.threading.set_intra_op_parallelism_threads(1)  # raises once TensorFlow has begun\n"
        "assert threading.active_count() == 1, threading.enumerate()\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
