"""A child that does with files what kwb's commands do with them, one after the other.

    python -m tests.hostile.harness

It reads `{"do", "path"}` from each line of standard input and answers with `{"code", "message", "seconds"}`: the exit
code of the command (0 where the file is fine), what it would print, the seconds of the processor. Whoever asks ends it
when it hangs.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import sys
import traceback
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from workbench.catalog.discovery import discover
from workbench.catalog.lookup import Catalog
from workbench.errors import WorkbenchError


@cache
def catalog() -> Catalog:
    return Catalog(discover())


def model(path: Path) -> None:
    """What `kwb evaluate` does with a file that passed `reader.check`."""
    from workbench.catalog.resolve import Resolver
    from workbench.storage import formats, guard
    from workbench.training.provenance import Provenance

    if path.name.endswith(".weights.h5"):
        guard.check_file(path, Resolver(catalog()))
        return
    loaded = formats.load(path, Resolver(catalog()))
    Provenance.from_record(loaded.notes, str(path))


def recipe(path: Path) -> None:
    """What `kwb --batch` does with a recipe before it loads TensorFlow, and what the app shows of it."""
    from workbench.recipe.editing import Editor
    from workbench.recipe.lookup import open_recipe
    from workbench.recipe.names import check_names

    editor = Editor.open(path)
    for _ in (editor.error, editor.rows, editor.name):
        pass
    check_names(open_recipe(str(path), catalog()), catalog())


def data(path: Path) -> None:
    """What `--data` does with a data file: it is read, and prepared as a training would have it."""
    from workbench.data import loading
    from workbench.recipe.schema import Data

    use = {".csv": "csv", ".gz": "csv", ".npz": "npz", ".parquet": "parquet"}[path.suffix]
    loading.load(
        Data.model_validate({"use": use, "path": str(path), "targets": ["y"]}),
        catalog(),
        folder=path.parent,
        seed=0,
    )


def run(path: Path) -> None:
    """What the app and `kwb watch` read of a run's folder."""
    from workbench.storage.event_stream import read_events
    from workbench.storage.runs import list_runs, open_run, summary_of
    from workbench.training.resumable_runs import run_document

    list_runs(path.parent)
    found = open_run(path)
    summary_of(found)
    for _ in read_events(found.events):
        pass
    run_document(found)


def settings(path: Path) -> None:
    """What the app reads when it starts."""
    from workbench.tui.services.unsaved import Unsaved
    from workbench.tui.settings import read_settings
    from workbench.tui.state import AppState

    _, errors = read_settings(path)
    AppState(path).get("mode", "recipes")
    (path.parent / "unsaved.json").write_bytes(path.read_bytes())
    Unsaved(path.parent).take_up()
    if errors:
        raise errors[0]


DO: dict[str, Callable[[Path], None]] = {
    "model": model,
    "recipe": recipe,
    "data": data,
    "run": run,
    "settings": settings,
}


def answer(do: str, path: Path) -> dict[str, Any]:
    before = resource.getrusage(resource.RUSAGE_SELF)
    code, message = 0, ""
    try:
        DO[do](path)
    except WorkbenchError as error:
        code, message = int(error.exit_code), str(error)
    except BaseException:
        code, message = 1, traceback.format_exc()
    after = resource.getrusage(resource.RUSAGE_SELF)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"code": code, "message": message, "seconds": seconds}


def main() -> None:
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    from workbench.process import import_keras

    import_keras()
    for line in sys.stdin:
        request = json.loads(line)
        with contextlib.suppress(BrokenPipeError):
            print(json.dumps(answer(request["do"], Path(request["path"]))), file=answers, flush=True)


if __name__ == "__main__":
    main()
