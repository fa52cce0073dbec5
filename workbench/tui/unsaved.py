"""Edits that were not saved survive the app: a dropped connection or a killed terminal costs a second of typing.

Beside the state lies one file with the text of the open recipe while it differs from its file. The next start takes
it up again, with what the file says one undo away.
"""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.atomic import write_bytes
from workbench.errors import WorkbenchError

if TYPE_CHECKING:
    from workbench.recipe.editing import Editor

FILE_NAME = "unsaved.json"


class Unsaved:
    """The file of unsaved edits in a folder. Failing to write it is no fault: it is a second net."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE_NAME

    def keep(self, editor: Editor) -> None:
        """Keep the editor's text, or forget it where there is nothing unsaved."""
        if not editor.dirty:
            self.forget()
            return
        record = {
            "text": editor.text,
            "name": editor.name,
            "path": str(editor.path.absolute()) if editor.path else None,
            "folder": str(editor.folder.absolute()),
        }
        with suppress(WorkbenchError):
            write_bytes(self.path, json.dumps(record).encode(), flush=False)

    def forget(self) -> None:
        """There is nothing unsaved any more."""
        with suppress(OSError):
            self.path.unlink(missing_ok=True)

    def take_up(self) -> Editor | None:
        """An editor with the kept text, unsaved as it was; None if there is none."""
        from workbench.recipe.editing import Editor

        try:
            record = json.loads(self.path.read_text(encoding="utf-8"))
            text, name, folder = str(record["text"]), str(record["name"]), Path(record["folder"])
            path = Path(record["path"]) if record["path"] else None
        except (OSError, ValueError, KeyError, TypeError):
            return None
        editor = Editor("", name=name, folder=folder)
        if path is not None:
            with suppress(WorkbenchError):  # its file is gone: the text is all there is
                editor = Editor.open(path)
        editor.replace_text(text, what="what was not saved the last time")
        return editor if editor.dirty else None
