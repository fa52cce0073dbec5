"""Find out which model is in a file that is about to be replaced, and where that model can be found afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench import events
from workbench.atomic import extension_of
from workbench.errors import FileError
from workbench.storage import container
from workbench.storage.digests import sha256_of
from workbench.storage.event_stream import ends_of
from workbench.storage.inspect import same_weights
from workbench.storage.run_folder import RunFolder


@dataclass(frozen=True)
class ReplacedFile:
    """The content of a file that is about to be replaced.

    Attributes:
        path: the file.
        notes: what it says of itself (see `training.notes`); {} for one that kwb did not make.
        writer: the run that wrote it, if it is here.
        kept: whether that run still has the very model.
        own: whether the run that is about to write it has written it.
    """

    path: Path
    notes: Mapping[str, Any]
    writer: RunFolder | None = None
    kept: bool = False
    own: bool = False

    @classmethod
    def of(cls, path: Path, run: RunFolder) -> ReplacedFile | None:
        """The present content of a path; None for no file.

        Args:
            path: the file.
            run: who is about to write it. Other runs are looked for beside it.
        """
        if not path.is_file():
            return None
        notes: Mapping[str, Any] = {}
        with suppress(FileError):
            notes = container.read(path).record.get("notes") or {}
        name = str(notes.get("run") or "")
        writer = run.path.parent / name if name and Path(name).name == name else None
        if writer is None or not writer.is_dir() or RunFolder(writer).id != notes.get("run_id", ""):
            return cls(path, notes)  # that run is deleted; another one may have its name by now
        own = writer.name == run.name
        return cls(
            path, notes, RunFolder(writer), not own and _has_model_of(RunFolder(writer), path, notes), own
        )


def _has_model_of(run: RunFolder, path: Path, notes: Mapping[str, Any]) -> bool:
    """True if a run's own file has the same model as another file."""
    saved = [event for event, *_ in ends_of(run.events)[1] if isinstance(event, events.Saved)][::-1]
    with suppress(OSError, FileError):
        mine = sha256_of(path)
        at = [(event.epoch, event.step) for event in saved if event.sha256 == mine]
        last = [
            event for event in saved if Path(event.path).name == run.model.name and _beside(event.path, run)
        ]
        if (
            at
            and last
            and (last[-1].epoch, last[-1].step) == at[-1]
            and sha256_of(run.model) == last[-1].sha256
        ):
            return True  # as the run noted when it wrote both
        own = container.read(run.model).record.get("notes") or {}
        return own.get("epoch") == notes.get("epoch") and same_weights(run.model, path)
    return False


def _beside(path: str, run: RunFolder) -> bool:
    return Path(path).parent.name == run.name


def previous_path(path: Path) -> Path:
    """The name beside a file for what it held before: `price.previous.keras`.

    One that has this name and was not kept there by kwb is left alone.
    """
    extension = extension_of(path)
    stem = path.name.removesuffix(extension)
    number = 1
    while True:
        found = path.with_name(f"{stem}.previous{'' if number == 1 else f'-{number}'}{extension}")
        if not found.exists():
            return found
        with suppress(FileError):
            if container.read(found).made_by_kwb:
                return found
        number += 1


def place_of(
    before: ReplacedFile | None, notes: Mapping[str, Any], *, went_on: bool = False
) -> tuple[str, Path | None]:
    """Where the old model is after its file is replaced, and the name to keep it under if it is nowhere else.

    Args:
        before: what it holds; None for no file.
        notes: of the model that replaces it.
        went_on: whether the run that writes it had come to its end before, and went on from there.

    Returns:
        "" and None where nothing is lost: there is no file, or it is a part of this very run, or its model.
    """
    if before is None or (before.own and (not went_on or before.notes.get("epoch") == notes.get("epoch"))):
        return "", None
    if before.kept and before.writer is not None:
        return str(before.writer.model), None
    keep = previous_path(before.path)
    return str(keep), keep
