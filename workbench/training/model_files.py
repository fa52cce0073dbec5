"""Write the model of a training: always into its run folder, and into the recipe's files where that loses nothing.

An existing file is replaced only by a run that reached its end with finite numbers. The replaced model is kept: in the
run that wrote it, or else under another name in the same folder.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from workbench import events
from workbench.atomic import is_of_the_place
from workbench.catalog.lookup import Catalog
from workbench.catalog.resolve import Resolver
from workbench.errors import FileError, WorkbenchError
from workbench.storage import formats
from workbench.storage.copying import copy_of
from workbench.storage.event_stream import ends_of
from workbench.storage.ownership import owner
from workbench.storage.run_folder import RunFolder
from workbench.storage.structure import value_of
from workbench.training.exporting import from_the_start, last_kept
from workbench.training.replaced_files import ReplacedFile, place_of
from workbench.training.resumable_runs import run_document
from workbench.training.saveable import Saveable
from workbench.training.saved_model import SavedModel

Emit = Callable[[events.Event], None]


def why_not_finite(logs: Mapping[str, float], model: Any) -> str:
    """The numbers at a training's end that are not finite, as text; empty for none."""
    for name in ("loss", "val_loss"):
        if not math.isfinite(logs.get(name, 0.0)):
            return f"the {name} of this run is {logs[name]}"
    if not all(np.isfinite(_numbers(weight)).all() for weight in model.weights):
        return "weights of this run are not finite"
    return ""


def _numbers(weight: Any) -> Any:
    value = np.asarray(value_of(weight))
    return value.astype("float32") if value.dtype.kind not in "fiub" else value


@dataclass(frozen=True)
class WrittenFiles:
    """Which of the recipe's files were written.

    Attributes:
        replaced: what was there before, for each file that is another now.
        left: the files that stay as they were.
    """

    replaced: tuple[ReplacedFile, ...] = ()
    left: tuple[str, ...] = ()


class ModelFileWriter:
    """Writes one model to its run and to the files of its recipe.

    Args:
        run: the run.
        paths: the recipe's files.
        model, notes, probe: see `storage.formats.save`.
        catalog: knows the custom classes.
        went_on: whether the run had come to its end before, and went on from there.
        build: makes the model again, for files of weights alone.
        weights_only: it is known that no file can hold more of this model.
        check_later: finds that out, should the run's own file fail; None where it is known.
    """

    def __init__(
        self,
        run: RunFolder,
        paths: Sequence[str],
        model: Any,
        notes: Mapping[str, Any],
        probe: Any,
        catalog: Catalog,
        *,
        went_on: bool = False,
        build: formats.Build | None = None,
        weights_only: bool = False,
        check_later: Callable[[], Saveable] | None = None,
    ) -> None:
        self._run = run
        self._build, self._weights_only = build, weights_only
        self._model, self._notes, self._probe = model, notes, probe
        self._check_later = check_later
        self._resolver = Resolver(catalog)
        self._went_on = went_on
        self._failed: WorkbenchError | None = None
        self._said: set[str] = set()
        self._written: dict[str, formats.WrittenFile] = {}  # of each format the last, to be copied
        # Looked at before the run's own file is written: it may be what one of them was copied from.
        self._before = {Path(path): ReplacedFile.of(Path(path), run) for path in paths}

    def write(
        self, emit: Emit, *, epoch: int, step: int, unfinished: str = "", broken: str = "", own: bool = True
    ) -> WrittenFiles:
        """Write the files, each read back and compared before it replaces another.

        Args:
            emit: called with an event for each file.
            epoch, step: the position of the training.
            unfinished: why the training has not come to its end: then no file that is there is replaced.
            broken: why its model is of no use: then no file of the recipe is written.
            own: the run's own file too. It is written first: if another file fails, the work is not lost.

        Raises:
            FileError: a file could not be written; all others are.
        """
        replaced: list[ReplacedFile] = []
        left: list[str] = []
        if own:
            self._write_own(emit, epoch, step)
        for path, before in self._before.items():
            is_part = before is not None and before.own and not self._went_on  # written by this very run
            if broken or (unfinished and before is not None and not is_part):
                left.append(str(path))
                emit(events.Message("warning", self._why_left(path, before, broken or unfinished)))
                continue
            place, keep = place_of(before, self._notes, went_on=self._went_on)
            if self._write(path, place, keep, emit, epoch, step) and before is not None and place:
                replaced.append(before)
                emit(events.Message("info", f"{path} replaced; the one before is {place}"))
        if self._failed is not None:
            raise self._failed
        return WrittenFiles(tuple(replaced), tuple(left))

    def _why_left(self, path: Path, before: ReplacedFile | None, why: str) -> str:
        what = "is not written" if before is None else "is left as it was"
        return (
            f"{path} {what}: {why}. The model of this run is {own_model(self._run)}; "
            f"`kwb save {self._run.name}` writes it all the same."
        )

    def _write_own(self, emit: Emit, epoch: int, step: int) -> None:
        """The run's own file: its model, or where no file gives that back, its weights."""
        if not self._weights_only:
            error = self._error_of(self._run.model, "", None, emit, epoch, step)
            if error is None:
                return
            known = self._check_later() if self._check_later and not is_of_the_place(error) else None
            if known is None or not known.reason:
                self._fail(error, emit)
            else:
                emit(events.Message("warning", known.warning(self._run)))
                self._weights_only = True
                if not known.weights:
                    return
        self._write(self._run.weights, "", None, emit, epoch, step)

    def _write(self, path: Path, place: str, keep: Path | None, emit: Emit, epoch: int, step: int) -> bool:
        """True if the file was written."""
        error = self._error_of(path, place, keep, emit, epoch, step)
        if error is not None:
            self._fail(error, emit)
        return error is None

    def _fail(self, error: FileError, emit: Emit) -> None:
        self._failed = self._failed or error
        emit(events.Message("error", str(error)))

    def _error_of(
        self, path: Path, place: str, keep: Path | None, emit: Emit, epoch: int, step: int
    ) -> FileError | None:
        """Write a file: the error, if there was one."""
        try:
            written = self._written.get(formats.format_of(path))
            saved = copy_of(written, path, keep=keep) if written is not None else None
            if saved is None:
                saved = formats.save(
                    self._model, path, self._notes, resolver=self._resolver, probe=self._probe, keep=keep,
                    build=self._build,
                )  # fmt: skip
        except FileError as error:
            return error
        self._written[saved.format] = saved
        for warning in saved.warnings:
            if self._weights_only and warning == formats.WEIGHTS_ONLY:
                continue  # which was known before
            if warning not in self._said:  # true of each file of this model
                self._said.add(warning)
                emit(events.Message("warning", f"{path}: {warning}"))
        emit(events.Saved(str(path), saved.format, epoch, step, saved.sha256, place))
        return None


