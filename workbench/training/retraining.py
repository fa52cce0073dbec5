"""The child process that trains a run once more, for `kwb verify`: it sends the records of its receipt."""

from __future__ import annotations

import json
import os
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

from workbench.catalog import single_file
from workbench.catalog.discovery import discover
from workbench.catalog.lookup import Catalog
from workbench.children import requests_and_answers
from workbench.errors import WorkbenchError
from workbench.process import import_keras, leave_at_once
from workbench.recipe.names import check_names
from workbench.storage.runs import open_run
from workbench.training.resumable_runs import run_document


def main() -> None:
    """Train the run that the parent names, in a folder that it gives."""
    given, answers = requests_and_answers()
    request = json.loads(given.readline())
    threading.Thread(target=_end_with_parent, args=(given,), daemon=True).start()
    try:
        import_keras()
        _train(request, answers.send)
        answers.send({"end": True})
    except WorkbenchError as error:
        answers.send({"error": error.as_record()})
    leave_at_once(0)


def _train(request: dict[str, Any], report: Any) -> None:
    from workbench.training.receipts import Retraining
    from workbench.training.session import Session

    plugins = discover(
        [Path(path) for path in request["plugin_files"]], blocked=request["blocked"], scan=single_file.scan
    )
    for plugin in plugins:
        if plugin.error and plugin.distribution in request["plugin_files"]:
            raise WorkbenchError(plugin.error, where="--plugin", origin=plugin.origin)
    catalog = Catalog(plugins)
    document = run_document(open_run(request["run"]))
    check_names(document, catalog)
    retraining = Retraining(
        engine=request["engine"],
        streamed=request["streamed"],
        positions=frozenset((epoch, step) for epoch, step in request["positions"]),
        report=report,
    )
    # What the recipe saves stays as it is.
    document = replace(document, recipe=document.recipe.model_copy(update={"save": ()}))
    Session(
        document,
        catalog,
        lambda event, line: None,
        runs_folder=Path(request["folder"]),
        retraining=retraining,
    ).run()


def _end_with_parent(given: BinaryIO) -> None:
    given.read()
    os._exit(0)


if __name__ == "__main__":
    main()
