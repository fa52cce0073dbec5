"""The plugins of the app: listed at the start, and again when a file of `--plugin` was changed on disk.

A plugin file is read by the worker, which has Keras loaded: no process is started for it.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Awaitable, Callable, Sequence, Set
from concurrent.futures import CancelledError, Future
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import WorkbenchError

if TYPE_CHECKING:
    from workbench.catalog.entries import Entry
    from workbench.recipe.editing import Editor
    from workbench.recipe.located_error import LocatedError
    from workbench.tui.context import AppContext


class _OutdatedError(Exception):
    """A file was saved again while it was read."""


class Plugins:
    """Lists plugins, and loads plugin files.

    Args:
        files, blocked: as `--plugin` and `--no-plugin`.

    Attributes:
        loading: whether the plugin files are being loaded; until then the catalog may lack what they bring.
    """

    def __init__(self, app: AppContext, files: Sequence[Path], blocked: Sequence[str]) -> None:
        self._app = app
        self.files = tuple(files)
        self.blocked = tuple(blocked)
        self.loading = False
        self._imported: dict[Path, set[Path]] = {}  # files that a plugin file imports from beside it
        self._sums: dict[Path, int] = {}
        self._changed: set[Path] = set()  # files that were changed and not looked into yet
        self._reported: set[str] = set()
        self._asked: Future[Any] | None = None  # the entries of a file, while the worker is asked for them

    @property
    def status_text(self) -> str:
        """`loading gate.py` while plugin files are being loaded, else nothing."""
        return f"loading {', '.join(path.name for path in self.files)}" if self.loading else ""

    @property
    def watched(self) -> list[Path]:
        """The plugin files, and what they import from beside them."""
        return [*self.files, *(path for paths in self._imported.values() for path in paths)]

    def error_of(self, editor: Editor) -> LocatedError | None:
        """The first error of a recipe that is found without Keras. While plugins are being loaded a name that is not
        known is no error."""
        return editor.error if self.loading else editor.check(self._app.catalog)

    # ------------------------------------------------------------------ listing

    async def list_installed(self, *, renewed: bool = False) -> bool:
        """Fill the catalog with the installed plugins, which takes a moment; plugin files come later."""
        self.loading = bool(self.files)
        names = {path.stem for path in self.files}
        blocked = [name for name in self.blocked if name not in names]
        return await self._discover((), blocked, renewed=renewed)

    async def load_files(self, *, renewed: bool = False) -> bool:
        """Load the plugin files too, in the worker.

        Args:
            renewed: they were loaded before, and their code may be another now.
        """
        self.loading = bool(self.files)
        self._app.refresh_header()
        try:
            before = self._sums = await asyncio.to_thread(self._noted)
            done = await self._discover(self.files, self.blocked, renewed=renewed)
            self._sums = await asyncio.to_thread(self._noted) | before
            return done
        finally:
            self.loading = False
            self._app.refresh_header()

    def _noted(self) -> dict[Path, int]:
        """The sums of the files that are watched. Changes that come after it are reported. Called in a thread."""
        self._app.watching.note(self.watched)
        return _sums(self.watched)

    async def _discover(self, files: Sequence[Path], blocked: Sequence[str], *, renewed: bool) -> bool:
        from workbench.catalog.discovery import discover
        from workbench.catalog.lookup import Catalog

        scan = partial(self._scan, asyncio.get_running_loop())
        try:
            plugins = await asyncio.to_thread(discover, files, blocked=blocked, scan=scan)
        except WorkbenchError as error:
            self._app.notice(error)
            return False
        except _OutdatedError:
            return False
        if files:
            self.loading = False
        self._app.set_catalog(Catalog(plugins), renewed=renewed)
        return True

    def _scan(self, loop: asyncio.AbstractEventLoop, path: Path) -> tuple[Entry, ...]:
        """The entries of a plugin file, from the worker. Called in a thread."""
        from workbench.catalog.single_file import SCAN_TIMEOUT, entries_from
        from workbench.worker.client import WorkerDied

        asked = asyncio.wait_for(self._app.worker.call("scan", path=str(path)), SCAN_TIMEOUT)
        self._asked = asyncio.run_coroutine_threadsafe(asked, loop)
        try:
            answer = self._asked.result()
        except CancelledError:
            raise _OutdatedError from None
        except WorkerDied as error:
            raise WorkbenchError(f"importing it ended the process: {error.what}", where=str(path)) from error
        except TimeoutError:
            raise WorkbenchError(f"importing it took over {SCAN_TIMEOUT:.0f} s.", where=str(path)) from None
        self._imported[path] = {Path(each) for each in answer["files"]} - {path}
        return entries_from(answer["entries"])

    def report_broken(self) -> None:
        """A notice for each plugin that cannot be used; each once."""
        broken = [plugin for plugin in self._app.catalog.plugins if plugin.state in ("error", "incompatible")]
        for plugin in broken:
            if plugin.error not in self._reported:
                what, where = f"{plugin.error.rstrip('.')}.", f"plugin {plugin.name}"
                error = WorkbenchError(what, where=where, origin=plugin.origin)
                self._app.notice(error, "warning")
        self._reported = {plugin.error for plugin in broken}

    # ------------------------------------------------------------------ changes

    async def changed(self, paths: Set[Path]) -> None:
        """Files were changed on disk: load them again, in a new worker. One that says the same as before is left.

        While plugins are being loaded, it is only noted; what is being read of such a file is given up, for it may be
        code that never ends.
        """
        self._changed |= paths
        if self.loading and await self._others(paths) and self._asked is not None:
            self._asked.cancel()
        while self._changed and not self.loading:
            noted, self._changed = self._changed, set()
            files = await self._others(noted)
            if files and not self.loading:
                if await self._load_again(self._app.worker.renew):
                    self._report_loaded([path.name for path in sorted(files)])
            elif files:
                self._changed |= set(files)

    async def _others(self, paths: Set[Path]) -> list[Path]:
        """Which of these files say something else than when they were read."""
        sums = await asyncio.to_thread(_sums, paths)
        return [path for path in paths if path in sums and sums[path] != self._sums.get(path)]

    async def load_again(self, renew: Callable[[], Awaitable[None]]) -> None:
        """Show what the plugins offer now, with their code as it is on disk.

        Args:
            renew: puts another worker in the place of the one that holds their code as it was.
        """
        await self._load_again(renew)
        await self.changed(set())

    async def _load_again(self, renew: Callable[[], Awaitable[None]]) -> bool:
        self.loading = bool(self.files)
        self._app.refresh_header()
        try:
            await renew()
        finally:
            self.loading = False
        if self.files:
            done = await self.load_files(renewed=True)
        else:
            done = await self.list_installed(renewed=True)
        self.report_broken()
        return done

    def _report_loaded(self, names: Sequence[str]) -> None:
        """That files were changed and loaded again, if they could be."""
        training = self._app.training
        hint = ""
        if training is not None and training.state.live:
            hint = "The training under way keeps the code that it began with. N, where it is shown, takes the new one."
        wrong = {Path(plugin.distribution) for plugin in self._app.catalog.plugins if plugin.error}
        if not wrong.intersection(path.resolve() for path in self.files):
            self._app.notice(
                WorkbenchError(f"{', '.join(names)} changed, loaded again.", hint=hint), "information"
            )


def _sums(paths: Sequence[Path] | Set[Path]) -> dict[Path, int]:
    """A digest of a file's content; none for one that cannot be read."""
    found = {}
    for path in paths:
        try:
            found[path] = zlib.crc32(path.read_bytes())
        except OSError:
            continue
    return found
