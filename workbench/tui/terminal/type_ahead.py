"""Handle keys one after another: the next key waits until the one before has done its work.

Textual hands a key on at once, and what the key does (go to another screen, put the focus into a field, open a
dialog) happens some messages later. A person, a paste and a slow line do not wait for that: keys that came in the
meantime would go to what had the focus before. So here a key that may move the focus closes the gate; keys that come
now are kept in order, and are given on when everything that the key before has set off is done. A letter for a text
field closes nothing: it moves no focus, so texts are as fast as ever.

Work that lasts longer than messages (a file is read, then its screen is shown) announces itself with `kept`. Where a
question comes in between that nobody expected (`ConfirmDialog`), the keys that were for later are dropped: one of their
letters could be the answer that overwrites a file.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from textual.app import App, ScreenStackError
from textual.dom import DOMNode
from textual.events import Event, Key, Paste
from textual.message_pump import MessagePump

PATIENCE = 1.0  # seconds that keys are kept without a word; then escape gives up what they wait for
ALWAYS = ("ctrl+q", "ctrl+c")  # never kept: the app can always be left
LEAST_PASSES = 2  # after the first, which may begin before the key has reached anybody
MOST_PASSES = 12  # a screen that gets messages without end holds no key up for ever
_LOOK_AGAIN = 0.02  # seconds

Forward = Callable[[Event], Awaitable[None]]


@dataclass(eq=False)
class _Wait:
    """The work that keys wait for, and its task if it can be cancelled."""

    what: str
    task: asyncio.Task[Any] | None
    late: bool = False
    shown: bool = False


class TypeAhead:
    """Passes keys and pasted texts to the app, one after the other.

    The reason for waiting is shown once it lasts longer than `PATIENCE`.

    Args:
        app: the app.
    """

    def __init__(self, app: App[Any]) -> None:
        self._app = app
        self._kept: deque[tuple[Key | Paste, object]] = deque()  # with the screen that was shown
        self._given: Event | None = None  # the kept key whose turn it is, on its way through the app's queue
        self._done: asyncio.Future[None] | None = None  # that key has been forwarded
        self._task: asyncio.Task[None] | None = None  # runs while the gate is closed
        self._waits: list[_Wait] = []
        self._free = asyncio.Event()  # nothing is waited for
        self._free.set()

    async def take(self, event: Event, forward: Forward) -> None:
        """Forward an event at once, or keep it until its turn comes."""
        if not isinstance(event, Key | Paste) or event.is_forwarded:
            await forward(event)
        elif event is self._given:
            done, self._given = self._done, None
            try:
                await forward(event)
            finally:
                if done is not None and not done.done():
                    done.set_result(None)
        elif isinstance(event, Key) and event.key in ALWAYS:
            await forward(event)
        elif isinstance(event, Key) and event.key == "escape" and any(wait.late for wait in self._waits):
            self._give_up()
        elif self.closed:
            self._kept.append((event, self._screen()))
            self._say()
        elif self._is_text(event):
            await forward(event)
        else:
            before = self._path()
            self._task = asyncio.create_task(self._go_on(before))
            await forward(event)

    @property
    def closed(self) -> bool:
        """True if keys are waiting."""
        return self._task is not None or bool(self._waits)

    @contextmanager
    def kept(self, what: str, *, cancel: bool = True) -> Iterator[None]:
        """Keep keys while inside; what follows the block without waiting still comes before them.

        Once that has taken `PATIENCE`, escape gives it up, and what was typed for it is dropped.

        Args:
            what: is waited for, for people: "reading x.yaml".
            cancel: whether to give up cancels the running task too.
        """
        here = _Wait(what, asyncio.current_task() if cancel else None)
        self._waits.append(here)
        self._free.clear()
        timer = self._app.set_timer(PATIENCE, lambda: self._late(here))
        if self._task is None:
            self._task = asyncio.create_task(self._go_on(self._path()))
        try:
            yield
        finally:
            timer.stop()
            if here in self._waits:
                self._waits.remove(here)
            self._free_if_done()

    def _late(self, wait: _Wait) -> None:
        wait.late = True
        if self._kept:
            self._say()

    def _say(self) -> None:
        """Say what keys wait for, once that takes long: the innermost, for it is what is being done."""
        for wait in self._waits[-1:]:
            if wait.late and not wait.shown:
                wait.shown = True
                self._app.notify(f"{wait.what} … Keys wait for it; Esc gives up.", markup=False)

    def _give_up(self) -> None:
        """End what keys wait for; those typed for it are dropped."""
        self._kept.clear()
        for wait in self._waits:
            if wait.task is not None:
                wait.task.cancel()
        self._waits.clear()
        self._free_if_done()

    def _screen(self) -> object:
        try:
            return self._app.screen
        except ScreenStackError:
            return None

    def _drop_unseeing(self) -> None:
        """Where a question came up, drop what was typed before it was there: that is no answer to it."""
        screen = self._screen()
        answers = deque(item for item in self._kept if item[1] is screen)
        if not getattr(screen, "unexpected", False) or len(answers) == len(self._kept):
            return
        self._kept = answers
        self._app.notify("What was typed before this question was shown is no answer to it.", markup=False)

    def _free_if_done(self) -> None:
        if not self._waits:
            self._free.set()

    def _is_text(self, event: Key | Paste) -> bool:
        """True if an event is a text for the field that has the focus."""
        try:
            focused = self._app.focused
        except ScreenStackError:
            return False
        if isinstance(event, Paste):
            return focused is not None and focused.check_consume_key("a", "a")
        return focused is not None and focused.check_consume_key(event.key, event.character)

    # ------------------------------------------------------------------ one key after the other

    async def _go_on(self, before: list[DOMNode]) -> None:
        """Wait until what is going on is done, and give the next key; the gate opens when no key is left."""
        try:
            await self._settled(before)
            while self._kept:
                self._drop_unseeing()
                if not self._kept:
                    break
                event, _ = self._kept.popleft()
                before, text = self._path(), self._is_text(event)
                self._given, self._done = event, asyncio.get_running_loop().create_future()
                self._app.post_message(event)
                await _done(self._done, self._app)
                if not text:
                    await self._settled(before)
        finally:
            self._task = None
            self._given = None

    async def _settled(self, before: list[DOMNode]) -> None:
        """Wait until all that had or has the focus, up to the app, has done what was asked of it.

        A message climbs from a widget to the app, and what it sets off may send others: so it takes a few passes.
        """
        for passed in range(MOST_PASSES):
            await self._free.wait()
            await self._shown()
            path = self._path()
            for node in dict.fromkeys([*before, *path]):
                await _reached(node)
            quiet = not self._waits and all(node.message_queue_size == 0 for node in path)
            if passed >= LEAST_PASSES and quiet and path == self._path():
                return

    async def _shown(self) -> None:
        """Wait until the screen has its widgets."""
        while self._app.is_running:
            try:
                if self._app.screen.is_mounted:
                    return
            except ScreenStackError:
                pass
            await asyncio.sleep(_LOOK_AGAIN)

    def _path(self) -> list[DOMNode]:
        """The widgets that a key passes, from the focused one to the app."""
        try:
            return (self._app.focused or self._app.screen).ancestors_with_self
        except ScreenStackError:
            return [self._app]


async def _reached(node: MessagePump) -> None:
    """Wait until a node has handled the messages that are in its queue now."""
    done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    if node.call_later(lambda: None if done.done() else done.set_result(None)):
        await _done(done, node)


async def _done(done: asyncio.Future[None], node: MessagePump) -> None:
    """Wait for what a node is to do, unless it ends before."""
    while not done.done() and node.is_running:
        await asyncio.wait([done], timeout=_LOOK_AGAIN)
