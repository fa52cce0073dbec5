"""The result of a layer's trial: its table, its chart, and what it shows, in words and as JSON."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.events import plain
from workbench.recipe.options.search import Goal
from workbench.recipe.yaml_values import one_line
from workbench.search.layer_places import item_of
from workbench.search.layer_trial import items_of, names_of_rivals
from workbench.search.matching import Sizes
from workbench.search.paired import LEVEL, PairedDifference, compare_pairs, least_pairs
from workbench.search.reporting import VERSION
from workbench.search.space import Base
from workbench.search.state import Repetition, SearchState, TrialState
from workbench.storage.bands import Band, band_of_runs
from workbench.storage.run_folder import RunFolder

DrawBands = Callable[[Sequence[Band], str], Sequence[str]]


@dataclass(frozen=True)
class LayerComparison:
    """One value of both layers, by seed.

    Attributes:
        values: of each layer, by the number of the seed; what failed or is not finite is missing.
        difference: of the pairs that are whole; None where there are no two.
    """

    name: str
    values: tuple[Mapping[int, float], Mapping[int, float]]
    difference: PairedDifference | None


def compare_layers(base: Base, state: SearchState) -> list[LayerComparison]:
    """The goal of both layers, and the same value on the test part where there is one."""
    goal = _goal(base)
    both = [_repetitions(base, state, number) for number in (0, 1)]
    found = [_comparison(goal.name, [{at: each.value for at, each in own.items()} for own in both])]
    measured = goal.name.removeprefix("val_")
    tested = [{at: each.evaluation.get(measured) for at, each in own.items()} for own in both]
    if any(value is not None for own in tested for value in own.values()):
        found.append(_comparison(f"test_{measured}", tested))
    return found


def _comparison(name: str, values: Sequence[Mapping[int, float | None]]) -> LayerComparison:
    first, second = (
        {at: float(value) for at, value in own.items() if value is not None and math.isfinite(value)}
        for own in values
    )
    pairs = sorted(set(first) & set(second))
    known = len(pairs) > 1
    difference = compare_pairs([first[at] for at in pairs], [second[at] for at in pairs]) if known else None
    return LayerComparison(name, (first, second), difference)


def _goal(base: Base) -> Goal:
    assert base.search is not None
    return base.search.goal


def _all_repetitions(base: Base, state: SearchState, number: int) -> list[Repetition]:
    """The trainings of one of the two layers, by their seed's number."""
    item, key = items_of(base)[number], next(iter(base.over))
    for trial in state.trials:
        if item_of(trial.settings.get(key)) == item:
            return list(trial.repetitions)
    return [Repetition()] * base.repetitions


def _repetitions(base: Base, state: SearchState, number: int) -> dict[int, Repetition]:
    """Those that have ended well, by their seed's number."""
    every = _all_repetitions(base, state, number)
    return {at: each for at, each in enumerate(every) if each.state.over and not each.why}


def trial_line(base: Base, state: SearchState, number: int, index: int) -> str | None:
    """One line about a training that has ended; None while it trains."""
    trial = state.trials[number]
    repetition = trial.repetitions[index]
    if repetition.state is TrialState.RUNNING:
        return None
    items = items_of(base)
    item = item_of(next(iter(trial.settings.values())))
    name = names_of_rivals(base)[items.index(item)] if item in items else one_line(item)
    words = [name, f"{index + 1} of {base.repetitions}", str(repetition.state)]
    if repetition.why:
        words.append(repetition.why)
    elif repetition.value is not None:
        words.append(f"{_goal(base).name} {repetition.value:.6g}  epoch {repetition.epoch}")
    return "  ".join(words)


def trial_table(base: Base, state: SearchState, sizes: Sizes | None, chart: DrawBands) -> list[str]:
    """The end of a trial in words.

    Args:
        chart: draws bands, with a title.
    """
    words = verdict(base, state, compare_layers(base, state))
    return ["", *layer_lines(base, state, sizes), *chart_lines(base, state, chart), "", *words]


def layer_lines(base: Base, state: SearchState, sizes: Sizes | None) -> list[str]:
    """A table with a line for each layer."""
    names, found = names_of_rivals(base), compare_layers(base, state)
    width = max(len(name) for name in ("layer", *names))
    heads = "".join(f"  {each.name:>22}" for each in found)
    lines = [f"{'layer':<{width}}{heads}  {'seeds':>5}  {'seconds':>8}  {'parameters':>10}"]
    for number, name in enumerate(names):
        repetitions = _repetitions(base, state, number)
        cells = "".join(f"  {_mean_and_spread(each.values[number]):>22}" for each in found)
        times = [each.seconds for each in repetitions.values()]
        seconds = f"{statistics.fmean(times):.3g}" if times else "-"
        parameters = f"{sizes.parameters[number]:,}" if sizes is not None else ""
        line = f"{name:<{width}}{cells}  {len(repetitions):>5}  {seconds:>8}  {parameters:>10}"
        lines.append(line.rstrip())
    return lines


