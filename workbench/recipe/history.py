"""The texts that a recipe has had, for undo and redo."""

from __future__ import annotations

from dataclasses import dataclass

MOST_UNDONE = 500
_OPEN = " …"  # ends the name of a step that the next edit may join


@dataclass(frozen=True)
class _Step:
    text: str
    what: str


class History:
    """The present text, those before it, and those that were taken back."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._done: list[_Step] = []
        self._undone: list[_Step] = []

    def replace(self, text: str, what: str, *, joined: bool) -> None:
        """Make this the text, as a step of that name. See `Editor.replace_text`."""
        what = what + _OPEN if joined else what
        if not (joined and self._done and self._done[-1].what == what):
            self._done.append(_Step(self.text, what))
            del self._done[:-MOST_UNDONE]
        self._undone.clear()
        self.text = text

    def undo(self) -> bool:
        """Take the last edit back; False where there is none."""
        return self._swap(self._done, self._undone)

    def redo(self) -> bool:
        """Do again what was undone last."""
        return self._swap(self._undone, self._done)

    def _swap(self, source: list[_Step], target: list[_Step]) -> bool:
        if not source:
            return False
        step = source.pop()
        target.append(_Step(self.text, step.what.removesuffix(_OPEN)))
        self.text = step.text
        return True

    def end_step(self) -> None:
        """The next edit begins a step of its own, whatever it is."""
        if self._done:
            last = self._done[-1]
            self._done[-1] = _Step(last.text, last.what.removesuffix(_OPEN))
