"""Find where in the user's own code an exception came from: file, line number, function, and line of code.

An exception of a layer passes through Keras and TensorFlow, which put many frames around the one that its author can
do something about. The one to find is the deepest frame that is not in the standard library, an installed
package (except those of plugins) or kwb. Code that AutoGraph has rewritten is shown as it
was written, and an operation that fails in a compiled graph is traced back to the line that made it.
"""

from __future__ import annotations

import linecache
import os
import re
import sysconfig
import traceback
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache, lru_cache
from pathlib import Path
from types import FrameType
from typing import Any

from workbench.escaping import escape_line

MADE_AT = (
    "kwb_made_at"  # an attribute of an exception: (file, line, function) of the frames that made an operation
)
MOST_TRACEBACK = 40_000  # characters: a stack of a thousand frames is cut in its middle

_OURS = str(Path(__file__).parent) + os.sep
_PACKAGES = re.compile(r"[\\/](?:site|dist)-packages[\\/]([^\\/.]+)")
_GENERATED = "__autograph_generated_file"
_TEXT_FRAME = re.compile(r'^\s*File "([^"\n]+)", line (\d+), in (.+?)\s*$', re.M)
_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")

# Top-level packages that plugins are made of.
_plugin_packages: set[str] = set()


@dataclass(frozen=True)
class CodePlace:
    """A place in code.

    Attributes:
        file: its path.
        line: from 1.
        function: the function's name; empty at the module's level and for a file that is no valid Python.
        source: the line as it is written, without its indentation.
        column: from 1, where Python names one (a syntax error); 0 where it does not.
    """

    file: str
    line: int
    function: str = ""
    source: str = ""
    column: int = 0

    def __str__(self) -> str:
        """`gate.py:17 in call`."""
        inside = f" in {self.function}" if self.function else ""
        return f"{_short(self.file)}:{self.line}{inside}"

    @property
    def lines(self) -> tuple[str, ...]:
        """The place, the line of code below it, and a caret where a column is known."""
        if not self.source:
            return (str(self),)
        caret = (f"    {' ' * (self.column - 1)}^",) if 0 < self.column <= len(self.source) + 1 else ()
        return (str(self), f"    {self.source}", *caret)


@dataclass(frozen=True)
class Origin:
    """An exception raised in the user's code.

    Attributes:
        exception: the exception's class.
        place: where.
        traceback: the frames, as Python prints them, without those of kwb itself.
    """

    exception: str
    place: CodePlace
    traceback: str = ""

    @property
    def lines(self) -> tuple[str, ...]:
        """`RuntimeError at gate.py:17 in call`, and the line of code."""
        first, *rest = self.place.lines
        return (f"{self.exception} at {first}", *rest)

    def as_record(self) -> dict[str, Any]:
        """The fields that the record of an error has more."""
        return {"exception": self.exception, "code": asdict(self.place), "traceback": self.traceback}

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Origin | None:
        """The origin of an error's record; None where it has none that can be understood."""
        code = record.get("code")
        try:
            return (
                cls(str(record["exception"]), CodePlace(**code), str(record.get("traceback", "")))
                if code
                else None
            )
        except (KeyError, TypeError):
            return None


def add_plugin_package(module: str) -> None:
    """Count a module's top-level package as a plugin's: its code is its user's, although it is an installed package."""
    _plugin_packages.add(module.partition(".")[0])


def origin_of(error: BaseException) -> Origin | None:
    """Where in the user's code an exception was raised; None where no code of the user's had a part in it."""
    for each in _chain(error):
        if isinstance(each, SyntaxError) and each.filename and _is_users(each.filename):
            return Origin(type(each).__name__, _of_syntax(each), traceback_of(error, folded=True))
        users = [frame for frame in _frames(each) if _is_users(frame[0])]
        if users:
            file, line, function = users[-1]
            source = escape_line(linecache.getline(file, line).strip())
            place = CodePlace(file, line, "" if function == "<module>" else escape_line(function), source)
            return Origin(type(each).__name__, place, traceback_of(error, folded=True))
    return None


