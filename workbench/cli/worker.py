"""`kwb worker`: take part in a training that another machine has begun."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import click

from workbench.cli.options import SharedOptions, shared_options
from workbench.errors import ExitCode
from workbench.output import echo, echo_json

token_option = click.option(
    "--token-file",
    "token",
    type=click.Path(path_type=Path, allow_dash=True),
    metavar="FILE",
    help="The key that lets a machine in, the same on all: by default token.pem in kwb's folder for state.",
)


@click.command("worker")
@click.option(
    "--join",
    default="",
    metavar="ADDRESS:PORT",
    help="Where `kwb --batch --listen` waits. By default as it has written in the token.",
)
@token_option
@click.option(
    "--new-token",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Make a token, and do nothing else: copy it to the other machines.",
)
@click.option(
    "--folder",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    default=Path("."),
    metavar="FOLDER",
    help="The copy of the folder where the training was begun: its data, plugin files, recipe. By default this one.",
)
@click.option(
    "--processes",
    type=click.IntRange(0, 64),
    default=0,
    metavar="N",
    help="How many processes of this machine take part: by default one for each GPU, or one.",
)
@click.option(
    "--wait",
    type=click.FloatRange(0),
    default=10.0,
    metavar="SECONDS",
    help="How long to look for the other machine; where the connection is lost, 8 at most. By default 10.",
)
@click.option("--json", "as_json", is_flag=True, help="Print what happens as JSON, one object a line.")
@shared_options
def worker_command(
    shared: SharedOptions,
    join: str,
    token: Path | None,
    new_token: Path | None,
    folder: Path,
    processes: int,
    wait: float,
    as_json: bool,
) -> int:
    """Train with another machine, which has begun.

    There it is `kwb --batch RECIPE --network CIDR`. The recipe comes from there; its data and plugin files are read
    here, and must be the same.
    """
    from workbench.group.hosts.token import make_token, write_private

    if new_token:
        if new_token.exists():
            raise click.UsageError(f"{new_token} is there already: it is not replaced.")
        make_token(new_token)
        echo_json({"token": str(new_token)}) if as_json else echo(
            f"{new_token}: copy it to the other machines"
        )
        return ExitCode.DONE
    with tempfile.TemporaryDirectory() as kept:
        if token is not None and str(token) == "-":
            token = Path(kept) / "token.pem"
            write_private(token, sys.stdin.buffer.read())
        return _take_part(shared, join, token, folder, processes, wait, _reporter(as_json))


def _take_part(
    shared: SharedOptions,
    join: str,
    token: Path | None,
    folder: Path,
    processes: int,
    wait: float,
    say: Callable[[str], None],
) -> int:
    from workbench.group.hosts.opening import invitation
    from workbench.group.hosts.participating import participate
    from workbench.group.pools import PluginChoice

    plugins = PluginChoice(shared.plugin_files, shared.blocked)
    invited = invitation(join, token, folder.absolute(), plugins, wait)
    say(participate(invited, processes, say))
    return ExitCode.DONE


def _reporter(as_json: bool) -> Callable[[str], None]:
    if as_json:
        return lambda text: echo_json({"message": text})
    return lambda text: echo(text)
