"""What the searches screen has processes do: begin the search of the open recipe, go on with one, with more trials."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Sequence

from workbench.errors import WorkbenchError
from workbench.search import reporting
from workbench.search.kept_elsewhere import journal_in
from workbench.search.opening import SEARCHES, recipe_of
from workbench.search.pruning_by_hand import prune_by_hand
from workbench.tui.context import AppContext
from workbench.tui.screens.searches.listing import SearchSummary
from workbench.tui.screens.searches.rows import TrialRow, best_of
from workbench.tui.screens.searches.trial_result import compares_layers
from workbench.tui.services.detached import plugin_options
from workbench.tui.services.run_files import RunRecipe
from workbench.tui.services.search_processes import SearchProcesses
from workbench.tui.widgets.dialogs import PromptDialog


async def begin_open_recipe(app: AppContext, processes: SearchProcesses) -> bool:
    """Begin the search, or the repeats, of the open recipe. It is saved before, for the process reads the file.

    Returns:
        True if it was begun. What is in the way is shown.
    """
    editor = app.editor
    if editor is None or editor.document is None:
        app.notice("open a recipe without errors first: its `search` or `repeat` is begun.", "warning")
        return False
    recipe = editor.document.recipe
    if recipe.search is None and recipe.repeat is None:
        app.notice(f"'{recipe.name}' has no `search` and no `repeat`: they say what to try.", "warning")
        return False
    if (editor.dirty or editor.path is None) and not await app.save_recipe():
        return False
    assert editor.path is not None
    name = recipe.name
    if recipe.search is None and recipe.repeat is not None:
        name = f"{name}-{recipe.repeat.repetitions}-{'seeds' if recipe.repeat.seeds else 'folds'}"
    word = "search" if recipe.search is not None else "repeat"
    return begin_process(app, processes, name, [word, str(editor.path.absolute()), "--name", name])


async def go_on(app: AppContext, processes: SearchProcesses, search: SearchSummary) -> bool:
    """Go on with a search; how many trials there are to be is asked.

    Returns:
        True if a process works on it now.
    """
    if search.base is None:
        return False
    arguments = [reporting.command_of(search.base), search.name]
    if search.goal is not None and not compares_layers(search):
        least = max(len(search.trials), 1)

        def check(text: str) -> str:
            is_number = text.strip().isdecimal() and int(text) >= least
            return "" if is_number else f"a whole number from {least} on: so many trials there are already"

        answer = await app.push_screen_wait(
            PromptDialog(
                f"How many trials is '{search.name}' to have?",
                str(search.wanted),
                text="Pruned trials that are among the best of more go on too.",
                check=check,
            )
        )
        if answer is None:
            return False
        if int(answer) != search.wanted:
            arguments += ["--set", f"search.trials={int(answer)}"]
    return begin_process(app, processes, search.name, arguments)


def begin_process(app: AppContext, processes: SearchProcesses, name: str, arguments: Sequence[str]) -> bool:
    """Begin `kwb ARGUMENTS` for the search of a name. What is in the way is shown."""
    folder = app.working_directory / SEARCHES / name
    if processes.works_on(folder):
        app.notice(f"'{name}' is worked on already.", "warning")
        return False
    try:
        processes.begin(folder, app.working_directory, [*arguments, *plugin_options(app)])
    except WorkbenchError as error:
        app.notice(error)
        return False
    app.notice(f"kwb {shlex.join(arguments)}: it goes on when you leave the app.", "information")
    return True


async def prune_or_release(app: AppContext, search: SearchSummary, row: TrialRow) -> None:
    """Prune a trial that is trained, or let one that was pruned by hand go on. What is in the way is shown."""

    def change() -> None:
        if (journal := journal_in(search.folder)) is not None:
            prune_by_hand(journal, row.number, pruned=not row.pruned_by_hand)

    try:
        await asyncio.to_thread(change)
    except WorkbenchError as error:
        app.notice(error, "warning")
        return
    words = f"trial {row.number} goes on from its checkpoint"
    if not row.pruned_by_hand:
        words = f"trial {row.number} stops after its batch, saved, and counts as pruned; x lets it go on."
    elif not search.agents:
        words += " when somebody works on the search: c."
    app.notice(words, "information")


def best_recipe(search: SearchSummary) -> RunRecipe:
    """The recipe with the values of the best trial.

    Raises:
        WorkbenchError: there is none yet.
    """
    found = best_of(search)
    if found is None or search.base is None:
        raise WorkbenchError("no trial has a value yet.", where=search.name)
    document = search.base.document
    return RunRecipe(recipe_of(search.base, found), f"{document.recipe.name}-best", document.folder)
