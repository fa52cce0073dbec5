"""Tags and a note that a person gives to a run: `labels.json` in its folder."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass

from workbench.atomic import write_bytes
from workbench.errors import FileError
from workbench.storage.run_folder import RunFolder

LONGEST_NOTE = 2000  # letters
_TAG = re.compile(r"[^\W_][\w.+-]{0,39}")


@dataclass(frozen=True)
class Labels:
    """What a person calls a run.

    Attributes:
        tags: words, in alphabetical order.
        note: a line of text.
    """

    tags: tuple[str, ...] = ()
    note: str = ""


def read_labels(run: RunFolder) -> Labels:
    """The tags and the note of a run; none where there is no file, or one that holds something else."""
    try:
        found = json.loads(run.labels.read_bytes())
    except (OSError, ValueError, RecursionError):
        return Labels()
    if not isinstance(found, dict):
        return Labels()
    tags, note = found.get("tags", []), found.get("note", "")
    sound = (
        [tag for tag in tags if isinstance(tag, str) and not tag_error(tag)] if isinstance(tags, list) else []
    )
    return Labels(tuple(sorted(set(sound))), note[:LONGEST_NOTE] if isinstance(note, str) else "")


def write_labels(run: RunFolder, labels: Labels) -> None:
    """Give a run these tags and this note, in place of those that it has.

    Raises:
        FileError: a tag is none, the note is too long, or the file cannot be written.
    """
    for tag in labels.tags:
        if wrong := tag_error(tag):
            raise FileError(f"'{tag}' is no tag: {wrong}.", where=run.name)
    if len(labels.note) > LONGEST_NOTE:
        raise FileError(f"a note has at most {LONGEST_NOTE:,} letters.", where=run.name)
    record = {"tags": sorted(set(labels.tags)), "note": " ".join(labels.note.split())}
    write_bytes(run.labels, f"{json.dumps(record, ensure_ascii=False)}\n".encode(errors="backslashreplace"))


def change_tags(labels: Labels, add: Iterable[str] = (), remove: Iterable[str] = ()) -> Labels:
    """The labels with other tags."""
    tags = (set(labels.tags) | set(add)) - set(remove)
    return Labels(tuple(sorted(tags)), labels.note)


def tag_error(tag: str) -> str:
    """What is wrong with a tag; empty if nothing."""
    return "" if _TAG.fullmatch(tag) else "a tag is one word of letters, digits, and . _ + -, at most 40"
