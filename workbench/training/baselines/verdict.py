"""Whether a model is better than a guess, and by how much, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from workbench.training.baselines.beside import Baseline, is_better
from workbench.training.baselines.scoring import UP

LEAST_ROWS = 20  # of a part: of fewer, chance decides
_CLEARLY = 2.0  # from so many times on, better is said as `times`, not in percent

Scores = Mapping[str, float]


@dataclass(frozen=True)
class Verdict:
    """A model beside its baselines.

    Attributes:
        compared: `mae 14,900 on the test part, 8.1 times better than guessing the mean; a linear model gives 15,200`;
            empty where there is nothing to compare with.
        no_better: what the guess reaches, where the model is better by no score; else empty.
        baselines: by the names of the logs.
    """

    compared: str = ""
    no_better: str = ""
    baselines: Mapping[str, Baseline] = field(default_factory=dict)


def judge(
    baselines: Mapping[str, Baseline],
    tested: Scores,
    history: Sequence[Scores],
    rows: Mapping[str, int],
) -> Verdict:
    """Compare the scores of a model with what can be reached without it: on the test part, or else on the validation
    part.

    Args:
        baselines: by the names of the logs.
        tested: the model's scores on the test part; may be empty.
        history: the logs of each epoch.
        rows: of the test part ("") and the validation part ("val_"), as far as there are any.
    """
    prefix = "" if any(name in baselines for name in tested) else "val_"
    epochs = [tested] if not prefix else history
    if not epochs or not rows.get(prefix):
        return Verdict(baselines=baselines)
    last = {
        name: score for name, score in epochs[-1].items() if name in baselines and name.startswith(prefix)
    }
    if not last:
        return Verdict(baselines=baselines)
    name = _main(last, prefix)
    part = "the validation part" if prefix else "the test part"
    no_better = ""
    if rows[prefix] >= LEAST_ROWS and not any(
        _learned(each, last, baselines, rows[prefix]) for each in epochs
    ):
        no_better = (
            f"{name} {number(last[name])} on {part}, where always guessing {baselines[name].what} gives "
            f"{number(baselines[name].guess)}"
        )
    return Verdict(_compared(name, last[name], part, baselines[name]), no_better, baselines)


def _learned(scores: Scores, names: Scores, baselines: Mapping[str, Baseline], rows: int) -> bool:
    return any(_beats(scores[name], baselines[name], rows) for name in names if name in scores)


def _beats(score: float, baseline: Baseline, rows: int) -> bool:
    """True if a score is better than a guess by more than another guess would be by chance, on so few rows."""
    fair = baseline.fair
    margin = 0.5 / rows if baseline.better == UP else min(0.1, 2.0 / rows) * abs(fair)
    return is_better(score, fair + margin if baseline.better == UP else fair - margin, baseline.better)


def _main(scores: Scores, prefix: str) -> str:
    """The score that is easiest to read: the first metric, or else the loss."""
    metrics = [name for name in scores if name.removeprefix(prefix) != "loss" and not name.endswith("_loss")]
    return metrics[0] if metrics else next(iter(scores))


def _compared(name: str, score: float, part: str, baseline: Baseline) -> str:
    guess, what = baseline.guess, baseline.what
    text = f"{name} {number(score)} on {part}"
    if not is_better(score, guess, baseline.better):
        text += f", no better than guessing {what} ({number(guess)})"
    elif baseline.better == UP or score <= 0.0:
        text += f", where guessing {what} gives {number(guess)}"
    elif guess / score >= _CLEARLY:
        text += f", {_times(guess / score)} times better than guessing {what}"
    else:
        text += f", {_percent(1.0 - score / guess)} better than guessing {what}"
    drawn = "" if baseline.rows is None else f" (from {baseline.rows:,} rows)"
    text += drawn
    others = [(other, value) for other, value in baseline.naive.items() if other != what]
    text += "".join(f"; {other} gives {number(value)}" for other, value in others)
    if baseline.linear is None:
        return text
    less = ", which is better" if is_better(baseline.linear, score, baseline.better) else ""
    return f"{text}; a linear model{drawn} gives {number(baseline.linear)}{less}"


def number(value: float) -> str:
    """In words: `14,900`, `0.0123`: four digits, or all before the point."""
    return f"{value:,.0f}" if 1e3 <= abs(value) < 1e15 else f"{value:.4g}"


def _times(ratio: float) -> str:
    return f"{ratio:.1f}" if ratio < 100 else f"{ratio:,.0f}"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if share >= 0.01 else f"{100 * share:.1g} %"
