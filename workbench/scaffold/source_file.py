"""Read a Python file or a Jupyter notebook as source: its text, its syntax tree, and where each line stands.

Nothing of it is run. Of a notebook the code cells are joined to one text; what only Jupyter understands (`%magic`,
`!command`, `name?`) is left out of it, line for line, so that positions stay true.
"""

from __future__ import annotations

import ast
import io
import json
import re
import stat
import tokenize
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.errors import FileError, WorkbenchError
from workbench.origin import CodePlace, Origin

_MAGIC = re.compile(r"\s*(%|!|\?|[\w., ]+=\s*[%!]|[\w.]+\s*\?{1,2}\s*$)")
# Magics of a whole cell whose cell is still Python.
_OF_PYTHON = re.compile(r"%%(time|timeit|capture|prun|memit|mprun)\b")
_FLAGS = ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT


@dataclass(frozen=True)
class LeftOut:
    """Something of the file that does not come into the project.

    Attributes:
        what: the beginning of its code.
        where: its file and line; of a notebook, cell and line.
        why: the reason, and what to do about it where something is to be done.
    """

    what: str
    where: str
    why: str


@dataclass(frozen=True)
class SourceFile:
    """The source of a file.

    Attributes:
        path: the file.
        lines: its code, without line ends.
        tree: its syntax tree.
        cells: of a notebook, for each line the code cell (from 1) and the line in it (from 1); else empty.
        dropped: what is no Python.
    """

    path: Path
    lines: tuple[str, ...]
    tree: ast.Module
    cells: tuple[tuple[int, int], ...] = ()
    dropped: tuple[LeftOut, ...] = ()

    @property
    def is_notebook(self) -> bool:
        return self.path.suffix == ".ipynb"

    def where(self, line: int) -> str:
        """`my_layers.py:12`, or `train.ipynb, code cell 3, line 4`."""
        return _where(self.path, self.cells, line)


def read_source(path: Path) -> SourceFile:
    """The source of a `.py` or `.ipynb` file.

    Raises:
        FileError: it cannot be read, is no text, or is no notebook.
        WorkbenchError: it is of another kind, is empty, or is no valid Python.
    """
    check_kind(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise FileError(f"cannot be read: {error.strerror}.", where=str(path)) from error
    source = _of_notebook(path, content) if path.suffix == ".ipynb" else _of_python(path, content)
    if not source.tree.body:
        raise WorkbenchError("there is no code in it.", where=str(path))
    return source


def check_kind(path: Path) -> None:
    """Refuse what is no Python file and no notebook, without reading it.

    Raises:
        FileError: it is not there, or no file: a pipe could be read for ever.
        WorkbenchError: it is of another kind.
    """
    if path.suffix not in (".py", ".ipynb"):
        raise WorkbenchError(
            "this is neither a Python file nor a notebook.",
            where=str(path),
            hint="Give a .py or an .ipynb file.",
        )
    try:
        regular = stat.S_ISREG(path.stat().st_mode)
    except OSError as error:
        raise FileError(f"cannot be read: {error.strerror}.", where=str(path)) from error
    if not regular:
        raise FileError("is no file.", where=str(path))


def first_line(text: str) -> str:
    """The beginning of some code, for a list."""
    line = text.strip().partition("\n")[0].strip()
    return line if len(line) <= 60 else f"{line[:57]}..."


def _of_python(path: Path, content: bytes) -> SourceFile:
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(content).readline)
        text = io.TextIOWrapper(io.BytesIO(content), encoding).read()
    except (SyntaxError, UnicodeDecodeError, LookupError) as error:
        raise FileError(
            f"this is no text in UTF-8: {error}.", where=str(path), hint="Save it as UTF-8."
        ) from error
    return SourceFile(path, tuple(text.split("\n")), _parsed(path, text.split("\n"), ()))


def _of_notebook(path: Path, content: bytes) -> SourceFile:
    lines: list[str] = []
    cells: list[tuple[int, int]] = []
    dropped: list[LeftOut] = []
    for number, text in enumerate(_code_cells(path, content), 1):
        own = text.split("\n")
        places = [(number, line) for line in range(1, len(own) + 1)]
        kept, gone = _without_magics(own)
        dropped += [
            LeftOut(first_line(own[i]), _where(path, tuple(places), i + 1), "it is for Jupyter, not Python")
            for i in gone
        ]
        _parsed(path, kept, tuple(places))  # an error is one of this cell
        lines += [*kept, ""]
        cells += [*places, places[-1]]
    return SourceFile(path, tuple(lines), _parsed(path, lines, tuple(cells)), tuple(cells), tuple(dropped))


