"""An error in a recipe, with the key and the line where the recipe is wrong."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from workbench.errors import WorkbenchError


@dataclass(frozen=True)
class LocatedError:
    """An error in a recipe, and where it is: the key, and the line from 1 (None where it has none)."""

    what: str
    hint: str = ""
    key: str = ""
    line: int | None = None
    error: WorkbenchError | None = field(default=None, compare=False)  # it, whole

    @classmethod
    def of(cls, error: WorkbenchError, name: str) -> LocatedError:
        """From an error whose place begins with the recipe's name: `name:14: model.sequential[2]`."""
        what = f"{error.what} ({error.origin.place})" if error.origin is not None else error.what
        found = re.match(re.escape(name) + r"(?::(\d+))?(?:: (.*))?\Z", error.where)
        if found is None:
            where = f"{error.where}: " if error.where else ""
            return cls(f"{where}{what}", error.hint, error=error)
        return cls(what, error.hint, found[2] or "", int(found[1]) if found[1] else None, error)
