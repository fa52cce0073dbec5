"""What a process that wants to join says of itself, and why it may not."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from workbench import __version__
from workbench.devices.cores import allowed_cores
from workbench.devices.processor import find_processor
from workbench.errors import TrainingError

_PACKAGES = ("tensorflow", "keras", "numpy")


def greeting(process: int, place: int | None = None) -> dict[str, Any]:
    """Of this machine, without loading TensorFlow.

    Args:
        process: its number among those of this machine, from 0.
        place: its number among all, where something else has given it one.
    """
    return {
        "versions": _versions(),
        "host": socket.gethostname(),
        "cores": find_processor().cores,
        "allowed": sorted(allowed_cores()),
        "process": process,
        "place": place,
    }


def _versions() -> dict[str, str]:
    found = {"kwb": __version__}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = ""
    return found


def why_refused(hello: Mapping[str, Any], name: str) -> TrainingError | None:
    """Why a process may not join; None where it may.

    Args:
        name: of its machine, for the message.
    """
    mine, its = _versions(), dict(hello.get("versions", {}))
    other = [
        f"{package} {its.get(package) or 'is missing'}, not {mine[package]}"
        for package in mine
        if its.get(package) != mine[package]
    ]
    if not other:
        return None
    return TrainingError(
        f"{name} cannot train with this machine: it has {', '.join(other)}.",
        where="kwb worker",
        hint="Install the same versions on all machines.",
    )
