"""Children with the plugins and the GPU that they are given."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.coroutines import pytest_pyfunc_call, until
from tests.fork_server import shared_fork_server
from workbench.devices.gpus import gpus_to_share
from workbench.worker.client import Worker
from workbench.worker.starting import WorkerStarter, workers_for_this_machine

__all__ = ["pytest_pyfunc_call"]

# A plugin file runs in the child: it can say what that sees.
SEES = """\
import os
from pathlib import Path

import keras


class Plain(keras.layers.Layer):
    pass


Path("sees").write_text(os.environ.get("CUDA_VISIBLE_DEVICES", "all"))
"""


@pytest.mark.parametrize(
    ("allowed", "gpus"),
    [("0,1", ("0", "1")), ("", ()), ("-1", ()), ("GPU-4f2, 3", ("GPU-4f2", "3"))],
)
def test_the_gpus_that_the_user_allows(
    allowed: str, gpus: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", allowed)
    assert gpus_to_share() == gpus
    if gpus:
        assert workers_for_this_machine() == len(gpus)
    else:
        assert workers_for_this_machine() >= 1


@pytest.mark.slow
async def test_each_child_sees_one_gpu_and_gives_it_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = shared_fork_server()  # before the variable is another: all tests share it
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "5,7")
    plugin = tmp_path / "sees.py"
    plugin.write_text(SEES)
    starter = WorkerStarter(tmp_path / "logs", plugin_files=[plugin], folder=tmp_path, fork_server=server)
    seen = tmp_path / "sees"

    async def sees(worker: Worker) -> str:
        seen.unlink(missing_ok=True)
        await worker.call("scan", path=str(plugin))
        return seen.read_text()

    workers = [await starter.start(lambda *_: None) for _ in range(2)]
    try:
        assert [await sees(worker) for worker in workers] == ["5", "7"]
        workers[0].kill()
        await until(lambda: not workers[0].alive)
        workers.append(await starter.start(lambda *_: None))
        assert await sees(workers[-1]) == "5"
        workers.append(await starter.start(lambda *_: None))  # more than there are GPUs: shared
        assert await sees(workers[-1]) in ("5", "7")
    finally:
        for worker in workers:
            worker.kill()
            await worker.gone()


@pytest.mark.slow
@pytest.mark.parametrize("allowed", ["3", ""])
async def test_with_one_gpu_or_none_the_variable_is_left_alone(
    allowed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = shared_fork_server()  # its children begin with its own environment
    inherited = os.environ.get("CUDA_VISIBLE_DEVICES", "all")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", allowed)
    plugin = tmp_path / "sees.py"
    plugin.write_text(SEES)
    starter = WorkerStarter(tmp_path / "logs", folder=tmp_path, fork_server=server)
    worker = await starter.start(lambda *_: None)
    try:
        await worker.call("scan", path=str(plugin))
        assert (tmp_path / "sees").read_text() == inherited
    finally:
        worker.kill()
        await worker.gone()
