"""Addresses: of this machine in a network, and as they are written on the command line."""

from __future__ import annotations

import ipaddress
import socket

import psutil

from workbench.errors import WorkbenchError
from workbench.group.hosts.meeting import Network

PORT = 7750  # where a training listens, unless `--listen` says otherwise; TensorFlow has those after it


def read_network(text: str) -> Network:
    """A network, as `10.0.0.0/24`.

    Raises:
        WorkbenchError: it is none.
    """
    try:
        return ipaddress.ip_network(text)
    except ValueError as error:
        raise WorkbenchError(f"'{text}' is no network: {error}.", where="--network", hint=_EXAMPLE) from None


def read_address(text: str, where: str) -> tuple[str, int]:
    """Host and port of `10.0.0.1:7750`; the port may be left out.

    Raises:
        WorkbenchError: it is no address.
    """
    host, colon, port = text.rpartition(":")
    if not colon or text.endswith("]"):
        host, port = text, str(PORT)
    if not host or not port.isdigit() or not 0 < int(port) < 65_536:
        raise WorkbenchError(
            f"'{text}' is no address.", where=where, hint=f"As in `{where} 10.0.0.1:{PORT}`."
        )
    return host.strip("[]"), int(port)


def written(host: str, port: int) -> str:
    """An address as TensorFlow and `read_address` read it."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def own_address(network: Network) -> str:
    """The address of this machine in a network.

    Raises:
        WorkbenchError: it has none.
    """
    family = socket.AF_INET if network.version == 4 else socket.AF_INET6
    found = [
        address.address.partition("%")[0]
        for interface in psutil.net_if_addrs().values()
        for address in interface
        if address.family == family
    ]
    for address in found:
        if ipaddress.ip_address(address) in network:
            return address
    raise WorkbenchError(
        f"this machine has no address in {network}.",
        where="--network",
        hint=f"Its addresses are {', '.join(found) or 'none'}.",
    )


def address_inside(host: str, network: Network) -> str:
    """The address in a network of a machine, which may have others as well.

    Raises:
        WorkbenchError: it has none there, or is not known.
    """
    try:
        found = [str(each[4][0]) for each in socket.getaddrinfo(host, None)]
    except OSError as error:
        what = f"the machine '{host}' is not known: {error.strerror}."
        raise WorkbenchError(what, where="--listen") from None
    for address in found:
        if ipaddress.ip_address(address.partition("%")[0]) in network:
            return address
    raise WorkbenchError(
        f"{host} is outside of {network}.", where="--listen", hint="`--network` is where all machines are."
    )


_EXAMPLE = "As in `--network 10.0.0.0/24`: the private network that all machines are in."
