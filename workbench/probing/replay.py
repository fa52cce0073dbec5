"""Find where the first number of a run that is not finite comes from.

The run is trained again up to that step, from its last checkpoint before it, with the engine and the random numbers
that it had. Then this one step runs eagerly, operation by operation. Nothing has to be kept for this while a run
trains, and nothing of the run is changed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import keras
import tensorflow as tf

from workbench import events
from workbench.catalog.lookup import Catalog
from workbench.data.preparation import Part
from workbench.data.specs import NumberTarget, TableInput
from workbench.errors import FileError
from workbench.probing.approach import Approach, Approached, OnStep, Target, state_is_finite
from workbench.probing.nonfinite_origin import NonFiniteOrigin
from workbench.probing.origin_tracer import Origins, is_finite, trace_building, trace_step
from workbench.probing.reopened_run import reopen
from workbench.probing.replay_report import Replay
from workbench.probing.unusual_rows import unusual_number
from workbench.storage.event_stream import read_events
from workbench.storage.layer_paths import weights_by_path
from workbench.storage.receipt_changes import changes
from workbench.storage.receipts import read_receipt
from workbench.storage.run_folder import RunFolder
from workbench.training.engines.single_steps import SingleSteps
from workbench.training.errors import reported_as
from workbench.training.finite import first_bad, losses_in
from workbench.training.preparing import PreparedRun
from workbench.training.receipts import what_goes_in

_REPEATS = "`kwb verify` says whether this training repeats itself."


@dataclass(frozen=True)
class SeenNumber:
    """The first number of a run that is not finite, as its events say.

    Attributes:
        log: its name; `weights` where the weights were so and the loss was not.
        epoch: from 1.
        step: from 1; 0 where it is not known.
        engine: that the run trained with.
    """

    log: str
    epoch: int
    step: int
    engine: str

    @property
    def in_validation(self) -> bool:
        return self.log.startswith("val_")

    def before(self, steps: int) -> Target:
        """Where to begin to look, from 0: one step before that at which it was seen, for the update of that step may
        have made the weights so. Of a validation, and where no step is known, the epoch."""
        if self.in_validation:
            return self.epoch, 0
        if self.step <= 1:  # not over the border of two epochs, where callbacks act
            return self.epoch - 1, 0
        return divmod(max((self.epoch - 1) * steps + self.step - 2, 0), steps)


def first_not_finite(run: RunFolder) -> SeenNumber:
    """The first number of a run that is not finite.

    Raises:
        FileError: all of them are finite.
    """
    engine = "auto"
    first: events.Epoch | None = None
    for event, _, _ in read_events(run.events):
        if isinstance(event, events.EngineChosen):
            engine = event.plan or event.engine
        elif isinstance(event, events.Failed) and (nan := event.error.get("nan")):
            return SeenNumber(str(nan["name"]), int(nan["epoch"]), int(nan["step"]), engine)
        elif isinstance(event, events.Epoch) and event.skipped:
            name = next(iter(losses_in(event.logs)), "loss")
            return SeenNumber(name, event.epoch, event.skipped["first"], engine)
        elif isinstance(event, events.Epoch) and not all(map(math.isfinite, event.logs.values())):
            first = first or event
    if first is None:
        raise FileError("has no number that is nan or infinite: there is nothing to replay.", where=run.name)
    if (bad := first_bad(first.logs)) is not None:
        return SeenNumber(bad[0], first.epoch, 0, engine)
    names = [name for name, value in first.logs.items() if not math.isfinite(value)]
    return SeenNumber(min(names, key=lambda name: name.startswith("val_")), first.epoch, 0, engine)


def replay(run: RunFolder, catalog: Catalog, on_step: OnStep = lambda epoch, step: None) -> Replay:
    """Find where the first number of a run that is not finite comes from.

    Args:
        run: its folder; it is read only.
        catalog: where the names of its recipe are looked up.
        on_step: called with epoch and step, from 1, while it is trained again.

    Raises:
        FileError: all its numbers are finite.
        WorkbenchError: it cannot be trained again.
    """
    seen = first_not_finite(run)
    reopened = reopen(run, catalog)
    with reported_as("training again", reopened.document.name):
        found = _Replaying(run, seen, on_step, reopened.prepare).replay()
        return replace(found, changed=_changed_since(run, reopened.prepare(), catalog))


def _changed_since(run: RunFolder, prepared: PreparedRun, catalog: Catalog) -> tuple[str, ...]:
    """What is another now than when the run was trained, by its receipt: rows, code, recipe, versions."""
    try:
        receipt = read_receipt(run)
    except FileError:  # it was damaged
        return ()
    if receipt is None:
        return ()
    now = events.plain(what_goes_in(prepared, catalog))
    return tuple(change.text for change in changes(receipt.starts[-1], now))


@dataclass(frozen=True)
class _Replaying:
    run: RunFolder
    seen: SeenNumber
    on_step: OnStep
    prepare: Callable[[], PreparedRun]

    def replay(self) -> Replay:
        found = Replay(self.run.name, self.seen.log, self.seen.epoch, self.seen.step)
        approach = self._approach()
        target = self.seen.before(approach.prepared.steps)
        if self.seen.step and (kept := approach.last_checkpoint((self.seen.epoch - 1, self.seen.step - 1))):
            target = max(target, kept)
        reached = approach.train(target, to_validation=self.seen.in_validation)
        if not state_is_finite(approach.prepared.model, approach.accumulation):
            # It has been so for longer: a layer may make finite numbers of such weights.
            return self._in_state(reached, replace(found, log="weights", began=reached.began))
        if self.seen.in_validation:
            return self._in_validation(
                approach, replace(found, part="validation", step=0, began=reached.began)
            )
        return self._in_training(approach, target, replace(found, began=reached.began))

    def _in_state(self, reached: Approached, found: Replay) -> Replay:
        """Weights or states of optimizers became so on the way: go back to where they were finite."""
        if reached.finite is None:
            return self._built(replace(found, epoch=1, step=1))
        approach = self._approach()
        again = approach.train(reached.finite)
        of_weights = replace(self, seen=replace(self.seen, log="weights"))
        return of_weights._in_training(approach, reached.finite, replace(found, began=again.began))

    def _approach(self) -> Approach:
        return Approach(self.run, self.prepare(), self.seen.engine, self.on_step)

    def _built(self, found: Replay) -> Replay:
        """The weights were not finite from the beginning."""
        made = trace_building(lambda: self.prepare().model)
        traced = next((origins for origins in made.values() if origins), ())
        origins = traced or (NonFiniteOrigin("variable", name=next(iter(made), "a weight")),)
        return replace(found, origins=origins, weights=tuple(made))

    # ------------------------------------------------------------------ step by step

    def _in_training(self, approach: Approach, target: Target, found: Replay) -> Replay:
        prepared = approach.prepared
        settings = approach.settings(self.seen.epoch)
        feed = prepared.feed(prepared.prepared.train, shuffled=settings.shuffle)
        steps = SingleSteps(prepared.model, feed, settings, "train", approach.wrap_step)
        for at in range(target[0] * steps.steps + target[1], self.seen.epoch * steps.steps):
            epoch, step = divmod(at, steps.steps)
            if step == 0:
                prepared.model.reset_metrics()
            self.on_step(epoch + 1, step + 1)
            put_back = _snapshot(steps)
            if self._is_bad(steps.run(epoch, step), approach):
                put_back()
                found = replace(found, epoch=epoch + 1, step=step + 1)
                return self._traced(found, prepared, steps, (epoch, step), prepared.prepared.train)
        names = ", ".join(type(each).__name__ for each in prepared.callbacks)
        reason = (
            f"a callback may have made it so: without {names} all numbers are finite." if names else _REPEATS
        )
        return replace(found, reason=f"trained again, all numbers were finite. {reason}")

    def _in_validation(self, approach: Approach, found: Replay) -> Replay:
        prepared = approach.prepared
        part = prepared.prepared.validation
        assert part is not None
        settings = approach.settings(self.seen.epoch)
        steps = SingleSteps(prepared.model, prepared.feed(part), settings, "test", prepared.units().wrap_step)
        prepared.model.reset_metrics()
        for step in range(steps.steps):
            put_back = _snapshot(steps)
            if not is_finite(_log(steps.run(0, step), self.seen.log.removeprefix("val_"))):
                put_back()
                return self._traced(replace(found, step=step + 1), prepared, steps, (0, step), part)
        return replace(found, reason=f"validated again, all numbers were finite. {_REPEATS}")

    def _is_bad(self, logs: Mapping[str, Any], approach: Approach) -> bool:
        losses = losses_in(dict.fromkeys(logs, 0.0))
        if self.seen.log == "weights" or self.seen.log in losses:
            good = state_is_finite(approach.prepared.model, approach.accumulation)
            return not is_finite([logs[name] for name in losses]) or not good
        return not is_finite(_log(logs, self.seen.log))

    def _traced(
        self, found: Replay, prepared: PreparedRun, steps: SingleSteps, position: Target, part: Any
    ) -> Replay:
        """Run a step eagerly, and say where its numbers come from."""
        batch = steps.batch(*position)
        x, y, weights = keras.utils.unpack_x_y_sample_weight(batch)
        rows = int(tf.shape(keras.tree.flatten(x)[0])[0])
        structure = prepared.assembly.structure
        named = _by_name(x, structure.pack_inputs({name: name for name in structure.inputs}))
        named |= _by_name(y, structure.pack_targets({name: name for name in structure.outputs}))
        named |= _by_name(weights, "the sample weight")
        logs, made = trace_step(steps.model, steps.step, batch, named, rows)
        name = self.seen.log.removeprefix("val_") if found.part == "validation" else self.seen.log
        asked = [origins for key, origins in logs.items() if _is_of(key, name)]
        losses = [logs[key] for key in losses_in(dict.fromkeys(logs, 0.0))]
        origins = _causes_first(next((each for each in (*asked, *losses, *made.values()) if each), ()))
        if not origins:
            return replace(found, reason=_compiled(self.seen.engine))
        if not (asked or losses):
            found = replace(found, log="weights")
        own = weights_by_path(steps.model)
        return replace(
            found,
            origins=origins,
            rows=_data_rows(steps, position, part, origins[0].rows),
            data=_about_data(
                named, origins[0].rows, prepared, _data_rows(steps, position, part, range(rows))
            ),
            weights=tuple(name for name in made if name in own),
        )


def _compiled(engine: str) -> str:
    help_ = "`train.run_eagerly: true`" if engine == "plain" else "`train.engine: plain`"
    what = "run operation by operation, the step gives finite numbers: it is its compiled form that does not."
    return f"{what} {help_} trains without it."


def _snapshot(steps: SingleSteps) -> Callable[[], None]:
    """Keep what a step may change; the function puts it back."""
    kept = [(variable, tf.identity(variable)) for variable in steps.variables()]

    def put_back() -> None:
        for variable, value in kept:
            variable.assign(value)

    return put_back


def _is_of(key: str, name: str) -> bool:
    """True if a log of the step is that of a name; a metric with a number for each class has names of its own."""
    return key == name or name.startswith(f"{key}_")


def _log(logs: Mapping[str, Any], name: str) -> list[Any]:
    return [logs[name]] if name in logs else [value for key, value in logs.items() if _is_of(key, name)]


def _by_name(values: Any, names: Any) -> dict[str, Any]:
    """The arrays of a batch by name, both in the same structure."""
    pairs = zip(keras.tree.flatten(names), keras.tree.flatten(values), strict=False)
    return {str(name): value for name, value in pairs if value is not None}


def _causes_first(origins: Origins) -> Origins:
    """Data and weights that were not finite before the step come first: they are the cause of the rest. Of one
    operation in one place, as in a loop, the first."""
    distinct: dict[Any, NonFiniteOrigin] = {}
    for each in origins:
        distinct.setdefault((each.kind, each.operation, each.place, each.name), each)
    return tuple(sorted(distinct.values(), key=lambda each: each.kind not in ("data", "variable")))


def _data_rows(steps: SingleSteps, position: Target, part: Any, rows: Sequence[int]) -> tuple[int, ...]:
    """Rows of a batch, from 0, as rows of the data, from 1; empty where they are not known."""
    places = steps.rows(*position)
    if places is None or not isinstance(part, Part):
        return ()
    return tuple(int(part.index[places[row]]) + 1 for row in rows)


def _about_data(
    named: Mapping[str, Any], rows: Sequence[int], prepared: PreparedRun, data_rows: Sequence[int]
) -> str:
    """The number of the data that stands out in some rows of a batch, in a sentence; empty where none does."""
    preparation = prepared.prepared.preparation
    features = {each.name: each.feature_names for each in preparation.inputs if isinstance(each, TableInput)}
    features |= {each.name: each.columns for each in preparation.targets if isinstance(each, NumberTarget)}
    number = unusual_number(named, rows, features)
    if number is None:
        return ""
    row = (
        f"row {data_rows[number.row]:,} of the data" if data_rows else f"row {number.row + 1:,} of the batch"
    )
    size, usual = f"{number.value:.4g}", f"{number.usual:.4g}"
    return f"In {row} '{number.name}' has the size {size}; in the other rows it is {usual} at most."
