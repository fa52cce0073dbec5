"""The values of runs by name, as in a table of experiments: keys, logs, results; select, sort and group by them."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from workbench.errors import RecipeError
from workbench.filter_terms import COMPARISONS, Term, find_name, parse_filter
from workbench.storage.extremes import BEST, PREFIXES, extreme_of
from workbench.storage.recipe_values import short_keys
from workbench.storage.runs import RunSummary


@dataclass(frozen=True)
class RunGroup:
    """Runs with one value of a key.

    Attributes:
        value: of the key, as text; "" for runs without it.
        numbers: of each log and result: the mean, the standard deviation of a sample (nan of one run), and of how many
            runs; of those that have a finite one.
    """

    value: str
    runs: tuple[RunSummary, ...]
    numbers: Mapping[str, tuple[float, float, int]]


def value_of(run: RunSummary, name: str) -> Any:
    """A value of a run by its whole name: `run`, `status`, `started`, `epoch`, `tag`, `note`, a log (its last value) or
    the `best_`, `lowest_` or `highest_` of it, a `test_` result, or a key of its recipe; None where it has none."""
    match name:
        case "run":
            return run.folder.name
        case "status" | "epoch" | "started":
            return getattr(run, name)
        case "tag":
            return run.labels.tags
        case "note":
            return run.labels.note
    if name in run.logs:
        return run.logs[name]
    tested = name.removeprefix("test_")
    if tested != name and tested in run.evaluation:
        return run.evaluation[tested]
    if (extreme := extreme_of(run, name)) is not None:
        return extreme
    return run.recipe_values.get(name)


def numbers_of(run: RunSummary) -> dict[str, float]:
    """What a run logged last, with `test_` what it reached on its test part, and with `best_` the best of its epochs,
    where that was read."""
    best = {f"{BEST}{name}": extreme_of(run, f"{BEST}{name}") for name in run.extremes}
    return {
        **run.logs,
        **{f"test_{name}": value for name, value in run.evaluation.items()},
        **{name: value for name, value in best.items() if value is not None},
    }


def names_of(runs: Iterable[RunSummary]) -> dict[str, str]:
    """What values may be called: their whole names, and the last parts of recipe keys that no other has.

    Returns:
        The whole name by what it may be called.
    """
    whole = dict.fromkeys(["run", "status", "started", "epoch", "tag", "note"])
    logs: dict[str, None] = {}
    for keys, logged in {  # few recipes have other keys
        ((*numbers_of(run), *run.recipe_values), tuple(run.logs)): None for run in runs
    }:
        whole |= dict.fromkeys(keys)
        logs |= dict.fromkeys(logged)
    whole = dict.fromkeys(f"{prefix}{name}" for prefix in PREFIXES for name in logs) | whole
    found = {name: name for name in whole}
    for name, short in short_keys(name for name in whole if "." in name).items():
        found.setdefault(short, name)
    tails = [name for name in whole if name.endswith(".learning_rate")]
    return found | ({"lr": tails[0]} if len(tails) == 1 and "lr" not in found else {})


def resolve_name(name: str, runs: Sequence[RunSummary]) -> str:
    """The whole name of a value.

    Raises:
        RecipeError: no run has it, or several keys end with it.
    """
    return _resolved(name, names_of(runs))


def _resolved(name: str, known: Mapping[str, str]) -> str:
    try:
        return known[find_name(name, known, "key")]
    except RecipeError as error:
        last = "learning_rate" if name.casefold() == "lr" else name.casefold()
        several = [key for key in known if key == known[key] and key.casefold().endswith(f".{last}")]
        if not several:
            raise
        what = f"'{name}' may be {', '.join(several[:-1])} or {several[-1]}."
        raise RecipeError(what, hint="Write more of the key.") from error


def choose_runs(
    runs: Sequence[RunSummary], line: str, state: Callable[[RunSummary], str] = lambda run: run.status
) -> list[RunSummary]:
    """The runs that a filter lets through: `lr<0.01 status:done tag:base price`.

    Args:
        line: terms of `workbench.filter_terms` over the names of `names_of`; a word alone is looked for in names,
            states, tags and notes.
        state: a run's state in words.

    Raises:
        RecipeError: a term names no value, or compares what has no order.
    """
    if not line.strip():
        return list(runs)
    known = names_of(runs)
    terms = parse_filter(line, lambda name: _resolved(name, known))
    return [run for run in runs if all(_holds(term, run, state) for term in terms)]


def _holds(term: Term, run: RunSummary, state: Callable[[RunSummary], str]) -> bool:
    if not term.column:
        words = " ".join([run.folder.name, state(run), *run.labels.tags, run.labels.note])
        return term.text.casefold() in words.casefold()
    is_state = term.column == "status" and term.operator == ":"
    value = state(run) if is_state else value_of(run, term.column)
    wanted = term.text.casefold()
    missing = value in (None, "", ())
    if not wanted:
        return {"=": missing, "!=": not missing}.get(term.operator, True)  # else it is still being typed
    if isinstance(value, tuple):
        tags = [tag.casefold() for tag in value]
        if term.operator == ":":
            return any(wanted in tag for tag in tags)
        return (wanted in tags) is (term.operator != "!=")
    if term.operator == ":":
        return value is not None and wanted in str(value).casefold()
    number, other = _number(value), _number(term.text)
    if number is not None and other is not None:
        if math.isnan(other):
            return math.isnan(number) is (term.operator == "=")
        return bool(COMPARISONS[term.operator](number, other))
    if term.operator in ("=", "!="):
        return not missing and (str(value).casefold() == wanted) is (term.operator == "=")
    if other is None:
        raise RecipeError(
            f"'{term.text}' is no number that '{term.column}' could be compared with.",
            hint=f"`{term.column}:{term.text}` finds what contains it, `=` what is equal.",
        )
    return False  # it has no number there


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def sort_runs(runs: Sequence[RunSummary], name: str, *, highest: bool = False) -> list[RunSummary]:
    """The runs by a value, of its whole name: numbers first, by size, then texts; those without it last."""

    def rank(run: RunSummary) -> tuple[int, float, str]:
        value = value_of(run, name)
        number = _number(value)
        if number is not None and not math.isnan(number):
            return 0, -number if highest else number, ""
        if value in (None, "", ()) or number is not None:
            return 2, 0.0, ""
        return 1, 0.0, " ".join(value) if isinstance(value, tuple) else str(value)

    texts = sorted(runs, key=rank)
    if not highest:
        return texts
    middle = [run for run in texts if rank(run)[0] == 1]
    return (
        [run for run in texts if rank(run)[0] == 0]
        + middle[::-1]
        + [run for run in texts if rank(run)[0] == 2]
    )


def group_runs(runs: Sequence[RunSummary], name: str) -> list[RunGroup]:
    """The runs by the values of one name, the lowest number first, then texts in their order."""
    by_value: dict[str, list[RunSummary]] = {}
    for run in runs:
        value = value_of(run, name)
        value = "" if value is None else value
        by_value.setdefault(", ".join(value) if isinstance(value, tuple) else str(value), []).append(run)

    def rank(value: str) -> tuple[bool, float, str]:
        number = _number(value)
        return number is None, number or 0.0, value

    return [
        RunGroup(value, tuple(by_value[value]), _means(by_value[value]))
        for value in sorted(by_value, key=rank)
    ]


def _means(runs: Sequence[RunSummary]) -> dict[str, tuple[float, float, int]]:
    found: dict[str, list[float]] = {}
    for run in runs:
        for name, value in numbers_of(run).items():
            if math.isfinite(value):
                found.setdefault(name, []).append(value)
    return {
        name: (statistics.fmean(own), statistics.stdev(own) if len(own) > 1 else math.nan, len(own))
        for name, own in found.items()
    }
