"""The open recipe and its file: read a change made by another program, or ask about it; never overwrite it unasked."""

from __future__ import annotations

import asyncio
import difflib
from typing import TYPE_CHECKING

from workbench.errors import WorkbenchError
from workbench.tui.widgets.dialogs import Choice, ConfirmDialog, DetailsDialog

if TYPE_CHECKING:
    from workbench.recipe.editing import Editor
    from workbench.recipe.file_text import FileText
    from workbench.tui.context import AppContext


async def save_recipe(app: AppContext, *, another: bool = False) -> bool:
    """Write the open recipe; ask for a file if it has none, and before it writes over an edit made elsewhere.

    Needs a worker's context.

    Args:
        app: the app.
        another: ask for a file also where it has one, and go on with that.

    Returns:
        False if it was not written.
    """
    from workbench.tui.actions.ask_file import ask_for_recipe_file

    editor = app.editor
    if editor is None:
        return False
    path = editor.path
    if path is None or another:
        path = await ask_for_recipe_file(app, editor.name, editor.path)
        if path is None or editor is not app.editor:  # another was opened meanwhile
            return False
    if path == editor.path and (found := await changed_on_disk(editor)) is not None:
        answer = await ask_which(app, editor, found, saving=True)
        if answer != "keep":
            return False
    try:
        editor.save(path)
    except WorkbenchError as error:
        app.notice(error)
        return False
    return True


async def changed_on_disk(editor: Editor) -> FileText | None:
    """The editor's file, if it is there and says something else than when it was read or written last."""
    found = await asyncio.to_thread(editor.on_disk)
    if found is None or not found.there:
        return None
    if found.text is not None and found.text in (editor.saved_text, editor.text):
        return None
    return found


async def ask_which(app: AppContext, editor: Editor, found: FileText, *, saving: bool) -> str | None:
    """Ask which of two texts is to count, the one here or the one on disk, and do it. Needs a worker's context.

    Args:
        saving: the one here is about to be written.

    Returns:
        `keep` or `take`; None for neither: it is asked again when the recipe is saved.
    """
    title = f"{editor.name} was changed on disk, and you have changes here."
    if found.text is None:
        reason = found.error.what if found.error else "it is gone."
        title = f"{editor.name} was changed on disk and cannot be read: {reason}"
    choices = [Choice("keep", "Write mine" if saving else "Keep mine", "k")]
    if found.text is not None:
        choices += [Choice("take", "Take the one on disk", "t"), Choice("difference", "Difference", "d")]
    text = "Taking the one on disk can be undone. " if found.text is not None else ""
    text += "Esc: not now, nothing is written."
    while True:
        answer = await app.push_screen_wait(ConfirmDialog(title, text, choices, unexpected=True))
        if answer != "difference":
            break
        await app.push_screen_wait(
            DetailsDialog("From the file on disk (-) to yours (+)", difference(editor, found))
        )
    if editor is not app.editor:  # another was opened meanwhile
        return None
    if answer == "keep":
        editor.keep_over(found)
    elif answer == "take":
        editor.take_from_disk(found)
        app.recipe_replaced()
        app.notice(f"{editor.name} is as on disk now; undo gives yours back.", "information")
    return answer if answer in ("keep", "take") else None


def difference(editor: Editor, found: FileText) -> str:
    """The difference between the file on disk and the text here, line by line."""
    lines = difflib.unified_diff(
        (found.text or "").splitlines(), editor.text.splitlines(), "on disk", "yours", lineterm="", n=2
    )
    return "\n".join(lines) or "Nothing but the end of the last line."


class RecipeOnDisk:
    """Keeps the open recipe and its file together while the app runs."""

    def __init__(self, app: AppContext) -> None:
        self._app = app
        self._asked: tuple[Editor, str | None] | None = (
            None  # what was asked about last: recipe, text on disk
        )
        self._waiting: FileText | None = None

    @property
    def differs(self) -> bool:
        """True if the open recipe and its file were both changed, and nothing was decided yet, here or in saving."""
        editor, found = self._app.editor, self._waiting
        return editor is not None and found is not None and found.text != editor.saved_text

    def look(self, found: FileText | None) -> None:
        """Take in what the open recipe's file says now."""
        editor = self._app.editor
        self._waiting = None
        if editor is None or found is None or found.text == editor.saved_text:
            return
        if not found.there:
            editor.keep_over(found)
            self._app.notice(
                WorkbenchError(
                    f"{editor.name} is gone from the disk; it is kept here.", hint="Saving writes it again."
                ),
                "warning",
            )
        elif found.text == editor.text:
            editor.take_from_disk(found)
        elif not editor.dirty and found.text is not None:
            editor.take_from_disk(found)
            self._app.notice(
                WorkbenchError(
                    f"{editor.name} was changed on disk and is read again.",
                    hint="Undo gives the text before.",
                ),
                "information",
            )
        else:
            self._waiting = found
            self._report_change(editor, found)

    def _report_change(self, editor: Editor, found: FileText) -> None:
        if self._asked == (editor, found.text):
            return
        self._asked = (editor, found.text)
        both = found.text is not None
        what = (
            "was changed on disk, and you have changes here."
            if both
            else "was changed on disk and cannot be read."
        )
        self._app.notice(
            WorkbenchError(
                f"{editor.name} {what}", hint="You are asked which to keep before anything is written."
            ),
            "warning",
        )
        self._app.recipe_changed(editor.revision)

    async def ask(self) -> None:
        """Ask about what waits, once for each text on disk. Needs a worker's context."""
        editor, found = self._app.editor, self._waiting
        if editor is None or found is None:
            return
        self._waiting = None
        await ask_which(self._app, editor, found, saving=False)
