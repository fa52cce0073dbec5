"""Find which of a few files changed on disk, by polling: that works on every mount, and for editors that replace the
old file by another. Reads the disk; call it in a thread."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable
from pathlib import Path

Stamp = tuple[int, int, int] | None  # time of the last change in ns, size, inode; None where there is no file


class FileWatch:
    """Looks at files, and reports those that changed and then stayed still until the next look.

    A file that is half written, or gone for the moment in which an editor renames two, is not reported.
    """

    def __init__(self) -> None:
        self._known: dict[Path, Stamp] = {}
        self._moving: dict[Path, Stamp] = {}
        self._noted: set[Path] = set()  # noted, and not looked at since
        # Not held while the disk is read: a mount that is gone may take for ever.
        self._lock = threading.Lock()

    @property
    def moving(self) -> bool:
        """True if the last look found a file that is being written: it is reported at the next, where it is still."""
        return bool(self._moving)

    def note(self, paths: Iterable[Path]) -> None:
        """Files that are being read: what changes from now on is reported, also where it changes before the first
        look."""
        stamps = {path: _stamp(path) for path in paths}
        with self._lock:
            for path, stamp in stamps.items():
                self._known.setdefault(path, stamp)
            self._noted |= stamps.keys()

    def look(self, paths: Iterable[Path]) -> set[Path]:
        """The files that are others than at the last report. One that is looked at for the first time is none."""
        stamps = {path: _stamp(path) for path in dict.fromkeys(paths)}
        changed = set()
        moving: dict[Path, Stamp] = {}
        with self._lock:
            for path, stamp in stamps.items():
                before = self._known.setdefault(path, stamp)
                if stamp == before:
                    continue
                if path in self._moving and self._moving[path] == stamp:
                    changed.add(path)
                    self._known[path] = stamp
                else:
                    moving[path] = stamp
            self._moving = moving
            self._noted -= stamps.keys()
            self._known = {
                path: self._known[path] for path in self._known.keys() & (stamps.keys() | self._noted)
            }
        return changed


def _stamp(path: Path) -> Stamp:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
