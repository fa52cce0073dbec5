"""`fit` and `evaluate`: train and evaluate a compiled model with an engine."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import keras
import numpy as np
import tensorflow as tf

from workbench.assembly.batch_hooks import acting_at_batches
from workbench.errors import TrainingError
from workbench.events import EngineChosen
from workbench.storage.optimizers import optimizers
from workbench.training.engines.accumulation import Accumulation
from workbench.training.engines.builder import CALL_STEPS, Builder, stock_function
from workbench.training.engines.choices import Choices
from workbench.training.engines.choose import choose
from workbench.training.engines.data import Arrays, ArraySource, ClassWeight, Source, Stream, StreamSource
from workbench.training.engines.hand_over import HandOver
from workbench.training.engines.logs import PerClass
from workbench.training.engines.loop import Loop, Runner, ticks
from workbench.training.engines.measuring import Beginning, first_line, preserved
from workbench.training.engines.metrics import QuickMetrics, quick_metrics
from workbench.training.engines.plans import parse_plan
from workbench.training.engines.programs import Program, Step
from workbench.training.engines.shares import ALL_ROWS, Share
from workbench.training.engines.testing import KeptTest, Tester, make_tester
from workbench.training.engines.together import Together, engine_of
from workbench.training.timing import Timing


@dataclass(frozen=True)
class FitSettings:
    """The settings of a training.

    Args:
        epochs: the epoch before which training ends, as in `keras.Model.fit`.
        batch_size: rows of a batch; the last of an epoch has what is left. A `Stream` brings its own.
        shuffle: a new order of rows each epoch, drawn from `seed` and the epoch's number.
        engine: which engine runs the steps: a name, `auto`, `measure`, or a plan of a training before (see `plans`).
        class_weight: a weight for each class number.
        classes: the class names of each output, by which a metric's number for each class is called.
        validation_batch_size: rows of a validation batch; None for `batch_size`.
        validation_freq: validate every so many epochs.
        initial_epoch: the epoch to begin with, from 0.
        initial_step: the step of that epoch to begin with, from 0; the steps before it are left out.
        initial_metrics: the values of `model.metrics_variables` at that step, so that the epoch's logs count the
            steps left out. Empty for none.
        pauses: positions, (epoch, step) from 0, behind whose step callbacks are called in any case.
        accumulation: adds up the gradients of several batches; None where the optimizer steps after each.
        together: the other processes that train the same model; None where this one trains alone.
    """

    epochs: int = 1
    batch_size: int = 32
    shuffle: bool = True
    seed: int = 0
    engine: str = "auto"
    class_weight: ClassWeight | None = None
    classes: Mapping[str, Sequence[str]] = field(default_factory=dict)
    validation_batch_size: int | None = None
    validation_freq: int = 1
    initial_epoch: int = 0
    initial_step: int = 0
    initial_metrics: Sequence[np.ndarray] = ()
    pauses: Collection[tuple[int, int]] = ()
    accumulation: Accumulation | None = None
    together: Together | None = None

    @property
    def share(self) -> Share:
        """The rows of each batch that this process takes."""
        return self.together.share if self.together else ALL_ROWS


def fit(
    model: keras.Model,
    training: Arrays | Stream,
    validation: Arrays | Stream | None,
    settings: FitSettings,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    on_chosen: Callable[[EngineChosen], None] = lambda chosen: None,
    wrap_step: Callable[[Step], Step] | None = None,
    choices: Choices | None = None,
    wrap_test: Callable[[Step], Step] | None = None,
    kept: KeptTest | None = None,
    timing: Timing | None = None,
    stops: Callable[[], bool] = lambda: False,
) -> keras.callbacks.History:
    """Train a compiled model; afterwards it is an ordinary Keras model, for `fit` and `save` alike.

    Where a callback acts at batches, every call of an engine runs one step, and the callback sees the weights and the
    logs of each (`batch_hooks` says which callbacks do). Elsewhere a call lasts about 0.1 s, and hooks of batches are
    called once for all its steps, with the first and the last of them, as Keras does with `steps_per_execution`.

    Args:
        on_chosen: called with the engine that runs, before the first step; and before the step from which on it is
            another one.
        wrap_step: called with the model's `train_step`, returns the step to run instead, with the same logs. It is
            traced into the compiled step: what watches the inside of a model belongs here.
        choices: where `auto` keeps what it has measured; None to measure every time.
        wrap_test: as `wrap_step`, of the model's `test_step` for validation.
        kept: gets the test step that the last validation ran.
        timing: gets the time of each part until the engine is chosen; it may have parts from before.
        stops: whether a callback is about to stop the training, which then waits for no program.

    Raises:
        DataError: the data does not fit together, or a stream ended early.
        TrainingError: several processes cannot train this model together.
    """
    source = make_source(training, settings)
    together = settings.together
    if not 0 <= settings.initial_step <= source.steps:
        raise TrainingError(
            f"an epoch has {source.steps} steps; training cannot begin at {settings.initial_step}"
        )

    def wrapped() -> Step:
        step = wrap_step(model.train_step) if wrap_step else model.train_step
        if together:
            return together.wrap_step(step, model, settings.accumulation)
        return settings.accumulation.wrap_step(step, model) if settings.accumulation else step

    with _ours(model) as metrics:
        step = wrapped()
        acting = acting_at_batches(callbacks, "train")
        most = 1 if acting else CALL_STEPS
        builder = Builder(model, "train", step, source, settings.epochs, most, timing)
        steps_left = (settings.epochs - settings.initial_epoch) * source.steps - settings.initial_step
        beginning = Beginning(settings.initial_epoch, settings.initial_step, steps_left)
        tester: Tester | None = None

        def chosen_later(event: EngineChosen) -> None:
            planned = parse_plan(event.plan)
            if tester is not None and planned.at:
                tester.compile_later(_epoch_behind(planned.at, source))
            elif tester is not None and event.engine != "chunk-xla":
                tester.compiled = None  # what does not train by XLA does not validate by it
            on_chosen(event)

        engine, kept_choices = settings.engine, choices
        if together:
            engine, kept_choices = engine_of(source), None
        program, chosen = choose(builder, engine, beginning, _one_by_one(acting), kept_choices, chosen_later)
        if together:
            program = together.program(program, model, source, "train")
            chosen = replace(chosen, reason=f"{together.share.size} processes train together")
        if settings.initial_metrics:
            _build_metrics(builder)
        on_chosen(chosen)
        foreign = stock_function(model, "train")

        def renewed(name: str) -> Program:
            if isinstance(program, HandOver) and not program.settled:
                chosen_later(EngineChosen(name, {}, "the model was compiled again"))
            if together:
                raise TrainingError(
                    "a callback has compiled the model again, which several processes cannot do together.",
                    where="train.workers",
                )
            again = Builder(model, "train", wrapped(), source, settings.epochs, most)
            try:
                return again.build(name)  # type: ignore[arg-type]
            except Exception as error:
                if name != "chunk-xla":
                    raise
                changed = again.build("chunk")
                reason = f"the model was compiled again, and {name} cannot compile it: {first_line(error)}"
                chosen_later(EngineChosen("chunk", {}, reason))
                return changed

        runner = Runner(
            model,
            program,
            source.steps,
            foreign,
            metrics,
            settings.initial_step,
            most,
            renewed,
            pauses=settings.pauses,
        )
        sources = [source]
        if validation is not None:
            one_by_one = bool(acting_at_batches(callbacks, "test"))
            plan = parse_plan(chosen.plan)
            test_source = make_test_source(validation, settings)
            sources.append(test_source)
            tester = make_tester(
                model,
                test_source,
                "chunk-xla" if plan.at else chosen.engine,
                metrics,
                most=1 if one_by_one else CALL_STEPS,
                every_epochs=settings.validation_freq,
                compiles_from=_epoch_behind(plan.at, source) if plan.at else 0,
                wrap=wrap_test,
                kept=kept,
                have_run=_have_run(together, model, test_source, "validation"),
            )
        if settings.accumulation:
            runner.on_epoch = settings.accumulation.go_to
        loop = Loop(
            callbacks,
            model,
            runner,
            tester,
            epochs=settings.epochs,
            metrics=settings.initial_metrics,
            per_class=PerClass(settings.classes),
            stops=stops,
        )
        model.train_function, model.test_function = runner, tester
        with _reporting(sources):
            return model.fit(
                ticks(),
                epochs=settings.epochs,
                initial_epoch=settings.initial_epoch,
                steps_per_epoch=source.steps,  # `loop` ends epochs; with a bound Keras keeps one iterator for all
                validation_data=ticks() if tester else None,
                validation_steps=tester.steps if tester else None,
                validation_freq=settings.validation_freq,
                callbacks=loop,
                shuffle=False,  # the source has its own order
                verbose=0,
            )


def evaluate(
    model: keras.Model,
    data: Arrays | Stream,
    batch_size: int = 32,
    engine: str = "auto",
    classes: Mapping[str, Sequence[str]] | None = None,
    wrap_test: Callable[[Step], Step] | None = None,
    kept: KeptTest | None = None,
    together: Together | None = None,
) -> dict[str, float]:
    """The loss and the metrics of a compiled model on the data; `classes` and `together` as in `FitSettings`,
    `wrap_test` as in `fit`.

    Args:
        kept: of the training that this model has come from, where nothing has changed its way of testing since.

    Raises:
        DataError: the data does not fit together, or a stream ended early.
    """
    settings = FitSettings(batch_size=batch_size, engine=engine, together=together)
    with _ours(model) as metrics:
        source = make_test_source(data, settings)
        own = "chunk" if engine == "auto" else engine
        if together:
            own = engine_of(source)
        have_run = _have_run(together, model, source, "test")
        tester = make_tester(model, source, own, metrics, wrap=wrap_test, kept=kept, have_run=have_run)
        model.test_function = tester
        with _reporting([source]):
            logs = model.evaluate(
                ticks(), callbacks=Loop([], model, None, tester), return_dict=True, verbose=0
            )
        return dict(PerClass(classes or {}).apart(logs) or {})


def _have_run(
    together: Together | None, model: keras.Model, source: Source, part: str
) -> Callable[[Program], Program] | None:
    if together is None:
        return None
    return lambda program: together.program(program, model, source, part)


def _epoch_behind(at: int, source: Source) -> int:
    """The first epoch behind a step: the same one whatever a resumed training begins with."""
    return at // source.steps + 1


def _build_metrics(builder: Builder) -> None:
    """Keras makes metrics at the first step; have them made before, to be given their values."""
    if not builder.obstacle():
        _ = builder.traced
        return
    model = builder.model
    kept = [*model.variables, *(v for each in optimizers(model).values() for v in each.variables)]
    with preserved([variable.value for variable in kept]):
        builder.build("plain").run(0, 0, 1)


def _one_by_one(acting: Sequence[str]) -> str:
    """Why calls of one step are used; empty where they are not."""
    if not acting:
        return ""
    if len(acting) == 1:
        return f"callback {acting[0]} acts at every batch"
    return f"callbacks {', '.join(acting)} act at every batch"


def make_test_source(data: Arrays | Stream, settings: FitSettings, share: Share | None = None) -> Source:
    """The batches of a validation or an evaluation; `share` as for `make_source`."""
    share = share or settings.share
    if isinstance(data, Stream):
        return StreamSource(data, share=share)
    return ArraySource(data, settings.validation_batch_size or settings.batch_size, share=share)


def make_source(data: Arrays | Stream, settings: FitSettings, share: Share | None = None) -> Source:
    """The batches of a training; `share` are the rows of a process that follows another one."""
    share = share or settings.share
    if isinstance(data, Stream):
        return StreamSource(data, class_weight=settings.class_weight, share=share)
    return ArraySource(
        data,
        settings.batch_size,
        shuffle=settings.shuffle,
        seed=settings.seed,
        class_weight=settings.class_weight,
        share=share,
    )


@contextmanager
def _ours(model: keras.Model) -> Iterator[QuickMetrics]:
    """While inside, the model's functions are ours to set; afterwards Keras makes its own again."""
    steps_per_execution = model.steps_per_execution
    model.steps_per_execution = 1
    try:
        with quick_metrics(model) as metrics:
            yield metrics
    finally:
        model.steps_per_execution = steps_per_execution
        model.train_function = model.test_function = None


@contextmanager
def _reporting(sources: Sequence[Source]) -> Iterator[None]:
    """Raise what a stream raised, not TensorFlow's report of it; read no further in the end."""
    try:
        yield
    except tf.errors.OpError as error:
        for source in sources:
            if isinstance(source, StreamSource) and source.error is not None:
                raise source.error from error
        raise
    finally:
        for source in sources:
            source.close()
