"""The options of `kwb --batch` for several processes, of this machine and of others."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from workbench.cli.worker import token_option
from workbench.group.hosts.options import HostOptions
from workbench.group.hosts.ssh import hosts_in

_MOST = 512  # processes of one training


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
    """Add the options; the command gets them as its `hosts`."""
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
        options = HostOptions(network, listen, hosts_in(hosts), *workers, elastic, token, wait, ssh)
        return command(hosts=options, **rest)

    return with_several
