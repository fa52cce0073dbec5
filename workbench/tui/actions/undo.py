"""Take the last edit of the open recipe back, or do it again."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workbench.tui.context import AppContext


def take_back(app: AppContext, *, again: bool = False) -> bool:
    """Undo the last edit; with `again`, redo it. False where there is none, which is said."""
    editor = app.editor
    if editor is not None and (editor.redo() if again else editor.undo()):
        return True
    app.notice(f"there is nothing to {'redo' if again else 'undo'}.", "information")
    return False
