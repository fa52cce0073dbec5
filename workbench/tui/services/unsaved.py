"""Keep unsaved edits on disk: a lost connection or a killed terminal costs at most a second of typing.

In the state folder is a file for each running app, with the text of its open recipe while that differs from its file.
The next start opens the text that an ended app left; one undo brings the file's text back.
"""

from __future__ import annotations

import json
import os
import socket
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.atomic import write_bytes
from workbench.errors import WorkbenchError

if TYPE_CHECKING:
    from workbench.recipe.editing import Editor

_NAME = "unsaved*.json"


@dataclass(frozen=True)
class Left:
    """Unsaved edits of an app that has ended.

    Attributes:
        kept: the file that keeps them.
        name: the recipe's.
        path: its file, if it has one.
        folder: the one that the app was started in, where its data and what it saves are.
        record: all that is kept.
    """

    kept: Path
    name: str
    path: Path | None
    folder: Path
    record: dict[str, Any]


class Unsaved:
    """The unsaved edits of this app in a folder. Failing to write them is no error: they are only a backup."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.path = folder / f"unsaved-{os.getpid()}.json"

    def keep(self, editor: Editor, working_directory: Path | None = None) -> None:
        """Keep the editor's text, or forget it where there is nothing unsaved."""
        if not editor.dirty:
            self.forget()
            return
        record = {
            "text": editor.text,
            "saved": editor.saved_text,
            "name": editor.name,
            "path": str(editor.path.absolute()) if editor.path else None,
            "folder": str(editor.folder.absolute()),
            "working_directory": str((working_directory or Path()).absolute()),
            "process": _this_process(),
        }
        with suppress(WorkbenchError):
            write_bytes(self.path, json.dumps(record).encode(), flush=False)

    def forget(self) -> None:
        """There is nothing unsaved in this app any more."""
        with suppress(OSError):
            self.path.unlink(missing_ok=True)

    def left(self) -> list[Left]:
        """The unsaved edits of apps that have ended, the newest first."""
        found = []
        for kept in self._folder.glob(_NAME):
            try:
                moment = kept.stat().st_mtime
                record = json.loads(kept.read_text(encoding="utf-8"))
                name, path = str(record["name"]), record["path"]
                str(record["text"])
                folder = Path(record.get("working_directory") or record["folder"])
                if kept == self.path or not _runs(record.get("process")):
                    found.append((moment, Left(kept, name, Path(path) if path else None, folder, record)))
            except (OSError, ValueError, KeyError, TypeError):
                continue
        return [left for _, left in sorted(found, key=lambda each: each[0], reverse=True)]

    def take_up(self, left: Left | None = None) -> Editor | None:
        """An editor with a kept text, unsaved as it was; None if there is none. It is this app's from now on.

        Args:
            left: which; by default the newest.
        """
        from workbench.recipe.editing import Editor

        left = left or next(iter(self.left()), None)
        if left is None:
            return None
        record = left.record
        saved = record.get("saved")
        editor = Editor("", name=left.name, folder=Path(record["folder"]))
        if left.path is not None:
            if isinstance(
                saved, str
            ):  # what the file said then: it may have been changed since, which is asked about
                editor = Editor(saved, path=left.path)
            else:
                with suppress(WorkbenchError):  # its file is gone: the text is all there is
                    editor = Editor.open(left.path)
        editor.replace_text(str(record["text"]), what="what was not saved the last time")
        if left.kept != self.path:
            with suppress(OSError):
                os.replace(left.kept, self.path)
        if not editor.dirty:
            self.forget()
            return None
        self.keep(editor, left.folder)
        return editor


def _this_process() -> list[Any]:
    import psutil

    return [socket.gethostname(), os.getpid(), psutil.Process().create_time()]


def _runs(process: Any) -> bool:
    """True if the app that kept a file may still run (always, if it is on another machine)."""
    import psutil

    if not isinstance(process, list) or len(process) != 3:
        return False
    host, pid, created = process
    if host != socket.gethostname():
        return True
    try:
        return bool(abs(psutil.Process(pid).create_time() - created) < 1.0)
    except psutil.NoSuchProcess:
        return False
    except psutil.Error:
        return True