def calling_line(frame: FrameType | None, until: FrameType | None = None) -> CodePlace | None:
    """The innermost line of the user's code among a frame and those that called it.

    Args:
        frame: where to begin.
        until: the frame that is not looked at any more, nor what called it.
    """
    while frame is not None and frame is not until:
        code = frame.f_code
        if _is_users_file(code.co_filename):
            source = escape_line(linecache.getline(code.co_filename, frame.f_lineno).strip())
            function = "" if code.co_name == "<module>" else escape_line(code.co_name)
            return CodePlace(code.co_filename, frame.f_lineno, function, source)
        frame = frame.f_back
    return None


def raised_in_users_code(error: BaseException) -> bool:
    """True if the `raise` itself is in the user's code."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace is not None and _is_users(trace.tb_frame.f_code.co_filename)


def traceback_of(error: BaseException, *, folded: bool = False) -> str:
    """The whole traceback as text, without colours and control characters.

    Args:
        folded: leave out the frames of kwb itself, which say nothing to the author of a layer.
    """
    found = traceback.TracebackException.from_exception(error)
    if folded:
        _leave_out_ours(found)
    text = _ANSI.sub("", "".join(found.format()))
    if len(text) > MOST_TRACEBACK:
        half = MOST_TRACEBACK // 2
        text = f"{text[:half]}\n  ...\n{text[-half:]}"
    return "\n".join(escape_line(line) for line in text.splitlines())


def _leave_out_ours(found: traceback.TracebackException | None) -> None:
    """Of an exception and those behind it."""
    while found is not None:
        others = [frame for frame in found.stack if not frame.filename.startswith(_OURS)]
        found.stack[:] = others or found.stack
        found = found.__cause__ or (None if found.__suppress_context__ else found.__context__)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The exception and those behind it, each once: a plugin may raise one from itself."""
    seen: set[int] = set()
    at: BaseException | None = error
    while at is not None and id(at) not in seen:
        seen.add(id(at))
        yield at
        at = at.__cause__ if at.__cause__ not in (None, at) else at.__context__


def _frames(error: BaseException) -> Iterator[tuple[str, int, str]]:
    """(file, line, function) of the frames an exception passed, the outermost first."""
    for frame, line in traceback.walk_tb(error.__traceback__):
        yield frame.f_code.co_filename, line, frame.f_code.co_qualname.rpartition(".")[2]
    # AutoGraph knows for its own files which line was written by whom; innermost first.
    for each in _chain(error):
        if (rewritten := getattr(each, "ag_error_metadata", None)) is not None:
            for info in reversed(rewritten.translated_stack):
                yield info.filename, info.lineno, info.function_name
            break
    # For an operation in a graph: where it was made, as found elsewhere or as TensorFlow recorded it.
    yield from _below_ours(getattr(error, MADE_AT, ()))
    text = str(getattr(error, "message", "") or "")
    if "defined at (most recent call last)" in text:
        found = _TEXT_FRAME.findall(text)
        yield from _below_ours([(file, int(number), function) for file, number, function in found])


def _below_ours(frames: Sequence[tuple[str, int, str]]) -> Sequence[tuple[str, int, str]]:
    """The frames that kwb called: those above it are of the program that started it."""
    first = next((at for at, frame in enumerate(frames) if frame[0].startswith(_OURS)), 0)
    return frames[first:]


def _is_users(file: str) -> bool:
    if file.startswith(("<", _OURS)) or _GENERATED in file:
        return False
    if not os.path.isabs(file):  # so compiled extensions name their sources: `h5f.pyx`
        return False
    if package := _PACKAGES.search(file):
        return package[1] in _plugin_packages
    return not file.startswith(_standard_library())


@lru_cache(maxsize=4096)
def _is_users_file(file: str) -> bool:
    return _is_users(file)


@cache
def _standard_library() -> tuple[str, ...]:
    paths = sysconfig.get_paths()
    return tuple({os.path.join(paths[name], "") for name in ("stdlib", "platstdlib")})


def _of_syntax(error: SyntaxError) -> CodePlace:
    written = (error.text or "").rstrip("\n")
    source = written.lstrip()
    column = max((error.offset or 0) - (len(written) - len(source)), 0)
    return CodePlace(error.filename or "", error.lineno or 1, "", escape_line(source), column)


def _short(file: str) -> str:
    """The path relative to the current folder if it is inside; of an installed package, relative to its folder; else
    the name, as a traceback has the whole path."""
    try:
        return str(Path(file).relative_to(Path.cwd()))
    except (ValueError, OSError):
        package = _PACKAGES.search(file)
        return escape_line(file[package.start(1) :] if package else Path(file).name)
