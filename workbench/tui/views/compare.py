"""Find how two runs differ: in their recipes (key by key), their results and the machine they ran on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from workbench.storage.recipe_values import flat
from workbench.tui.views.formatting import ABSENT, duration, number, speed
from workbench.tui.views.training_view import TrainingView


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
