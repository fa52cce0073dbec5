"""Write text to standard output and standard error. kwb has no other way to do it.

All of it is escaped on the way (see `workbench.escaping`). ruff refuses `print` and `click.echo` in this package.
The exceptions are what a plugin prints itself, and the progress bar (`workbench.reporting`).
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import Any, TextIO

from workbench.errors import FileError
from workbench.escaping import ENCODING_ERRORS, escape, escape_line, to_json


def echo(*lines: str, err: bool = False) -> None:
    """Write lines to standard output or, with `err`, to standard error. A line break inside of one is shown as a code.

    Raises:
        BrokenPipeError: nobody reads any more.
        FileError: they cannot be written, as to a disk that is full.
    """
    _write("".join(f"{escape_line(line)}\n" for line in lines), sys.stderr if err else sys.stdout)


def echo_text(text: str, *, err: bool = False) -> None:
    """Write text of several lines, which end where it says."""
    echo(*text.split("\n"), err=err)


def echo_json(record: Any, *, indent: int | None = None) -> None:
    """Write JSON to standard output: ASCII, and nothing in it that a terminal obeys."""
    _write(f"{to_json(record, indent=indent)}\n", sys.stdout)


def echo_data(text: str) -> None:
    """Write data as it is to a program or a file; escaped where people see it."""
    stream = sys.stdout
    _write(escape(text) if stream is not None and stream.isatty() else text, stream)


def prepare_streams() -> None:
    """Have standard input, output and error be there, and never fail for want of a letter in their encoding.

    A descriptor that is closed would be given to the next file that is opened, and printed into.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free: this one
    sys.stdin = sys.stdin or os.fdopen(0, encoding="utf-8", closefd=False)
    sys.stdout = sys.stdout or os.fdopen(1, "w", encoding="utf-8", closefd=False)
    sys.stderr = sys.stderr or os.fdopen(2, "w", encoding="utf-8", closefd=False)
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError, ValueError, OSError):  # something else stands in for it
            stream.reconfigure(errors=ENCODING_ERRORS)  # type: ignore[union-attr]


def give_up(stream: TextIO | None) -> None:
    """Have what is left in a stream's buffer go nowhere: its reader is gone, and Python would complain at the end."""
    with suppress(OSError, ValueError, AttributeError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())  # type: ignore[union-attr]
        os.close(nowhere)


def _write(text: str, stream: TextIO | None) -> None:
    if stream is None:
        return
    try:
        stream.write(text)
        stream.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        give_up(stream)
        raise FileError(f"cannot be written: {error.strerror}.", where="standard output") from error
