"""A value of a run as the text of a table's cell, in the app and on the command line."""

from __future__ import annotations

from collections.abc import Sequence

from workbench.storage.extremes import BEST, HIGHEST, LOWEST
from workbench.storage.recipe_values import differing_keys, shown_value
from workbench.storage.run_values import names_of, numbers_of, value_of
from workbench.storage.runs import RunSummary
from workbench.tui.views.formatting import ABSENT, moment, number
from workbench.tui.views.marks import run_state

_TEXTS = ("run", "status", "started", "tag", "note")


def cell_text(run: RunSummary, name: str) -> str:
    """A value of a run by its whole name; `ABSENT` where it has none."""
    match name:
        case "status":
            return run_state(run)
        case "started":
            return moment(run.started)
        case "epoch":
            return f"{run.epoch}/{run.epochs}" if run.epochs else ABSENT
    value = value_of(run, name)
    if isinstance(value, tuple):
        return " ".join(value) or ABSENT
    if isinstance(value, str):
        return shown_value(value) if name not in _TEXTS else value or ABSENT
    return ABSENT if value is None else number(value)


def is_text(name: str) -> bool:
    """True if a column of this name holds words, which begin at the left."""
    return name in _TEXTS


def metrics_of(runs: Sequence[RunSummary]) -> list[str]:
    """Every name that the runs logged, `loss` and `val_loss` first."""
    names = dict.fromkeys(name for run in runs for name in run.logs if name != "learning_rate")
    return sorted(names, key=lambda name: (name not in ("loss", "val_loss"), name != "loss"))


def offered_columns(runs: Sequence[RunSummary]) -> dict[str, str]:
    """What may be a column of a table of these runs, and what it is in words: the most telling first."""
    metrics = metrics_of(runs)
    shortest: dict[str, str] = {}
    for short, whole in names_of(runs).items():
        if short == "lr":  # which is for those who type
            continue
        if whole not in shortest or len(short) < len(shortest[whole]):
            shortest[whole] = short
    differ = differing_keys((run.recipe_name, run.recipe_values) for run in runs)
    keys = dict.fromkeys([*differ, *(key for run in runs for key in run.recipe_values)])
    tests = dict.fromkeys(name for run in runs for name in numbers_of(run) if name not in run.logs)
    found = {"status": "running, done, failed ...", "epoch": "how far it came", "started": "when"}
    found |= dict.fromkeys(metrics, "the last value")
    found |= {f"{BEST}{name}": "the best value of any epoch" for name in metrics}
    found |= {name: "on the test part" for name in tests if not name.startswith(BEST)}
    found |= {"tag": "its tags", "note": "its note"}
    found |= {
        shortest.get(key, key): "differs between runs" if key in differ else "in the recipe" for key in keys
    }
    for prefix, words in (
        (LOWEST, "the lowest value of any epoch"),
        (HIGHEST, "the highest value of any epoch"),
    ):
        found |= {f"{prefix}{name}": words for name in metrics}
    return found
