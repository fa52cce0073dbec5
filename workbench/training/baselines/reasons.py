"""Why a model is likely no better than a guess: from its losses, its outputs, and what a linear model reaches."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import keras
import numpy as np

from workbench.storage.optimizers import learning_rates
from workbench.training.baselines.beside import Baseline, is_better
from workbench.training.baselines.verdict import number
from workbench.training.monitors.dead import rectifies
from workbench.training.monitors.seen import Seen
from workbench.training.preparing import PreparedRun, head

ROWS = 512  # of the training part that are looked at
_FEW_STEPS = 100
_CONSTANT = 1e-3  # of the targets' deviation: outputs that differ by less are all alike
_RISES = 1.5  # a loss that ends so many times above its best has run away
_BY_HEART = 0.7  # of a guess: a loss below that on the training part has learned its rows


@dataclass(frozen=True)
class Evidence:
    """What is known of a training whose model is no better than a guess.

    Attributes:
        losses: of the training part, by epoch.
        steps: that were trained.
        rate: the learning rate at the end; None where there are several.
        targets, outputs: of some training rows, by name, in the units that the model learns.
        scaled: the targets that the model learns scaled.
        dead: the share of dead units by layer, of those whose output is cut off at 0.
        on_training: the last score of the training part that was compared, and what a guess and a linear model reach
            in its place on the other part.
    """

    losses: Sequence[float] = ()
    steps: int = 0
    rate: float | None = None
    targets: Mapping[str, np.ndarray] = field(default_factory=dict)
    outputs: Mapping[str, np.ndarray] = field(default_factory=dict)
    scaled: frozenset[str] = frozenset()
    dead: Mapping[str, float] = field(default_factory=dict)
    on_training: tuple[str, float, Baseline] | None = None


def likely_reason(evidence: Evidence) -> str:
    """The likeliest reason, and what to do; empty where nothing points to one."""
    tried: tuple[Callable[[Evidence], str], ...] = (
        _dead,
        _rate_too_high,
        _out_of_reach,
        _target_not_scaled,
        _constant,
        _by_heart,
        _rate_too_low,
        _nothing_to_learn,
    )
    return next((reason for find in tried if (reason := find(evidence))), "")


def gather(
    run: PreparedRun, history: Sequence[Mapping[str, float]], baselines: Mapping[str, Baseline]
) -> Evidence:
    """What a run that has ended shows. Of a model that cannot be called here, less is known."""
    part = run.prepared.preparation.for_model(head(run.prepared, ROWS))
    outputs: dict[str, np.ndarray] = {}
    dead: dict[str, float] = {}
    with suppress(Exception):  # the model's own code
        outputs, dead = _called(run, part.inputs)
    rates = list(learning_rates(run.model).values())
    steps = -(-run.prepared.train.rows // run.document.recipe.train.batch_size)
    return Evidence(
        losses=[logs["loss"] for logs in history if "loss" in logs],
        steps=steps * len(history),
        rate=rates[0] if len(rates) == 1 else None,
        targets=part.targets,
        outputs={name: array for name, array in outputs.items() if name in part.targets},
        scaled=frozenset(run.prepared.preparation.scales()),
        dead=dead,
        on_training=_on_training(history, baselines),
    )


def _called(
    run: PreparedRun, inputs: Mapping[str, np.ndarray]
) -> tuple[dict[str, np.ndarray], dict[str, float]]:
    """The outputs for rows, by name, and the share of dead units by layer."""
    structure = run.assembly.structure
    arrays = {
        name: np.asarray(array) for name, array in inputs.items()
    }  # pictures may be in their files still
    tensors = keras.tree.map_structure(keras.ops.convert_to_tensor, structure.pack_inputs(arrays))
    with Seen(run.model, lambda *_: None) as seen:
        found = run.model(tensors, training=False)
    dead = {}
    for each in seen.outputs:
        if rectifies(each.layer) and len(each.value.shape) > 1:
            largest = np.max(np.asarray(each.value), axis=tuple(range(len(each.value.shape) - 1)))
            dead[each.path] = float(np.mean(largest <= 0.0))
    return {name: np.asarray(value) for name, value in structure.unpack_outputs(found).items()}, dead


def _on_training(
    history: Sequence[Mapping[str, float]], baselines: Mapping[str, Baseline]
) -> tuple[str, float, Baseline] | None:
    last = history[-1] if history else {}
    for name in ("loss", *last):
        for each in (name, f"val_{name}"):
            if name in last and each in baselines:
                return name, last[name], baselines[each]
    return None


# ---------------------------------------------------------------------- the reasons, the surest first


def _dead(evidence: Evidence) -> str:
    layers = [path for path, share in evidence.dead.items() if share == 1.0]
    if not layers:
        return ""
    return (
        f"every unit of '{layers[0]}' gives 0 for every row (dead units), so that nothing reaches the layers behind "
        "it: train with a lower learning rate, scale the inputs (`scale: standard`), or use another activation"
    )


def _rate_too_high(evidence: Evidence) -> str:
    losses = [loss for loss in evidence.losses if np.isfinite(loss)]
    if len(losses) < 2 or losses[-1] <= _RISES * min(losses) or losses[-1] <= 0.0:
        return ""
    at = int(np.argmin(losses)) + 1
    return (
        f"the loss of the training part rose from {number(min(losses))} in epoch {at} to {number(losses[-1])}: the "
        f"learning rate{_of(evidence)} is likely too high"
    )


def _out_of_reach(evidence: Evidence) -> str:
    """An activation that ends where the targets go on."""
    for name, target, output in _numbers(evidence):
        low, high = float(output.min()), float(output.max())
        ends = (high == low == 1.0 and float(np.median(target)) > 1.0) or (
            high == low == 0.0 and float(np.median(target)) < 0.0
        )
        if ends:
            side = "above" if high else "below"
            return (
                f"the model gives {high:.0f} for every row, which is where the activation of its last layer ends, and "
                f"most values of '{name}' are {side} that: leave that activation out"
            )
    return ""


def _target_not_scaled(evidence: Evidence) -> str:
    for name, target, output in _numbers(evidence):
        away = abs(float(output.mean() - target.mean()))
        large = abs(float(target.mean())) + float(target.std())
        if name in evidence.scaled or large < 10.0 or away <= float(target.std()):
            continue
        return (
            f"the target '{name}' is not scaled: its values are around {number(float(target.mean()))}, and the model "
            f"has got to {number(float(output.mean()))}. `scale_targets: standard` under `data` has it learn scaled "
            "numbers"
        )
    return ""


def _constant(evidence: Evidence) -> str:
    for name, output in evidence.outputs.items():
        target = np.asarray(evidence.targets[name], np.float64)
        spread = target.std() if output.shape == target.shape and not _is_01(target) else 1.0
        if len(output) > 1 and float(np.ptp(output, axis=0).max()) <= _CONSTANT * spread:
            values = output.reshape(len(output), -1)[0]
            shown = (
                number(float(values[0]))
                if len(values) == 1
                else f"[{', '.join(map(number, values[:4].tolist()))}]"
            )
            return (
                f"the model gives the same for every row ({shown}): what is in the inputs does not get through. Inputs "
                "that are not scaled, a learning rate that is too high or a saturated activation do that"
            )
    return ""


def _by_heart(evidence: Evidence) -> str:
    if evidence.on_training is None:
        return ""
    name, score, baseline = evidence.on_training
    if baseline.better == "up":
        learned = score > baseline.guess + 0.3 * (1.0 - baseline.guess)
    else:
        learned = 0.0 < score < _BY_HEART * baseline.guess
    if not learned:
        return ""
    known = f"it has learned its training rows ({name} {number(score)}), and nothing that holds for others"
    if baseline.linear is not None and is_better(baseline.linear, baseline.guess, baseline.better):
        return f"{known}: fewer epochs, a smaller model, Dropout or more rows help against that"
    return f"{known}: the labels may not belong to their rows (shuffled), or the inputs say nothing about the target"


def _rate_too_low(evidence: Evidence) -> str:
    losses = list(evidence.losses)
    if evidence.steps <= _FEW_STEPS and (evidence.rate is None or evidence.rate > 1e-5):
        steps = "1 step" if evidence.steps == 1 else f"{evidence.steps} steps"
        return f"it was trained for {steps} only: train for more epochs"
    if len(losses) < 2:
        return f"the learning rate{_of(evidence)} is likely too low" if (evidence.rate or 1.0) <= 1e-5 else ""
    falls = np.mean(np.diff(losses) < 0.0) >= 0.8
    if not falls or losses[0] - losses[-1] <= 0.0:
        return ""
    return (
        f"the loss of the training part has gone from {number(losses[0])} to {number(losses[-1])} only, and still "
        f"falls: the learning rate{_of(evidence)} is likely too low, or more epochs are needed"
    )


def _nothing_to_learn(evidence: Evidence) -> str:
    if evidence.on_training is None or (linear := evidence.on_training[2].linear) is None:
        return ""
    baseline = evidence.on_training[2]
    by_chance = 0.02 * abs(baseline.guess)
    if is_better(linear, baseline.guess, baseline.better) and abs(linear - baseline.guess) > by_chance:
        return (
            f"a linear model reaches {number(linear)}, so there is something to learn: try other learning rates, "
            "scaled inputs, or more epochs"
        )
    return (
        "a linear model does no better: the inputs may say nothing about the target, or the labels do not belong to "
        "their rows (shuffled)"
    )


def _numbers(evidence: Evidence) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Targets that are numbers, and no labels, with their outputs."""
    for name, output in evidence.outputs.items():
        target = np.asarray(evidence.targets[name], np.float64)
        if target.size and output.size == target.size and not _is_01(target):
            yield name, target.reshape(output.shape), output.astype(np.float64)


def _is_01(target: np.ndarray) -> bool:
    return bool(np.isin(target, (0, 1)).all())


def _of(evidence: Evidence) -> str:
    return "" if evidence.rate is None else f" ({evidence.rate:.3g})"
