"""The options of `kwb --batch` for several processes, of this machine and of others."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from workbench.cli.options import SharedOptions
from workbench.cli.worker import token_option
from workbench.errors import ExitCode
from workbench.output import echo

if TYPE_CHECKING:
    from workbench.group.hosts.cluster import ClusterPlace
    from workbench.group.hosts.opening import HostOptions

_MOST = 512  # processes of one training


@dataclass(frozen=True)
class SeveralProcesses:
    """What is asked of processes.

    Attributes:
        least, most: how many; 0 where that is not said.
        hosts: the other machines; None where there are none.
    """

    least: int = 0
    most: int = 0
    elastic: bool = False
    hosts: HostOptions | None = None


def _workers(context: click.Context, parameter: click.Parameter, value: str | None) -> tuple[int, int]:
    if value is None:
        return 0, 0
    least, colon, most = value.partition(":")
    if not (least.isdigit() and (most.isdigit() or not colon)):
        raise click.BadParameter(f"'{value}' is not a number, nor two as in 2:8.")
    low, high = int(least), int(most or least)
    if not 1 <= low <= high <= _MOST:
        raise click.BadParameter(f"'{value}' is outside of 1 to {_MOST}, or begins with the larger number.")
    return low, high


def hosts_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options; the command gets them as its `several`."""
    for option in (
        click.option(
            "--ssh",
            default="ssh",
            metavar="COMMAND",
            help="With --hosts A,B: how they are reached, as in `ssh -i key -p 2222`.",
        ),
        click.option(
            "--wait",
            type=click.FloatRange(0),
            default=600.0,
            metavar="SECONDS",
            help="How long to wait for the other machines. By default 600.",
        ),
        token_option,
        click.option(
            "--hosts",
            default="",
            metavar="A,B",
            help="Start the processes of these machines over ssh; `slurm`: those of the job that this one is in; "
            "`env`: those that TF_CONFIG names.",
        ),
        click.option(
            "--listen",
            default="",
            metavar="ADDRESS:PORT",
            help="Wait there for other machines (`kwb worker --join`). TensorFlow uses the ports after it.",
        ),
        click.option(
            "--network",
            default="",
            metavar="CIDR",
            help="The private network of all machines, as 10.0.0.0/24: nobody else may join. TensorFlow's ports "
            "have no password, so it must be one that nobody else is in.",
        ),
        click.option(
            "--elastic",
            is_flag=True,
            help="When a process is lost, go on with the others; when a machine joins, with that one too.",
        ),
        click.option(
            "--workers",
            callback=_workers,
            metavar="N",
            help="With --batch: train in N processes, each on its share of every batch. With other machines 2:8 for "
            "at least 2 and at most 8 processes.",
        ),
    ):
        option(command)

    @functools.wraps(command)
    def with_several(
        workers: tuple[int, int],
        elastic: bool,
        network: str,
        listen: str,
        hosts: str,
        token: Path | None,
        wait: float,
        ssh: str,
        **rest: Any,
    ) -> Any:
        least, most = workers
        options = None
        if network or listen or hosts:
            if not network:
                raise click.UsageError(
                    "--listen and --hosts need --network: the private network that all machines are in."
                )
            from workbench.group.hosts.opening import HostOptions

            options = HostOptions(network, listen, hosts, least, most, token, wait, ssh)
        elif least != most:
            raise click.UsageError("--workers LEAST:MOST goes with --listen or --hosts.")
        elif token:
            raise click.UsageError("--token-file goes with --listen or --hosts.")
        return command(several=SeveralProcesses(least, most, elastic, options), **rest)

    return with_several


def join_cluster(hosts: HostOptions, place: ClusterPlace, shared: SharedOptions) -> int:
    """Be a process of a cluster that is not the first one: as `kwb worker`."""
    from workbench.group.hosts.opening import cluster_invitation
    from workbench.group.hosts.participating import participate
    from workbench.group.pools import PluginChoice

    plugins = PluginChoice(shared.plugin_files, shared.blocked)
    invited = cluster_invitation(hosts, place, plugins)
    echo(participate(invited, 1, echo, place.local))
    return ExitCode.DONE
