"""A small process that reads files of unknown origin: a file that hangs or crashes HDF5 ends only this process.

It reads a request from each line of standard input (`{"do", "file", ...}`) and answers it with a line on standard
output (`{"result"}` or `{"error"}`). It ends when its input ends. The limits on processor time and memory
grow with the size of the file; beyond them, the system ends the process. `reader_client` is the other side.
"""

from __future__ import annotations

import os
import resource
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from workbench.children import requests_and_answers, requests_in
from workbench.errors import WorkbenchError
from workbench.events import plain
from workbench.storage import container, guard, hdf5, sizes
from workbench.storage.inspect import inspect_file
from workbench.storage.limits import SLACK

MOST_SECONDS = 2.0  # of the processor, for a small file
_BYTES_A_SECOND = 50_000_000  # of a large one
_MOST_MEMORY = 640 << 20  # bytes beside what a small process has anyway, and three times the file

Request = Mapping[str, Any]


def inspect(request: Request) -> dict[str, Any]:
    """What `kwb inspect --json` prints; `installed` are the distributions there are."""
    return inspect_file(request["file"], request.get("installed", ())).as_record()


def check(request: Request) -> dict[str, Any]:
    """Read all that loading the model will read, and judge its configuration, whatever plugins there are."""
    found = container.read(request["file"])
    with container.errors(found.path):
        model, _ = guard.split_config(found)
        sizes.check_sizes(model, found.stored + SLACK)
        for _ in guard.named_objects(model):
            pass
        with container.open_weights(found.path) as file:
            hdf5.read_all(file)
    return {}


REQUESTS: dict[str, Callable[[Request], dict[str, Any]]] = {"inspect": inspect, "check": check}


def answer(request: Request, requests: Mapping[str, Callable[[Request], dict[str, Any]]]) -> dict[str, Any]:
    """The result of a request, or its error."""
    try:
        return {"result": plain(requests[request["do"]](request))}
    except WorkbenchError as error:
        return {"error": error.as_record()}
    except MemoryError:
        what = "there is not enough memory to read it."
    except Exception as error:  # h5py and zipfile raise what they like on damaged files
        what = f"cannot be read: {type(error).__name__}: {error}"
    return {"error": {"what": what, "where": request["file"], "hint": ""}}


def serve(requests: Mapping[str, Callable[[Request], dict[str, Any]]]) -> None:
    """Answer requests until there are no more."""
    given, answers = requests_and_answers()
    _quiet_death()
    for request in requests_in(given):
        _limit(request["file"])
        answers.send(answer(request, requests))


def _quiet_death() -> None:
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _limit(file: str) -> None:
    """Give a request its time and its memory. Where the system keeps no such limits, the asker's patience ends it."""
    try:
        size = os.stat(file).st_size
    except (OSError, ValueError):
        size = 0
    usage = resource.getrusage(resource.RUSAGE_SELF)
    used = usage.ru_utime + usage.ru_stime
    seconds = int(used + MOST_SECONDS + size / _BYTES_A_SECOND) + 1
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, resource.getrlimit(resource.RLIMIT_CPU)[1]))
    with suppress(OSError, ValueError):
        with open("/proc/self/statm") as statm:
            own = int(statm.read().split()[0]) * resource.getpagesize()
        hard = resource.getrlimit(resource.RLIMIT_AS)[1]
        resource.setrlimit(resource.RLIMIT_AS, (own + _MOST_MEMORY + 3 * size, hard))


if __name__ == "__main__":
    serve(REQUESTS)
