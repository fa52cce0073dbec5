"""From what the user has asked for to a training by several processes, of this machine or of several."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

from workbench import events
from workbench.errors import TrainingError, WorkbenchError
from workbench.group.hosts.addresses import (
    PORT,
    address_inside,
    own_address,
    read_address,
    read_network,
    written,
)
from workbench.group.hosts.cluster import ClusterPlace
from workbench.group.hosts.joining import Invitation
from workbench.group.hosts.meeting import Meeting, Network
from workbench.group.hosts.options import HostOptions
from workbench.group.hosts.pool import HostsPool
from workbench.group.hosts.ssh import SshStarter
from workbench.group.hosts.token import make_token, note_address, noted_address
from workbench.group.pools import LocalPool, PluginChoice
from workbench.group.session import GroupSession, OnEvent
from workbench.places import state_folder
from workbench.recipe.document import Document

_LOOK = 0.2  # seconds between two looks for a token
_PORTS = 12_000  # that Slurm jobs are spread over, from 20,000 on: Linux gives those from 32,768 on to anyone


def usual_token() -> Path:
    """The file of the token, where no other one is named."""
    return state_folder() / "token.pem"


@contextmanager
def group_session(
    document: Document,
    hosts: HostOptions | None,
    plugins: PluginChoice,
    on_event: OnEvent,
    **place: Any,
) -> Iterator[GroupSession]:
    """The training of a recipe by several processes.

    Args:
        hosts: on which machines; None for this one alone.
        plugins: of the catalog.
        on_event: see `GroupSession`, as for `place`, which are its other arguments.

    Raises:
        WorkbenchError: an address, the network or the token cannot be used.
    """
    logs = state_folder() / "group"
    if hosts is None:
        with closing(LocalPool(document.recipe.train.workers, plugins, logs)) as pool:
            yield GroupSession(document, pool, on_event, **place)
        return

    def say(text: str) -> None:
        message = events.Message("info", text)
        on_event(message, events.to_json(message, document.recipe.name))

    with _hosts_pool(hosts, document, plugins, logs, say) as others:
        yield GroupSession(document, others, on_event, **place)


@contextmanager
def _hosts_pool(
    options: HostOptions,
    document: Document,
    plugins: PluginChoice,
    logs: Path,
    say: Callable[[str], None],
) -> Iterator[HostsPool]:
    """The processes of a training that this one begins; when the block is left, all are sent home."""
    place = options.place()
    network = read_network(options.network)
    least, most = options.numbers(place, document.recipe.train.workers)
    host, port = _meeting_place(options, place, network)
    with ExitStack() as stack:
        token = _own_token(options, place, stack)
        meeting = Meeting(host, port, network, token)
        pool = HostsPool(
            meeting,
            least=least,
            most=min(most, document.recipe.train.batch_size),
            document=document,
            plugins=plugins,
            logs=logs,
            wait=options.wait,
            say=say,
            local=1 if place else 0,
            addresses=place.addresses if place else (),
        )
        try:
            if os.access(token, os.W_OK):
                note_address(token, written(host, port))
            if options.names:
                pool.starter = SshStarter(options.names, options.ssh, written(host, port), token, Path.cwd())
                stack.callback(pool.starter.close)
            yield pool
        except WorkbenchError as error:
            pool.close(TrainingError(f"the training has failed there: {error}", where=f"{host}:{port}"))
            raise
        except BaseException:
            pool.close("the training was stopped")
            raise
        else:
            pool.close("the training has ended")


def _meeting_place(options: HostOptions, place: ClusterPlace | None, network: Network) -> tuple[str, int]:
    if options.listen:
        host, port = read_address(options.listen, "--listen")
        return address_inside(host, network), port
    if place and place.addresses:  # its own name may stand for an address that others do not reach
        return own_address(network), place.meeting[1]
    port = 20_000 + int(place.job) * 64 % _PORTS if place and place.job.isdigit() else PORT
    return own_address(network), port


def _own_token(options: HostOptions, place: ClusterPlace | None, stack: ExitStack) -> Path:
    """The token of this training, made where it is not there yet."""
    if options.token:
        token = options.token
    elif options.names:  # they get it from here, for this training alone
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        token = Path(folder) / "token.pem"
    elif place and place.job:
        token = _job_token(place)
        stack.callback(token.unlink, missing_ok=True)
    else:
        token = usual_token()
    if not token.exists():
        make_token(token)
    return token


def _job_token(place: ClusterPlace) -> Path:
    """Of a job of Slurm, in the user's folder, which its machines share."""
    return state_folder() / f"slurm-{place.begun}.pem"


def invitation(
    join: str,
    token: Path | None,
    folder: Path,
    plugins: PluginChoice,
    wait: float,
    place: int | None = None,
) -> Invitation:
    """Where to join a training.

    Args:
        join: `host:port`; "" for what is written in the token.

    Raises:
        WorkbenchError: no address is given.
    """
    token = token or usual_token()
    address = join or noted_address(token)
    if not address:
        raise WorkbenchError(
            "no training is named.", where="--join", hint=f"As in `--join 10.0.0.1:{PORT}`, where it listens."
        )
    host, port = read_address(address, "--join")
    return Invitation(host, port, token, folder, plugins, state_folder() / "group", wait, place)


def cluster_invitation(options: HostOptions, place: ClusterPlace, plugins: PluginChoice) -> Invitation:
    """Where a process of a cluster that is not the first one joins.

    Raises:
        WorkbenchError: the token does not come.
    """
    if place.addresses:
        host, port = place.meeting if not options.listen else read_address(options.listen, "--listen")
        join, token = written(host, port), options.token
    else:
        token = options.token or _job_token(place)
        end = time.monotonic() + options.wait
        while not (token.exists() and noted_address(token)):
            if time.monotonic() > end:
                raise WorkbenchError(
                    "the first process of the job has not written a token here.",
                    where=str(token),
                    hint="Where machines share no home folder, name a file that they share: `--token-file`.",
                )
            time.sleep(_LOOK)
        join = options.listen or noted_address(token)
    return invitation(join, token, Path.cwd(), plugins, options.wait, place.rank)
