"""Use the chosen file: in the worker, or in a recipe."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from os.path import expanduser
from pathlib import Path
from typing import Any

from textual.screen import Screen

from workbench.catalog import Kind
from workbench.catalog.folders import file_suffixes, folder_suffixes
from workbench.catalog.readers import PACKED, READER, readers_by_suffix
from workbench.errors import RecipeError, WorkbenchError
from workbench.recipe import model_edits
from workbench.tui.actions.ask_file import may_write
from workbench.tui.actions.leaving import keep_changes
from workbench.tui.context import AppContext, kwb
from workbench.tui.screens.saved import file_operations, outcomes
from workbench.tui.screens.saved.chosen_file import ChosenFile
from workbench.tui.screens.saved.listing import from_working_directory
from workbench.tui.screens.saved.outcomes import Outcome
from workbench.tui.screens.saved.reader import FileReader
from workbench.tui.services.files import list_folders, list_recipes
from workbench.tui.widgets.data_files import data_files, typed_paths
from workbench.tui.widgets.dialogs import PromptDialog
from workbench.tui.widgets.filter_line import FilterLine
from workbench.tui.widgets.pick import Pickable, PickDialog

_LOOK_AGAIN = 0.1  # seconds
OWN_RECIPE = "its recipe's data"


class FileUses:
    """Loads, evaluates, predicts and copies the chosen file in the worker, and makes recipes of it.

    All are coroutines, for a worker of the screen: they ask the user, or wait for the worker.

    Args:
        screen: the screen of the file.
        chosen: the file.
        reader: reads files.
        on_change: called when there is another outcome to show.
    """

    def __init__(
        self, screen: Screen[None], chosen: ChosenFile, reader: FileReader, on_change: Callable[[], None]
    ) -> None:
        self._screen = screen
        self._reader = reader
        self._chosen = chosen
        self._changed = on_change
        self._data: dict[Path, str] = {}  # the data last named for a file
        self._beside: dict[Path, str] = {}  # the columns last written beside its predictions

    @property
    def _app(self) -> AppContext:
        return kwb(self._screen)

    # ------------------------------------------------------------------ asking the worker

    async def _ask_worker(
        self, kind: str, doing: str, command: str, outcome_of: Callable[[Any], Outcome], **arguments: Any
    ) -> Any:
        """Ask the worker about the chosen file, and show with the file what came of it; None where it failed."""
        file = self._chosen.file
        assert file is not None
        results = self._chosen.outcomes.setdefault(file.path, {})
        results[kind] = Outcome(None, f"{doing} …")
        self._changed()
        try:
            found = await self._app.worker.call(command, file=str(file.path), **arguments)
            results[kind] = outcome_of(found)
        except WorkbenchError as error:
            results[kind] = outcomes.failed(doing, error, file.path.name)
            found = None
        finally:
            if results[kind].done is None:
                del results[kind]
        self._changed()
        return found

    def _known_data(self) -> list[Pickable]:
        """The suggestions for data: data files, recipes, datasets. Reads the disk: for a thread."""
        app = self._app
        datasets = list(app.catalog.of_kind(Kind.DATASET))
        found = data_files(app.working_directory, file_suffixes(datasets))
        found += [
            Pickable(str(path.relative_to(app.working_directory)), "folder")
            for path in list_folders(app.working_directory, tuple(folder_suffixes(datasets)))
        ]
        recipes = list_recipes(app.working_directory)
        found += [
            Pickable(str(recipe.path.relative_to(app.working_directory)), "recipe") for recipe in recipes
        ]
        found += [Pickable(entry.name, "built-in recipe") for entry in app.catalog.of_kind(Kind.RECIPE)]
        return found + [Pickable(entry.name, "dataset") for entry in datasets if READER not in entry.tags]

    async def _ask_data(self, title: str) -> dict[str, Any] | None:
        """The data to use, as arguments of a command; None if the user does not want any."""
        file, facts = self._chosen.file, self._chosen.facts
        assert file is not None
        assert facts is not None
        own = facts.notes is not None and bool(facts.notes.recipe)
        text = "A recipe (its test part), a dataset, a data file, a folder of pictures or a picture."
        if own:
            text += " Nothing: the data of the recipe it was trained with."
        known = await asyncio.to_thread(self._known_data)
        app = self._app
        suffixes = [*readers_by_suffix(app.catalog.of_kind(Kind.DATASET)), *PACKED, ".yaml"]
        data = await self._app.push_screen_wait(
            PickDialog(
                title,
                self._data.get(file.path, ""),
                known,
                text=text,
                placeholder=OWN_RECIPE if own else "price.yaml, diabetes, new.csv …",
                check=lambda given: "" if given.strip() or own else "name some data",
                source=typed_paths(app.working_directory, suffixes),
            )
        )
        if data is None:
            return None
        self._data[file.path] = data.strip()
        return self._data_arguments()

    def _data_arguments(self) -> dict[str, Any]:
        from workbench.tui.screens.saved.retrain import recipe_folder

        app, file, facts = self._app, self._chosen.file, self._chosen.facts
        assert file is not None
        if data := self._data.get(file.path, ""):
            return {"data": data}
        run = facts.notes.run if facts and facts.notes else ""
        return {"folder": str(recipe_folder(app.runs_folder, run, app.working_directory))}

    def _on(self, arguments: dict[str, Any]) -> str:
        """The data in words."""
        return arguments.get("data") or OWN_RECIPE

    async def load(self) -> None:
        """Check that it opens."""
        if self._chosen.is_ready():
            await self._ask_worker("load", "opening it", "load", outcomes.opened)

    async def evaluate(self) -> None:
        """Loss and metrics on data."""
        if not self._chosen.is_ready() or (data := await self._ask_data("Evaluate on which data?")) is None:
            return
        on = self._on(data)
        await self._ask_worker(
            "evaluate", f"evaluating on {on}", "evaluate", lambda found: outcomes.evaluated(found, on), **data
        )

    async def predict(self) -> None:
        """Predictions on data, as a table and beside the truth."""
        from workbench.tui.screens.saved.predictions import PredictionsScreen

        if not self._chosen.is_ready() or (data := await self._ask_data("Predict on which data?")) is None:
            return
        on, file = self._on(data), self._chosen.file
        found = await self._ask_worker(
            "predict",
            f"predicting on {on}",
            "predictions",
            lambda found: Outcome(True, f"predicted {found['rows']:,} rows of {on}"),
            **data,
        )
        while isinstance(self._screen.focused, FilterLine):  # nothing comes between the letters of a text
            await asyncio.sleep(_LOOK_AGAIN)
        if found is not None and file == self._chosen.file and self._screen.is_current:
            assert file is not None
            self._screen.app.push_screen(
                PredictionsScreen(
                    self._chosen.name,
                    on,
                    found,
                    lambda: self._screen.run_worker(self.export(data), group="export", exclusive=True),
                    partial(self._app.worker.call, "predicted_rows", token=found["token"]),
                    partial(self._app.worker.call, "predicted_pictures", token=found["token"]),
                )
            )

    async def export(self, data: dict[str, Any] | None = None) -> None:
        """Write the predictions on data to a CSV file; asks for what is not given."""
        if not self._chosen.is_ready():
            return
        data = data if data is not None else await self._ask_data("Predict on which data?")
        if data is not None:
            await self._export(data)

    async def _export(self, data: dict[str, Any]) -> None:
        app, file = self._app, self._chosen.file
        assert file is not None
        stem = file.path.name.partition(".")[0]
        target = await self._ask_place(
            "Write the predictions to",
            f"{stem}-predictions.csv",
            lambda text: "" if text.strip().endswith(".csv") else "let the name end in .csv",
        )
        if target is None:
            return
        beside = await app.push_screen_wait(
            PromptDialog(
                "Columns to write beside the predictions",
                self._beside.get(file.path, ""),
                text="Columns of the data, such as ids, with commas between them. Enter alone: none.",
                placeholder="none",
            )
        )
        if beside is None:
            return
        self._beside[file.path] = beside
        keep = [name.strip() for name in beside.split(",") if name.strip()]
        name = from_working_directory(target, app.working_directory)
        app.notify(f"writing predictions to {name} …", timeout=3, markup=False)
        found = await self._ask_worker(
            "export",
            f"predicting on {self._on(data)}",
            "predict",
            lambda found: Outcome(True, f"{found['rows']:,} predictions in {name}"),
            out=str(target),
            keep=keep,
            **data,
        )
        if found is not None:
            app.notice(f"{found['rows']:,} predictions in {name}.", "information")
        elif self._screen.app.screen is not self._screen:
            app.notice(self._chosen.outcomes[file.path]["export"].text)

    async def save_as(self) -> None:
        """A copy in another format."""
        app, file = self._app, self._chosen.file
        if file is None or not self._chosen.is_ready():
            return
        target = await self._ask_place(
            "Save a copy as",
            from_working_directory(file_operations.another_format(file.path), app.working_directory),
            lambda text: file_operations.copy_error(file.path, text, app.working_directory),
        )
        if target is None:
            return
        name = from_working_directory(target, app.working_directory)
        await self._ask_worker(
            "save-as",
            f"saving as {name}",
            "save_as",
            lambda found: outcomes.copied(found, name),
            out=str(target),
        )

    async def _ask_place(self, title: str, value: str, check: Callable[[str], str]) -> Path | None:
        """A place for a file; one that is there is asked about."""
        app = self._app
        text = await app.push_screen_wait(
            PromptDialog(title, value, text=f"from {app.working_directory}", check=check)
        )
        if text is None:
            return None
        target = app.working_directory / Path(expanduser(text.strip()))
        return target if await may_write(app, target) else None

    # ------------------------------------------------------------------ recipes

    async def go_on(self) -> None:
        """Open a recipe that goes on training from this file."""
        from workbench.tui.screens.saved import retrain

        app, file, facts = self._app, self._chosen.file, self._chosen.facts
        if file is None or facts is None or not self._chosen.is_ready(model=False):
            return
        name = from_working_directory(file.path, app.working_directory)
        weights_only = facts.model is None or facts.format == ".weights.h5"
        if facts.notes is None or not facts.notes.recipe:
            if app.editor is None or not app.editor.is_yaml:
                self._chosen.refuse(
                    "keeps no recipe.", "Open the recipe with its data first (1), then press c here again."
                )
                return
            retrain.go_on_from(app.editor, name, weights_only=weights_only)
            app.notice(f"'{app.editor.name}' now starts from {name}; undo takes it back.", "information")
            app.go("assemble")
            return
        try:
            with app.type_ahead.kept("reading the file's recipe"):
                kept = await self._reader.ask("recipe", str(file.path))
            folder = retrain.recipe_folder(app.runs_folder, kept["run"], app.working_directory)
            editor = retrain.continued(kept["text"], kept["name"], folder, name, weights_only=weights_only)
        except WorkbenchError as error:
            app.notice(error, "warning")
            return
        if await keep_changes(app, "Open"):
            app.set_editor(editor)
            app.go("assemble")

    def as_layer(self) -> None:
        """Add the file's model to the open recipe as a layer, first of all; its row is highlighted, to be moved."""
        from workbench.tui.screens.saved.retrain import layer_line

        if self._chosen.file is None or not self._chosen.is_ready():
            return
        app, name = self._app, from_working_directory(self._chosen.file.path, self._app.working_directory)
        try:
            if app.editor is None:
                raise RecipeError("no recipe is open.", hint="Open the one that it is to be a layer of (1).")
            app.row_to_show = model_edits.add_loaded(app.editor, 0, name)
        except WorkbenchError as error:
            line = layer_line(name)
            self._screen.app.copy_to_clipboard(line)
            hint = f"{error.hint} Copied for a stack: {line}".strip()
            app.notice(WorkbenchError(f"not added: {error.what}", hint=hint), "warning")
            return
        app.notice(
            WorkbenchError(f"{name} is a layer of '{app.editor.name}' now.", hint="Undo takes it out again."),
            "information",
        )
        app.go("assemble")
