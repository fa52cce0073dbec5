"""Tune Python's garbage collector so that it does not stop the app for long.

A full collection looks at every object there is: with Textual, its style sheets and pydantic some 150,000, which takes
100 ms, every second or two while charts are drawn. So long-lived objects are set aside (`gc.freeze`), and
drawing makes fewer objects that only a collection could free.
"""

from __future__ import annotations

import gc
from collections.abc import Iterable, Sequence

from textual.strip import Strip

_divide = Strip.divide


def set_aside() -> None:
    """Have the collector pass over all that lives now, until `take_back`. Takes as long as one full collection."""
    gc.collect()
    gc.freeze()


def take_back() -> None:
    """Have the collector look at everything again."""
    gc.unfreeze()


def _divide_whole(self: Strip, cuts: Iterable[int]) -> Sequence[Strip]:
    width = self.cell_length
    fitting = [cut for cut in cuts if cut <= width]
    return [self] if fitting == [width] else _divide(self, fitting)


def spare_strips() -> None:
    """Have a line of the screen that is cut at its own width not keep itself alive.

    Textual 8 notes in every `Strip` how it was divided; one that was not really divided is then in its own notes: a
    ring of some fifteen objects for every line of every frame, thousands a second.
    """
    Strip.divide = _divide_whole  # type: ignore[method-assign]
