"""Write a plugin project, by `kwb new-plugin` in a process of its own."""

from __future__ import annotations

import asyncio
import os
import shlex
import signal
import subprocess
import tempfile
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import psutil

from workbench.errors import WorkbenchError
from workbench.scaffold.source_file import check_kind
from workbench.scaffold.writing import check_empty, names_of
from workbench.tui.services.detached import command_line

_LOOK = 0.1  # seconds between two looks at the process
_PATIENCE = 10.0  # seconds for it to end


@dataclass(frozen=True)
class PluginOrder:
    """What to write.

    Attributes:
        name: what pip will call it.
        files: what moves into it, relative to the current folder; none for a project with an example.
        folder: where to write it; empty for a folder of its name.
        tried: whether to try out what moves.
    """

    name: str
    files: tuple[str, ...] = ()
    folder: str = ""
    tried: bool = True

    def arguments(self) -> list[str]:
        """The arguments of `kwb`."""
        moved = [word for file in self.files for word in ("--from", file)]
        folder = ["--folder", self.folder] if self.folder else []
        untried = ["--no-check"] if self.files and not self.tried else []
        return ["new-plugin", *moved, *folder, *untried, "--", self.name]


def wrong_name(name: str) -> str:
    """What is wrong with the name of a plugin; empty if nothing."""
    try:
        names_of(name)
    except WorkbenchError as error:
        return _in_words(error)
    return ""


def files_in(text: str) -> tuple[str, ...]:
    """The files that a line names, separated by spaces; names with spaces in quotes, `~` for the home folder.

    Raises:
        ValueError: a quote is not closed.
    """
    return tuple(os.path.expanduser(word) for word in shlex.split(text))


def wrong_files(text: str, working_directory: Path) -> str:
    """What is wrong with the files that a line names, without reading them: it is asked at every key."""
    try:
        for file in files_in(text):
            check_kind(working_directory / file)
    except ValueError:
        return "a quote is not closed"
    except WorkbenchError as error:
        return f"{Path(error.where).name}: {_in_words(error)}" if error.where else _in_words(error)
    return ""


def wrong_folder(order: PluginOrder, working_directory: Path) -> str:
    """Why a project cannot be written where it would be."""
    folder = order.folder or names_of(order.name).distribution
    try:
        check_empty(working_directory / folder)
    except WorkbenchError as error:
        return f"{folder}: {error.what} Give another folder."
    return ""


async def write_plugin(order: PluginOrder, working_directory: Path) -> str:
    """Write it: what the command says. Where this is cancelled, the process is ended, and nothing is written.

    Raises:
        WorkbenchError: it cannot be written. OSError: the process cannot be started.
    """
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            command_line(order.arguments()),
            cwd=working_directory, stdin=subprocess.DEVNULL, stdout=output, stderr=errors, start_new_session=True,
        )  # fmt: skip
        try:
            while process.poll() is None:
                await asyncio.sleep(_LOOK)
        finally:
            if process.returncode is None:
                # As Ctrl-C: the command ends what it has begun, and removes its folders.
                process.send_signal(signal.SIGINT)
                threading.Thread(target=_end, args=(process,), daemon=True).start()
        if process.returncode:
            raise WorkbenchError(_error_of(_text(errors).splitlines()))
        return _text(output).rstrip()


def _end(process: subprocess.Popen[bytes]) -> None:
    """Wait for its end; where it does not come, end it and all that it has begun."""
    try:
        process.wait(_PATIENCE)
    except subprocess.TimeoutExpired:
        with suppress(psutil.Error):
            for each in psutil.Process(process.pid).children(recursive=True):
                with suppress(psutil.Error):
                    each.kill()
        process.kill()
        process.wait()


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode("utf-8", "replace")


def _error_of(lines: Sequence[str]) -> str:
    """The error in what the command printed, without its line on what it does."""
    kept = [line for line in lines if not line.startswith("Trying out ")]
    return "\n".join(kept).strip() or "it ended without a word."


def _in_words(error: WorkbenchError) -> str:
    return " ".join(filter(None, (error.what, error.hint)))
