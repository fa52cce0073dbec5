"""A search in words and as JSON: a line for each trial, and a table at its end."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping
from typing import Any

from workbench.events import plain
from workbench.recipe.document import split_key
from workbench.recipe.yaml_values import one_line
from workbench.search.importance import KeyImportance
from workbench.search.space import Base
from workbench.search.state import Repetition, SearchState, Trial, TrialState, best

VERSION = 1  # of the lines of `--json`
MOST_ROWS = 20  # of the table at the end


def command_of(base: Base) -> str:
    return "search" if base.search is not None else "repeat"


def headline(name: str, base: Base, state: SearchState, trials: int, workers: int) -> str:
    """What is about to be done."""
    done = sum(trial.state.over for trial in state.trials)
    at_once = f"{workers} at once" if workers > 1 else "one after the other"
    if base.search is None:
        return f"{name}: {base.repetitions} trainings, {at_once}"
    before = f", {done} of them done before" if done else ""
    each = f" of {base.repetitions} trainings" if base.repetitions > 1 else ""
    return f"{name}: {trials} trials{each}{before}, {at_once}; goal {goal_in_words(base)}"


def goal_in_words(base: Base) -> str:
    """`val_loss (lowest)`, of a search."""
    assert base.search is not None
    goal = base.search.goal
    return f"{goal.name} ({'lowest' if goal.sign > 0 else 'highest'})"


def line_of(base: Base, state: SearchState, number: int, index: int) -> str | None:
    """One line about a training that has ended or was pruned; None while it trains."""
    trial = state.trials[number]
    repetition = trial.repetitions[index]
    if repetition.state is TrialState.RUNNING:
        return None
    named = f"trial {number}" if base.search is not None else ""
    named += f" repetition {index}" if base.repetitions > 1 else ""
    words = [named.strip(), settings_in_words(trial.settings), str(repetition.state)]
    if repetition.state is TrialState.FAILED:
        words.append(repetition.why)
    elif base.search is None:
        words.append(
            _numbers(
                {**repetition.logs, **{f"test {key}": value for key, value in repetition.evaluation.items()}}
            )
        )
    elif repetition.value is not None:
        words.append(f"{base.search.goal.name} {repetition.value:.6g}")
        words.append(f"epoch {repetition.epoch}")
    line = "  ".join(filter(None, words))
    found = best(state.trials, base.search.goal.sign) if base.search is not None else None
    return f"{line}  (best so far: {found.value:.6g}, trial {found.number})" if found is not None else line


def settings_in_words(settings: Mapping[str, Any]) -> str:
    """`units 32, learning_rate 0.01`: the last names of the keys, or the keys where two end alike."""
    names = names_of(settings)
    return ", ".join(f"{names[key]} {value_in_words(value)}" for key, value in settings.items())


def names_of(keys: Iterable[str]) -> dict[str, str]:
    """What to call each key: its last name, or all of it where two end alike."""
    ends = {key: str(split_key(key)[-1]) for key in keys}
    alike = len(set(ends.values())) < len(ends) or any(end.isdigit() for end in ends.values())
    return {key: key for key in ends} if alike else ends


def value_in_words(value: Any) -> str:
    """A value of a setting."""
    return f"{value:.4g}" if isinstance(value, float) else one_line(value)


def _numbers(logs: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:.4g}" for name, value in logs.items())


def record_of(base: Base, state: SearchState, number: int, index: int) -> dict[str, Any]:
    """One line of `--json`: a training that has begun, was compared or has ended."""
    trial = state.trials[number]
    repetition = trial.repetitions[index]
    record = {
        "v": VERSION,
        "event": "trial",
        "trial": number,
        "repetition": index,
        "settings": trial.settings,
        **_record(repetition),
    }
    return plain(record)  # a value may be nan


def _record(repetition: Repetition) -> dict[str, Any]:
    return {
        "state": str(repetition.state),
        "run": repetition.run,
        "epoch": repetition.epoch,
        "value": repetition.value,
        "logs": dict(repetition.logs),
        "evaluation": dict(repetition.evaluation),
        "seconds": repetition.seconds,
        "error": repetition.why,
    }


def summary_of(base: Base, state: SearchState) -> dict[str, Any]:
    """The last line of `--json`: the best trial, how many ended in which way, means and spreads of repeats."""
    counts = {str(each): 0 for each in TrialState}
    for trial in state.trials:
        counts[str(trial.state)] += 1
    found = best(state.trials, base.search.goal.sign) if base.search is not None else None
    winner = best_of(found) if found is not None else None
    repeated = (
        {str(trial.number): statistics_of(trial) for trial in state.trials} if base.repetitions > 1 else {}
    )
    return plain({"v": VERSION, "event": "summary", "trials": counts, "best": winner, "repeats": repeated})


def best_of(trial: Trial) -> dict[str, Any]:
    """The best trial, as JSON has it."""
    runs = [repetition.run for repetition in trial.repetitions]
    return {"trial": trial.number, "settings": trial.settings, "value": trial.value, "runs": runs}


def statistics_of(trial: Trial) -> dict[str, dict[str, float]]:
    """{mean, std, n} of each log of the last epoch, and with `test_` of the evaluation, over a trial's repetitions.

    `std` is that of a sample (divided by n - 1).
    """
    found: dict[str, list[float]] = {}
    for repetition in trial.repetitions:
        if repetition.state in (TrialState.DONE, TrialState.STOPPED):
            named = {
                **repetition.logs,
                **{f"test_{key}": value for key, value in repetition.evaluation.items()},
            }
            for name, value in named.items():
                found.setdefault(name, []).append(float(value))
    return {
        name: {
            "mean": statistics.fmean(values),
            "std": statistics.stdev(values)
            if len(values) > 1 and all(map(math.isfinite, values))
            else math.nan,
            "n": len(values),
        }
        for name, values in found.items()
    }


def table(name: str, base: Base, state: SearchState) -> list[str]:
    """The end in words: the best trials first, or the means of a repeat."""
    if base.search is None:
        return ["", *_repeated(state.trials[0])] if state.trials else []
    sign = base.search.goal.sign
    over = [trial for trial in state.trials if trial.value is not None]
    order = sorted(over, key=lambda trial: (sign * (trial.value or 0.0), trial.number))
    failed = sum(trial.state is TrialState.FAILED for trial in state.trials)
    lines = ["", f"{'trial':>6}  {base.search.goal.name:>14}  {'epoch':>6}  {'state':<8}  values"]
    for trial in order[:MOST_ROWS]:
        spread = f" ± {trial.spread:.2g}" if trial.spread is not None else ""
        value = f"{trial.value:.6g}{spread}"
        epoch = max(repetition.epoch for repetition in trial.repetitions)
        values = settings_in_words(trial.settings)
        lines.append(f"{trial.number:>6}  {value:>14}  {epoch:>6}  {trial.state:<8}  {values}")
    if len(order) > MOST_ROWS:
        lines.append(f"{len(order) - MOST_ROWS} more")
    if failed:
        lines.append(f"{failed} failed")
    if best(state.trials, sign) is not None:
        lines += ["", f"The recipe of the best: kwb search {name} --best > best.yaml"]
    return lines


def _repeated(trial: Trial) -> list[str]:
    found = statistics_of(trial)
    width = max(map(len, found), default=0)
    lines = [f"{'':{width}}  {'mean':>12}  {'std':>10}  {'n':>3}"]
    for name, each in found.items():
        lines.append(f"{name:{width}}  {each['mean']:>12.6g}  {each['std']:>10.3g}  {each['n']:>3}")
    return lines


def importance_lines(found: KeyImportance, base: Base) -> list[str]:
    """The importance of each key in words, the most important first."""
    width = max(map(len, found.shares), default=0)
    lines = [f"importance for {goal_in_words(base)}, from {found.trials} trials"]
    return lines + [f"{key:{width}}  {share:>6.1%}" for key, share in found.shares.items()]


def importance_record(found: KeyImportance) -> dict[str, Any]:
    """The importance of each key as JSON: shares that add up to 1."""
    return {"v": VERSION, "event": "importance", "trials": found.trials, "shares": dict(found.shares)}