def _code_cells(path: Path, content: bytes) -> list[str]:
    """The texts of the code cells."""
    try:
        notebook: Any = json.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise FileError("this is no text in UTF-8.", where=str(path), hint="Save it as UTF-8.") from error
    except (ValueError, RecursionError) as error:
        raise FileError(f"this is no notebook: it is no JSON ({error}).", where=str(path)) from error
    cells = notebook.get("cells") if isinstance(notebook, dict) else None
    if not isinstance(cells, list):
        old = isinstance(notebook, dict) and "worksheets" in notebook
        hint = "Open it in Jupyter and save it: that is format 4." if old else ""
        raise FileError("this is no notebook of format 4: it has no cells.", where=str(path), hint=hint)
    found = []
    for cell in cells:
        source = cell.get("source", "") if isinstance(cell, dict) else ""
        text = "".join(map(str, source)) if isinstance(source, list) else str(source)
        if isinstance(cell, dict) and cell.get("cell_type") == "code":
            found.append(text.replace("\r\n", "\n"))
    return found


def _without_magics(lines: Sequence[str]) -> tuple[list[str], list[int]]:
    """A cell's lines, what is for Jupyter replaced by what does nothing; and which lines those were.

    A line is looked at only where the cell is no Python as it is: `% rows` may go on a sum, and `!` stand in a text.
    """
    kept, gone = list(lines), []
    start = next((i for i, line in enumerate(kept) if line.strip()), 0)
    if kept and kept[start].startswith("%%"):
        gone.append(start)
        if not _OF_PYTHON.match(kept[start]):
            return [""] * len(kept), gone
        kept[start] = ""
    while (error := _syntax_error(kept)) is not None:
        at = min(error.lineno or 1, len(kept)) - 1
        magic = next((i for i in range(at, -1, -1) if _MAGIC.match(kept[i])), None)
        if magic is None:
            break  # an error of the user's own
        gone.append(magic)
        continued = kept[magic].endswith("\\")
        indent = kept[magic][: len(kept[magic]) - len(kept[magic].lstrip())]
        kept[magic] = f"{indent}pass" if indent else ""
        while continued and magic + 1 < len(kept):
            magic += 1
            continued, kept[magic] = kept[magic].endswith("\\"), ""
    return kept, sorted(gone)


def _syntax_error(lines: Sequence[str]) -> SyntaxError | None:
    try:
        compile("\n".join(lines), "<cell>", "exec", _FLAGS, dont_inherit=True)
    except SyntaxError as error:
        return error
    except ValueError:  # a null byte, which `_parsed` reports
        return None
    return None


def _parsed(path: Path, lines: Sequence[str], cells: tuple[tuple[int, int], ...]) -> ast.Module:
    text = "\n".join(lines)
    try:
        tree = compile(text, str(path), "exec", _FLAGS if cells else ast.PyCF_ONLY_AST, dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError) as error:
        line = getattr(error, "lineno", None) or 1
        message = error.msg if isinstance(error, SyntaxError) else str(error)
        shown = lines[line - 1] if line <= len(lines) else ""
        indent = len(shown) - len(shown.lstrip())
        column = max((getattr(error, "offset", None) or 1) - indent, 1)
        cell, inside = cells[min(line, len(cells)) - 1] if cells else (0, line)
        file = f"{path}, code cell {cell}" if cells else str(path)
        place = CodePlace(file, inside, "", shown.strip(), column)
        raise WorkbenchError(
            f"it is no valid Python: {message}.",
            where=_where(path, cells, line),
            origin=Origin(type(error).__name__, place, ""),
        ) from error
    assert isinstance(tree, ast.Module)
    return tree


def _where(path: Path, cells: tuple[tuple[int, int], ...], line: int) -> str:
    if not cells:
        return f"{path.name}:{line}"
    cell, inside = cells[min(line, len(cells)) - 1]
    return f"{path.name}, code cell {cell}, line {inside}"
