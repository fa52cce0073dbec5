"""Any but the first of several processes that train one model: it runs the steps that the chief names."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import nullcontext

import tensorflow as tf

from workbench.errors import DataError, TrainingError
from workbench.training.engines.builder import Builder
from workbench.training.engines.data import Source
from workbench.training.engines.fit import FitSettings, make_source, make_test_source
from workbench.training.engines.programs import Program, Step
from workbench.training.engines.together import engine_of
from workbench.training.group.collectives import Collectives
from workbench.training.group.gradients import with_summed_gradients
from workbench.training.group.replica import Replica
from workbench.training.group.rows import form_of_rows
from workbench.training.group.spent import run_measured
from workbench.training.group.steps import ACCUMULATED, SUMS, StepsToRun
from workbench.training.preparing import PreparedRun
from workbench.training.thread_settings import graphs_as_they_are


class Follower:
    """Runs steps of a recipe's model, its share of each batch.

    Args:
        prepared_run: the same recipe as the chief's, with the same data.
        settings: of the training, as the chief has them.
    """

    def __init__(self, prepared_run: PreparedRun, settings: FitSettings, collectives: Collectives) -> None:
        self._run = prepared_run
        self._settings = settings
        self._accumulation = settings.accumulation
        self._train = prepared_run.document.recipe.train
        self._collectives = collectives
        self._programs: dict[str, Program] = {}
        self._rows_of_parts: dict[str, str] = {}
        self._replica: Replica | None = None
        # What draws from the generator of TensorFlow itself draws other numbers than the other processes.
        tf.random.set_seed(settings.seed + 7919 * collectives.share.rank)

    def follow(self, commands: Iterable[StepsToRun]) -> None:
        """Run steps until there are no more.

        Raises:
            Exception: of TensorFlow, when another process has gone; of the model, when it fails.
        """
        for steps in commands:
            if steps.part == ACCUMULATED and self._accumulation is not None:
                self._accumulation.join(self._collectives.sum, first=False)
                continue
            with graphs_as_they_are() if steps.plain_graphs else nullcontext():
                if steps.part == SUMS:
                    self._prepare(steps)
                    self._collectives.seconds_of(steps.sums)
                else:
                    self._run_steps(steps)

    def _prepare(self, steps: StepsToRun) -> Replica:
        """Have what all steps need."""
        if not self._programs:
            self._build("train")  # it makes the variables that all need
        if self._replica is None:
            augmenter = self._run.augmenter
            others = augmenter.layers if augmenter else ()
            self._replica = Replica(self._run.model, self._collectives, others)
        if steps.form and steps.form != self._replica.form:
            raise TrainingError(
                "its model has other variables than that of the first process.", where="train.workers"
            )
        return self._replica

    def _run_steps(self, steps: StepsToRun) -> None:
        replica = self._prepare(steps)
        program = self._programs.get(steps.part) or self._build(steps.part)
        if steps.rows_of_part and steps.rows_of_part != self._rows_of_parts[steps.part]:
            raise DataError(
                f"its {steps.part} rows are not those of the first process.",
                where="data",
                hint="What reads them must give the same rows each time: have it draw with a seed of its own.",
            )
        if steps.changed is None:
            replica.begin()
        else:
            replica.take(steps.changed)
        replica.forget_metrics()
        self._collectives.alone.assign(steps.alone)
        if self._accumulation is not None and steps.part == "train":
            self._accumulation.go_to(steps.step)
        logs, spent = run_measured(program, steps.epoch, steps.step, steps.count, self._collectives)
        if steps.alone:
            replica.forget_metrics()
        rows = self._collectives.share.rows_of(steps.rows)
        replica.join(logs, rows, spent, given_by_metrics=program.gives_metrics)

    def _build(self, part: str) -> Program:
        source, step = self._source(part), self._step(part)
        mode = "train" if part == "train" else "test"
        epochs = self._settings.epochs if part == "train" else 1
        builder = Builder(self._run.model, mode, step, source, epochs)  # type: ignore[arg-type]
        program = builder.build(engine_of(source))  # type: ignore[arg-type]
        self._programs[part] = program
        self._rows_of_parts[part] = form_of_rows(source)
        return program

    def _source(self, part: str) -> Source:
        prepared = self._run.prepared
        if part == "train":
            rows = self._run.feed(prepared.train, shuffled=self._settings.shuffle)
            return make_source(rows, self._settings, self._collectives.share)
        found = getattr(prepared, part)
        if found is None:
            raise TrainingError(f"this process has no {part} rows.", where="train.workers")
        return make_test_source(self._run.feed(found), self._settings, self._collectives.share)

    def _step(self, part: str) -> Step:
        """The chief's step, without what only watches it."""
        model, units, augmenter = self._run.model, self._run.units(), self._run.augmenter
        if part != "train":
            return units.wrap_step(model.test_step)
        step = units.wrap_step(model.train_step)
        step = augmenter.wrap_step(step) if augmenter else step
        sum_in = self._train.sum_gradients_in
        return with_summed_gradients(step, model, self._collectives, self._accumulation, sum_in)
