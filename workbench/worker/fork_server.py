"""`python -m workbench.worker.fork_server`: a process that loads TensorFlow once and then forks children.

A child that is forked begins at once, where loading TensorFlow takes seconds. The fork server runs no operation of
TensorFlow and has no thread of Python, and Linux is the only system where that is enough to be forked safely.

Its parent asks for each child in one packet of a socket: JSON `{"number", "module", "arguments", "folder"}`, and three
descriptors, the child's standard input, output and error. `main(arguments)` of the module is run in it. It answers
`{"number", "pid"}`, or `{"number", "error"}`; and `{"pid", "ended"}` with the exit code of each child that ends,
negative for a signal. It ends when its parent is gone; its children see that themselves.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import select
import signal
import socket
import sys
import traceback
import warnings
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

from workbench.children import Streams
from workbench.process import import_keras
from workbench.spawning import LONGEST

# What children import when they need it: trainings the built-in data sets, and the linear models that they are compared
# with; first of all the checks of layers.
LATE = ("sklearn.datasets", "sklearn.linear_model", "workbench.check.recipes", "workbench.check.running")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the fork server."""
    parser = argparse.ArgumentParser(prog="python -m workbench.worker.fork_server", description=__doc__)
    parser.add_argument("--socket", type=int, required=True, help="a socket's descriptor")
    parser.add_argument("--log", type=Path, required=True, help="file for all output")
    options = parser.parse_args(arguments)
    _redirect(options.log)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in the terminal is the parent's to understand
    import_keras()
    import workbench.worker.commands  # noqa: F401  all that a child would load before its first command

    # Python warns of threads that a forked process lacks; here they are OpenBLAS', which sees to it itself.
    warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)
    _serve(socket.socket(fileno=options.socket))
    os._exit(0)


def _redirect(log: Path) -> None:
    """Send all output of this process to a file."""
    written = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for descriptor in (1, 2):  # TensorFlow writes to descriptor 2 whatever sys.stderr is
        os.dup2(written, descriptor)
    os.close(written)
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]


def _serve(parent: socket.socket) -> None:
    ended, wake = os.pipe()
    os.set_blocking(ended, False)
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    late = list(LATE)
    while True:
        ready, _, _ = select.select([parent.fileno(), ended], [], [])
        if ended in ready:
            os.read(ended, LONGEST)
            _send_ended(parent)
        if parent.fileno() in ready:
            packet, descriptors, _, _ = socket.recv_fds(parent, LONGEST, len(Streams._fields))
            if not packet:
                return
            _send(parent, _fork(parent, json.loads(packet), descriptors, (ended, wake)))
            for descriptor in descriptors:
                os.close(descriptor)
            while late:  # once the first child has begun, for all that follow
                with suppress(ImportError):
                    importlib.import_module(late.pop())


def _fork(
    parent: socket.socket, order: dict[str, Any], descriptors: Sequence[int], own: Sequence[int]
) -> dict[str, Any]:
    """Fork a child; the answer to its order."""
    try:
        os.stat(order["folder"])
        pid = os.fork()
    except OSError as error:
        return {"number": order["number"], "error": str(error)}
    if pid == 0:
        parent.close()
        for descriptor in own:
            os.close(descriptor)
        _be_child(order, descriptors)
    return {"number": order["number"], "pid": pid}


def _be_child(order: dict[str, Any], descriptors: Sequence[int]) -> NoReturn:
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.setsid()  # so that it can be ended with all that it starts
        os.chdir(order["folder"])
        for standard, descriptor in enumerate(descriptors):
            os.dup2(descriptor, standard)
            os.close(descriptor)
        _forget_randomness()
        importlib.invalidate_caches()  # a plugin may have been installed since
        sys.dont_write_bytecode = (
            True  # it would hold for another text of equal size, saved in the same second
        )
        importlib.import_module(order["module"]).main(order["arguments"])
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(1)


def _forget_randomness() -> None:
    """NumPy's global generator was seeded when it was imported: each child would draw the same numbers."""
    import numpy as np

    np.random.seed()


def _send_ended(parent: socket.socket) -> None:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        _send(parent, {"pid": pid, "ended": os.waitstatus_to_exitcode(status)})


def _send(parent: socket.socket, answer: dict[str, Any]) -> None:
    with suppress(BrokenPipeError):  # the parent is gone, which the next look at the socket shows
        parent.send(json.dumps(answer).encode())


if __name__ == "__main__":
    main()
