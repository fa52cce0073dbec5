"""One training, from recipe to saved files, told as events. `--batch` and the worker both run this."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras

from workbench import events
from workbench.assembly.faults import short_message
from workbench.catalog.lookup import Catalog
from workbench.catalog.resolve import Resolver
from workbench.data.weights import balanced_class_weights
from workbench.errors import FileError, RecipeError, TrainingError, WorkbenchError
from workbench.recipe.document import Document, to_yaml
from workbench.storage import formats, runs
from workbench.training import environment
from workbench.training.control import Control
from workbench.training.engines import FitSettings, evaluate, fit
from workbench.training.notes import Notes
from workbench.training.progress import Progress, numbers
from workbench.training.ready import Ready, assembled_event, prepare

OnEvent = Callable[[events.Event, str], None]
Emit = Callable[[events.Event], None]

PROBE_ROWS = 32  # enough to catch a layer that reloads differently, cheap enough to do at every save


class Session:
    """Runs one recipe.

    Args:
        document: the recipe.
        catalog: what there is.
        on_event: takes each event with its line of the stream, in the order they happen.
        runs_folder: where run folders are made.
    """

    def __init__(self, document: Document, catalog: Catalog, on_event: OnEvent, *, runs_folder: Path) -> None:
        self.document = document
        self.catalog = catalog
        self.control = Control()
        self._on_event = on_event
        self._runs_folder = runs_folder

    def run(self) -> events.Finished:
        """Train, evaluate, save.

        Raises:
            WorkbenchError: the recipe cannot be trained, training failed, or a file could not be saved.
                The run's folder keeps what there was, with a `failed` event.
        """
        began = time.perf_counter()
        ready = prepare(self.document, self.catalog)
        recipe = self.document.recipe
        described = environment.describe(self.catalog, recipe.seed)
        resolved = self.document.resolved()
        run = runs.create_run(self._runs_folder, recipe.name, recipe=to_yaml(resolved), environment=described)
        with runs.own(run), runs.EventLog(run) as log:

            def emit(event: events.Event) -> None:
                """The run's folder first, then whoever listens."""
                self._on_event(event, log.append(event))

            try:
                emit(events.RunStarted(str(run.path), resolved, described))
                emit(assembled_event(ready, self.catalog))
                emit(events.Message("info", ready.prepared.summary()))
                return self._train(ready, run, emit, began)
            except WorkbenchError as fault:
                emit(events.Failed(fault.as_record()))
                raise

    def _train(self, ready: Ready, run: runs.RunFolder, emit: Emit, began: float) -> events.Finished:
        train = self.document.recipe.train
        prepared = ready.prepared
        steps = -(-prepared.train.rows // train.batch_size)
        progress = Progress(
            emit, self.control, epochs=train.epochs, steps=steps, save_now=lambda epoch, step: None
        )
        settings = FitSettings(
            epochs=train.epochs,
            batch_size=train.batch_size,
            shuffle=train.shuffle,
            seed=self.document.recipe.seed,
            engine=train.engine,
            class_weight=self._class_weight(ready),
        )
        try:
            fit(
                ready.model,
                ready.arrays(prepared.train),
                ready.arrays(prepared.validation) if prepared.validation else None,
                settings,
                [*ready.callbacks, progress],
                emit,
            )
        except (KeyboardInterrupt, WorkbenchError):
            raise
        except BaseException as fault:  # plugin code runs in here: SystemExit included
            raise TrainingError(
                f"training failed in epoch {progress.epoch or 1}: {short_message(fault)}.",
                where=self.document.name,
                hint="`train.run_eagerly: true` shows the place in a layer's own code (with --debug).",
            ) from fault
        status = self.control.stop_requested or "done"
        evaluation = self._evaluate(ready, status)
        notes = Notes.of(ready, self.catalog, run=run.name, epoch=progress.epoch).as_record()
        self._save(ready, run, notes, progress, emit)
        finished = events.Finished(status, progress.logs, evaluation, time.perf_counter() - began)
        emit(finished)
        return finished

    def _class_weight(self, ready: Ready) -> dict[int, float] | None:
        wanted = self.document.recipe.train.class_weight
        if wanted != "balanced":
            return wanted
        targets = ready.prepared.train.targets
        if len(targets) != 1:
            raise RecipeError("class weights need a model of one target.", where="train.class_weight")
        return balanced_class_weights(next(iter(targets.values())))

    def _evaluate(self, ready: Ready, status: str) -> dict[str, float]:
        """On the test part; not when the user pressed Ctrl-C and waits to leave."""
        if ready.prepared.test is None or status == "interrupted":
            return {}
        batch_size = self.document.recipe.train.batch_size
        return numbers(evaluate(ready.model, ready.arrays(ready.prepared.test), batch_size))

    def _save(self, ready: Ready, run: runs.RunFolder, notes: Any, progress: Progress, emit: Emit) -> None:
        """The run's own file first: should a place of the recipe's fail, the work is not lost."""
        probe = keras.tree.map_structure(
            lambda array: array[:PROBE_ROWS], ready.arrays(ready.prepared.train).x
        )
        resolver = Resolver(self.catalog)
        failed: WorkbenchError | None = None
        for path in (run.model, *map(Path, self.document.recipe.save)):
            try:
                saved = formats.save(ready.model, path, notes, resolver=resolver, probe=probe)
            except FileError as fault:
                failed = failed or fault
                emit(events.Message("error", str(fault)))
                continue
            for warning in saved.warnings:
                emit(events.Message("warning", f"{path}: {warning}"))
            emit(events.Saved(str(path), saved.format, progress.epoch, progress.step, saved.sha256))
        if failed is not None:
            raise failed
