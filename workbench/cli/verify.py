"""`kwb verify`: train a run once more and compare."""

from __future__ import annotations

import click

from workbench.cli.options import SharedOptions, shared_options
from workbench.output import echo, echo_json


@click.command("verify", short_help="Train a run once more, and say whether it is equal to the bit.")
@click.argument("run")
@click.option(
    "--steps", type=click.IntRange(min=1), metavar="N", help="Train so many steps, not the first epoch."
)
@click.option("--all", "everything", is_flag=True, help="Train all of it.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@shared_options
def verify_command(
    shared: SharedOptions, run: str, steps: int | None, everything: bool, as_json: bool
) -> int:
    """Train a run once more, apart from it, and say whether its weights are equal to the bit; if not, what has changed.

    RUN is a run's folder, or its name below saved/runs; the beginning of a name means its latest run. Compared are the
    weights at the points where the run has kept hashes of them. The exit code is 0 where they are equal, 1 where they
    are not, 3 where nothing can be compared.
    """
    from workbench.storage.runs import find_run
    from workbench.tui.settings import read_settings, settings_file
    from workbench.verifying import Verifier, in_words

    if steps is not None and everything:
        raise click.UsageError("--steps and --all: give one of them.")
    settings, _ = read_settings(settings_file())
    found = find_run(run, settings.runs)
    echo(f"{found.name}: training it once more", err=True)
    verification = Verifier(
        found,
        shared.plugin_files,
        shared.blocked,
        steps,
        everything,
        lambda position: echo(f"{found.name}: {in_words(position)}", err=True),
    ).verify()
    if as_json:
        echo_json({"run": found.name, **verification.as_record()}, indent=2)
    else:
        first, *rest = verification.lines()
        echo(f"{found.name}: {first}", *rest)
    return verification.exit_code
