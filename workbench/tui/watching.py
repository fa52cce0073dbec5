"""Watch the files that the app shows and other programs may change: the open recipe, its data, plugin files.

They are looked at once a second; twice where there are plugin files, for who saves a layer waits for it. A file that is
being written is looked at again sooner.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from os.path import expanduser
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textual.widgets import Input, TextArea

from workbench.tui.actions.recipe_file import RecipeOnDisk
from workbench.tui.context import kwb
from workbench.tui.messages import FilesChanged, SharedMessage
from workbench.tui.screens.base import WorkbenchScreen
from workbench.tui.services.file_watch import FileWatch

if TYPE_CHECKING:
    from workbench.tui.shell import Shell

LOOK_EVERY = 1.0  # seconds
LOOK_AT_PLUGINS_EVERY = 0.5  # seconds
STILL = 0.15  # seconds for which a file that was changed must have stayed as it is
MOST_DATA = 100  # files of data that are looked at
QUIET = 1.5  # seconds without a key before a dialog opens by itself: it must not catch what is being typed


class Watching:
    """Watches the files of the app and updates the screens when they change.

    Args:
        app: the app.
        share: posts a message to the screen of every mode.
    """

    def __init__(self, app: Shell, share: Callable[[SharedMessage], None]) -> None:
        self._app = app
        self._context = kwb(app)
        self._share = share
        self._watch = FileWatch()
        self._recipe: Any = None  # the editor whose file was looked at last
        self.recipe = RecipeOnDisk(self._context)

    def start(self) -> None:
        """Look from now on, until the app ends."""
        # One worker for all looks: to begin one for each costs more than the look.
        self._app.run_worker(self._keep_looking(), group="watching")

    def note(self, paths: Iterable[Path]) -> None:
        """Report every change of these files from now on: they are being read."""
        self._watch.note(paths)

    @property
    def _quiet(self) -> bool:
        """True if nobody is typing, so that the focus may change."""
        return time.monotonic() - self._context.last_key >= QUIET

    async def _keep_looking(self) -> None:
        try:
            while self._app.is_running:
                await asyncio.sleep(LOOK_AT_PLUGINS_EVERY if self._context.plugins.watched else LOOK_EVERY)
                await self._look_once()
        except Exception:
            self._app.call_later(self.start)  # the error is shown, and the files are looked at all the same
            raise

    async def _look_once(self) -> None:
        await self.look()
        if self._watch.moving:
            await asyncio.sleep(STILL)
            await self.look()
        if self.recipe.differs and self._may_ask():
            self._app.run_worker(self.recipe.ask(), group="watch")

    def _may_ask(self) -> bool:
        app = self._app
        waiting = self._context.type_ahead.closed  # keys that are for what has the focus now
        return (
            self._quiet
            and not waiting
            and not app.screen.is_modal
            and not isinstance(app.focused, Input | TextArea)
        )

    async def look(self) -> None:
        """Look once, and do what follows from what changed."""
        app, context, editor = self._app, self._context, self._context.editor
        own = editor.path if editor is not None else None
        data = (
            list(paths_in(editor.data, editor.folder, context.working_directory))
            if editor is not None
            else []
        )
        plugins = context.plugins.watched
        screen = app.screen_stack[0] if app.screen_stack else None
        shown: list[Path] = []
        # Not before its widgets are there, nor after they have gone with the app.
        if isinstance(screen, WorkbenchScreen) and screen.is_mounted and app.is_running:
            shown += screen.files_shown()
        paths = [*([own] if own is not None else []), *data[:MOST_DATA], *plugins, *shown]
        changed = await asyncio.to_thread(self._watch.look, paths)
        if editor is not None and editor is context.editor and own == editor.path:
            typing = isinstance(app.focused, Input | TextArea) and not self._quiet
            if (own in changed or editor is not self._recipe or self._missed) and not typing:
                self._missed = False
                self._recipe = editor
                written = editor.saved_text
                found = await asyncio.to_thread(editor.on_disk)
                if editor.saved_text != written:  # from here meanwhile: what was read may be older
                    self._missed = True
                elif editor is context.editor:
                    self.recipe.look(found)
            elif own in changed:
                self._missed = True
        if files := changed.intersection(plugins):
            app.run_worker(context.plugins.changed(files), group="plugins")
        if files := changed.intersection(data):
            self._share(FilesChanged(files))
        if (
            isinstance(screen, WorkbenchScreen)
            and screen.is_current
            and (files := changed.intersection(shown))
        ):
            screen.files_changed(files)

    _missed = False  # the recipe's file changed while somebody was typing


def paths_in(data: Any, *folders: Path) -> Iterator[Path]:
    """The files and folders that a recipe may read: what its data section, `load` and `weights` name.

    Args:
        data: the recipe as plain data.
        folders: what relative paths may start from.
    """
    for text in _named(data, False):
        if "." in text or "/" in text:
            yield from (folder / Path(expanduser(text)) for folder in folders)


def _named(value: Any, reads: bool) -> Iterator[str]:
    if isinstance(value, str):
        if reads:
            yield value
    elif isinstance(value, Mapping):
        for key, each in value.items():
            yield from _named(each, reads or key in ("data", "load", "weights"))
    elif isinstance(value, list):
        for each in value:
            yield from _named(each, reads)
