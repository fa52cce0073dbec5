"""The process boundary with real children: commands, training, controls, and every way to end."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.coroutines import until
from tests.fork_server import shared_fork_server
from tests.worker.conftest import Started, recipe
from workbench import events
from workbench.errors import FileError, WorkbenchError
from workbench.storage.event_stream import read_events
from workbench.storage.ownership import ask_to_stop
from workbench.storage.runs import list_runs, summary_of
from workbench.worker.client import Worker, WorkerDied

pytestmark = pytest.mark.slow  # each test starts TensorFlow

STARTS = [pytest.param({}, id="forked"), pytest.param({"fork_server": None}, id="alone")]


def gone(pid: int) -> bool:
    """Whether a process has ended (a zombie that nobody has waited for counts as ended)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except FileNotFoundError:
        return True


async def test_answers_commands_and_errors_and_then_goes_on(child: Started, tmp_path: Path) -> None:
    async with child() as (worker, heard):
        versions = await worker.ready
        assert versions["pid"] == worker.pid
        assert versions["keras"].startswith("3.")

        assembled = await worker.call("examine", text=recipe())
        assert [row["class"] for row in assembled["layers"]] == ["Dense", "Dense"]
        assert assembled["parameters"] == 10 * 4 + 4 + 4 + 1
        assert "442 rows" in assembled["data"]

        described = await worker.call("describe", kind="layer", name="MyDense")
        assert "units" in [parameter["name"] for parameter in described["parameters"]]

        with pytest.raises(WorkbenchError, match="no command 'asemble'"):
            await worker.call("asemble")
        wrong = await worker.call("examine", text=recipe().replace("Dense, units: 4", "Dens, units: 4"))
        assert wrong["error"]["where"] == "recipe:7: model.sequential[0]"
        assert "Did you mean 'Dense'" in wrong["error"]["hint"]
        with pytest.raises(WorkbenchError) as error:
            await worker.call("train", text=recipe().replace("units: 1}", "units: [1]}"), runs="runs")
        assert "units" in str(error.value)
        with pytest.raises(WorkbenchError, match="nothing is being trained"):
            await worker.call("pause")
        with pytest.raises(WorkbenchError) as error:
            await worker.call(
                "describe", kind="layer"
            )  # a lacking argument is an error of our own, and reported
        assert "KeyError" in error.value.what
        assert "Traceback" in error.value.__notes__[0]

        again = await worker.call("examine", text=recipe())
        assert again == assembled  # names count from the start in every model
        assert heard == []
        await worker.quit()
        assert gone(worker.pid)
        assert worker.died.result() is None
        with pytest.raises(WorkerDied):
            await worker.call("examine", text=recipe())


async def test_trains_with_events_and_is_steered(child: Started, tmp_path: Path) -> None:
    async with child() as (worker, heard):
        # Asked before it is even ready: what steers waits for the training that is on its way.
        training = worker.send("train", text=recipe(epochs=1_000_000), runs="runs")
        await worker.call("pause")
        await until(lambda: heard.of(events.Paused))
        epochs = len(heard.of(events.Epoch))
        await asyncio.sleep(0.5)
        assert len(heard.of(events.Epoch)) == epochs  # it holds

        await worker.call("set_learning_rate", value=0.125)
        await worker.call("resume")
        await until(lambda: heard.of(events.Resumed))
        await until(lambda: heard.of(events.Epoch) and heard.of(events.Epoch)[-1].learning_rate == 0.125)
        with pytest.raises(WorkbenchError):
            await worker.call("set_learning_rate", value="fast")
        await worker.call("stop")
        result = await asyncio.wait_for(training, 60)

        assert result["status"] == "stopped"
        assert heard.of(events.Finished)[0].status == "stopped"
        assert [type(event) for event in heard[:2]] == [events.RunStarted, events.Assembled]
        numbers = [event.epoch for event in heard.of(events.Epoch)]
        assert numbers == list(range(1, len(numbers) + 1))
        (run,) = list_runs(tmp_path / "runs")
        assert run.status == "stopped"
        kept = [event for event, _, _ in read_events(run.folder.events)]
        assert kept == list(heard)  # the folder has the same events
        assert run.folder.model.is_file()

        short = await worker.call("train", text=recipe(epochs=2), runs="runs")  # the same child, once more
        assert short["status"] == "done"