def chart_lines(base: Base, state: SearchState, chart: DrawBands) -> list[str]:
    """The bands of both layers, below an empty line."""
    return ["", *chart(trial_bands(base, state), _goal(base).name)]


def sizes_in_words(sizes: Sizes) -> str:
    """How large both layers are, and how they were matched."""
    first, second = (one_line(item) for item in sizes.items)
    one, other = sizes.parameters
    words = f"{first} ({one:,} parameters in the model) and {second} ({other:,})"
    if sizes.seconds is not None:
        words += f"; an epoch takes {sizes.seconds[0] * 1000:.3g} and {sizes.seconds[1] * 1000:.3g} ms"
    if sizes.varied and not sizes.note:
        words += f"; matched by {sizes.varied}"
    return f"{words}. Not matched: {sizes.note}" if sizes.note else words


def _mean_and_spread(values: Mapping[int, float]) -> str:
    own = list(values.values())
    if not own:
        return "-"
    return f"{statistics.fmean(own):.5g}" + (f" ± {statistics.stdev(own):.2g}" if len(own) > 1 else "")


def trial_bands(base: Base, state: SearchState) -> list[Band]:
    """The goal by epoch of both layers, as far as their runs are on this machine; nothing where one has none."""
    bands = []
    for number, name in enumerate(names_of_rivals(base)):
        runs = [RunFolder(Path(each.run)) for each in _repetitions(base, state, number).values() if each.run]
        if (band := band_of_runs(name, runs, _goal(base).name)) is None:
            return []
        bands.append(band)
    return bands


def verdict(base: Base, state: SearchState, found: Sequence[LayerComparison]) -> list[str]:
    """What the trial shows, in plain words."""
    names, goal = names_of_rivals(base), _goal(base)
    first = found[0]
    lines = _missing(base, state, names, first)
    if first.difference is None:
        return [*lines, f"Nothing can be compared yet: no two seeds have {goal.name} of both layers."]
    lines.append(_in_words(names, first.name, first.difference, goal.sign))
    if first.difference.pairs < least_pairs():
        lines.append(
            f"{first.difference.pairs} pairs cannot show a difference: it takes at least {least_pairs()} "
            f"(--seeds {least_pairs()})."
        )
    for each in found[1:]:
        if each.difference is not None:
            lines.append(_in_words(names, each.name, each.difference, goal.sign))
    return lines


def _missing(base: Base, state: SearchState, names: Sequence[str], found: LayerComparison) -> list[str]:
    """What is left out, and what is still to be done."""
    lines, waiting, failed = [], 0, []
    for number, name in enumerate(names):
        every = _all_repetitions(base, state, number)
        ended = [at for at, each in enumerate(every) if each.state.over]
        waiting += len(every) - len(ended)
        if count := sum(at not in found.values[number] for at in ended):
            failed.append(f"{count} of {name}")
    if failed:
        lines.append(
            f"Failed, or without a finite {found.name}: {' and '.join(failed)}. Their pairs are left out."
        )
    if waiting:
        lines.append(f"{waiting} of {2 * base.repetitions} trainings are still to be done.")
    return lines


def _in_words(names: Sequence[str], value: str, found: PairedDifference, sign: int) -> str:
    first, second = names
    if not found.lower and not found.higher:
        return f"No difference: {value} is the same with each of {found.pairs} seeds."
    better = found.lower if sign > 0 else found.higher
    numbers = (
        f"{first} - {second}: {found.mean:+.3g} on average (95 % interval {found.low:+.3g} to {found.high:+.3g}), "
        f"{first} is better with {better} of {found.pairs} seeds, p = {found.p:.2g}"
    )
    if not found.is_shown:
        return f"No difference was shown in {value}. {numbers}."
    winner, loser = (first, second) if sign * found.mean < 0 else (second, first)
    return f"{winner} is better than {loser} in {value}. {numbers}."


def trial_record(base: Base, state: SearchState, sizes: Sizes | None) -> dict[str, Any]:
    """The last line of `--json`."""
    names, found = names_of_rivals(base), compare_layers(base, state)
    sign = _goal(base).sign
    record = {
        "v": VERSION,
        "event": "summary",
        "layers": [
            {
                "name": name,
                "item": dict(item),
                "values": {
                    each.name: {str(at): v for at, v in each.values[number].items()} for each in found
                },
                "runs": [each.run for each in _repetitions(base, state, number).values()],
            }
            for number, (name, item) in enumerate(zip(names, items_of(base), strict=True))
        ],
        "differences": {
            each.name: {**each.difference.as_record(), "better": _better(names, each.difference, sign)}
            for each in found
            if each.difference is not None
        },
        "level": LEVEL,
        "sizes": None if sizes is None else sizes.as_record(),
        "verdict": verdict(base, state, found),
    }
    return plain(record)


def _better(names: Sequence[str], found: PairedDifference, sign: int) -> str | None:
    if not found.is_shown:
        return None
    return names[0] if sign * found.mean < 0 else names[1]
