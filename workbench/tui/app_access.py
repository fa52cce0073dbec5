"""The app as its own type, for widgets and screens: `kwb(self).worker` instead of an untyped `self.app`.

The child's service is `app.worker`, because `app.workers` is Textual's own manager of background work.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from textual.message_pump import MessagePump

    from workbench.tui.app import KwbApp


def kwb(node: MessagePump) -> KwbApp:
    """The running app, from any widget or screen."""
    return cast("KwbApp", node.app)
