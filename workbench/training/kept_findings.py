"""What a run has found out about its data when it began, for whoever goes on with it; read without TensorFlow."""

from __future__ import annotations

import json
from typing import Any

from workbench.errors import FileError
from workbench.storage.run_folder import RunFolder
from workbench.training import checkpoints


def streamed_before(run: RunFolder) -> bool | None:
    """True if a run streams its data (the free memory may decide that); None where no checkpoint says so.

    Checkpoints of older versions do not.
    """
    positions = [
        position for folder in (run.checkpoints, run.failed) for _, position in checkpoints.whole(folder)
    ]
    return next((each["streamed"] for each in reversed(positions) if "streamed" in each), None)


def read_states(run: RunFolder) -> list[dict[str, Any]] | None:
    """What was found when the run began; None where no layer was adapted.

    Raises:
        FileError: it is damaged.
    """
    if not run.adapted.is_file():
        return None
    try:
        return [dict(state) for state in json.loads(run.adapted.read_text(encoding="utf-8"))]
    except (OSError, ValueError, TypeError) as error:
        raise FileError(f"is damaged: {error}.", where=str(run.adapted), hint="Train again.") from error
