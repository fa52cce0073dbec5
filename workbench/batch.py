"""Run a recipe without the app (`kwb --batch`): its events go to a terminal, to plain lines or to JSON."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from os.path import isdir
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TextIO, cast

from workbench import events
from workbench.errors import ExitCode, WorkbenchError
from workbench.group.hosts.options import HostOptions
from workbench.output import echo
from workbench.process import Diverted, Silence, forward_warnings, import_keras, let_go, open_terminals
from workbench.recipe.lookup import is_recipe, open_recipe
from workbench.recipe.names import check_names
from workbench.reporting import JsonLines, Lasting, Reporter, for_stream
from workbench.storage.event_stream import read_events
from workbench.storage.reader_client import check
from workbench.storage.run_folder import RunFolder
from workbench.storage.runs import RunSummary, open_run, summary_of
from workbench.training.resumable_runs import check_goes_on, is_complete, latest_run, run_document, why_none

if TYPE_CHECKING:
    from workbench.catalog.lookup import Catalog
    from workbench.group.hosts.cluster import ClusterPlace
    from workbench.group.session import GroupSession
    from workbench.recipe.document import Document
    from workbench.training.control import Control
    from workbench.training.saved_model import SavedModel
    from workbench.training.session import Session

PATIENCE = 600.0  # seconds without an event, once the terminal is gone: a step of the model never ends

OpenCatalog = Callable[..., "Catalog"]


@dataclass(frozen=True)
class Job:
    """The request of the command line.

    Attributes:
        recipe: a recipe's file or name, or a run's folder to go on with.
        overrides: `--set` assignments.
        resume: go on with the newest run of this recipe, if there is one.
        runs: where run folders are.
        plugin_files, blocked: what the catalog is made with.
        hosts: what the command line says of other machines.
    """

    recipe: str
    overrides: Sequence[str] = ()
    resume: bool = False
    runs: Path = Path("saved") / "runs"
    plugin_files: Sequence[Path] = ()
    blocked: Sequence[str] = ()
    hosts: HostOptions = field(default_factory=HostOptions)


def run(job: Job, open_catalog: OpenCatalog, *, as_json: bool) -> int:
    """Train a recipe and return the exit code.

    Args:
        job: what to train.
        open_catalog: finds the plugins.
        as_json: print the event stream instead of progress for people.

    Raises:
        WorkbenchError: anything the user must know. With `as_json` a `failed` event has reported it too.
    """
    if not as_json:
        return _run(job, open_catalog, for_stream(sys.stdout))
    with Diverted() as diverted:
        return _run(job, open_catalog, JsonLines(cast("TextIO", Lasting(diverted.stream))))


def _run(job: Job, open_catalog: OpenCatalog, reporter: Reporter) -> int:
    name = ""
    failure_reported = False
    silence = Silence()

    def take(event: events.Event, line: str) -> None:
        nonlocal failure_reported
        silence.broken()
        failure_reported = failure_reported or isinstance(event, events.Failed)
        reporter.take(event, line)

    with reporter:
        try:
            forward_warnings(reporter.say)
            catalog = open_catalog(imports_keras=True)
            document, resumed = _open(job, catalog, reporter)
            check_names(document, catalog)  # a misspelt name need not wait for TensorFlow
            name = document.recipe.name
            if resumed is not None and is_complete(resumed, document):
                reporter.say(f"nothing to resume: {resumed.folder.path} is done")
                return _report_finished(resumed.folder, take)
            hosts = job.hosts.with_recipe(document.recipe.train)
            if hosts and (place := hosts.place()) and place.rank > 0:
                return _join(job, hosts, place, reporter)
            with (
                _session(
                    job, hosts, document, catalog, resumed.folder if resumed else None, take, reporter
                ) as session,
                _interruptible(session.control, reporter, silence) as received,
            ):
                finished = session.run()
        except WorkbenchError as error:
            if not failure_reported:
                failed = events.Failed(error.as_record())
                reporter.take(failed, events.to_json(failed, name))
            raise
        except Exception as error:  # ours; who reads the stream must know that nothing more comes
            failed = events.Failed(WorkbenchError(f"an internal error: {error!r}.").as_record())
            reporter.take(failed, events.to_json(failed, name))
            raise
    if finished.status != "interrupted":
        return ExitCode.DONE
    return ExitCode.TERMINATED if signal.SIGTERM in received else ExitCode.INTERRUPTED


def _join(job: Job, hosts: HostOptions, place: ClusterPlace, reporter: Reporter) -> int:
    """Be a process of a cluster that is not the first one: as `kwb worker`."""
    from workbench.group.hosts.opening import cluster_invitation
    from workbench.group.hosts.participating import participate
    from workbench.group.pools import PluginChoice

    invited = cluster_invitation(hosts, place, PluginChoice(job.plugin_files, job.blocked))
    reporter.say(participate(invited, 1, reporter.say, place.local))
    return ExitCode.DONE


@contextmanager
def _session(
    job: Job,
    hosts: HostOptions | None,
    document: Document,
    catalog: Catalog,
    resume: RunFolder | None,
    take: Callable[[events.Event, str], None],
    reporter: Reporter,
) -> Iterator[Session | GroupSession]:
    """The training, in this process or in several."""
    name, workers = document.recipe.name, document.recipe.train.workers
    if workers == 1 and hosts is None:
        reporter.say(f"{name}: starting TensorFlow")
        import_keras()
        from workbench.training.session import Session

        yield Session(document, catalog, take, runs_folder=job.runs, resume=resume)
        return
    from workbench.group.hosts.opening import group_session
    from workbench.group.pools import PluginChoice

    if hosts is None:
        reporter.say(f"{name}: starting TensorFlow in {workers} processes")
    plugins = PluginChoice(job.plugin_files, job.blocked)
    with group_session(document, hosts, plugins, take, runs_folder=job.runs, resume=resume) as session:
        yield session


def _open(job: Job, catalog: Catalog, reporter: Reporter) -> tuple[Document, RunSummary | None]:
    """The recipe, and the run to go on with, if any."""
    folder = Path(job.recipe)
    if isdir(folder):
        run_folder, summary = open_run(folder), summary_of(open_run(folder))
        document = run_document(run_folder, job.overrides)
        check_goes_on(summary, document)
        return document, summary
    document = open_recipe(job.recipe, catalog, job.overrides)
    if not job.resume:
        return document, None
    found = latest_run(job.runs, document)
    if found is None:
        why = why_none(job.runs, document)
        reporter.say(f"nothing to resume: no run of this recipe in {job.runs}{'; ' + why if why else ''}")
    return document, found


def _report_finished(run_folder: RunFolder, take: Callable[[events.Event, str], None]) -> int:
    """Report the end of a run that is already done."""
    last = [
        (event, time)
        for event, time, _ in read_events(run_folder.events)
        if isinstance(event, events.Finished)
    ]
    for event, time in last[-1:]:
        take(event, events.to_json(event, run_folder.name, time))
    return ExitCode.DONE


@contextmanager
def _interruptible(control: Control, reporter: Reporter, silence: Silence) -> Iterator[list[int]]:
    """The first Ctrl-C (or SIGTERM) stops after the batch and saves; a second one leaves at once. Yields the numbers
    of the signals received so far.

    The loss of the terminal has the same effect, even if it is reported more than once; under `nohup` it has none.
    """
    terminals = open_terminals()
    received: list[int] = []

    def stop(number: int, frame: Any) -> None:
        received.append(number)
        if number == signal.SIGHUP:
            let_go(terminals)
            control.stop("interrupted")
            silence.end_process(after=lambda: PATIENCE)
            return
        if control.stop_requested:
            raise KeyboardInterrupt
        control.stop("interrupted")
        reporter.say("stopping after this batch, then saving (Ctrl-C again: leave at once, nothing saved)")

    numbers = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        numbers.append(signal.SIGHUP)
    previous = {number: signal.signal(number, stop) for number in numbers}
    try:
        yield received
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def save_run(run: RunFolder, open_catalog: OpenCatalog) -> list[dict[str, str]]:
    """Write a run's model to the files that its recipe names: see `workbench.training.model_files.save_run`."""
    with Diverted():
        import_keras()
        catalog = open_catalog(imports_keras=True)
        from workbench.training import model_files

        return model_files.save_run(run, catalog)


