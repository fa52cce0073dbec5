"""The part of the assemble screen that shows the open recipe in every pane, with the worker's results."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from textual import events, on
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widget import Widget
from textual.widgets import ContentSwitcher, Static

from workbench.errors import RecipeWarning, WorkbenchError
from workbench.recipe.editing import Editor
from workbench.recipe.outline import RecipeRow
from workbench.recipe.parsed_text import LocatedError
from workbench.tui.context import kwb
from workbench.tui.forms.form import Draft, Form
from workbench.tui.messages import CatalogChanged, FilesChanged, RecipeChanged, RecipeOpened, WorkerChanged
from workbench.tui.picture.widget import PictureView
from workbench.tui.screens.assemble.examination import Examination
from workbench.tui.screens.assemble.recipe_text import RecipeText
from workbench.tui.screens.assemble.rows_list import RowsList
from workbench.tui.screens.base import WorkbenchScreen
from workbench.tui.screens.debounced_request import DebouncedRequest
from workbench.tui.terminal.text import one_line
from workbench.tui.widgets.catalog_panel import CatalogPanel

PAUSE = 0.25  # seconds without an edit before the worker is asked


class OverviewScreen(WorkbenchScreen):
    """The open recipe as rows, as text and as a picture: its model, its training, its files."""

    CSS_PATH = "screen.tcss"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (80, "-normal"), (110, "-wide"), (150, "-huge")]

    def __init__(self) -> None:
        super().__init__()
        self._examination = Examination()
        self._seen = (-1, 0)  # the revision that the worker has examined, and of which version of the files
        self._version = 0  # counts up when files or plugins are others than before
        self._request = DebouncedRequest(self, PAUSE, lambda: self.is_settled, self._examine)
        self._select: str | None = None

    # ------------------------------------------------------------------ parts

    def compose_body(self) -> Iterable[Widget]:
        with Horizontal(id="assemble"):
            yield CatalogPanel(id="catalog")
            with Vertical(id="centre"):
                yield Static("", id="assemble-empty", markup=False)
                yield RowsList(id="rows")
                yield Form(id="form")
            with Vertical(id="side"):
                with ContentSwitcher(id="pane", initial="text"):
                    yield RecipeText(id="text")
                    yield PictureView(id="picture")
                with VerticalScroll(id="error", can_focus=False):
                    yield Static("", markup=False)

    @property
    def editor(self) -> Editor | None:
        """The open recipe."""
        return kwb(self).editor

    @property
    def rows(self) -> RowsList:
        return self.query_one(RowsList)

    @property
    def form(self) -> Form:
        return self.query_one(Form)

    def row_of(self, subject: str) -> RecipeRow | None:
        """The row that a form is about, by its subject's id."""
        found = [row for row in self.rows.rows if f"{subject} ".startswith(f"{row.key} ")]
        return max(found, key=lambda row: len(row.key), default=None)

    @property
    def examination(self) -> Examination:
        """The worker's last answer."""
        return self._examination

    @property
    def is_settled(self) -> bool:
        """True if the worker has examined the present recipe."""
        return self.editor is None or self._seen == (self.editor.revision, self._version)

    def on_mount(self) -> None:
        self.query_one(RecipeText).border_title = "YAML"
        self.query_one(PictureView).border_title = "Picture"
        self._opened()

    # ------------------------------------------------------------------ the recipe

    @on(RecipeOpened)
    def _opened(self) -> None:
        self._examination = Examination()
        self._seen = (-1, 0)
        self._select = "model"
        self.query_one(PictureView).show({})
        self.query_one(RecipeText).take()  # what was typed was the recipe before
        self.form.forget()
        self._refresh()
        self.action_rows()

    @on(RecipeChanged)
    @on(events.ScreenResume)
    def _changed(self) -> None:
        self._refresh()

    @on(FilesChanged)
    @on(CatalogChanged)
    def _surroundings_changed(self, event: FilesChanged | CatalogChanged) -> None:
        """The recipe is the same, and what it means may be another."""
        if isinstance(event, FilesChanged) or event.renewed:
            self._version += 1
        self._refresh()

    @on(WorkerChanged)
    def _worker_changed(self, event: WorkerChanged) -> None:
        if event.state == "ready" and not self.is_settled:
            self._request.soon()

    def _refresh(self) -> None:
        """Show the recipe as it is in every pane."""
        editor = self.editor
        self.set_class(editor is None, "-empty")
        if editor is None:
            self.query_one("#assemble-empty", Static).update(_EMPTY)
            return
        error = self._error(editor)
        stale = not self.is_settled
        rows = editor.rows
        if key := kwb(self).row_to_show:
            self._select, kwb(self).row_to_show = key, ""
        if stale:
            self._examination = self._examination.carried(self.rows.rows, rows)
        self.rows.show(rows, self._with_drafts(), error, stale=stale, select=self._select)
        self._select = None
        text = self.query_one(RecipeText)
        text.show(editor.text, error)
        self._show_error(error)
        self.query_one(PictureView).set_class(stale or self._examination.error is not None, "-stale")
        changed = " *" if editor.dirty else ""
        self.rows.border_title = one_line(f"{editor.name}{changed}  {self._status(error, stale)}")
        if stale:
            self._request.soon()

    def _show_error(self, error: LocatedError | None) -> None:
        """The whole text of an error, below the pane that it is marked in."""
        place = f"line {error.line}: " if error and error.line else ""
        text = " ".join(part for part in (error.what, error.hint) if part) if error else ""
        view = self.query_one("#error")
        view.display = bool(text)
        view.query_one(Static).update(f"✗ {place}{text}")

    def _with_drafts(self) -> Examination:
        """The known results, with the texts typed into forms that are not in the recipe."""
        self.form.forget_where(self.is_stale)
        of_rows = [(draft, self.row_of(draft.row)) for draft in self.form.drafts]
        drafts = tuple(RecipeWarning(str(draft), row.key) for draft, row in of_rows if row is not None)
        return replace(self._examination, warnings=(*self._examination.warnings, *drafts))

    def is_stale(self, draft: Draft) -> bool:
        """True if the recipe no longer has the value that a draft was typed over."""
        return self.row_of(draft.row) is None

    def _error(self, editor: Editor) -> LocatedError | None:
        """The known error: found here at once, or else by the worker in this very text."""
        found = kwb(self).plugins.error_of(editor)
        return found or (self._examination.error if self.is_settled else None)

    def _status(self, error: LocatedError | None, stale: bool) -> str:
        if error is not None:
            return f"✗ {error.key or 'the recipe'}"
        if says := kwb(self).plugins.status_text:
            return f"◌ {says}"
        if stale:
            waiting = kwb(self).worker.state == "starting"
            return "◌ the worker starts" if waiting else "◐ checking"
        warnings = len(self._examination.warnings)
        noted = f"  ! {warnings} to look at" if warnings else ""
        return f"✓ {self._examination.data.partition(':')[0]}{noted}"

    # ------------------------------------------------------------------ the worker

    async def _examine(self) -> None:
        """Ask the worker about the recipe. An answer to an older text than the latest is dropped."""
        editor = self.editor
        if editor is None:
            return
        seen, name = (editor.revision, self._version), editor.name
        answer: dict[str, Any] | None = None
        if editor.document is not None:  # else the text itself is wrong: nothing to ask
            folder = str(editor.folder.absolute())
            try:
                answer = await kwb(self).worker.call("examine", text=editor.text, name=name, folder=folder)
            except WorkbenchError as error:
                kwb(self).notice(error)
        if editor is not self.editor or seen != (editor.revision, self._version):
            return
        self._seen = seen
        if answer is not None:
            self._examination = Examination.of(answer, name).after(self._examination)
            found = self._examination.error
            if found is not None and found.error is not None and found.error.origin is not None:
                kwb(self).remember(found.error)
            if self._examination.error is None:
                self.query_one(PictureView).show(answer)
        self._refresh()

    async def _know_data(self, editor: Editor) -> None:
        """Make sure that the data's inputs and targets are known, also while the model is wrong.

        Raises:
            WorkbenchError: the data cannot be read.
        """
        data = editor.get("data")
        if not self._examination.inputs and data:
            answer = await kwb(self).worker.call("preview", data=data, folder=str(editor.folder.absolute()))
            self._examination = replace(
                self._examination, inputs=answer["inputs"], targets=answer["targets"], data=answer["data"]
            )

    # ------------------------------------------------------------------ panes

    def _show_pane(self, pane: str) -> None:
        """The pane that is shown where there is no space for all: catalog, side, or (empty) the rows."""
        self.set_class(pane == "catalog", "-catalog")
        self.set_class(pane == "side", "-side")

    @on(Form.Left)
    @on(RecipeText.Left)
    def action_rows(self) -> None:
        """Put the cursor into the rows."""
        if self.editor is not None:
            self.editor.end_step()
        self._show_pane("")
        self.rows.focus()

    def focus_main(self) -> None:
        self.action_rows()


_EMPTY = """\
No recipe is open.

Press 1 for the recipes: choose one, or n for a new one from your data."""
