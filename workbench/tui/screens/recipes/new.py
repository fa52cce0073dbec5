"""New recipe: choose data, look at its columns, choose the target; a matching stack and loss are suggested."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from os.path import expanduser
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Input, Label, OptionList, Static
from textual.widgets.option_list import Option

from workbench.catalog import Entry, Kind
from workbench.catalog.folders import file_suffixes, first_section, folder_suffixes, reader_of_folder
from workbench.catalog.readers import PACKED, READER, reader_of, readers_by_suffix
from workbench.errors import WorkbenchError, did_you_mean
from workbench.tui.context import kwb
from workbench.tui.screens.recipes.facts_text import column_text, facts_text
from workbench.tui.screens.recipes.recipe_text import highlighted
from workbench.tui.services.files import list_data, list_folders
from workbench.tui.views.marks import FAILED
from workbench.tui.widgets.data_files import typed_paths
from workbench.tui.widgets.dialogs import Dialog
from workbench.tui.widgets.jump_list import JumpList
from workbench.tui.widgets.pick import Pickable, PickDialog, PickInput

if TYPE_CHECKING:
    from workbench.recipe.suggestion.recipe import Facts

_OTHER_FILE = "other"


class NewRecipeDialog(Dialog[Any]):
    """Choose data with Enter, then the target; Enter makes the recipe. The result is an `Editor`, or None."""

    DEFAULT_CSS = """
    NewRecipeDialog {
        & > Vertical { width: 120; height: 95%; }
        Horizontal { height: 1fr; margin-top: 1; }
        OptionList { width: 1fr; max-width: 44; height: 1fr; border: none; background: $surface; padding: 0; }
        VerticalScroll { width: 2fr; height: 1fr; max-height: 100%; margin: 0; padding: 0 1;
            border-left: vkey $border-blurred; }
        VerticalScroll:focus { border-left: vkey $border; }
        Input { margin: 0; }
        #learn, #options { display: none; height: auto; margin-top: 1; }
        #learn Label, #options Label { width: 100%; }
        #learn OptionList { width: 100%; max-width: 100%; height: auto; max-height: 20vh; margin: 0; }
        Static { width: 100%; }
    }
    NewRecipeDialog.-short > Vertical { height: 100%; max-height: 100%; padding: 0 1; }
    NewRecipeDialog.-short Horizontal { margin-top: 0; }
    NewRecipeDialog.-short #learn, NewRecipeDialog.-short #options { margin-top: 0; }
    NewRecipeDialog.-short #learn OptionList { max-height: 4; }
    NewRecipeDialog.-narrow OptionList { max-width: 24; }
    NewRecipeDialog.-narrow #learn OptionList { max-width: 100%; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Cancel", id="new.cancel", tooltip="Back to the data, or close"),
        Binding(
            "pageup",
            "scroll_facts(-1)",
            "Page up",
            id="new.page-up",
            show=False,
            priority=True,
            tooltip="What is said of the data: the page before",
        ),
        Binding(
            "pagedown",
            "scroll_facts(1)",
            "More",
            id="new.page-down",
            key_display="PgDn",
            priority=True,
            tooltip="What is said of the data and the recipe: the next page",
        ),
        Binding(
            "ctrl+t",
            "toggle_windows",
            "Windows or rows",
            id="new.windows",
            priority=True,
            tooltip="Rows that follow each other in time: forecast with windows of them, or take each by itself",
        ),
    ]

    def __init__(self, file: str = "") -> None:
        super().__init__()
        self._file = file  # to look into at once
        self._sections: dict[str, dict[str, Any]] = {}
        self._section: dict[str, Any] = {}
        self._facts: Facts | None = None
        self._text = ""
        self._called = "model"
        self._hasty = False  # enter was pressed before the data was read
        self._looked_at = asyncio.Event()
        self._windows = True  # rows that follow each other in time may become windows

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Label("New recipe: which data?", classes="dialog-title")
            with Horizontal():
                yield JumpList(compact=True)
                with VerticalScroll():
                    yield Static("Enter looks into the data.", id="facts", markup=False)
                    yield Static("", id="suggestion", markup=False)
            with Vertical(id="options"):
                yield Label(
                    "What the message asks for, such as: encoding: latin-1. Enter reads the data again."
                )
                yield Input(compact=True)
            with Vertical(id="learn"):
                yield Label(
                    "What to learn: columns, separated by commas. Tab takes over, Enter makes the recipe."
                )
                yield PickInput(several=True)
                yield Static("", classes="dialog-error", markup=False)

    def on_mount(self) -> None:
        self.query_one(OptionList).focus()
        self._list()

    @work(exclusive=True, group="list")
    async def _list(self) -> None:
        app = kwb(self)
        datasets = list(app.catalog.of_kind(Kind.DATASET))
        readers = readers_by_suffix(datasets)
        with app.type_ahead.kept("listing the data", cancel=False):
            files = await asyncio.to_thread(list_data, app.working_directory, file_suffixes(datasets))
            folders = await asyncio.to_thread(
                list_folders, app.working_directory, tuple(folder_suffixes(datasets))
            )
        options: list[Option] = []
        if files:
            options.append(_heading("Files in this folder"))
        for path in files:
            shown = str(path.relative_to(app.working_directory))
            reader = reader_of(path.name, readers)
            if reader is None:
                continue
            self._sections[shown] = first_section(reader, shown)
            options.append(Option(Content(shown), id=shown))
        if folders:
            options.append(_heading("Folders of files"))
        for path in folders:
            reader, shown = reader_of_folder(path, datasets), f"{path.relative_to(app.working_directory)}/"
            if reader is not None:
                self._sections[shown] = first_section(reader, shown.rstrip("/"))
                options.append(Option(Content(shown), id=shown))
        options.append(_heading("Datasets"))
        for entry in datasets:
            if READER not in entry.tags:
                self._sections[entry.name] = {"use": entry.name}
                options.append(Option(Content(entry.name), id=entry.name))
        options.append(Option("Another file …", id=_OTHER_FILE))
        listing = self.query_one(OptionList)
        listing.set_options(options)
        listing.highlighted = 1
        if self._file in self._sections:
            listing.highlighted = listing.get_option_index(self._file)
            self._look_at(self._file, self._sections[self._file])

    @on(OptionList.OptionHighlighted)
    def _highlighted(self, event: OptionList.OptionHighlighted) -> None:
        if event.option_list is not self.query_one(OptionList):  # it is the list of columns
            return
        section = self._sections.get(event.option_id or "", {})
        about = [
            entry.summary
            for entry in kwb(self).catalog.of_kind(Kind.DATASET)
            if entry.name == section.get("use")
        ]
        if not self._facts:
            self.query_one("#facts", Static).update("\n\n".join([*about, "Enter looks into the data."]))

    @on(OptionList.OptionSelected)
    def _selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        if event.option_id == _OTHER_FILE:
            self._ask_for_file()
        elif event.option_id in self._sections:
            self._look_at(event.option_id, self._sections[event.option_id])

    @work(exclusive=True, group="look")
    async def _ask_for_file(self) -> None:
        app = kwb(self)
        datasets = list(app.catalog.of_kind(Kind.DATASET))
        readers = readers_by_suffix(datasets)

        def found(text: str) -> Entry | None:
            path = app.working_directory / Path(expanduser(text.strip()))
            if path.is_dir() and (of_folder := reader_of_folder(path, datasets)) is not None:
                return of_folder
            return reader_of(path.name, readers)

        def wrong(text: str) -> str:
            if found(text) is None:
                return f"one of these can be read: {', '.join(readers)}"
            path = app.working_directory / Path(expanduser(text.strip()))
            return "" if path.exists() else "there is no such file"

        text = await app.push_screen_wait(
            PickDialog(
                "A file or a folder of data",
                text="A folder with / lists its files; a folder of pictures is data itself.",
                check=wrong,
                source=typed_paths(app.working_directory, [*readers, *PACKED]),
            )
        )
        if text is not None:
            path = Path(expanduser(text.strip()))
            reader = found(text)
            assert reader is not None
            self._look_at(path.stem, first_section(reader, str(path)))

    @work(exclusive=True, group="preview")
    async def _look_at(self, name: str, section: dict[str, Any]) -> None:
        self._looked_at.clear()
        try:
            await self._look(name, section)
        finally:
            self._looked_at.set()

    async def _look(self, name: str, section: dict[str, Any]) -> None:
        from workbench.recipe.suggestion.recipe import Facts, likely_targets

        app = kwb(self)
        facts_view = self.query_one("#facts", Static)
        facts_view.update("Waiting for the worker …" if app.worker.state != "ready" else "Reading …")
        self.query_one("#suggestion", Static).update("")
        self._section, self._called = section, Path(name).stem
        # What is typed from now on is for this line; the guess is put there only if nothing was.
        self._facts, self._text, self._hasty, self._windows = None, "", False, True
        pick = self.query_one(PickInput)
        pick.offer((), "")
        self.query_one("#learn").display = True
        self.query_one(".dialog-error", Static).update("")
        self.query_one("#learn Input").focus()
        try:
            answer = await app.worker.call("preview", data=section, folder=str(app.working_directory))
        except WorkbenchError as error:
            facts_view.update(Content.styled(f"{FAILED} {error}", "$text-error"))
            if "path" in section:  # a message that says what to say has a place to say it
                self.query_one("#options").display = True
            if not pick.value:  # else somebody is typing there
                self._back_to_data()
                if "path" in section:
                    if "is not written in utf-8" in error.what:
                        self._offer_options("encoding: cp1252")
                    self.query_one("#options Input").focus()
            return
        self.query_one("#options").display = False
        self._facts = facts = Facts.from_record(answer["preview"])
        facts_view.update(facts_text(facts))
        columns = [Pickable(column.name, column_text(column)) for column in facts.columns]
        if pick.value:
            pick.offer(columns, pick.value)
        else:
            pick.offer(columns, ", ".join(likely_targets(facts)))
            self.query_one("#learn Input", Input).select_all()
        self._suggest(pick.value)
        self.refresh_bindings()
        words = sorted({word for column in facts.columns for word in (*column.words, column.word) if word})
        if self._hasty:
            self._make()
        elif any(column.words for column in facts.columns) and "missing_values" not in section:
            self._offer_words(words, focus=pick.value == ", ".join(likely_targets(facts)))

    def _offer_words(self, words: Sequence[str], *, focus: bool) -> None:
        """Words among numbers are most often gaps: what says so is one Enter away."""
        from workbench.recipe.yaml_values import one_line

        self._offer_options(f"missing_values: {one_line(words)}")
        self.query_one("#options Label", Label).update(
            "Words among numbers: Enter reads them as no value; with an empty line they stay texts."
        )
        if focus:
            self.query_one("#options Input").focus()

    def _offer_options(self, text: str) -> None:
        self.query_one("#options").display = True
        line = self.query_one("#options Input", Input)
        line.value = text
        line.select_all()

    @on(Input.Submitted, "#options Input")
    def _read_again(self, event: Input.Submitted) -> None:
        """Read the data with what the message asked for."""
        from workbench.recipe.yaml_text import plain_map

        event.stop()
        if self._facts is not None and not event.value.strip():
            self.query_one("#options").display = False
            self.query_one("#learn Input").focus()
            return
        try:
            options = plain_map(event.value)
        except WorkbenchError as error:
            self.query_one("#facts", Static).update(Content.styled(f"{FAILED} {error}", "$text-error"))
            return
        self._look_at(self._called, {**self._section, **options})

    @on(PickInput.Changed)
    def _changed(self, event: PickInput.Changed) -> None:
        self._hasty = False
        self._suggest(event.value)

    def _suggest(self, text: str) -> None:
        from workbench.recipe.suggestion.recipe import suggest
        from workbench.recipe.suggestion.text import recipe_text

        if self._facts is None:
            return
        targets = [name.strip() for name in text.split(",") if name.strip()]
        known = {column.name for column in self._facts.columns}
        wrong = [name for name in targets if name not in known]
        wrong_text = "" if targets else f"{FAILED} name a column"
        if wrong:
            wrong_text = f"{FAILED} there is no column '{wrong[0]}'. {did_you_mean(wrong[0], known)}".rstrip()
        self._text = ""
        if not wrong_text:
            try:
                suggestion = suggest(self._called, self._section, self._facts, targets, windows=self._windows)
                self._text = recipe_text(suggestion)
            except WorkbenchError as error:
                wrong_text = f"{FAILED} {error}"
        self.query_one(".dialog-error", Static).update(wrong_text)
        self.query_one("#suggestion", Static).update(highlighted(self._text))

    @on(PickInput.Submitted)
    def _submitted(self) -> None:
        if self._facts is None:
            self._hasty = True
            self._wait_for_data()
        else:
            self._make()

    @work(group="hasty", exclusive=True)
    async def _wait_for_data(self) -> None:
        """What is typed after Enter is for what comes when the recipe is made."""
        with kwb(self).type_ahead.kept("reading the data", cancel=False):
            await self._looked_at.wait()

    def _make(self) -> None:
        if self._text:
            from workbench.recipe.editing import Editor

            self.dismiss(Editor(self._text, name=self._called, folder=kwb(self).working_directory))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Windows are offered where rows follow each other in time."""
        if action == "toggle_windows":
            return self._facts is not None and self._facts.series is not None
        return super().check_action(action, parameters)

    def action_toggle_windows(self) -> None:
        """Suggest windows for the rows of a series, or rows one by one."""
        self._windows = not self._windows
        self._suggest(self.query_one(PickInput).value)

    def action_scroll_facts(self, pages: int) -> None:
        """Show the next page of what is said of the data and the recipe."""
        data = self.query_one(OptionList)
        if data.has_focus:
            page = data.action_page_down if pages > 0 else data.action_page_up
            page()  # type: ignore[no-untyped-call]
            return
        facts = self.query_one(VerticalScroll)
        facts.scroll_relative(y=pages * max(facts.size.height - 1, 1), animate=False)

    def action_leave(self) -> None:
        """Back to the data, or close."""
        if self.query_one("#learn").display or self.query_one("#options").display:
            self.workers.cancel_group(self, "preview")
            self.query_one("#facts", Static).update("Enter looks into the data.")
            self.query_one("#options").display = False
            self._back_to_data()
        else:
            self.dismiss(None)

    def _back_to_data(self) -> None:
        self.query_one("#learn").display = False
        self._facts = None
        self.query_one(OptionList).focus()


def _heading(text: str) -> Option:
    return Option(Content.styled(text, "bold $primary"), disabled=True)