def worse_than_before(
    replaced: Sequence[ReplacedFile], recipe: Mapping[str, Any], evaluation: Mapping[str, float]
) -> list[str]:
    """Warnings about files whose previous model did better on the test part, as far as its run knows.

    Args:
        replaced: what was there.
        recipe: the recipe of the model that is there now, resolved.
        evaluation: its scores.
    """
    warnings = []
    for before in replaced:
        if before.writer is None or not _same_test(before.notes.get("recipe") or {}, recipe):
            continue
        ends = (event for event, *_ in ends_of(before.writer.events)[1])
        ended = next((event for event in ends if isinstance(event, events.Finished)), None)
        old = ended.evaluation.get("loss") if ended is not None else None
        new = evaluation.get("loss")
        if old is not None and new is not None and new > old:
            warnings.append(
                f"{before.path}: the loss on the test part is {new:.5g}, and that of the one before was {old:.5g}."
            )
    return warnings


def _same_test(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """True if two recipes are scored by the same loss on the same rows."""
    keys = ("data", "seed")
    losses = [recipe.get("train", {}).get("loss") for recipe in (one, other)]
    return losses[0] == losses[1] and all(one.get(key) == other.get(key) for key in keys)


def _no_model(run: RunFolder) -> FileError:
    """The error for a run that has no model.keras, with what it has and what to do."""
    kept = last_kept(run)
    export = (
        f"`kwb export-checkpoint {run.path}` makes a file of its last checkpoint, {kept}." if kept else ""
    )
    if owner(run) is not None:
        return FileError(
            "it has no model.keras yet: it still trains.",
            where=str(run.path),
            hint=export or "Let it end first.",
        )
    what = "it has no model.keras: it did not come to its end"
    if kept:
        return FileError(f"{what}.", where=str(run.path), hint=export)
    return FileError(f"{what}, and wrote no checkpoint.", where=str(run.path), hint=from_the_start(run))


def own_model(run: RunFolder) -> Path:
    """The file with the model that a run ended with; of one that no file can rebuild, its weights."""
    return run.weights if run.weights.is_file() and not run.model.is_file() else run.model


def save_run(run: RunFolder, catalog: Catalog) -> list[dict[str, str]]:
    """Write a run's model to the files that its recipe names, whatever became of the run. What they hold is kept.

    Returns:
        For each file {path, format, replaced}; `replaced` is where the model is now that it held before.

    Raises:
        FileError: the run has no model, or a file cannot be written. WorkbenchError: its recipe names no file.
    """
    if not own_model(run).is_file():
        raise _no_model(run)
    paths = run_document(run).recipe.save
    if not paths:
        raise FileError(
            "its recipe names no file to save (`save:`).",
            where=str(run.path),
            hint=f"Its model is {own_model(run)}.",
        )
    saved = SavedModel.open(own_model(run), catalog)
    notes = saved.notes
    epoch = notes.epoch if notes is not None else 0
    writer = ModelFileWriter(
        run, paths, saved.model, notes.as_record() if notes else {}, saved.probe(), catalog, went_on=True,
        build=saved.build, weights_only=saved.build is not None,
    )  # fmt: skip
    found: list[events.Event] = []
    writer.write(found.append, epoch=epoch, step=0, own=False)
    return [
        {"path": event.path, "format": event.format, "replaced": event.replaced}
        for event in found
        if isinstance(event, events.Saved)
    ]