def evaluate_file(
    file: Path, data: str, open_catalog: OpenCatalog, recipe: str = ""
) -> tuple[Mapping[str, float], int, Sequence[str]]:
    """Loss and metrics of a saved model on data, the number of rows, and the targets that it learned scaled.

    Args:
        data: as in `--data`.
        recipe: how the model of a file of weights alone is built; by default `data` or the recipe of its run.
    """
    with Diverted():
        saved, catalog = _open_saved(file, data, open_catalog, recipe)
        part = saved.read(data, catalog, with_targets=True)
        return saved.evaluate(part), part.rows, saved.scaled_targets()


def _open_saved(file: Path, data: str, open_catalog: OpenCatalog, recipe: str) -> tuple[SavedModel, Catalog]:
    check(file)  # what is refused is refused before TensorFlow is loaded
    import_keras()
    catalog = open_catalog(imports_keras=True)
    from workbench.training.saved_model import SavedModel

    named = recipe or (data if is_recipe(data, catalog) else "")
    saved = SavedModel.open(file, catalog, open_recipe(named, catalog) if named else None)
    echo(*(f"warning: {file}: {warning}" for warning in saved.warnings), err=True)
    return saved, catalog


def predict_file(
    file: Path,
    data: str,
    open_catalog: OpenCatalog,
    *,
    sort: bool = False,
    wrong: bool = False,
    form: Literal["csv", "json", "npz"] = "csv",
    keep: tuple[str, ...] = (),
    recipe: str = "",
) -> tuple[str | bytes, int, int, str]:
    """Predictions of a saved model, the number of rows, how many rows have none, and in words which rows were trained
    on.

    Args:
        file: the model.
        data: as in `--data`.
        open_catalog: what there is.
        sort: the worst predictions first.
        wrong: only those whose class is wrong.
        keep: columns of the data that stand beside the predictions.
        form: CSV, a list of objects as JSON, or the arrays that the model makes.
        recipe: as for `evaluate_file`.
    """
    with Diverted():
        saved, catalog = _open_saved(file, data, open_catalog, recipe)
        from workbench.training.prediction_arrays import npz
        from workbench.training.prediction_table import predict, prediction_table
        from workbench.training.trained_rows import trained_rows

        predicted = predict(saved, lambda targets: saved.read(data, catalog, with_targets=targets, keep=keep))
        trained = trained_rows(saved, catalog, data)
        if form == "npz" and not sort and not wrong:  # a table of masks has very many columns
            return npz(saved, predicted), len(predicted.index), predicted.left_out, trained.sentence
        table = prediction_table(saved, predicted, trained.parts)
        order = table.ordered(sort=sort, wrong=wrong)
        if form == "npz":
            return npz(saved, predicted, order), len(order), predicted.left_out, trained.sentence
        text = (table.as_json if form == "json" else table.as_csv)(order)
        return text, len(order), predicted.left_out, trained.sentence


def export_checkpoint(
    run_folder: RunFolder, open_catalog: OpenCatalog, out: Path | None, epoch: int | None
) -> dict[str, Any]:
    """A model file of a run's checkpoint: see `training.exporting`."""
    with Diverted():
        import_keras()
        catalog = open_catalog(imports_keras=True)
        from workbench.training.exporting import export

        return export(run_folder, catalog, out, epoch).as_record()
