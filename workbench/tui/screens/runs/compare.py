"""Find how two runs differ: in their recipes (key by key), their results and the machine they ran on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from workbench.tui.views.formatting import duration, number, speed
from workbench.tui.views.training_view import TrainingView

ABSENT = "–"


@dataclass(frozen=True)
class Difference:
    """A key with its two values, as text; `ABSENT` where a run has none."""

    key: str
    left: str
    right: str


def differences(left: Any, right: Any) -> list[Difference]:
    """The keys whose values differ, in the order of the left."""
    one, other = flat(left), flat(right)
    keys = dict.fromkeys([*one, *other])
    found = (Difference(key, one.get(key, ABSENT), other.get(key, ABSENT)) for key in keys)
    return [each for each in found if each.left != each.right]


def flat(value: Any, key: str = "") -> dict[str, str]:
    """A tree as `train.optimizer.learning_rate: 0.001`, `model.sequential[0].units: 30`."""
    found: dict[str, str] = {}
    if isinstance(value, Mapping) and value:
        for name, item in value.items():
            found |= flat(item, f"{key}.{name}" if key else str(name))
    elif isinstance(value, list | tuple) and any(isinstance(item, Mapping | list | tuple) for item in value):
        for index, item in enumerate(value):
            found |= flat(item, f"{key}[{index}]")
    else:
        found[key] = _text(value)
    return found


def differing_keys(runs: Iterable[tuple[str, Mapping[str, str]]]) -> list[str]:
    """The keys in which runs of one recipe differ, the learning rate first.

    Args:
        runs: of each the name of its recipe, and its values as `flat` gives them.
    """
    runs = list(runs)
    seen: dict[tuple[str, str], set[str]] = {}
    counts: dict[str, int] = {}
    for name, values in runs:
        counts[name] = counts.get(name, 0) + 1
        for key, value in values.items():
            seen.setdefault((key, name), set()).add(value)
    several = [name for name, count in counts.items() if count > 1]
    by_name = {name: [values for other, values in runs if other == name] for name in several}
    found = dict.fromkeys(
        key
        for (key, name), values in seen.items()
        if name in by_name and key != "name"
        and (len(values) > 1 or any(key not in each for each in by_name[name]))
    )  # fmt: skip
    return sorted(found, key=lambda key: not key.endswith("learning_rate"))


def short_keys(keys: Iterable[str]) -> dict[str, str]:
    """For each key its last part, or as many of its last parts as make it unique."""
    keys = list(keys)
    found: dict[str, str] = {}
    for key in keys:
        parts = key.split(".")
        tails = (".".join(parts[-length:]) for length in range(1, len(parts) + 1))
        found[key] = next(
            tail
            for tail in tails
            if tail == key or not any(other != key and f".{other}".endswith(f".{tail}") for other in keys)
        )
    return found


def _text(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_text, value)) + "]"
    return str(value) if not isinstance(value, Mapping) else "{}"


def results(left: TrainingView, right: TrainingView) -> list[Difference]:
    """The ends of the two runs, side by side; every line, also where they are equal."""
    lines = [
        Difference("status", left.status or str(left.stage), right.status or str(right.stage)),
        Difference("epochs", f"{left.done}/{left.epochs}", f"{right.done}/{right.epochs}"),
    ]
    for name in dict.fromkeys([*left.logs, *right.logs]):
        lines.append(Difference(name, _number(left.logs, name), _number(right.logs, name)))
    for name in dict.fromkeys([*left.evaluation, *right.evaluation]):
        lines.append(
            Difference(f"test {name}", _number(left.evaluation, name), _number(right.evaluation, name))
        )
    monitored = left.monitored if left.best else right.monitored
    lines.append(Difference(f"best {monitored}", _best(left), _best(right)))
    lines.append(Difference("time", duration(left.seconds), duration(right.seconds)))
    lines.append(Difference("speed", speed(left.steps_per_second), speed(right.steps_per_second)))
    lines.append(Difference("engine", left.engine or ABSENT, right.engine or ABSENT))
    lines.append(Difference("parameters", f"{left.parameters:,}", f"{right.parameters:,}"))
    return lines


def _number(logs: Mapping[str, float], name: str) -> str:
    return number(logs[name]) if name in logs else ABSENT


def _best(view: TrainingView) -> str:
    return f"{number(view.best[1])} in epoch {view.best[0]}" if view.best else ABSENT
