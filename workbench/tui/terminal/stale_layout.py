"""Ask a widget for its size again if it changed while it was asked.

Textual keeps a widget's size until the widget asks for another layout, and counts only the first of several requests
that it makes before it is idle. A layout that comes between two of them, as on a busy machine, keeps the size of before
the second, for ever: a table that was empty then stays without a row. So the size that is known is dropped when the
request is sent, and not only when it is made.
"""

from __future__ import annotations

from typing import Any

from textual.widget import Widget

_check_refresh = Widget._check_refresh


def _drop_size_and_check(self: Widget) -> None:
    if self._layout_required:
        self._layout_updates += 1
    _check_refresh(self)


def install() -> None:
    """Have Textual's widgets do so."""
    widget: Any = Widget
    widget._check_refresh = _drop_size_and_check
