"""Whether machines reach each other's ports, tried before TensorFlow, which waits for ever and says nothing."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Sequence

from workbench.errors import TrainingError

PATIENCE = 5.0  # seconds for a machine to answer


class OpenPort:
    """A port that is listened on, on every address of this machine, as TensorFlow's server will.

    Raises:
        TrainingError: it is taken.
    """

    def __init__(self, port: int, host: str) -> None:
        both = socket.has_dualstack_ipv6()
        family = socket.AF_INET6 if both else socket.AF_INET
        try:
            self._socket = socket.create_server(("", port), family=family, backlog=128, dualstack_ipv6=both)
        except OSError as error:
            reason = os.strerror(error.errno) if error.errno else str(error)
            raise TrainingError(
                f"port {port} of {host} cannot be used: {reason}.",
                where="--listen",
                hint="TensorFlow uses the ports after that of `--listen`: choose another one there.",
            ) from None

    def close(self) -> None:
        self._socket.close()


def unreached(addresses: Sequence[str], seconds: float = PATIENCE) -> list[tuple[str, str]]:
    """The addresses (`host:port`) that nobody answers at, each with the reason."""
    end = time.monotonic() + seconds
    found = []
    for address in addresses:
        host, _, port = address.rpartition(":")
        try:
            socket.create_connection(
                (host.strip("[]"), int(port)), timeout=max(1.0, end - time.monotonic())
            ).close()
        except OSError as error:
            found.append((address, error.strerror or "it does not answer"))
    return found
