"""Have the worker examine the open recipe, a moment after the last edit, and keep its last answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from workbench.errors import WorkbenchError
from workbench.recipe.editing import Editor
from workbench.recipe.located_error import LocatedError
from workbench.recipe.outline import RecipeRow
from workbench.tui.context import kwb
from workbench.tui.screens.assemble.examination import Examination
from workbench.tui.screens.base import WorkbenchScreen
from workbench.tui.screens.debounced_request import DebouncedRequest
from workbench.tui.views.marks import DONE, FAILED

PAUSE = 0.25  # seconds without an edit before the worker is asked


class Examiner:
    """Asks the worker and keeps what is known.

    Args:
        screen: whose question it is.
        on_answer: called when the present recipe was examined, with the answer; with None where there is none.

    Attributes:
        known: the worker's last answer.
    """

    def __init__(
        self, screen: WorkbenchScreen, on_answer: Callable[[Mapping[str, Any] | None], None]
    ) -> None:
        self.known = Examination()
        self._screen = screen
        self._answered = on_answer
        self._seen = (-1, 0)  # the revision that the worker has examined, and of which version of the files
        self._version = 0  # counts up when files or plugins are others than before
        self._request = DebouncedRequest(screen, PAUSE, lambda: self.is_settled, self._examine)

    @property
    def is_settled(self) -> bool:
        """True if the worker has examined the present recipe."""
        editor = kwb(self._screen).editor
        return editor is None or self._seen == (editor.revision, self._version)

    def forget(self) -> None:
        """Another recipe is open."""
        self.known = Examination()
        self._seen = (-1, 0)

    def surroundings_changed(self) -> None:
        """The recipe is the same, and what it means may be another."""
        self._version += 1

    def soon(self) -> None:
        """Ask after a moment without an edit."""
        self._request.soon()

    def carry(self, before: Sequence[RecipeRow], now: Sequence[RecipeRow]) -> None:
        """Until there is an answer, what is known goes with its rows."""
        self.known = self.known.carried(before, now)

    def error_of(self, editor: Editor) -> LocatedError | None:
        """The known error: found here at once, or else by the worker in this very text."""
        found = kwb(self._screen).plugins.error_of(editor)
        return found or (self.known.error if self.is_settled else None)

    def status(self, error: LocatedError | None) -> str:
        """What is known of the recipe, in a few words; `error` is the one that is shown."""
        app = kwb(self._screen)
        if error is not None:
            return f"{FAILED} {error.key or 'the recipe'}"
        if says := app.plugins.status_text:
            return f"◌ {says}"
        if not self.is_settled:
            return "◌ the worker starts" if app.worker.state == "starting" else "◐ checking"
        warnings = len(self.known.warnings)
        noted = f"  ! {warnings} to look at" if warnings else ""
        return f"{DONE} {self.known.data.partition(':')[0]}{noted}"

    async def _examine(self) -> None:
        """Ask the worker about the recipe. An answer to an older text than the latest is dropped."""
        app = kwb(self._screen)
        editor = app.editor
        if editor is None:
            return
        seen, name = (editor.revision, self._version), editor.name
        answer: Mapping[str, Any] | None = None
        if editor.document is not None:  # else the text itself is wrong: nothing to ask
            folder = str(editor.folder.absolute())
            try:
                answer = await app.worker.call("examine", text=editor.text, name=name, folder=folder)
            except WorkbenchError as error:
                app.notice(error)
        if editor is not app.editor or seen != (editor.revision, self._version):
            return
        self._seen = seen
        if answer is not None:
            self.known = Examination.of(answer, name).after(self.known)
            found = self.known.error
            if found is not None and found.error is not None and found.error.origin is not None:
                app.remember(found.error)
        self._answered(answer)

    async def know_data(self, editor: Editor) -> None:
        """Have the shapes of the data's inputs known, also where the model is wrong.

        Raises:
            WorkbenchError: the data cannot be read.
        """
        data = editor.get("data")
        if not self.known.inputs and data:
            worker = kwb(self._screen).worker
            answer = await worker.call("preview", data=data, folder=str(editor.folder.absolute()))
            self.known = replace(
                self.known, inputs=answer["inputs"], targets=answer["targets"], data=answer["data"]
            )
