"""Find the baselines of a training beside it: in a thread, so that no step waits for them."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

import keras
import numpy as np

from workbench.assembly.layers import has_own_classes, sublayers
from workbench.assembly.own_training import has_own, lacks_call
from workbench.assembly.stateful import static_batch
from workbench.data.loading import Rows
from workbench.data.preparation import Part, Preparation
from workbench.data.streamed_part import StreamedPart
from workbench.data.weights import class_weights
from workbench.training.baselines.guesses import ConstantGuess, OutputForm, guesses
from workbench.training.baselines.large import as_read, few_rows, is_large
from workbench.training.baselines.linear import MOST_CELLS, Predict, fitted, is_fittable
from workbench.training.baselines.rows import row_weights, sampled
from workbench.training.baselines.scoring import DOWN, UP, Scorer, loss_of, takes_logits, uses_own_code
from workbench.training.preparing import PreparedRun, adds_losses, input_specs

MOST_SCORED = (
    5_000_000  # numbers of targets and predictions of a part; of more, a sample of its rows is scored
)
WAITED = 3.0  # seconds at the end of a training, for what is not found yet

Scores = dict[str, float]
Predictions = Callable[[slice], Mapping[str, np.ndarray]]


@dataclass(frozen=True)
class Baseline:
    """What can be reached without the model, by one score.

    Attributes:
        guess: the best constant guess.
        what: which one that is, in words.
        linear: what a linear or logistic model reaches; None where there is none.
        better: `up` or `down`.
        fair: as `guess`, of the constant guesses that count the rows by the weights that training counts them by.
        rows: how many training rows, drawn at random, it was found from; None where all were looked at.
        naive: of windows, what naive forecasts reach, by what they are: `the last value`. The best of them may be the
            `guess`.
    """

    guess: float
    what: str
    better: str
    fair: float
    linear: float | None = None
    rows: int | None = None
    naive: Mapping[str, float] = field(default_factory=dict)

    def as_record(self) -> dict[str, Any]:
        """As the events have it."""
        record: dict[str, Any] = {"guess": self.guess, "of": self.what, "better": self.better}
        if self.naive:
            record["naive"] = dict(self.naive)
        if self.rows is not None:
            record["rows"] = self.rows
        return record if self.linear is None else record | {"linear": self.linear}


class Beside:
    """Finds what constant guesses and a linear model reach on the validation and test part; gives up where its context
    is left.

    Args:
        prepared_run: the run. Nothing is found where its model is scored by code of its own.
    """

    def __init__(self, prepared_run: PreparedRun) -> None:
        self._run = prepared_run
        self._class_weight = class_weights(prepared_run.document.recipe, prepared_run.prepared)
        self._preparation = _with_names_of_outputs(prepared_run)
        self._found: dict[str, Baseline] = {}
        self._given: dict[str, Any] = {}
        self._plain = is_plain(prepared_run.model)
        # A loss of the model's own making is not the one that was compiled; what it calls `mae` is the metric.
        self._own_loss = any(has_own(prepared_run.model, name) for name in ("test_step", "compute_loss"))
        # Code of the user's own may count its calls, or not bear to run twice at once: it is called after training.
        self._early = not uses_own_code(prepared_run.document.recipe.train, prepared_run.assembly.maker)
        self._left = WAITED  # seconds
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None
        prepared = prepared_run.prepared
        parts = {"val_": prepared.validation, "": prepared.test}
        self._parts = {prefix: part for prefix, part in parts.items() if part is not None}
        self._large = is_large([prepared.train, *self._parts.values()], prepared.preparation)
        self.applies = bool(self._parts) and _is_scored_as_compiled(prepared_run)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def callback(self) -> keras.callbacks.Callback:
        """The callback that starts it, when the engine is chosen and its first steps are done."""
        return _Starter(self if self._early else None)

    def start(self) -> None:
        if self.applies and self._thread is None:
            self._thread = threading.Thread(target=self._work, name="kwb-baselines", daemon=True)
            self._thread.start()

    def news(self) -> dict[str, Any]:
        """What was found of the validation part since the last call, as `Epoch` events have it."""
        found = {
            name: each.as_record() for name, each in self._found.copy().items() if name.startswith("val_")
        }
        if not self._plain:  # the loss may hold more than what is scored here; at the end that is known
            found = {name: record for name, record in found.items() if not name.endswith("loss")}
        fresh = {name: record for name, record in found.items() if self._given.get(name) != record}
        self._given |= fresh
        return fresh

    def finish(self, seconds: float = WAITED) -> dict[str, Baseline]:
        """All that was found, by the names in the logs, after waiting so long for the rest."""
        self.start()
        if self._thread is None:
            return {}
        self._left = seconds
        self._wait()
        self.stop()
        found = self._found.copy()
        inputs = input_specs(self._run.prepared.preparation, static_batch(self._run.model))
        if self._own_loss:
            found = {name: each for name, each in found.items() if not name.endswith("loss")}
        elif found and not self._plain and adds_losses(self._run.assembly, inputs):
            for name in ("loss", "val_loss"):
                found.pop(name, None)
        return found

    def stop(self) -> None:
        """Give up what is not found yet."""
        self._stopped.set()
        self._wait()

    def _wait(self) -> None:
        """Wait for the thread, never longer in all than is left."""
        if self._thread is not None:
            began = time.monotonic()
            self._thread.join(self._left)
            self._left = max(self._left - (time.monotonic() - began), 0.0)

    # ------------------------------------------------------------------ in the thread

    def _work(self) -> None:
        try:
            with _one_thread():
                self._find()
        except Exception:  # a loss or a metric of a plugin, on predictions that it has never seen
            self._stopped.set()

    def _find(self) -> None:
        run, structure = self._run, self._run.assembly.structure
        scorer = Scorer(run.assembly, run.document.recipe.train, self._preparation)
        train = self._named(self._training_rows())
        forms = {
            name: OutputForm(tuple(tensor.shape[1:]), takes_logits(loss_of(run.model, structure, name)))
            for name, tensor in run.assembly.outputs.items()
        }
        # What is read once has to be predicted when it is read.
        models = self._linear_models(train, forms) if self._large else {}
        parts = {prefix: self._named(self._scored_rows(part, models)) for prefix, part in self._parts.items()}
        if not self._find_guesses(scorer, train, forms, parts):
            return
        self._find_naive(scorer, parts)
        if self._large:
            models = {name: _predicted(name) for name in models}
        else:
            models = self._linear_models(train, forms)
        self._find_linear(scorer, models, parts)

    def _training_rows(self) -> Part:
        train, seed = self._run.prepared.train, self._run.document.recipe.seed
        if self._large and isinstance(train, StreamedPart):
            return few_rows(train, seed, self._stopped.is_set)
        return sampled(train, MOST_CELLS)

    def _scored_rows(self, part: Rows, models: Mapping[str, Predict]) -> Part:
        if not (self._large and isinstance(part, StreamedPart)):
            return sampled(part, MOST_SCORED)
        width = sum(math.prod(shape) for shape in self._preparation.target_shapes().values())
        seed, most = self._run.document.recipe.seed, max(1, MOST_SCORED // max(width, 1))
        return as_read(part, models, most, seed, self._stopped.is_set)

    def _named(self, part: Part) -> Part:
        """A part whose only target is called as the only output is."""
        if len(part.targets) != 1:
            return part
        (name,), (own,) = self._preparation.target_shapes(), part.targets

        def renamed(arrays: Mapping[str, Any]) -> dict[str, Any]:
            return {name if each == own else each: array for each, array in arrays.items()}

        weights = part.sample_weight
        return replace(
            part,
            targets=renamed(part.targets),
            sample_weight=renamed(weights) if isinstance(weights, Mapping) else weights,
            naive={what: renamed(forecasts) for what, forecasts in part.naive.items()},
        )

    def _find_guesses(
        self, scorer: Scorer, train: Part, forms: Mapping[str, OutputForm], parts: Mapping[str, Part]
    ) -> bool:
        """False where a constant makes no sense for a target."""
        weights = row_weights(train, self._class_weight)
        fair = {name: self._guesses(train, name, weights[name], form) for name, form in forms.items()}
        plain = {
            name: self._guesses(train, name, None, form) if weights[name] is not None else []
            for name, form in forms.items()
        }
        tried = [(which, True) for which in _together(fair)] + [(which, False) for which in _together(plain)]
        for prefix, part in parts.items():
            found: dict[str, Baseline] = {}
            for which, is_fair in tried:
                for name, score in self._score(scorer, _constant(which), part).items():
                    if (way := scorer.directions.get(name)) is not None:
                        found[name] = _with(found.get(name), score, _words(which), way, is_fair=is_fair)
            if self._large:
                found = {name: replace(each, rows=train.rows) for name, each in found.items()}
            self._found |= {f"{prefix}{name}": each for name, each in found.items()}
        return bool(self._found)

    def _find_naive(self, scorer: Scorer, parts: Mapping[str, Part]) -> None:
        """Naive forecasts of windows are guesses too."""
        scales = self._preparation.scales()
        for prefix, part in parts.items():
            for what, forecasts in part.naive.items():
                if set(forecasts) != set(part.targets):
                    continue  # a class has no last value

                def predictions(
                    rows: slice, forecasts: Mapping[str, np.ndarray] = forecasts
                ) -> Mapping[str, np.ndarray]:
                    return {
                        name: scales[name].scaled(values[rows]) if name in scales else values[rows]
                        for name, values in forecasts.items()
                    }

                for name, score in self._score(scorer, predictions, part).items():
                    if (known := self._found.get(f"{prefix}{name}")) is not None:
                        found = _with(known, score, what, known.better, is_fair=False)
                        self._found[f"{prefix}{name}"] = replace(found, naive={**known.naive, what: score})

    def _guesses(
        self, train: Part, name: str, weights: np.ndarray | None, form: OutputForm
    ) -> list[ConstantGuess]:
        """The guesses for a target, as the model would make them; of a scaled one those in its own units as well."""
        found = guesses(train.targets[name], weights, form)
        if (scale := self._preparation.scales().get(name)) is None:
            return found
        own = [replace(guess, value=scale.scaled(guess.value[None])[0]) for guess in found]
        return (
            [*own, *guesses(scale.scaled(train.targets[name]), weights, form)] if scale.kind == "log" else own
        )

    def _linear_models(self, train: Part, forms: Mapping[str, OutputForm]) -> dict[str, Predict]:
        """A linear or logistic model for each output; none where one output has none."""
        rows = self._preparation.for_model(sampled(train, MOST_CELLS, by_inputs=True))
        weights = row_weights(rows, self._class_weight)
        models: dict[str, Predict] = {}
        for name, form in forms.items():
            if self._stopped.is_set() or not is_fittable(rows.inputs, rows.targets[name], form):
                return {}
            models[name] = fitted(rows.inputs, rows.targets[name], weights[name], form)
        return models

    def _find_linear(self, scorer: Scorer, models: Mapping[str, Predict], parts: Mapping[str, Part]) -> None:
        if not models:
            return
        for prefix, part in parts.items():

            def predictions(taken: slice, part: Part = part) -> Mapping[str, np.ndarray]:
                inputs = {name: array[taken] for name, array in part.inputs.items()}
                return {name: model(inputs).astype(np.float32) for name, model in models.items()}

            for name, score in self._score(scorer, predictions, part).items():
                if (known := self._found.get(f"{prefix}{name}")) is not None:
                    self._found[f"{prefix}{name}"] = replace(known, linear=score)

    def _score(self, scorer: Scorer, predictions: Predictions, part: Part) -> Scores:
        targets = self._preparation.for_model(part).targets
        scores = scorer.scores(predictions, targets, part.sample_weight, self._stopped.is_set)
        return {name: score for name, score in scores.items() if np.isfinite(score)}


def _predicted(name: str) -> Predict:
    """A model whose predictions stand in place of the inputs already."""
    return lambda inputs: inputs[name]


def _words(which: Mapping[str, ConstantGuess]) -> str:
    words = {guess.what for guess in which.values()}
    return words.pop() if len(words) == 1 else "a constant"


def _with(known: Baseline | None, score: float, what: str, way: str, *, is_fair: bool) -> Baseline:
    """A baseline with one more guess."""
    if known is None:
        return Baseline(score, what, way, score)
    if is_better(score, known.guess, way):
        known = replace(known, guess=score, what=what)
    if is_fair and is_better(score, known.fair, way):
        known = replace(known, fair=score)
    return known


class _Starter(keras.callbacks.Callback):
    every_batch = False

    def __init__(self, beside: Beside | None) -> None:
        super().__init__()
        self._beside = beside

    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        if self._beside is not None:
            self._beside.start()


def is_better(score: float, than: float, way: str) -> bool:
    """True if a score is better than another, where more (`up`) or less (`down`) is."""
    return score > than if way == UP else way == DOWN and score < than


def is_plain(model: Any) -> bool:
    """True if the loss of a model is surely that of its outputs alone: with no regularizer, and no code of its own."""
    regularized = any(getattr(layer, "activity_regularizer", None) for layer in sublayers(model))
    return not (has_own_classes(model) or model.losses or regularized)


def _is_scored_as_compiled(run: PreparedRun) -> bool:
    """True if the model's scores are those of the recipe's loss and metrics on its outputs and the targets."""
    model, train = run.model, run.document.recipe.train
    if lacks_call(model) or train.loss is None or train.compile:
        return False
    if any(has_own(model, name) for name in ("compute_metrics", "compile")):
        return False
    targets = _with_names_of_outputs(run).target_shapes()
    return bool(targets) and set(targets) == set(run.assembly.outputs)


def _with_names_of_outputs(run: PreparedRun) -> Preparation:
    """The preparation, its only target called as the only output of the model: they belong together anyway."""
    preparation, outputs = run.prepared.preparation, list(run.assembly.outputs)
    if len(outputs) != 1 or len(preparation.targets) != 1:
        return preparation
    target = preparation.targets[0].model_copy(update={"name": outputs[0]})
    return preparation.model_copy(update={"targets": (target,)})


def _together(by_output: Mapping[str, Sequence[ConstantGuess]]) -> list[Mapping[str, ConstantGuess]]:
    """The first guesses of all outputs, the second ones, and so on."""
    if not all(by_output.values()):
        return []
    most = max(map(len, by_output.values()))
    return [{name: own[min(at, len(own) - 1)] for name, own in by_output.items()} for at in range(most)]


def _constant(which: Mapping[str, ConstantGuess]) -> Predictions:
    def predictions(rows: slice) -> Mapping[str, np.ndarray]:
        count = rows.stop - rows.start
        return {
            name: np.broadcast_to(guess.value.astype(np.float32), (count, *guess.value.shape)).copy()
            for name, guess in which.items()
        }

    return predictions


def _one_thread() -> Any:
    """Linear algebra on one thread: the other cores belong to the training."""
    from threadpoolctl import threadpool_limits

    return threadpool_limits(1, "blas")
