"""One training, from recipe to saved files, told as events. `--batch` and the worker both run this."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras

from workbench import events
from workbench.assembly.compile import compile_model, make_callbacks
from workbench.assembly.faults import short_message
from workbench.assembly.layers import layer_rows
from workbench.assembly.model import Assembly, assemble
from workbench.assembly.structure import InputSpec
from workbench.catalog.lookup import Catalog
from workbench.catalog.resolve import Resolver
from workbench.data import loading
from workbench.data.preparation import Part
from workbench.data.weights import balanced_class_weights
from workbench.errors import FileError, RecipeError, TrainingError, WorkbenchError
from workbench.recipe.document import Document, to_yaml
from workbench.storage import formats, runs
from workbench.storage.atomic import check_writable
from workbench.training import environment
from workbench.training.control import Control
from workbench.training.engines import Arrays, FitSettings, evaluate, fit
from workbench.training.notes import Notes
from workbench.training.progress import Progress, numbers

Emit = Callable[[events.Event], None]

PROBE_ROWS = 32  # enough to catch a layer that reloads differently, cheap enough to do at every save


@dataclass(frozen=True)
class Ready:
    """A recipe made ready to train: data read, model built and compiled."""

    document: Document
    prepared: loading.Prepared
    assembly: Assembly
    callbacks: Sequence[Any]

    @property
    def model(self) -> Any:
        return self.assembly.model

    def arrays(self, part: Part) -> Arrays:
        """A part of the data in the structure the model is called with."""
        structure = self.assembly.structure
        return Arrays(
            structure.pack_inputs(part.inputs), structure.pack_targets(part.targets), part.sample_weight
        )


def prepare(document: Document, catalog: Catalog) -> Ready:
    """Everything that can fail before training does: paths, data, names, shapes.

    Raises:
        WorkbenchError: with the recipe's file and line where the recipe is at fault.
    """
    recipe = document.recipe
    try:
        check_saves(recipe.save)
        prepared = loading.load(recipe.data, catalog, folder=document.folder, seed=recipe.seed)
        inputs = input_specs(prepared)
        resolver = Resolver(catalog)
        assembly = assemble(
            document,
            catalog,
            inputs,
            tuple(prepared.preparation.target_shapes()),
            load_model=lambda path: formats.load(path, resolver).model,
            load_weights=formats.load_weights,
        )
        compile_model(assembly.model, recipe.train, assembly.structure, assembly.maker)
        if not assembly.model.compiled or (recipe.train.loss is None and not _has_loss(assembly.model)):
            raise RecipeError("a loss is missing.", where="train", hint="For numbers `loss: mse`.")
        callbacks = make_callbacks(recipe.train, assembly.maker)
    except WorkbenchError as fault:
        raise document.located(fault) from fault
    return Ready(document, prepared, assembly, callbacks)


def assembled_event(ready: Ready, catalog: Catalog) -> events.Assembled:
    """The model's rows and counts."""
    specs = input_specs(ready.prepared)
    symbols = {name: keras.Input(spec.shape, dtype=spec.dtype) for name, spec in specs.items()}
    rows = layer_rows(ready.model, ready.assembly.structure.pack_inputs(symbols), catalog)
    trainable = sum(math.prod(weight.shape) for weight in ready.model.trainable_weights)
    return events.Assembled(tuple(row.as_record() for row in rows), ready.model.count_params(), trainable)


def check_saves(paths: Sequence[str]) -> None:
    """Refuse a format or a place that cannot be written before an hour of training, not after."""
    for index, path in enumerate(paths):
        try:
            formats.format_of(path)
            check_writable(path)
        except FileError as fault:
            raise FileError(
                f"{fault.where}: {fault.what}", where=f"save[{index}]", hint=fault.hint
            ) from fault


def input_specs(prepared: loading.Prepared) -> dict[str, InputSpec]:
    """The data's inputs as the assembly wants them."""
    preparation = prepared.preparation
    dtypes = preparation.input_dtypes()
    return {name: InputSpec(shape, dtypes[name]) for name, shape in preparation.input_shapes().items()}


def _has_loss(model: Any) -> bool:
    return bool(model.compiled)


class Session:
    """Runs one recipe.

    Args:
        document: the recipe.
        catalog: what there is.
        emit: takes each event, in the order they happen.
        runs_folder: where run folders are made.
    """

    def __init__(self, document: Document, catalog: Catalog, emit: Emit, *, runs_folder: Path) -> None:
        self.document = document
        self.catalog = catalog
        self.control = Control()
        self._emit = emit
        self._runs_folder = runs_folder
        self.run_name = document.recipe.name

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
        with runs.create(
            self._runs_folder, recipe.name, recipe=to_yaml(resolved), environment=described
        ) as folder:
            self.run_name = folder.name
            emit = self._recorder(folder)
            try:
                emit(events.RunStarted(str(folder.path), resolved, described))
                emit(assembled_event(ready, self.catalog))
                emit(events.Message("info", ready.prepared.summary()))
                finished = self._train(ready, folder, emit, began)
            except WorkbenchError as fault:
                emit(events.Failed(fault.as_record()))
                raise
        return finished

    def _recorder(self, folder: Any) -> Emit:
        """Every event goes to the run's folder first, then to whoever listens."""

        def emit(event: events.Event) -> None:
            folder.append_event(events.to_json(event, folder.name))
            self._emit(event)

        return emit

    def _train(self, ready: Ready, folder: Any, emit: Emit, began: float) -> events.Finished:
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
        notes = Notes.of(ready, self.catalog, run=folder.name, epoch=progress.epoch).as_record()
        self._save(ready, folder, notes, progress, emit)
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

    def _save(self, ready: Ready, folder: Any, notes: Any, progress: Progress, emit: Emit) -> None:
        """The run's own file first: should a place of the recipe's fail, the work is not lost."""
        probe = keras.tree.map_structure(
            lambda array: array[:PROBE_ROWS], ready.arrays(ready.prepared.train).x
        )
        resolver = Resolver(self.catalog)
        failed: WorkbenchError | None = None
        for path in (folder.path / "model.keras", *map(Path, self.document.recipe.save)):
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
