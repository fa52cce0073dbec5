"""Which installed distribution a module belongs to."""

from __future__ import annotations

import importlib.metadata
import sys
from functools import cache
from pathlib import Path


def same_distribution(one: str, other: str) -> bool:
    """True if two imported modules are of one distribution; those of none, if they are of one top-level package."""
    if one.partition(".")[0] == other.partition(".")[0] and not _shared(one):
        return True
    found = _distribution(one)
    return found is not None and found == _distribution(other)


def _shared(module: str) -> bool:
    """True if a module's top-level package is a namespace, which several distributions may have a part of."""
    top = sys.modules.get(module.partition(".")[0])
    return top is None or getattr(top, "__file__", None) is None


@cache
def _distribution(module: str) -> str | None:
    names = _of_packages().get(module.partition(".")[0], [])
    file = getattr(sys.modules.get(module), "__file__", None)
    if len(set(names)) == 1:
        return names[0]
    for name in names:
        files = importlib.metadata.files(name) or ()
        if file is not None and any(Path(str(each.locate())) == Path(file) for each in files):
            return name
    return None


@cache
def _of_packages() -> dict[str, list[str]]:
    return dict(importlib.metadata.packages_distributions())
