"""Real children, each ended with its test; recipes small enough to train in a second."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.coroutines import pytest_pyfunc_call
from tests.fork_server import shared_fork_server
from workbench import events
from workbench.worker.client import Worker

__all__ = ["pytest_pyfunc_call"]

RECIPE = """\
kwb: 1
name: small
seed: 1
data: {use: diabetes, split: {validation: 0.2}, scale: standard}
model:
  sequential:
    - {use: Dense, units: 4, activation: relu}
    - {use: Dense, units: 1}
train: {epochs: EPOCHS, batch_size: 32, loss: mse, engine: ENGINE}
"""


def recipe(epochs: int = 2, engine: str = "plain") -> str:
    """A regression that trains fast; with many epochs it goes on until it is stopped."""
    return RECIPE.replace("EPOCHS", str(epochs)).replace("ENGINE", engine)


class Heard(list[events.Event]):
    """The events that a child reported, in order."""

    def of(self, kind: type[events.Event]) -> list[Any]:
        return [event for event in self if isinstance(event, kind)]


Started = Callable[..., AbstractAsyncContextManager[tuple[Worker, Heard]]]


@pytest.fixture
def child(tmp_path: Path) -> Started:
    """`async with child() as (worker, heard)`; forked where children can be, unless `fork_server=None` is given."""

    @asynccontextmanager
    async def started(**settings: Any) -> AsyncIterator[tuple[Worker, Heard]]:
        heard = Heard()
        worker = await Worker.start(
            lambda event, moment, run: heard.append(event),
            folder=tmp_path,
            **{"log": tmp_path / "worker.log", "fork_server": shared_fork_server(), **settings},
        )
        try:
            yield worker, heard
        finally:
            worker.kill()  # also where a test that gave up waiting has cancelled what says that it lives
            await worker.gone()

    return started
