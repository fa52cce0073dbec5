"""The child's process: its output, its signals, and what it loads before it does commands."""

from __future__ import annotations

import argparse
import json
import os
import resource
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from workbench.errors import WorkbenchError
from workbench.group.network import join_network, make_own_network
from workbench.process import import_keras, leave_at_once
from workbench.worker.child import Child
from workbench.worker.event_writer import EventWriter, Importance


def _on_sigterm(act: Callable[[], None]) -> None:
    """Do it in a thread when SIGTERM comes. A handler of Python's would wait for the main thread, which an idle child
    holds in a queue, and which another thread's signal does not wake."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)

    def listen() -> None:
        while number := os.read(reading, 1):
            if number[0] == signal.SIGTERM:
                act()

    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    signal.signal(signal.SIGTERM, lambda *_: None)
    threading.Thread(target=listen, name="signals", daemon=True).start()


def _live(event_writer: EventWriter) -> None:
    while True:
        spent = json.dumps({"alive": True, "cpu": time.process_time()})
        event_writer.put(spent, Importance.STEP)
        time.sleep(1.0)


def _change_network(own: bool, pid: int | None) -> dict[str, object] | None:
    """Be in another network, where that is wanted. What the parent is to know of it."""
    try:
        if own:
            make_own_network()
        elif pid:
            join_network(pid)
        else:
            return None
    except WorkbenchError as error:
        return {"error": error.as_record()}
    return {"network": os.getpid()}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the child: its input has commands, its output events, its standard error is for what is printed."""
    parser = argparse.ArgumentParser(prog="python -m workbench.worker.child_main", description=__doc__)
    parser.add_argument("--memory", type=int, help="most bytes of address space")
    parser.add_argument("--gpu", help="the only GPU to see, as CUDA_VISIBLE_DEVICES names it")
    parser.add_argument("--plugin", type=Path, action="append", default=[], help="a plugin file")
    parser.add_argument("--no-plugin", action="append", default=[], help="a plugin to leave out")
    parser.add_argument("--signs-of-life", action="store_true", help="send one each second")
    parser.add_argument("--own-network", action="store_true", help="be in a network of its own")
    parser.add_argument("--network-of", type=int, metavar="PID", help="be in the network of another process")
    options = parser.parse_args(arguments)

    network = _change_network(options.own_network, options.network_of)  # before there is a second thread
    event_writer = EventWriter(os.dup(1))
    if network is not None:
        event_writer.put(json.dumps(network))
    os.dup2(2, 1)  # TensorFlow and plugins print whatever `sys.stdout` is
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    if options.memory:
        resource.setrlimit(resource.RLIMIT_AS, (options.memory, options.memory))
    if (
        options.gpu
    ):  # CUDA looks for GPUs when TensorFlow first runs something, which it has not in a fork server
        os.environ["CUDA_VISIBLE_DEVICES"] = options.gpu
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in the terminal is the parent's to understand

    child = Child(event_writer, options.plugin, options.no_plugin)
    _on_sigterm(child.terminate)
    threading.Thread(target=child.listen, name="commands", daemon=True).start()
    import_keras()
    import keras
    import tensorflow as tf

    event_writer.put(
        json.dumps({"ready": {"pid": os.getpid(), "keras": keras.__version__, "tensorflow": tf.__version__}})
    )
    if options.signs_of_life:
        threading.Thread(target=_live, args=(event_writer,), name="signs of life", daemon=True).start()
    try:
        from workbench.worker.commands import COMMANDS

        child.serve(COMMANDS)
    finally:
        event_writer.close()
        leave_at_once(0)


if __name__ == "__main__":
    main()
