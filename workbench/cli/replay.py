"""`kwb replay`: where the first number of a run that is not finite comes from."""

from __future__ import annotations

import click

from workbench.cli.options import SharedOptions, shared_options
from workbench.errors import ExitCode
from workbench.output import echo, echo_json


@click.command("replay", short_help="Find the operation that made a run nan.")
@click.argument("run")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@shared_options
def replay_command(shared: SharedOptions, run: str, as_json: bool) -> int:
    """Find where the first nan or infinite number of a run comes from: the layer, the operation and the line of code,
    forward or backward, with the values that went in; or the rows of the data.

    RUN is a run's folder, or its name below saved/runs; the beginning of a name means its latest run. It is trained
    again up to that step, from its last checkpoint before it, and the step is run operation by operation. The run is
    read only. The exit code is 0 where the origin was found, 1 where it was not, 3 where there is nothing to replay.
    """
    from workbench.process import Diverted, import_keras
    from workbench.storage.runs import find_run

    found = find_run(run, shared.runs)
    with Diverted():
        import_keras()
        from workbench.probing.replay import replay

        catalog = shared.catalog(imports_keras=True)
        echo(f"{found.name}: training it again", err=True)
        result = replay(found, catalog)
    if as_json:
        echo_json(result.as_record(), indent=2)
    else:
        first, *rest = result.lines()
        echo(f"{found.name}: {first}", *rest)
    return ExitCode.DONE if result.origins else ExitCode.FAILED
