"""Tags and notes of runs, their groups, and the order of the table, as they are asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from workbench.errors import WorkbenchError
from workbench.storage.labels import Labels, read_labels, tag_error, write_labels
from workbench.storage.recipe_values import differing_keys
from workbench.storage.run_values import names_of
from workbench.storage.runs import RunSummary
from workbench.tui.context import AppContext
from workbench.tui.screens.runs.listing import orders_of
from workbench.tui.views.formatting import counted
from workbench.tui.widgets.dialogs import PromptDialog
from workbench.tui.widgets.pick import Pickable, PickDialog


async def chosen_order(app: AppContext, runs: Sequence[RunSummary]) -> str | None:
    """An order that the user chose from a list; None for none. Needs a worker's context."""
    orders = orders_of(runs)
    by_words = {words: order for order, words in orders.items()}
    answer = await app.push_screen_wait(
        PickDialog(
            "Sort by",
            options=[Pickable(words) for words in by_words],
            check=lambda text: "" if text in by_words else "choose one of the list",
        )
    )
    return None if answer is None else by_words[answer]


async def chosen_key(app: AppContext, every: Sequence[RunSummary]) -> tuple[str, str] | None:
    """A key to group runs by, as it is called and its whole name; None for none. Needs a worker's context."""
    names = names_of(every)
    short = {whole: name for name, whole in sorted(names.items(), key=lambda pair: -len(pair[0]))}
    differ = differing_keys((run.recipe_name, run.recipe_values) for run in every)
    offered = [*(short[key] for key in differ if key in short), "tag", "status"]
    answer = await app.push_screen_wait(
        PickDialog(
            "Group by",
            options=[Pickable(name) for name in dict.fromkeys(offered)],
            check=lambda text: (
                "" if text in names else "choose one of the list, or another key of the recipes"
            ),
        )
    )
    return None if answer is None else (answer, names[answer])


async def change_tags(app: AppContext, runs: Sequence[RunSummary]) -> bool:
    """Ask for the tags of runs and write them; True if something was. Needs a worker's context.

    Of several runs, the tags that all of them have are shown; the others keep those that only they have.
    """
    if not runs:
        return False
    shared = set(runs[0].labels.tags).intersection(*(run.labels.tags for run in runs))

    def wrong(text: str) -> str:
        return next((error for tag in _tags(text) if (error := tag_error(tag))), "")

    answer = await app.push_screen_wait(
        PromptDialog(f"Tags of {_which(runs)}, with blanks between", " ".join(sorted(shared)), check=wrong)
    )
    if answer is None:
        return False
    wanted = set(_tags(answer))

    def changed(labels: Labels) -> Labels:
        return Labels(tuple(sorted((set(labels.tags) - shared) | wanted)), labels.note)

    return await _write(app, runs, changed)


async def change_note(app: AppContext, runs: Sequence[RunSummary]) -> bool:
    """Ask for the note of runs and write it; True if something was. Needs a worker's context."""
    if not runs:
        return False
    notes = {run.labels.note for run in runs}
    before = notes.pop() if len(notes) == 1 else ""
    answer = await app.push_screen_wait(PromptDialog(f"Note about {_which(runs)}", before))
    if answer is None:
        return False
    return await _write(app, runs, lambda labels: Labels(labels.tags, answer.strip()))


def _tags(text: str) -> list[str]:
    return [tag.lstrip("#") for tag in text.replace(",", " ").split()]


def _which(runs: Sequence[RunSummary]) -> str:
    return runs[0].folder.name if len(runs) == 1 else counted(len(runs), "run")


async def _write(app: AppContext, runs: Sequence[RunSummary], changed: Callable[[Labels], Labels]) -> bool:
    for run in runs:
        try:
            before = await asyncio.to_thread(read_labels, run.folder)
            await asyncio.to_thread(write_labels, run.folder, changed(before))
        except WorkbenchError as error:
            app.notice(error)
    return True
