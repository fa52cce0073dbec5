"""The file under the cursor of the saved screen: what it is, what is in it, and what came of things done with it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from textual.content import Content

from workbench.errors import WorkbenchError
from workbench.tui.context import kwb
from workbench.tui.screens.saved.facts import WEIGHTS_ONLY, FileFacts
from workbench.tui.screens.saved.listing import SavedFile, short_name
from workbench.tui.screens.saved.outcomes import Outcome
from workbench.tui.views.fitting import printable
from workbench.tui.views.formatting import amount, moment
from workbench.tui.views.marks import FAILED

if TYPE_CHECKING:
    from textual.message_pump import MessagePump


class ChosenFile:
    """A file, or none.

    Args:
        node: a screen or widget of the app, to reach the app.

    Attributes:
        file: the file; None where there is none.
        facts: what is in it; None while it is read, and where it cannot be.
        error: why it cannot be read.
        outcomes: what came of things done with files, by path and kind; an outcome is of the file as it was then.
    """

    def __init__(self, node: MessagePump) -> None:
        self._node = node
        self.file: SavedFile | None = None
        self.facts: FileFacts | None = None
        self.error: WorkbenchError | None = None
        self.outcomes: dict[Path, dict[str, Outcome]] = {}

    def choose(self, file: SavedFile | None) -> None:
        """Another file, or the same as it is now."""
        if file is not None and self.file is not None and file.path == self.file.path:
            self.outcomes.pop(file.path, None)  # written again: what was said of it no longer holds
        self.file = file

    @property
    def name(self) -> str:
        """The file's name for people."""
        return short_name(self.file.path, kwb(self._node).working_directory) if self.file else ""

    def is_ready(self, *, model: bool = True) -> bool:
        """True if there is a file that was read, with a model in it; says why not."""
        if self.file is None:
            return False
        if self.error is not None or self.facts is None:
            self.refuse(self.error.what if self.error else "is still being read.")
            return False
        if model and self.facts.model is None:
            self.refuse(WEIGHTS_ONLY, "c starts a recipe from its weights.")
            return False
        return True

    def may_change(self) -> bool:
        """True if the file may be renamed and deleted here; says why not."""
        if self.file is not None and self.file.path.is_relative_to(kwb(self._node).runs_folder):
            self.refuse("belongs to a run.", "s saves a copy elsewhere; 5 renames or deletes the run.")
            return False
        return self.file is not None

    def refuse(self, what: str, hint: str = "") -> None:
        """Say why something cannot be done with the file."""
        kwb(self._node).notice(WorkbenchError(what, where=self.name, hint=hint), "warning")

    def summary(self, otherwise: str) -> Content:
        """What the file is, what came of things done with it, and what is wrong with it; `otherwise` without a file."""
        lines: list[Content] = []
        if (file := self.file) is not None:
            about = f"  {amount(file.size)}  {moment(file.modified)}"
            lines.append(Content.assemble((printable(self.name), "bold"), (about, "dim")))
            lines += [outcome.content() for outcome in self.outcomes.get(file.path, {}).values()]
        elif otherwise:
            lines.append(Content(otherwise))
        if self.error is not None:
            hint = self.error.hint or "The file is damaged or is no model: x deletes it."
            wrong = Content.styled(f"{FAILED} {printable(self.error.what)}", "$text-error")
            lines += [Content(""), wrong, Content(hint)]
        return Content("\n").join(lines)
