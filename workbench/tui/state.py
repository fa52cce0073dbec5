"""The state that is kept between starts: the last recipe, the mode, the theme, the settings of screens.

A JSON file in the platform's folder for state. Losing it is never an error: an unreadable file is an empty one, and
a folder that cannot be written means that nothing is kept.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from workbench.atomic import write_bytes
from workbench.errors import WorkbenchError

FILE_NAME = "state.json"

Value = TypeVar("Value")


class AppState:
    """Values by name (`train.log-scale`); the code that reads a value gives its type.

    Args:
        path: the file; None keeps nothing.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self._changed: set[str] = set()
        self._values = self._read()

    def _read(self) -> dict[str, Any]:
        if self.path is None:
            return {}
        try:
            found = json.loads(self.path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def get(self, name: str, default: Value) -> Value:
        """The value kept under that name, if it is of the default's type."""
        value = self._values.get(name, default)
        if isinstance(value, bool) is not isinstance(default, bool):  # True is an int to Python
            return default
        kind = float | int if isinstance(default, float) else type(default)
        return value if isinstance(value, kind) else default  # type: ignore[return-value]

    def set(self, name: str, value: Any) -> None:
        """Keep a JSON value; it is written when the app ends or `save` is called."""
        if self._values.get(name) != value:
            self._values[name] = value
            self._changed.add(name)

    def update(self, values: Mapping[str, Any]) -> None:
        """Keep several."""
        for name, value in values.items():
            self.set(name, value)

    def save(self) -> None:
        """Write the file whole or not at all. What another app kept there meanwhile stays, but for what is set here."""
        if self.path is None or not self._changed:
            return
        values = self._read() | {name: self._values[name] for name in self._changed}
        try:
            write_bytes(self.path, json.dumps(values, indent=1).encode(), flush=False)
        except (WorkbenchError, TypeError, ValueError):
            return
        self._changed.clear()
