"""The values of a recipe, key by key, as text: to compare recipes and to show them in columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any


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
        return repr(value).removesuffix(".0")  # every digit: values are compared by it
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_text, value)) + "]"
    return str(value) if not isinstance(value, Mapping) else "{}"


def shown_value(text: str) -> str:
    """A value with as many digits as a table needs."""
    if "." not in text and "e" not in text:
        return text
    try:
        number = float(text)
    except ValueError:
        return text
    return min(text, f"{number:g}", key=len)
