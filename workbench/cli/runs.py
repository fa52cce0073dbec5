"""`kwb watch` and `kwb stop`: runs, whoever trains them."""

from __future__ import annotations

import time

import click

from workbench.cli.options import Shared, shared_options
from workbench.output import echo

_RUN = click.argument("run")
_LOOK_EVERY = 0.2  # seconds


@click.command("watch", short_help="Show the live panels of a run.")
@_RUN
@shared_options
def watch_command(shared: Shared, run: str) -> int:
    """Show the live panels of a run, also one that was started elsewhere.

    RUN is a run's folder, or its name below saved/runs; the beginning of a name means its latest run.
    """
    from workbench.tui.start import start

    return start(watch=run, plugin_files=shared.plugin_files, blocked=shared.blocked)


@click.command("stop", short_help="Stop a run that is being trained; it is saved.")
@_RUN
@click.option("--no-wait", is_flag=True, help="Ask it to stop and do not wait until it has.")
@shared_options
def stop_command(shared: Shared, run: str, no_wait: bool) -> None:
    """Stop a run that is being trained anywhere on this machine: after its batch, and saved.

    RUN is as for `kwb watch`. The run can be resumed.
    """
    from workbench.storage.ownership import ask_to_stop, owner
    from workbench.storage.runs import find_run, summary_of
    from workbench.tui.settings import read_settings, settings_file

    settings, _ = read_settings(settings_file())
    found = find_run(run, settings.runs)
    asked = ask_to_stop(found)
    echo(f"{found.name}: {asked} stops after its batch, then saves", err=True)
    while not no_wait and owner(found) == asked:
        time.sleep(_LOOK_EVERY)
    if not no_wait:
        summary = summary_of(found)
        echo(f"{found.name}: {summary.status} in epoch {summary.epoch} of {summary.epochs}", err=True)
