"""Train a run once more by as many processes as have trained it, to compare: see `workbench.verifying`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from workbench.group.pools import LocalPool, PluginChoice
from workbench.group.session import GroupSession
from workbench.recipe.document import Document


class _EnoughError(Exception):
    """All that is to be compared has come."""


def retrain(
    document: Document,
    plugins: PluginChoice,
    retraining: Mapping[str, Any],
    folder: Path,
    take: Callable[[Mapping[str, Any]], bool],
) -> None:
    """Train a run once more, in a folder for this alone.

    Args:
        document: the run's recipe.
        retraining: `engine`, `streamed` and `positions` of `training.receipts.Retraining`.
        take: called with each record of the receipt; True when no more are wanted.

    Raises:
        WorkbenchError: it cannot be trained, or a process was lost.
    """

    def take_in(record: Mapping[str, Any]) -> None:
        if take(record):
            raise _EnoughError

    with closing(LocalPool(document.recipe.train.workers, plugins, folder / "logs")) as pool:
        session = GroupSession(
            document,
            pool,
            lambda event, line: None,
            runs_folder=folder,
            retraining=retraining,
            on_receipt=take_in,
        )
        with suppress(_EnoughError):
            session.run()
