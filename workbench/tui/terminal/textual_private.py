"""All that kwb uses of Textual's private parts, each with its reason. The rest of kwb uses what Textual documents.

`tests/tui/test_textual_private.py` fails where an upgrade of Textual changes what is relied on here, and where another
module uses something private; `pyproject.toml` allows only the versions that this was written for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

import textual.content
from textual._xterm_parser import XTermParser
from textual.app import App
from textual.dom import DOMNode
from textual.driver import Driver
from textual.drivers.linux_driver import LinuxDriver
from textual.events import Key
from textual.message import Message
from textual.message_pump import MessagePump
from textual.screen import Screen
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import Footer
from textual.widgets._footer import FooterKey

__all__ = ["FooterKey"]  # the only way to a line of other keys that looks as Textual's does

Result = TypeVar("Result")

# ---------------------------------------------------------------------- the app


def screens_of(app: App[Any], mode: str) -> list[Screen[Any]]:
    """The screens of a mode, the lowest first; none where it was never shown. Textual offers those of the present mode
    alone, and messages are for all."""
    return app._screen_stacks.get(mode, [])


def all_screens(app: App[Any]) -> Iterator[Screen[Any]]:
    """The screens of every mode."""
    for stack in app._screen_stacks.values():
        yield from stack


def is_left(app: App[Any]) -> bool:
    """True if the app was asked to end. Textual tells only the end itself."""
    return app._exit


def restore_terminal(app: App[Any]) -> None:
    """Make the terminal what it was before the app, for an app that cannot end in order."""
    if app._driver is not None:
        app._driver.stop_application_mode()
        app._driver.close()


class CatchingApp(App[Result]):
    """An app that is asked, before it ends, whether it takes care of an exception.

    A message pump ends its loop when a handler raises, before any hook of the app is asked. `_dispatch_message` is the
    one seam through which every widget, screen and the app itself pass; timers, callbacks, paints and workers end in
    `_handle_exception`.
    """

    def catches(self, error: Exception) -> bool:
        """True if the exception is taken care of and all goes on."""
        return False

    def _handle_exception(self, error: Exception) -> None:
        if not self.catches(error):
            super()._handle_exception(error)


async def _dispatch_message(self: MessagePump, message: Message) -> None:
    """Textual's own, but in a `CatchingApp` an exception does not end the widget whose handler raised it."""
    try:
        await _textual_dispatch_message(self, message)
    except asyncio.CancelledError:
        raise
    except Exception as error:
        try:
            app = self.app
        except Exception:
            raise error from None
        if not isinstance(app, CatchingApp) or not app.catches(error):
            raise


_textual_dispatch_message = MessagePump._dispatch_message
MessagePump._dispatch_message = _dispatch_message  # type: ignore[method-assign]

# ---------------------------------------------------------------------- screens and widgets


class PaintedScreen(Screen[Result]):
    """A screen that is asked before each frame whether it may be painted.

    `_compositor_refresh` is the one place through which a screen's changes get painted. What is held back stays marked
    as changed, so the frame that is painted later shows it too.
    """

    _whole_is_due = False

    def may_paint(self, paint: Callable[[], None]) -> bool:
        """True if a frame may be painted now. If not, `paint` is to be called when one may."""
        return True

    def _compositor_refresh(self) -> None:
        # Textual drops a frame of a batch of updates: where that was the whole screen, it is still to be painted.
        whole, changed = self.size.region, self._compositor._dirty_regions
        self._whole_is_due = self._whole_is_due or whole in changed
        if self.may_paint(self._compositor_refresh):
            if self._whole_is_due:
                changed.add(whole)
            # In a batch it is not painted yet.
            self._whole_is_due = bool(self._whole_is_due and self.app._batch_count)
            super()._compositor_refresh()


def bind(node: DOMNode, key: str, action: str, description: str) -> None:
    """Give one widget or screen a key, in the place of what it does for all of its class."""
    node._bindings.key_to_bindings.pop(key, None)
    node._bindings.bind(key, action, description)


def bindings_are_ready(footer: Footer) -> bool:
    """True if the footer may ask the screen for its keys."""
    return footer._bindings_ready


_check_refresh = Widget._check_refresh


def _drop_size_and_check(self: Widget) -> None:
    if self._layout_required:
        self._layout_updates += 1
    _check_refresh(self)


def ask_again_for_stale_sizes() -> None:
    """Ask a widget for its size again if it changed while it was asked; from now on.

    Textual keeps a widget's size until the widget asks for another layout, and counts only the first of several
    requests that it makes before it is idle. A layout that comes between two of them, as on a busy machine, keeps the
    size of before the second, for ever: a table that was empty then stays without a row. So the size that is known is
    dropped when the request is sent, and not only when it is made.
    """
    Widget._check_refresh = _drop_size_and_check  # type: ignore[method-assign]


# ---------------------------------------------------------------------- the terminal

ReadKeys = Callable[[XTermParser, str, bool], Iterable[Key]]

textual_keys: ReadKeys = XTermParser._sequence_to_key_events
"""How Textual makes keys of a sequence that the terminal sent; it offers no way to read one otherwise."""


def read_keys_by(read: ReadKeys) -> None:
    """Make keys of sequences in another way, from now on."""

    def keys(self: XTermParser, sequence: str, alt: bool = False) -> Iterable[Key]:
        return read(self, sequence, alt)

    XTermParser._sequence_to_key_events = keys  # type: ignore[method-assign]


def escape_content_by(escape: Callable[[str], str]) -> None:
    """Have all text of a `Content` go through a function: Textual drops five control characters there and lets the rest
    through."""
    textual.content._strip_control_codes = escape  # type: ignore[assignment]


def is_rendered(strip: Strip) -> bool:
    """True if a line's text for the terminal was made before: it need not be looked at again."""
    return strip._render_cache is not None


class MeasuredDriver(LinuxDriver):
    """Textual's driver for terminals, with another file in the place of that which its writing thread, made later,
    writes to."""

    def measure(self, file: Callable[[Any], Any]) -> None:
        """Give it the file made of its own."""
        self._file = file(self._file)


def driver_may_be_measured(driver: type[Driver]) -> bool:
    """True for Textual's own driver of a terminal; one for tests or a browser is left alone."""
    return driver is LinuxDriver
