"""Families of tests of which an ordinary run has a part, one of each kind: the rest repeats it for other values.

KWB_WHOLE=all .venv/bin/python -m pytest            all of every family
KWB_WHOLE=typing,resume .venv/bin/python -m pytest  all of these two
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import TypeVar

Case = TypeVar("Case")

FAMILIES = {
    "engines": "every sort of training with every engine",
    "resume": "the matrix of models, callbacks and optimizers that are broken off and resumed",
    "typing": "every text field at every speed",
    "checks": "the Check screen with every layer that is broken on purpose, which the command has too",
    "keras": "the contract for a sample of all that Keras has",
    "epochs": "the benchmarks' workloads with all their rows",
    "search": "searches and queues whose processes are killed or frozen, at more moments and in more ways",
    "environments": "projects with moved code, each installed by pip in a new environment",
    "kills": "trainings that are killed around the hand-over to XLA, at more moments",
    "processes": "each process of a training that is lost in each way, and each sort of recipe that several train",
    "moments": "processes of a training that are killed or frozen at 20 random moments",
    "numbers": "five runs of each recipe that must give the same numbers",
}


def whole(family: str) -> bool:
    """Whether all of a family runs."""
    assert family in FAMILIES
    asked = os.environ.get("KWB_WHOLE", "").split(",")
    unknown = set(asked) - {"", "all", *FAMILIES}
    assert not unknown, f"KWB_WHOLE={','.join(sorted(unknown))}: the families are all, {', '.join(FAMILIES)}"
    return "all" in asked or family in asked


def part(family: str, cases: Iterable[Case], ordinary: Sequence[Case]) -> list[Case]:
    """The cases of a family that run: all of them, or those of an ordinary run."""
    cases = list(cases)
    assert all(case in cases for case in ordinary), "a case of an ordinary run that the family does not have"
    return cases if whole(family) else list(ordinary)
