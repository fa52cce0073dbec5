"""One training, from recipe to saved files, reported as events. `--batch` and the worker both run this."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

from workbench import events
from workbench.assembly.adapting import Adapter
from workbench.assembly.layers import look_inside
from workbench.atomic import write_bytes
from workbench.catalog.lookup import Catalog
from workbench.data.loading import Prepared, Streamed
from workbench.data.weights import class_weights
from workbench.errors import TrainingError, WorkbenchError, out_of_memory
from workbench.places import state_folder
from workbench.recipe.document import Document, to_yaml
from workbench.sentence import short_message
from workbench.storage import runs
from workbench.storage.event_stream import EventLog
from workbench.storage.fencing import hold
from workbench.storage.ownership import own
from workbench.storage.receipts import ReceiptLog
from workbench.storage.run_folder import RunFolder
from workbench.training import environment
from workbench.training.adapted_states import adapter_for, write_states
from workbench.training.baselines import Beside
from workbench.training.baselines.reasons import gather, likely_reason
from workbench.training.baselines.verdict import Verdict
from workbench.training.changed_since import changed_since
from workbench.training.control import Control
from workbench.training.ending import Ending
from workbench.training.engines import Choices, FitSettings, KeptTest, fit
from workbench.training.engines.accumulation import accumulation_of
from workbench.training.engines.agreement import shown_difference
from workbench.training.engines.programs import Step
from workbench.training.errors import at_node
from workbench.training.exporting import export_hint, last_kept
from workbench.training.finite import Finite, NotFiniteError, explained, first_bad, last_logs
from workbench.training.group.chief import Chief
from workbench.training.group.first_batch import look_at_first_batch
from workbench.training.kept_findings import read_states, streamed_before
from workbench.training.model_files import ModelFileWriter, WrittenFiles, why_not_finite, worse_than_before
from workbench.training.monitors import Monitors
from workbench.training.preparing import PreparedRun, assembled_event, load_data, prepare
from workbench.training.progress import Progress
from workbench.training.provenance import Provenance
from workbench.training.python_state import PythonState
from workbench.training.receipts import WRITERS, Retraining, WeightHashes, what_goes_in
from workbench.training.resume import Keeper, Position, restore
from workbench.training.saveable import PROBE_ROWS, Saveable, again, check_saveable
from workbench.training.skipping import SkippedSteps
from workbench.training.test_part import evaluate_test_part, judged
from workbench.training.thread_settings import fit_threads, graphs_as_they_are, is_small
from workbench.training.timing import Timing
from workbench.training.unit_checks import about_units
from workbench.training.unsaved_state import UnsavedState

OnEvent = Callable[[events.Event, str], None]
Emit = Callable[[events.Event], None]


class Session:
    """Runs one recipe.

    Args:
        document: the recipe.
        catalog: what there is.
        on_event: called with each event and its line of the stream, in the order they happen.
        runs_folder: where run folders are made.
        resume: go on with this run instead of making a new one; `document` is its recipe.
        fence: the number of this training of the run, in a search (see `storage/fencing.py`); 0 outside of one.
        retraining: how a run was trained, where it is trained once more to compare; `document` is its recipe.
        chief: of the other processes that train the same model; None where this one trains alone.
    """

    def __init__(
        self,
        document: Document,
        catalog: Catalog,
        on_event: OnEvent,
        *,
        runs_folder: Path,
        resume: RunFolder | None = None,
        fence: int = 0,
        retraining: Retraining | None = None,
        chief: Chief | None = None,
    ) -> None:
        self.document = document
        self.catalog = catalog
        self.control = Control()
        self._on_event = on_event
        self._runs_folder = runs_folder
        self._resume = resume
        self._fence = fence
        self._retraining = retraining
        self._chief = chief
        self._went_on = False  # whether the run had come to its end before

    def run(self) -> events.Finished:
        """Train, evaluate, save.

        Raises:
            WorkbenchError: the recipe cannot be trained, training failed, or a file could not be saved.
                The run's folder keeps what there was, with a `failed` event.
        """
        began = time.perf_counter()
        streamed = self._retraining.streamed if self._retraining else None
        streamed = streamed_before(self._resume) if self._resume else streamed
        timing = Timing()
        with timing.of("data"):
            data = load_data(self.document, self.catalog, streamed)
        adapter = adapter_for(data, read_states(self._resume) if self._resume else None)
        with timing.of("number of threads"):
            one_thread = self._fit_threads(data, adapter)
        with timing.of("model"):
            prepared_run = prepare(self.document, self.catalog, data=data, adapter=adapter)
        if self._retraining:
            callbacks = [each for each in prepared_run.callbacks if not isinstance(each, WRITERS)]
            prepared_run = replace(prepared_run, callbacks=callbacks)
        with timing.of("trying to save"):
            saveable = check_saveable(prepared_run, self.catalog, in_search=self._fence > 0)
        train = self.document.recipe.train
        inside = look_inside(prepared_run.model, prepared_run.symbols(), self.catalog)
        # `plain` is stock Keras, in this as well.
        small = train.engine != "plain" and (
            one_thread
            or is_small(prepared_run.model, prepared_run.symbols(), train.batch_size, inside.shapes)
        )
        described = environment.describe(self.catalog, self.document)
        resolved = self.document.resolved()
        run = self._resume or runs.create_run(
            self._runs_folder, self.document.recipe.name, recipe=to_yaml(resolved), environment=described
        )
        if self._fence:
            hold(run, self._fence)
        self._went_on = self._resume is not None and runs.summary_of(run).status == "done"
        with own(run), Beside(prepared_run) as beside:
            if self._resume:  # its epochs may be others now
                write_bytes(run.recipe, to_yaml(resolved).encode())
            write_states(run, adapter)
            memory = PythonState(prepared_run.model, prepared_run.callbacks)
            position = restore(run, memory) if self._resume else Position()
            with EventLog(run) as log:

                def emit(event: events.Event) -> None:
                    """Write to the run's folder first, then call the listener."""
                    self._on_event(event, log.append(event))

                try:
                    resumed = str(position.checkpoint.path) if position.checkpoint else None
                    emit(events.RunStarted(str(run.path), resolved, described, resumed))
                    emit(assembled_event(prepared_run, inside.rows))
                    emit(events.Message("info", prepared_run.prepared.summary()))
                    for remark in prepared_run.prepared.remarks:
                        emit(events.Message("info", remark))
                    for text in about_units(prepared_run.prepared.preparation):
                        emit(events.Message("info", text))
                    if adapter.states:
                        emit(events.Message("info", adapter.summary()))
                    if one_thread:
                        emit(events.Message("info", "one thread is enough: no operation is worth splitting"))
                    if self._chief:
                        look_at_first_batch(prepared_run, self._chief, emit)
                    for warning in prepared_run.warnings:
                        emit(events.Message("warning", str(warning)))
                    if saveable.reason:
                        emit(events.Message("warning", saveable.warning(run)))
                    return self._train(
                        prepared_run,
                        run,
                        emit,
                        began,
                        memory,
                        position,
                        saveable,
                        beside,
                        timing,
                        small=small,
                    )
                except WorkbenchError as error:
                    error.hint = f"{error.hint} {export_hint(run)}".strip()
                    emit(events.Failed(error.as_record(), last_kept(run)))
                    raise

    def _fit_threads(self, data: Prepared | Streamed, adapter: Adapter) -> bool:
        """True if one thread was found to run the operations best."""
        train = self.document.recipe.train

        def build() -> tuple[Any, Any]:
            prepared_run = prepare(self.document, self.catalog, data=data, adapter=adapter)
            return prepared_run.model, prepared_run.symbols()

        steps = train.epochs * -(-data.train.rows // train.batch_size)
        return fit_threads(build, train.batch_size, steps)

    def _train(
        self,
        prepared_run: PreparedRun,
        run: RunFolder,
        emit: Emit,
        began: float,
        memory: PythonState,
        position: Position,
        saveable: Saveable,
        beside: Beside,
        timing: Timing,
        *,
        small: bool,
    ) -> events.Finished:
        train = self.document.recipe.train
        prepared = prepared_run.prepared
        steps = prepared_run.steps
        progress = Progress(
            emit,
            self.control,
            epochs=train.epochs,
            steps=steps,
            history=position.history,
            baselines=beside.news,
        )
        receipt = ReceiptLog(run, self._retraining.report if self._retraining else None)
        goes_in = what_goes_in(prepared_run, self.catalog)
        if self._chief and self._chief.on_goes_in:
            self._chief.on_goes_in(goes_in)
        if self._resume and (message := changed_since(run, goes_in)):
            emit(message)
        receipt.start(goes_in)
        finite = Finite(progress, emit, train.on_nan)
        skipped = (
            SkippedSteps(prepared_run.model, progress, self.document.name) if train.on_nan == "skip" else None
        )
        accumulation = accumulation_of(train.accumulate, steps, position.arrays)
        ending = Ending()
        keeper = Keeper(
            run,
            memory,
            progress,
            self.control,
            emit,
            seconds=train.checkpoint_seconds,
            streamed=isinstance(prepared, Streamed),
            resumed=position,
            accumulation=accumulation,
        )

        def chosen(event: events.EngineChosen) -> None:
            keeper.engine = event.plan or event.engine
            receipt.engine(event.plan or event.engine)
            emit(replace(event, reason="as before") if position.engine else event)
            for engine, difference in event.differs.items():
                emit(events.Message("warning", shown_difference(engine, difference, event.engine)))

        asked = "watch" in train.model_fields_set
        monitors = Monitors(
            prepared_run.model, train.watch, steps=steps, accumulate=train.accumulate, asked=asked
        )
        unsaved_state = UnsavedState(emit)
        units = prepared_run.units()
        positions = self._retraining.positions if self._retraining else None
        settings = FitSettings(
            # Where a callback had ended the training, nothing is left but its end (best weights put back).
            epochs=position.epoch if position.stopped else train.epochs,
            batch_size=train.batch_size,
            shuffle=train.shuffle,
            seed=self.document.recipe.seed,
            engine=position.engine or (self._retraining.engine if self._retraining else train.engine),
            class_weight=class_weights(self.document.recipe, prepared_run.prepared),
            classes=prepared_run.prepared.preparation.number_names(),
            initial_epoch=position.epoch,
            initial_step=position.step,
            initial_metrics=position.metrics if position.step else (),
            pauses=positions or (),
            accumulation=accumulation,
            together=self._chief,
        )
        augmenter = prepared_run.augmenter
        kept_test = KeptTest()
        graphs = graphs_as_they_are if small else nullcontext
        if self._chief:
            self._chief.plain_graphs = small

        def wrap_step(step: Step) -> Step:
            watched = finite.wrap_step(monitors.wrap_step(unsaved_state.wrap_step(units.wrap_step(step))))
            augmented = augmenter.wrap_step(watched) if augmenter else watched
            return skipped.wrap_step(augmented) if skipped else augmented

        try:
            with graphs():
                fit(
                    prepared_run.model,
                    prepared_run.feed(prepared.train, shuffled=train.shuffle),
                    prepared_run.feed(prepared.validation) if prepared.validation else None,
                    settings,
                    [
                        *ending.watched(prepared_run.callbacks),
                        *([skipped] if skipped else []),
                        progress,
                        finite,
                        monitors.callback(emit),
                        beside.callback(),
                        WeightHashes(
                            receipt, progress, self.control, positions, (position.epoch, position.step)
                        ),
                        keeper,
                    ],
                    chosen,
                    wrap_step,
                    Choices(state_folder() / "engines"),
                    units.wrap_step,
                    kept_test,
                    timing,
                    lambda: bool(self.control.stop_requested),
                )
            finite.check_end(last_logs(prepared_run.callbacks, progress.history))
        except NotFiniteError as error:
            raise explained(error, monitors.nonfinite(), run.name, self.document.name) from None
        except KeyboardInterrupt:
            raise
        except WorkbenchError:
            keeper.rescue()
            raise
        except BaseException as error:  # plugin code runs in here: SystemExit included
            keeper.rescue()
            if (short := out_of_memory(error, self.document.name)) is not None:
                raise short from error
            finite.add_place(error)
            raise TrainingError(
                f"training failed in epoch {progress.epoch or 1}: {short_message(error)}{at_node(error)}.",
                where=self.document.name,
            ) from error
        status = self.control.stop_requested or "done"
        written = self._save(prepared_run, run, status, progress, emit, saveable)
        with graphs():  # last: its errors must not cost the model
            evaluation = evaluate_test_part(prepared_run, status, kept_test, self._chief)
        if (bad := first_bad(evaluation)) is not None:
            emit(events.Message("warning", f"on the test part the {bad[0]} is {bad[1]}."))
        for warning in worse_than_before(written.replaced, self.document.resolved(), evaluation):
            emit(events.Message("warning", warning))
        verdict = Verdict()
        history = [each["logs"] for each in progress.history]
        if status == "done":
            verdict = judged(prepared_run, beside, history, evaluation)
        finished = events.Finished(
            status,
            progress.logs,
            evaluation,
            time.perf_counter() - began,
            written.left,
            ending.reason if status == "done" else "",
            verdict.no_better,
            {name: each.as_record() for name, each in verdict.baselines.items()},
            verdict.compared,
            likely_reason(gather(prepared_run, history, verdict.baselines)) if verdict.no_better else "",
        )
        emit(finished)
        return finished

    def _save(
        self,
        prepared_run: PreparedRun,
        run: RunFolder,
        status: str,
        progress: Progress,
        emit: Emit,
        saveable: Saveable,
    ) -> WrittenFiles:
        """Into the run, and into the recipe's files where nothing better is lost by it."""
        if not saveable.weights:
            return WrittenFiles()
        epoch, epochs = progress.epoch, self.document.recipe.train.epochs
        notes = Provenance.of(prepared_run, self.catalog, run=run, epoch=epoch).as_record()
        writer = ModelFileWriter(
            run, self.document.recipe.save, prepared_run.model, notes, prepared_run.probe(PROBE_ROWS), self.catalog,
            went_on=self._went_on, build=again(prepared_run, self.catalog), weights_only=bool(saveable.reason),
            check_later=saveable.check_later,
        )  # fmt: skip
        return writer.write(
            emit,
            epoch=epoch,
            step=progress.step,
            unfinished="" if status == "done" else f"this run was {status} in epoch {epoch or 1} of {epochs}",
            broken=why_not_finite(last_logs(prepared_run.callbacks, progress.history), prepared_run.model),
        )
