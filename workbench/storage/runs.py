"""Runs: made, found, and how each ended."""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from os.path import expanduser
from pathlib import Path
from typing import Any

from workbench import events
from workbench.atomic import file_error, write_bytes
from workbench.errors import FileError, did_you_mean
from workbench.storage.event_stream import ends_of
from workbench.storage.labels import Labels, read_labels
from workbench.storage.ownership import owner
from workbench.storage.recipe_values import flat
from workbench.storage.run_folder import RunFolder

# Beginnings of names of metrics of which more is better, for runs that do not say which way theirs goes.
_MORE_IS_BETTER = re.compile(
    r"(?:\w+_)?(?:\w*accuracy|acc|auc|precision|recall|f1|fbeta|f_beta|\w*iou|r2|dice|cosine_similarity)",
    re.I,
)


def more_is_better(metric: str) -> bool:
    """True if of a metric of this name more is better: accuracy, precision; not a loss or an error."""
    return bool(_MORE_IS_BETTER.match(metric))


_TRIAL = re.compile(r"-t\d+(?:-\d+)?$")  # as `search/space.py` names the recipe of a trial


@dataclass(frozen=True)
class TestScore:
    """What a run reached on its test part.

    Attributes:
        name: the metric; `loss` where there is no other.
        value: the number.
        more: more of it is better.
    """

    __test__ = False  # no class of tests

    name: str
    value: float
    more: bool

    @classmethod
    def of(cls, finished: events.Finished) -> TestScore | None:
        """The first metric of a run's test that is no loss; None where it was not tested."""
        found = finished.evaluation
        metrics = [name for name in found if not name.endswith("loss")]
        if not found:
            return None
        name = next(iter([*metrics, *found]))
        baseline = finished.baselines.get(name)
        better = baseline.get("better") if isinstance(baseline, Mapping) else None
        more = better == "up" if better in ("up", "down") else more_is_better(name)
        return cls(name, found[name], more)


@dataclass(frozen=True)
class RunSummary:
    """The state of a run. `status` is running, done, stopped, interrupted, failed, or crashed: ended without
    a report. `started` and `last_event` are seconds since the epoch, 0 where there is no event. `recipe` is what
    `run_started` reports. `no_better` is what a constant guess reaches, where a run that is done learned nothing.
    `test` is what it reached on the test part, where there is one, and `evaluation` all numbers of that. `labels` are
    the tags and the note that a person gave it. `extremes` are the lowest and the highest value of each log over all
    epochs, where they were asked for (`storage/extremes.py`).
    """

    folder: RunFolder
    status: str
    started: float = 0.0
    last_event: float = 0.0
    epoch: int = 0
    epochs: int = 0
    logs: Mapping[str, float] = field(default_factory=dict)
    recipe: Mapping[str, Any] = field(default_factory=dict)
    no_better: str = ""
    test: TestScore | None = None
    evaluation: Mapping[str, float] = field(default_factory=dict)
    labels: Labels = field(default_factory=Labels)
    extremes: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    @property
    def recipe_name(self) -> str:
        """The name of its recipe; of a trial of a search, that of the search's recipe."""
        return _TRIAL.sub("", str(self.recipe.get("name", "")))

    @cached_property
    def recipe_values(self) -> Mapping[str, str]:
        """The values of its recipe, key by key."""
        return flat(self.recipe)


def create_run(
    root: str | os.PathLike[str], name: str, *, recipe: str, environment: Mapping[str, Any]
) -> RunFolder:
    """Make a new run folder below `root`, named by recipe and time, never an existing one.

    Args:
        recipe: the text of the resolved recipe.
        environment: JSON data. The run gets an `id` in it.

    Raises:
        FileError: it cannot be made.
    """
    stem = re.sub(r"[^\w.-]+", "-", name).strip("-.") or "run"
    stamp = time.strftime("%Y%m%d-%H%M%S")
    try:
        Path(root).mkdir(parents=True, exist_ok=True)
        folder = _new_folder(Path(root), f"{stem[:100]}-{stamp}")
        run = RunFolder(folder)
        run.checkpoints.mkdir()
    except OSError as error:
        raise file_error(error, root) from error
    write_bytes(run.recipe, recipe.encode())
    content = json.dumps({"id": secrets.token_hex(8), **events.plain(environment)}, indent=2, allow_nan=False)
    write_bytes(run.environment, f"{content}\n".encode())
    return run


def open_run(path: str | os.PathLike[str]) -> RunFolder:
    """An existing run folder.

    Raises:
        FileError: there is none.
    """
    run = RunFolder(Path(path))
    if not os.path.isfile(run.recipe):
        raise FileError(
            "is not a run's folder: it has no recipe.yaml.",
            where=os.fspath(path),
            hint="Runs lie in saved/runs, a folder each.",
        )
    return run


def find_run(name: str, root: str | os.PathLike[str]) -> RunFolder:
    """A run by the path of its folder, by its name below `root`, or by the beginning of its name; of several, the
    latest.

    Raises:
        FileError: there is none.
    """
    run = RunFolder(Path(expanduser(name)).absolute())
    if os.path.isfile(run.recipe):  # which raises nothing, whatever the name
        return run
    folder = Path(root).absolute()
    try:
        names = sorted(entry.name for entry in os.scandir(folder) if entry.is_dir())
    except OSError:
        names = []
    if name in names:
        return RunFolder(folder / name)
    if begun := [each for each in names if each.startswith(f"{name}-")]:
        return RunFolder(folder / max(begun, key=lambda each: (folder / each).stat().st_mtime))
    hint = did_you_mean(name, names) or f"Runs lie in {root}; `kwb` lists them under Runs."
    raise FileError(f"there is no run '{name}'.", hint=hint)


def list_runs(root: str | os.PathLike[str]) -> list[RunSummary]:
    """All runs below a folder, the newest first."""
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        found = [RunFolder(Path(entry.path)) for entry in os.scandir(root) if entry.is_dir()]
        summaries = [summary_of(run) for run in found if run.recipe.is_file()]
        return sorted(summaries, key=lambda s: (s.started, s.folder.name), reverse=True)
    return []


def summary_of(run: RunFolder) -> RunSummary:
    """The state of the run, from the first and the last lines of its events and from its lock."""
    first, last = ends_of(run.events)
    epoch, epochs, logs, status = 0, 0, {}, ""
    finished: events.Finished | None = None
    ended = 0.0
    for event, moment, _ in last:
        ended = ended or moment
        if not status and isinstance(event, events.Finished):
            status, finished = event.status, event
        elif not status and isinstance(event, events.Failed):
            status = "failed"
        status = status or "open"
        if isinstance(event, events.Epoch):
            epoch, epochs, logs = event.epoch, event.epochs, dict(event.logs)
            break
    if owner(run) is not None:
        status = "running"
    elif status in ("", "open"):
        status = "crashed"
    began, recipe = (first[1], first[0]) if first is not None else (0.0, None)
    return RunSummary(
        run,
        status,
        began,
        ended or began,
        epoch,
        epochs,
        logs,
        recipe.recipe if isinstance(recipe, events.RunStarted) else {},
        no_better=finished.no_better if finished else "",
        test=TestScore.of(finished) if finished else None,
        evaluation=dict(finished.evaluation) if finished else {},
        labels=read_labels(run),
    )


def _new_folder(root: Path, name: str) -> Path:
    number = 1
    while True:
        folder = root / (name if number == 1 else f"{name}-{number}")
        try:
            folder.mkdir()
            return folder
        except FileExistsError:
            number += 1
