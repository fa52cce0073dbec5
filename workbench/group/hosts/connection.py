"""A connection of two machines: lines of JSON over TLS, with signs of life, for code that has no event loop."""

from __future__ import annotations

import asyncio
import json
import queue
import ssl
import threading
import time
from collections.abc import Coroutine, Mapping
from functools import cache
from typing import Any, TypeVar

LIFE = 1.0  # seconds between two signs of life
SILENT = 10.0  # seconds without one, after which the other side is taken for lost
MOST_BYTES = 1 << 28  # of one line
_ALIVE = b'{"alive":true}\n'

Result = TypeVar("Result")


@cache
def network_loop() -> asyncio.AbstractEventLoop:
    """The event loop of all connections of this process, in a thread of its own."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="connections", daemon=True).start()
    return loop


def wait_for(coroutine: Coroutine[Any, Any, Result]) -> Result:
    """Run a coroutine in that loop, from another thread, and wait for it."""
    return asyncio.run_coroutine_threadsafe(coroutine, network_loop()).result()


class Connection:
    """One side of a connection. Made in the event loop, used from any thread.

    Attributes:
        peer: the address of the other side.
        own: the address of this side.
        why_lost: in words, once it has ended.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.peer = str(writer.get_extra_info("peername")[0])
        self.own = str(writer.get_extra_info("sockname")[0])
        self.why_lost = ""
        self._reader = reader
        self._writer = writer
        self._received: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self._heard = time.monotonic()
        self._tasks = [asyncio.ensure_future(self._read()), asyncio.ensure_future(self._live())]

    def send(self, record: Mapping[str, Any]) -> None:
        """Send an object. On a connection that has ended it goes nowhere, which `receive` shows."""
        line = json.dumps(record).encode() + b"\n"
        network_loop().call_soon_threadsafe(self._write, line)

    def receive(self, seconds: float) -> dict[str, Any] | None:
        """The next object; None at the end of the connection.

        Raises:
            TimeoutError: there is none in so many seconds.
        """
        try:
            record = self._received.get(timeout=min(seconds, threading.TIMEOUT_MAX))
        except queue.Empty:
            raise TimeoutError from None
        if record is None:
            self._received.put(None)  # for the next one who asks
        return record

    @property
    def ended(self) -> bool:
        return bool(self.why_lost)

    def close(self) -> None:
        """End it, after what was sent."""
        network_loop().call_soon_threadsafe(self._end, "was closed")

    def _write(self, line: bytes) -> None:
        if not self._writer.is_closing():
            self._writer.write(line)

    async def _read(self) -> None:
        why = "closed the connection"
        try:
            while line := await self._reader.readline():
                self._heard = time.monotonic()
                if line != _ALIVE:
                    record = json.loads(line)
                    if isinstance(record, dict):
                        self._received.put(record)
        except (OSError, ssl.SSLError) as error:
            why = f"lost the connection ({getattr(error, 'strerror', None) or error})"
        except ValueError:  # a line without end, or no JSON
            why = "sent what is no message"
        self._end(why)

    async def _live(self) -> None:
        while not self.why_lost:
            self._write(_ALIVE)
            await asyncio.sleep(LIFE)
            if time.monotonic() - self._heard > SILENT:
                self._end(f"has not been heard of for {SILENT:g} s")
                self._writer.transport.abort()

    def _end(self, why: str) -> None:
        if self.why_lost:
            return
        self.why_lost = why
        self._received.put(None)
        self._writer.close()
