"""The devices of a run in words, of the record in its environment. That comes from a file: it may be anything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def devices_text(environment: Mapping[str, Any]) -> str:
    """`on 2 cores (Intel Xeon), 2 threads, 15.6 GiB of memory`; "" where a run does not say."""
    devices = environment.get("devices")
    if not isinstance(devices, Mapping):
        return ""
    threads, gpus = devices.get("threads"), devices.get("gpus")
    intra_op = threads.get("intra_op") if isinstance(threads, Mapping) else None
    parts = [names_text(gpus)] if isinstance(gpus, list) and gpus else []
    parts.append(f"{_counted(devices.get('cores'), 'core')} ({devices.get('cpu')})")
    parts.append(_counted(intra_op, "thread"))
    parts.append(f"{devices.get('memory_gib')} GiB of memory")
    return f"on {', '.join(parts)}"


def unused_notes(environment: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Why GPUs of the machine were not used: of each reason how much it matters, `info` or `warning`, and a text."""
    devices = environment.get("devices")
    unused = devices.get("unused_gpus") if isinstance(devices, Mapping) else None
    notes = []
    for record in unused if isinstance(unused, list) else ():
        if isinstance(record, Mapping):
            gpus = record.get("gpus")
            names = names_text(gpus) if isinstance(gpus, list) else ""
            level = "warning" if record.get("level") == "warning" else "info"
            notes.append((level, f"not used: {names}: {record.get('reason')}"))
    return notes


def names_text(names: Sequence[Any]) -> str:
    """`2 × NVIDIA A100, NVIDIA T4`."""
    counts = {str(name): names.count(name) for name in names}
    return ", ".join(f"{count} × {name}" if count > 1 else name for name, count in counts.items())


def _counted(count: Any, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
