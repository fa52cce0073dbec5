"""`kwb queue`: trainings that wait for their turn, and training them."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from workbench.cli.options import SharedOptions, shared_options
from workbench.cli.search import workers_option
from workbench.errors import ExitCode
from workbench.output import echo, echo_json

if TYPE_CHECKING:
    from workbench.queue.runner import QueueProgress
    from workbench.queue.store import QueueRow

_NUMBER = click.argument("number", type=click.IntRange(min=1))
_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group("queue", short_help="Trainings that wait for their turn.", invoke_without_command=True)
@_JSON
@shared_options
@click.pass_context
def queue_command(context: click.Context, shared: SharedOptions, as_json: bool) -> None:
    """List the trainings that wait for their turn in saved/queue, the next one first.

    Each has a number, which it keeps wherever it is moved. The app trains them when its own training has ended, and
    `kwb queue run` without the app. One that failed stays, with the reason.
    """
    if context.invoked_subcommand is not None:
        return
    from workbench.queue.store import TrainingQueue

    rows = TrainingQueue().rows()
    if as_json:
        echo_json([_record(row) for row in rows], indent=2)
        return
    width = max((len(row.training.name) for row in rows), default=0)
    for row in rows:
        about = [row.training.error, row.by, " ".join(row.training.order.overrides)]
        words = "  ".join(each for each in about if each)
        echo(f"{row.training.number:>3}  {row.training.name:<{width}}  {row.state:<8}  {words}".rstrip())
    if not rows:
        echo("the queue is empty: `kwb queue add RECIPE` puts a training into it", err=True)


def _record(row: QueueRow) -> dict[str, Any]:
    training = row.training
    return {
        "number": training.number,
        "name": training.name,
        "state": str(row.state),
        "by": row.by,
        "folder": str(training.order.folder),
        "set": list(training.order.overrides),
        "added": training.added,
        "run": training.run,
        "error": training.error,
    }


@queue_command.command("add", short_help="Put trainings into the queue.")
@click.argument("recipes", nargs=-1, required=True, metavar="RECIPE...")
@click.option(
    "--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Change the recipe: train.epochs=50."
)
@click.option("--first", is_flag=True, help="Before all that wait.")
@_JSON
@shared_options
def add_command(
    shared: SharedOptions, recipes: Sequence[str], overrides: Sequence[str], first: bool, as_json: bool
) -> None:
    """Put trainings into the queue, as the recipes are now: what is edited later does not count.

    A RECIPE is a file, the name of a built-in recipe, or a run that did not come to its end, which then goes on.
    """
    from workbench.queue.adding import read_training
    from workbench.queue.store import TrainingQueue

    catalog, runs, queue = shared.catalog(), shared.runs, TrainingQueue()
    found = [read_training(recipe, catalog, runs, overrides) for recipe in recipes]
    for each in reversed(found) if first else found:
        made = queue.add(each, first=first)
        if as_json:
            echo_json({"number": made.number, "name": made.name})
        else:
            echo(f"{made.number} {made.name} waits")


@queue_command.command("remove", short_help="Take trainings out of the queue.")
@click.argument("numbers", nargs=-1, required=True, type=click.IntRange(min=1), metavar="NUMBER...")
@_JSON
@shared_options
def remove_command(shared: SharedOptions, numbers: Sequence[int], as_json: bool) -> None:
    """Take trainings that wait, or failed, out of the queue. Runs that they have made stay."""
    from workbench.queue.store import TrainingQueue

    queue = TrainingQueue()
    for number in numbers:
        removed = queue.remove(number)
        if as_json:
            echo_json({"number": removed.number, "name": removed.name})
        else:
            echo(f"{removed.number} {removed.name} is removed")


@queue_command.command("move", short_help="Change the order of the queue.")
@_NUMBER
@click.argument("place", metavar="first|last|up|down|PLACE")
@_JSON
@shared_options
def move_command(shared: SharedOptions, number: int, place: str, as_json: bool) -> None:
    """Move a training to another place of the queue: PLACE 1 is the next to be trained."""
    from workbench.queue.store import TrainingQueue

    words: dict[str, dict[str, int]] = {
        "first": {"to": 0}, "last": {"to": sys.maxsize}, "up": {"by": -1}, "down": {"by": 1}
    }  # fmt: skip
    if place not in words and not (place.isdecimal() and int(place) > 0):
        raise click.BadParameter("is first, last, up, down, or a number above 0.", param_hint="PLACE")
    now = TrainingQueue().move(number, **(words.get(place) or {"to": int(place) - 1}))
    if as_json:
        echo_json({"number": number, "place": now + 1})
    else:
        echo(f"{number} is in place {now + 1}")


@queue_command.command("again", short_help="Let a training that failed wait once more.")
@_NUMBER
@_JSON
@shared_options
def again_command(shared: SharedOptions, number: int, as_json: bool) -> None:
    """Let a training that failed wait once more. It goes on from its last checkpoint, if it has one."""
    from workbench.queue.store import TrainingQueue

    found = TrainingQueue().again(number)
    if as_json:
        echo_json({"number": found.number, "name": found.name})
    else:
        echo(f"{found.number} {found.name} waits")


@queue_command.command("run", short_help="Train what waits in the queue.")
@workers_option("1")
@click.option("--after", multiple=True, metavar="RUN", help="Wait first until this run has ended.")
@_JSON
@shared_options
def run_command(shared: SharedOptions, workers: int, after: Sequence[str], as_json: bool) -> int:
    """Train what waits in the queue, until nothing waits any more.

    What is added meanwhile is trained too. Ctrl-C stops each training after its batch, saved; it waits in the queue,
    and goes on there the next time. The same command in another terminal trains beside this one.
    """
    import asyncio
    import signal

    from workbench.process import stop_at_signals
    from workbench.queue.runner import QueueProgress, QueueRunner
    from workbench.queue.store import TrainingQueue
    from workbench.storage.runs import find_run
    from workbench.worker.starting import WorkerStarter, workers_for_this_machine

    queue, ended = TrainingQueue(), list[QueueProgress]()

    def report(progress: QueueProgress) -> None:
        if progress.state != "training":
            ended.append(progress)
        if as_json:
            echo_json(_progress_record(progress))
        else:
            echo(_progress_line(progress))

    async def train() -> list[int]:
        starter = WorkerStarter(
            queue.folder / "logs", plugin_files=shared.plugin_files, blocked=shared.blocked
        )
        runner = QueueRunner(
            queue, starter, shared.runs, workers=workers or workers_for_this_machine(), on_progress=report
        )
        received = stop_at_signals(runner.stop, lambda text: echo(text, err=True))
        await runner.run(after=[find_run(run, shared.runs) for run in after])
        return received

    received = asyncio.run(train())
    if not ended and not received and not as_json:
        echo("nothing waits in the queue", err=True)
    if received:
        echo("interrupted: `kwb queue run` goes on", err=True)
        return ExitCode.TERMINATED if signal.SIGTERM in received else ExitCode.INTERRUPTED
    return ExitCode.FAILED if any(each.state == "failed" for each in ended) else ExitCode.DONE


def _progress_line(progress: QueueProgress) -> str:
    name, run = f"{progress.training.number} {progress.training.name}", progress.run
    if progress.state == "training":
        return f"{name}: training, run {run.name if run else ''}"
    if progress.error is not None:
        return f"{name}: failed: {progress.error}"
    summary = progress.summary
    logs = [f"{key} {value:.4g}" for key, value in summary.logs.items()] if summary is not None else []
    nothing = ", but nothing was learned" if summary is not None and summary.no_better else ""
    return "  ".join([f"{name}: {progress.state}{nothing}", *logs])


def _progress_record(progress: QueueProgress) -> dict[str, Any]:
    from workbench.events import plain

    summary = progress.summary
    return {
        "number": progress.training.number,
        "name": progress.training.name,
        "state": progress.state,
        "run": progress.run.name if progress.run else "",
        "logs": plain(summary.logs) if summary is not None else {},
        "evaluation": plain(summary.evaluation) if summary is not None else {},
        "error": progress.error.as_record() if progress.error is not None else None,
    }
