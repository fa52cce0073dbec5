"""Let `CSVLogger` write each epoch once in a resumed training, also epochs that are trained again."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

from workbench.atomic import write_bytes


def resume(callback: Any, epoch: int) -> None:
    """Have a `CSVLogger` go on in its file, after the rows of the epochs before `epoch`, counted from 0."""
    callback.append = True
    path = Path(callback.filename)
    if not path.is_file():
        return
    text = path.read_bytes().decode("utf-8", errors="surrogateescape")  # line ends as they are
    lines = text.splitlines(keepends=True)
    kept = [line for line in lines if not _is_later(line, callback.sep, epoch)]
    if len(kept) < len(lines):
        write_bytes(path, "".join(kept).encode("utf-8", errors="surrogateescape"))


def _is_later(line: str, separator: str, epoch: int) -> bool:
    first = next(csv.reader(io.StringIO(line), delimiter=separator), [""])[:1]
    return bool(first) and first[0].isdigit() and int(first[0]) >= epoch
