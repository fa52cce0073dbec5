"""Read a recipe's file as it is on disk now: its text and encoding, or why it cannot be read."""

from __future__ import annotations

import codecs
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from workbench.errors import RecipeError
from workbench.recipe.document import read_text


@dataclass(frozen=True)
class FileText:
    """The text of a file.

    Attributes:
        text: its text with plain line ends; None where it is gone or cannot be read.
        there: whether there is a file.
        error: why it cannot be read.
        mark: whether it begins with a byte order mark.
        crlf: whether its lines end as on Windows.
    """

    text: str | None = None
    there: bool = False
    error: RecipeError | None = None
    mark: bool = False
    crlf: bool = False

    @classmethod
    def of(cls, path: Path) -> Self:
        """Read a file."""
        if path.exists() and not path.is_file():  # a named pipe would have us wait for ever
            return cls(there=True, error=RecipeError("it is no file any more.", where=str(path)))
        try:
            text = read_text(path)
            with path.open("rb") as file:
                raw = file.read()
        except RecipeError as error:
            there = path.exists()
            return cls(there=there, error=error if there else None)
        except OSError:  # gone between the two
            return cls()
        return cls(text, True, None, raw.startswith(codecs.BOM_UTF8), b"\r\n" in raw)


def encoded_like(found: FileText, text: str) -> bytes:
    """A text as bytes, encoded as the file that it replaces."""
    encoded = text.replace("\n", "\r\n").encode() if found.crlf else text.encode()
    return codecs.BOM_UTF8 + encoded if found.mark else encoded
