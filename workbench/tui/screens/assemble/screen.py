"""Assemble: the open recipe as rows, with the catalog, a form, its text and a picture."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.widgets import ContentSwitcher

from workbench.tui.context import kwb
from workbench.tui.picture.widget import PictureView
from workbench.tui.screens.assemble.editing import EditingScreen
from workbench.tui.screens.assemble.recipe_text import RecipeText


class AssembleScreen(EditingScreen):
    """The open recipe as rows: its model, its training, its files. Every edit is seen in all panes at once."""

    BINDING_GROUP_TITLE = "Assemble"
    HELP = "The open recipe, line by line, and what is made of it."
    FIRST_KEYS = (
        *("rows.edit", "rows.add", "rows.change", "assemble.undo", "assemble.save", "assemble.text"),
        "assemble.picture",
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("u,ctrl+z", "undo", "Undo", id="assemble.undo", tooltip="Take the last edit back"),
        Binding("ctrl+r,ctrl+y,U", "redo", "Redo", id="assemble.redo", show=False, tooltip="Do again what was undone"),
        Binding("slash", "search", "Catalog", id="assemble.search", key_display="/", tooltip="Search the catalog"),
        Binding("v", "side('text')", "YAML", id="assemble.text", tooltip="The recipe's text, to read and to edit"),
        Binding("p", "side('picture')", "Picture", id="assemble.picture", tooltip="A picture of the model's graph"),
        Binding("s", "save", "Save", id="assemble.save", tooltip="Save the recipe's file"),
        Binding("escape", "rows", "Rows", id="assemble.rows", show=False, tooltip="Back to the rows"),
    ]  # fmt: skip

    def on_mount(self) -> None:
        self.query_one(ContentSwitcher).current = kwb(self).state.get("assemble.side", "text")
        self.query_one(RecipeText).soft_wrap = kwb(self).state.get("assemble.wrap", False)

    # ------------------------------------------------------------------ text, picture

    def action_side(self, which: str) -> None:
        """Show the text or the picture, and put the cursor there."""
        kwb(self).state.set("assemble.side", which)
        self.query_one(ContentSwitcher).current = which
        self._show_pane("side")
        self.query_one(f"#{which}").focus()

    @on(RecipeText.Typed)
    def _typed(self, event: RecipeText.Typed) -> None:
        if self.editor is not None:
            self.editor.replace_text(event.area.take(), joined=True)

    @on(RecipeText.Wrapped)
    def _wrapped(self, event: RecipeText.Wrapped) -> None:
        kwb(self).state.set("assemble.wrap", event.wrapped)

    @on(RecipeText.Undo)
    def _text_undo(self, event: RecipeText.Undo) -> None:
        self.action_redo() if event.again else self.action_undo()

    @on(PictureView.Selected)
    def _box_selected(self, event: PictureView.Selected) -> None:
        key = next((key for key, path in self._examination.paths.items() if path == event.path), None)
        if key is not None:
            self._select = key
            self._refresh()

    # ------------------------------------------------------------------ undo

    def action_undo(self) -> None:
        """Take the last edit back."""
        if self.editor is not None and not self.editor.undo():
            kwb(self).notice("there is nothing to undo.", "information")

    def action_redo(self) -> None:
        """Do again what was undone."""
        if self.editor is not None and not self.editor.redo():
            kwb(self).notice("there is nothing to redo.", "information")

    def action_save(self) -> None:
        """Write the recipe to its file."""
        kwb(self).action_save_recipe()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in ("undo", "redo", "side", "save", "search"):
            return self.editor is not None
        return True