@pytest.mark.parametrize("start", STARTS)
async def test_a_child_that_is_killed_is_explained_to_everyone_who_waits(
    child: Started, start: dict[str, Any]
) -> None:
    async with child(**start) as (worker, heard):
        training = worker.send("train", text=recipe(epochs=1_000_000), runs="runs")
        queued = worker.send("examine", text=recipe())
        await until(lambda: heard.of(events.Epoch))
        os.kill(worker.pid, signal.SIGKILL)
        for reply in (training, queued):
            with pytest.raises(WorkerDied, match="killed from outside, probably because memory ran out"):
                await asyncio.wait_for(reply, 10)
        assert isinstance(worker.died.result(), WorkerDied)
        assert not worker.alive


@pytest.mark.parametrize("start", STARTS)
async def test_a_crash_is_reported_by_its_signal(child: Started, start: dict[str, Any]) -> None:
    fork_server = shared_fork_server()
    async with child(**start) as (worker, _):
        await worker.ready
        os.kill(worker.pid, signal.SIGSEGV)
        error = await asyncio.wait_for(worker.died, 10)
        assert isinstance(error, WorkerDied)
        assert "SIGSEGV" in error.what
        assert error.where == str(worker.log)
    assert shared_fork_server() is fork_server, "what forked it lives on"


@pytest.mark.parametrize("start", STARTS)
async def test_a_child_without_a_parent_ends_and_saves(
    child: Started, start: dict[str, Any], tmp_path: Path
) -> None:
    async with child(**start) as (worker, heard):
        training = worker.send("train", text=recipe(epochs=1_000_000), runs="runs")
        await until(lambda: heard.of(events.Epoch))
        worker._outgoing.close()  # what the operating system does when the parent dies
        result = await asyncio.wait_for(training, 60)
        assert result["status"] == "stopped"
        await asyncio.wait_for(worker.died, 10)
        assert list_runs(tmp_path / "runs")[0].folder.model.is_file()


STUCK = """
import keras

class Stuck(keras.layers.Layer):
    def call(self, x):
        open("stuck", "w").close()
        while True:
            pass
"""


@pytest.mark.parametrize("start", STARTS)
async def test_a_child_without_a_parent_gives_up_what_never_ends(
    child: Started, start: dict[str, Any], tmp_path: Path
) -> None:
    (tmp_path / "stuck.py").write_text(STUCK)
    model = recipe().replace("units: 1}", "units: 1}\n    - Stuck")
    async with child(plugin_files=[tmp_path / "stuck.py"], **start) as (worker, _):
        worker.send("examine", text=model)
        worker.send("examine", text=model)
        await until((tmp_path / "stuck").exists, 60)
        worker._outgoing.close()  # what the operating system does when the parent dies
        await until(lambda: gone(worker.pid))


async def test_a_child_that_is_terminated_gives_up_what_never_ends(child: Started, tmp_path: Path) -> None:
    (tmp_path / "stuck.py").write_text(STUCK)
    async with child(plugin_files=[tmp_path / "stuck.py"]) as (worker, _):
        answer = worker.send("examine", text=recipe().replace("units: 1}", "units: 1}\n    - Stuck"))
        await until((tmp_path / "stuck").exists, 60)
        os.kill(worker.pid, signal.SIGTERM)
        with pytest.raises(WorkerDied):
            await asyncio.wait_for(answer, 30)


async def test_a_detached_training_outlives_its_parent(child: Started, tmp_path: Path) -> None:
    async with child() as (worker, heard):
        worker.send("train", text=recipe(epochs=300), runs="runs")
        await until(lambda: heard.of(events.Epoch))
        await worker.detach()
        seen = len(heard)
        await until(lambda: gone(worker.pid), 60)
        (run,) = list_runs(tmp_path / "runs")
        assert (run.status, run.epoch) == ("done", 300)
        assert len(heard) == seen


async def test_a_child_that_is_terminated_stops_its_training_and_lives_if_it_is_needed(
    child: Started, tmp_path: Path
) -> None:
    async with child() as (worker, heard):
        training = worker.send("train", text=recipe(epochs=1_000_000), runs="runs")
        await until(lambda: heard.of(events.Epoch))
        os.kill(worker.pid, signal.SIGTERM)
        assert (await asyncio.wait_for(training, 60))["status"] == "stopped"
        assert list_runs(tmp_path / "runs")[0].folder.model.is_file()
        assert (await worker.call("examine", text=recipe()))["parameters"] == 49
        os.kill(worker.pid, signal.SIGTERM)  # idle now
        await asyncio.wait_for(worker.died, 10)


