"""`kwb runs`, `kwb watch`, `kwb stop`, `kwb save` and `kwb export-checkpoint`: commands for runs of any process."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from workbench.cli.options import SharedOptions, shared_options
from workbench.errors import RecipeError
from workbench.output import echo, echo_json

if TYPE_CHECKING:
    from workbench.storage.bands import Band
    from workbench.storage.run_values import RunGroup
    from workbench.storage.runs import RunSummary

_RUN = click.argument("run")
_LOOK_EVERY = 0.2  # seconds


@click.command("watch", short_help="Show the live panels of a run.")
@_RUN
@shared_options
def watch_command(shared: SharedOptions, run: str) -> int:
    """Show the live panels of a run, also one that was started elsewhere.

    RUN is a run's folder, or its name below saved/runs; the beginning of a name means its latest run.
    """
    from workbench.tui.start import start

    return start(watch=run, plugin_files=shared.plugin_files, blocked=shared.blocked)


@click.command("runs", short_help="List the runs.")
@click.option("--filter", "line", default="", metavar="TERMS", help="As in 'lr<0.01 status:done tag:base'.")
@click.option(
    "--sort", default="", metavar="KEY", help="By a value, the lowest first; -KEY: the highest first."
)
@click.option(
    "--group-by",
    "group",
    default="",
    metavar="KEY",
    help="Mean and standard deviation of the runs of each value.",
)
@click.option(
    "--chart", "metric", default="", metavar="LOG", help="With --group-by: its mean by epoch, with bands."
)
@click.option(
    "--columns", default="", metavar="KEYS", help="Only these, in this order, as in 'epoch,best_val_loss,lr'."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@shared_options
def runs_command(
    shared: SharedOptions, line: str, sort: str, group: str, metric: str, columns: str, as_json: bool
) -> None:
    """List the runs in saved/runs, the newest first: status, epoch, loss, and what was reached on the test part.

    A KEY is one of the recipe (`train.batch_size`, or its last part), a log such as `val_loss`, its `best_val_loss`,
    `lowest_val_loss` or `highest_val_loss` of all epochs, a result such as `test_mae`, or one of run, status, started,
    epoch, tag and note. TERMS are separated by blanks; `:` means "contains".
    """
    from workbench.events import plain
    from workbench.storage.extremes import uses_extremes, with_extremes
    from workbench.storage.run_values import choose_runs, group_runs, resolve_name, sort_runs
    from workbench.storage.runs import list_runs

    if metric and not group:
        raise click.UsageError("--chart draws groups of runs: say --group-by KEY too.")
    every = list_runs(shared.runs)
    if uses_extremes(line, sort, columns):
        every = with_extremes(every)
    names = [name.strip() for name in columns.split(",") if name.strip()]
    shown = {name: resolve_name(name, every) for name in names}
    found = choose_runs(every, line)
    if sort:
        found = sort_runs(found, resolve_name(sort.removeprefix("-"), every), highest=sort.startswith("-"))
    if group:
        key = resolve_name(group, every)
        _print_groups(group, key, group_runs(found, key), metric, list(shown.values()), as_json=as_json)
        return
    if shown:
        _print_columns(found, shown, as_json=as_json)
        return
    if as_json:
        echo_json(plain([_record(run) for run in found]), indent=2)
        return
    width = max((len(run.folder.name) for run in found), default=0)
    for run in found:
        logs = [f"{name} {run.logs[name]:.4g}" for name in ("loss", "val_loss") if name in run.logs]
        test = [f"test {run.test.name} {run.test.value:.4g}"] if run.test else []
        labels = [*(f"#{tag}" for tag in run.labels.tags), *([run.labels.note] if run.labels.note else [])]
        epoch = f"{run.epoch}/{run.epochs}" if run.epochs else "-"
        words = "  ".join([*logs, *test, *labels])
        echo(f"{run.folder.name:<{width}}  {run.status:<11}  {epoch:>9}  {words}".rstrip())


def _print_groups(
    name: str, key: str, groups: Sequence[RunGroup], metric: str, columns: Sequence[str], *, as_json: bool
) -> None:
    """Print a table of groups, and the chart of a log."""
    from workbench.events import plain
    from workbench.storage.bands import band_of_runs
    from workbench.tui.chart.as_text import bands_as_text
    from workbench.tui.views.groups import group_lines

    bands: list[Band | None] = [None] * len(groups)
    if metric:
        bands = [
            band_of_runs(f"{name} {group.value or '-'}", (run.folder for run in group.runs), metric)
            for group in groups
        ]
        if groups and not any(bands):
            raise RecipeError(f"no run has logged '{metric}'.", hint="Logs are loss, val_loss and the like.")
    if as_json:
        records = [_group_record(key, group, band) for group, band in zip(groups, bands, strict=True)]
        echo_json(plain(records), indent=2)
        return
    echo(*group_lines(name, groups, columns))
    if metric:
        echo("", *bands_as_text([band for band in bands if band is not None], metric))


def _print_columns(runs: Sequence[RunSummary], shown: Mapping[str, str], *, as_json: bool) -> None:
    """Print a table of runs with some columns: their whole names by what they are called."""
    from workbench.events import plain
    from workbench.storage.run_values import value_of
    from workbench.tui.views.run_cells import cell_text, is_text

    if as_json:
        values = [
            {"run": run.folder.name, **{name: value_of(run, shown[name]) for name in shown}} for run in runs
        ]
        echo_json(plain(values), indent=2)
        return
    whole = {"run": "run"} | dict(shown)
    rows = [[cell_text(run, name) for name in whole.values()] for run in runs]
    widths = [max([len(title), *(len(row[at]) for row in rows)]) for at, title in enumerate(whole)]
    sides = ["<" if is_text(name) else ">" for name in whole.values()]
    for row in [list(whole), *rows]:
        cells = (f"{cell:{side}{width}}" for cell, side, width in zip(row, sides, widths, strict=True))
        echo("  ".join(cells).rstrip())


def _group_record(key: str, group: RunGroup, band: Band | None) -> dict[str, Any]:
    """A group as JSON; `std` is that of a sample."""
    numbers = {name: {"mean": mean, "std": std, "n": n} for name, (mean, std, n) in group.numbers.items()}
    record = {
        "key": key,
        "value": group.value,
        "runs": [run.folder.name for run in group.runs],
        "numbers": numbers,
    }
    if band is not None:
        record["curve"] = {"epochs": band.epochs, "mean": band.mean, "std": band.spread, "n": band.counts}
    return record


@click.command("label", short_help="Give runs tags and a note.")
@click.argument("runs", nargs=-1, required=True)
@click.option("--tag", "tags", multiple=True, metavar="TAG", help="A word to find them by.")
@click.option("--untag", multiple=True, metavar="TAG", help="Take a tag away.")
@click.option("--note", default=None, metavar="TEXT", help="A line about them; '' takes it away.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@shared_options
def label_command(
    shared: SharedOptions,
    runs: Sequence[str],
    tags: Sequence[str],
    untag: Sequence[str],
    note: str | None,
    as_json: bool,
) -> None:
    """Give runs tags and a note, kept in their folders: `kwb runs --filter tag:base` finds them.

    RUNS are folders, or names below saved/runs; the beginning of a name means its latest run.
    """
    from workbench.storage.labels import Labels, change_tags, read_labels, write_labels
    from workbench.storage.runs import find_run

    if not tags and not untag and note is None:
        raise click.UsageError("say --tag, --untag or --note.")
    found = [find_run(run, shared.runs) for run in runs]
    for run in found:
        changed = change_tags(read_labels(run), tags, untag)
        changed = changed if note is None else Labels(changed.tags, note)
        write_labels(run, changed)
        if as_json:
            echo_json({"run": run.name, "tags": list(changed.tags), "note": changed.note})
        else:
            echo("  ".join([f"{run.name}:", *(f"#{tag}" for tag in changed.tags), changed.note]).rstrip())


def _record(run: RunSummary) -> dict[str, Any]:
    """A run as JSON; `test` is the metric that it is judged by, `evaluation` has all numbers of the test part."""
    return {
        "run": run.folder.name,
        "folder": str(run.folder.path),
        "status": run.status,
        "started": run.started,
        "epoch": run.epoch,
        "epochs": run.epochs,
        "logs": run.logs,
        "test": {"name": run.test.name, "value": run.test.value} if run.test else None,
        "evaluation": run.evaluation,
        "no_better": run.no_better,
        "tags": list(run.labels.tags),
        "note": run.labels.note,
        "recipe": run.recipe,
    }


@click.command("stop", short_help="Stop a run that is being trained; it is saved.")
@_RUN
@click.option("--no-wait", is_flag=True, help="Ask it to stop and do not wait until it has.")
@shared_options
def stop_command(shared: SharedOptions, run: str, no_wait: bool) -> None:
    """Stop a run that is being trained anywhere on this machine: after its batch, and saved.

    RUN is a run's folder, or its name below saved/runs; the beginning of a name means its latest run.
    The run can be resumed.
    """
    from workbench.storage.ownership import ask_to_stop, owner
    from workbench.storage.runs import find_run, summary_of

    found = find_run(run, shared.runs)
    asked = ask_to_stop(found)
    echo(f"{found.name}: {asked} stops after its batch, then saves", err=True)
    while not no_wait and owner(found) == asked:
        time.sleep(_LOOK_EVERY)
    if not no_wait:
        summary = summary_of(found)
        learned = ", but nothing was learned" if summary.no_better else ""
        echo(
            f"{found.name}: {summary.status} in epoch {summary.epoch} of {summary.epochs}{learned}", err=True
        )


@click.command("export-checkpoint", short_help="Make a model file of a run's last checkpoint.")
@_RUN
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="A .keras, .h5 or .weights.h5 file; by default a new one in the run's folder.",
)
@click.option(
    "--epoch", type=int, metavar="N", help="The checkpoint after this many epochs, of those that are kept."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@shared_options
def export_command(
    shared: SharedOptions, run: str, out: Path | None, epoch: int | None, as_json: bool
) -> None:
    """Make a new model file of a run's last checkpoint: also of a run that failed, or was killed, or still trains.

    RUN is a run's folder, or its name below saved/runs; the beginning of a name means its latest run.
    A `.weights.h5` file can be had where the model's configuration cannot be saved. The files of the recipe are left
    alone: `kwb save` writes those, with the model that a run ended with.
    """
    from workbench import batch
    from workbench.storage.runs import find_run

    made = batch.export_checkpoint(find_run(run, shared.runs), shared.catalog, out, epoch)
    if as_json:
        echo_json(made, indent=2)
        return
    for warning in made["warnings"]:
        echo(f"warning: {warning}", err=True)
    before = f"; the one before is {made['replaced']}" if made["replaced"] else ""
    echo(
        f"saved {made['path']} (epoch {made['epoch']}{', step ' + str(made['step']) if made['step'] else ''}){before}"
    )


@click.command("save", short_help="Write a run's model to its recipe's files.")
@_RUN
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@shared_options
def save_command(shared: SharedOptions, run: str, as_json: bool) -> None:
    """Write the model that a run ended with to the files of its recipe (`save:`), also that of a stopped run.

    RUN is a run's folder, or its name below saved/runs; the beginning of a name means its latest run.
    What a file held before is kept: in the run that wrote it, or beside the file. A run that failed or was killed has
    no model, but checkpoints: `kwb export-checkpoint` makes a file of one.
    """
    from workbench import batch
    from workbench.storage.runs import find_run

    files = batch.save_run(find_run(run, shared.runs), shared.catalog)
    if as_json:
        echo_json(files, indent=2)
        return
    for file in files:
        before = f"  (the one before is {file['replaced']})" if file["replaced"] else ""
        echo(f"saved {file['path']}{before}")
