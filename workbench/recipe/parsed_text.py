"""Parse a recipe's text as far as possible, and say at which key and line it is wrong."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from workbench.errors import WorkbenchError
from workbench.recipe.document import Document, parse, split_key
from workbench.recipe.yaml_text import YamlText, read_yaml


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


class ParsedText:
    """One text, parsed as far as possible; each part is parsed at its first use."""

    def __init__(self, text: str, name: str, folder: Path) -> None:
        self.text = text
        self._name = name
        self._folder = folder

    @cached_property
    def _parsed(self) -> tuple[Document | None, LocatedError | None]:
        try:
            return parse(self.text, name=self._name, folder=self._folder), None
        except WorkbenchError as error:
            return None, LocatedError.of(error, self._name)

    @property
    def document(self) -> Document | None:
        return self._parsed[0]

    @property
    def error(self) -> LocatedError | None:
        return self._parsed[1]

    @cached_property
    def _yaml(self) -> YamlText:
        return read_yaml(self.text)

    @property
    def data(self) -> dict[str, Any] | None:
        return self._yaml.data

    def line_of(self, key: str) -> int | None:
        """The line (from 1) of a key, or of the nearest key above it."""
        root = self._yaml.root
        return root.line_of(split_key(key)) if root is not None else None