async def test_a_detached_training_goes_on_after_a_pause_and_can_be_stopped(
    child: Started, tmp_path: Path
) -> None:
    async with child() as (worker, heard):
        worker.send("train", text=recipe(epochs=1_000_000), runs="runs")
        await until(lambda: heard.of(events.Epoch))
        await worker.call("pause")
        await until(lambda: heard.of(events.Paused))
        await worker.detach()
        (run,) = list_runs(tmp_path / "runs")
        done = run.epoch
        await until(lambda: summary_of(run.folder).epoch > done + 2, 60)
        assert ask_to_stop(run.folder).startswith(f"process {worker.pid} on ")
        await until(lambda: gone(worker.pid), 60)
        assert summary_of(run.folder).status == "stopped"
        assert run.folder.model.is_file()
        with pytest.raises(FileError, match="nobody is working on this run"):
            ask_to_stop(run.folder)


async def test_a_parent_that_does_not_read_does_not_hold_the_training_up(
    child: Started, tmp_path: Path
) -> None:
    async with child() as (worker, heard):
        worker.send("train", text=recipe(epochs=1_000_000, engine="chunk"), runs="runs")
        await until(lambda: heard.of(events.Epoch))
        worker._incoming.pause_reading()
        stuck = heard.of(events.Epoch)[-1].epoch
        (run,) = list_runs(tmp_path / "runs")
        # 64 KB fit into the pipe: wait until the run's own stream is far beyond that.
        await until(lambda: run.folder.events.stat().st_size > 1_000_000, 120)
        assert heard.of(events.Epoch)[-1].epoch <= stuck + 1000
        worker._incoming.resume_reading()
        reply = worker.send("stop")
        await asyncio.wait_for(reply, 60)
        await until(lambda: heard.of(events.Finished), 60)
        numbers = [event.epoch for event in heard.of(events.Epoch)]
        assert numbers == list(range(1, len(numbers) + 1))  # no epoch was lost


async def test_memory_that_runs_out_is_reported_as_that(child: Started) -> None:
    async with child(memory=8 << 30) as (worker, _):
        greedy = recipe().replace("units: 4,", "units: 400000000,")
        with pytest.raises(WorkbenchError, match=r"(?i)memory") as error:
            await asyncio.wait_for(worker.call("train", text=greedy, runs="runs"), 120)
        assert "batch_size" in error.value.hint


@pytest.mark.parametrize("start", STARTS)
async def test_what_a_child_prints_goes_to_its_log(
    child: Started, start: dict[str, Any], tmp_path: Path
) -> None:
    plugin = tmp_path / "loud.py"
    plugin.write_text(
        "import os, keras\n"
        "print('printed by a plugin')\n"
        "os.write(2, b'written to descriptor 2\\n')\n"
        "try:\n    input()\nexcept EOFError:\n    print('no input')\n"
        "@keras.saving.register_keras_serializable('loud')\n"
        "class Loud(keras.layers.Layer):\n    def call(self, x):\n        return x\n"
    )
    async with child(plugin_files=[plugin], **start) as (worker, _):
        rows = await worker.call("examine", text=recipe().replace("units: 1}", "units: 1}\n    - Loud"))
        assert rows["layers"][-1]["class"] == "Loud"
        log = worker.log.read_text()
        for line in ("printed by a plugin", "written to descriptor 2", "no input"):
            assert line in log


@pytest.mark.parametrize("start", STARTS)
async def test_a_stray_module_in_the_current_folder_is_not_imported(
    child: Started, start: dict[str, Any], tmp_path: Path
) -> None:
    (tmp_path / "random.py").write_text("raise RuntimeError('not this one')")
    async with child(**start) as (worker, _):
        assert (await asyncio.wait_for(worker.ready, 60))["pid"] == worker.pid


async def test_a_child_that_does_not_listen_blocks_nobody(child: Started) -> None:
    async with child() as (worker, _):
        await worker.ready
        os.kill(worker.pid, signal.SIGSTOP)
        reply = worker.send("examine", text=recipe() + "#" * 900_000)  # far more than a pipe holds
        await asyncio.sleep(0.1)
        assert not reply.done()
        os.kill(worker.pid, signal.SIGCONT)
        assert (await asyncio.wait_for(reply, 60))["layers"]


async def test_a_child_that_cannot_start_says_why(tmp_path: Path) -> None:
    worker = await Worker.start(
        lambda *_: None, log=tmp_path / "log", blocked=["no-such-plugin"], fork_server=shared_fork_server()
    )
    with pytest.raises(WorkbenchError, match="no plugin 'no-such-plugin'"):
        await asyncio.wait_for(worker.call("examine", text=recipe()), 60)
    await worker.quit()
