"""The command `check` of a worker: the same record as `kwb check --json`, and a worker that survives it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.worker.conftest import Started
from workbench.errors import WorkbenchError

pytestmark = pytest.mark.slow

CRASHING = """
import os
import signal

import keras


class Crashing(keras.layers.Layer):
    def call(self, inputs):
        os.kill(os.getpid(), signal.SIGKILL)
"""


async def test_it_answers_with_results_and_a_summary(child: Started):
    async with child() as (worker, _):
        record = await worker.call("check", names=["MyDense"], checks="gradients")
    assert record["results"] == [
        {
            "kind": "layer",
            "entry": "kwb_custom.MyDense",
            "check": "gradients",
            "status": "passed",
            "detail": "",
        }
    ]
    assert record["summary"]["passed"] == 1


async def test_a_layer_that_kills_its_process_does_not_kill_the_worker(child: Started, tmp_path: Path):
    file = tmp_path / "crashing.py"
    file.write_text(CRASHING)
    async with child(plugin_files=[file]) as (worker, _):
        record = await worker.call("check", names=["crashing"])
        failed = [result for result in record["results"] if result["status"] == "failed"]
        assert [result["check"] for result in failed] == ["call"]
        assert "it crashed the process (SIGKILL)" in failed[0]["detail"]
        assert worker.alive
        with pytest.raises(WorkbenchError, match="there is no entry and no plugin 'nothing'"):
            await worker.call("check", names=["nothing"])
