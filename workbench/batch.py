"""The headless front end: a recipe to a session, its events to a terminal, to plain lines or to JSON."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench import events
from workbench.errors import ExitCode, WorkbenchError
from workbench.process import Diverted, import_keras, tell_warnings
from workbench.recipe.names import check_names
from workbench.reporting import JsonLines, Reporter, for_stream

if TYPE_CHECKING:
    from workbench.catalog.lookup import Catalog
    from workbench.recipe.document import Document
    from workbench.training.control import Control

RUNS = Path("saved") / "runs"

OpenCatalog = Callable[..., "Catalog"]


def run(open_document: Callable[[Catalog], Document], open_catalog: OpenCatalog, *, as_json: bool) -> int:
    """Train a recipe and return the exit code.

    Args:
        open_document: reads the recipe, given the catalog.
        open_catalog: finds the plugins.
        as_json: print the event stream instead of progress for people.

    Raises:
        WorkbenchError: anything the user must know of. With `as_json` a `failed` event told it too.
    """
    if not as_json:
        return _run(open_document, open_catalog, for_stream(sys.stdout))
    with Diverted() as diverted:
        return _run(open_document, open_catalog, JsonLines(diverted.stream))


def _run(open_document: Callable[[Catalog], Document], open_catalog: OpenCatalog, reporter: Reporter) -> int:
    name = ""
    failed_told = False

    def take(event: events.Event, line: str) -> None:
        nonlocal failed_told
        failed_told = failed_told or isinstance(event, events.Failed)
        reporter.take(event, line)

    with reporter:
        try:
            tell_warnings(reporter.say)
            catalog = open_catalog(imports_keras=True)
            document = open_document(catalog)
            check_names(document, catalog)  # a misspelt name need not wait for TensorFlow
            name = document.recipe.name
            reporter.say(f"{name}: starting TensorFlow")
            import_keras()
            from workbench.training.session import Session

            session = Session(document, catalog, take, runs_folder=RUNS)
            with _interruptible(session.control, reporter):
                finished = session.run()
        except WorkbenchError as fault:
            if not failed_told:
                failed = events.Failed(fault.as_record())
                reporter.take(failed, events.to_json(failed, name))
            raise
    return ExitCode.INTERRUPTED if finished.status == "interrupted" else ExitCode.DONE


@contextmanager
def _interruptible(control: Control, reporter: Reporter) -> Iterator[None]:
    """The first Ctrl-C (or SIGTERM) stops after the batch and saves; a second one leaves at once."""

    def stop(number: int, frame: Any) -> None:
        if control.stop_requested:
            raise KeyboardInterrupt
        control.stop("interrupted")
        reporter.say("stopping after this batch, then saving (Ctrl-C again: leave at once, nothing saved)")

    previous = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def evaluate_file(file: Path, data: str, open_catalog: OpenCatalog) -> Mapping[str, float]:
    """Loss and metrics of a saved model on data; `data` as `--data` takes it."""
    with Diverted():
        import_keras()
        catalog = open_catalog(imports_keras=True)
        from workbench.training.saved import SavedModel

        saved = SavedModel.open(file, catalog)
        return saved.evaluate(saved.read(data, catalog, with_targets=True))


def predict_file(file: Path, data: str, open_catalog: OpenCatalog) -> tuple[str, int]:
    """Predictions of a saved model as CSV text, and the number of rows."""
    with Diverted():
        import_keras()
        catalog = open_catalog(imports_keras=True)
        from workbench.training.saved import SavedModel

        saved = SavedModel.open(file, catalog)
        part = saved.read(data, catalog, with_targets=False)
        return saved.predictions_csv(part), part.rows
