"""This process: prepare it for Keras, keep standard output clean, end it in good order."""

from __future__ import annotations

import atexit
import gc
import os
import signal
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import NoReturn
from weakref import WeakSet


def prepare_for_keras() -> None:
    """Choose the backend, before keras is imported; what else the user has set stays."""
    os.environ["KERAS_BACKEND"] = "tensorflow"  # a ~/.keras/keras.json may say otherwise
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
    # Else TensorFlow takes nearly all memory of a GPU at its start, and a second training finds none.
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")


def run_one_at_a_time() -> None:
    """Have TensorFlow run one operation after the other, so that what each takes can be measured. Nothing is changed
    where it has begun to work in this process."""
    import tensorflow as tf

    with suppress(RuntimeError):
        tf.config.threading.set_inter_op_parallelism_threads(1)


def import_keras() -> None:
    """Import keras and TensorFlow without the lines that TensorFlow prints while it loads.

    They come from C++ before any setting is read, so descriptor 2 itself is turned aside for that time. Should the
    import fail (Ctrl-C is no failure), they are shown.

    Python's collector is off meanwhile and leaves what was imported alone afterwards: those hundreds of thousands of
    objects stay until the end, and to look through them again and again takes a fifth of the import and of all tracing.
    """
    prepare_for_keras()
    collecting = gc.isenabled()
    gc.disable()
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as aside:
        os.dup2(aside.fileno(), 2)
        try:
            import keras  # noqa: F401
            import tensorflow  # noqa: F401
        except KeyboardInterrupt:
            raise
        except BaseException:
            aside.seek(0)
            os.write(kept, aside.read())
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            gc.freeze()
            if collecting:
                gc.enable()


def stop_at_signals(stop: Callable[[], None], say: Callable[[str], None]) -> list[int]:
    """Have the first Ctrl-C (or SIGTERM, or the loss of the terminal) stop several trainings of this process's event
    loop; a second one ends the process at once. Under `nohup` the terminal may go.

    Args:
        stop: ends each training after its batch, saved.
        say: prints a line for the user.

    Returns:
        The signals received so far; it grows.
    """
    import asyncio  # many commands do without it

    received: list[int] = []
    loop = asyncio.get_running_loop()

    def take(number: int) -> None:
        received.append(number)
        if len(received) > 1:
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGINT)
            return
        say("stopping each training after its batch (Ctrl-C again: leave at once)")
        stop()

    numbers = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        numbers.append(signal.SIGHUP)
    for number in numbers:
        loop.add_signal_handler(number, take, number)
    return received


def leave(code: int) -> NoReturn:
    """End the process as `sys.exit` does. With TensorFlow in it, without taking every object apart first, which takes
    half a second and which TensorFlow's own threads may hold up or crash."""
    if "tensorflow" not in sys.modules:
        sys.exit(code)
    for thread in threading.enumerate():
        if not thread.daemon and thread is not threading.main_thread() and thread not in _not_waited_for:
            thread.join()
    leave_at_once(code)


_not_waited_for: WeakSet[threading.Thread] = WeakSet()


def leave_without(thread: threading.Thread) -> None:
    """Let `leave` not wait for a thread. It is no daemon because to end Python by `sys.exit` could crash it, which to
    end the process at once does not."""
    _not_waited_for.add(thread)


def leave_at_once(code: int) -> NoReturn:
    """End the process, whatever its threads do. What a plugin has registered with `atexit` is done, and TensorFlow's
    temporary files are removed."""
    with suppress(BaseException):  # a plugin's, which Python has shown
        atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):  # closed, or nobody reads it any more
            stream.flush()
    os._exit(code)


class Silence:
    """The time since the last sign of work in a process, so that a process that nobody can reach any more ends.

    A step of a user's code may never end. While a user is there, they see it and end the process; when the terminal
    or the parent is gone it would keep a core busy until the machine is restarted.
    """

    def __init__(self) -> None:
        self._since = time.monotonic()

    def broken(self) -> None:
        """The work has shown a sign of life."""
        self._since = time.monotonic()

    def end_process(self, after: Callable[[], float], working: Callable[[], bool] = lambda: True) -> None:
        """From now on, end the process when it is silent for too long.

        Args:
            after: how many seconds are too long, for what is being worked on.
            working: when it is false, there is nothing left to wait for.
        """
        self.broken()

        def watch() -> None:
            while working():
                if time.monotonic() - self._since > after():
                    leave_at_once(1)
                time.sleep(0.1)

        threading.Thread(target=watch, name="silence", daemon=True).start()


def forward_warnings(report: Callable[[str], None]) -> None:
    """Send Python warnings to `report`, in one line each; Keras' and TensorFlow's about their own code are left out."""

    def show(message: Warning | str, category: type[Warning], filename: str, lineno: int, *_: object) -> None:
        if not {"keras", "tensorflow"} & set(Path(filename).parts):
            report(f"{category.__name__}: {message} ({filename}:{lineno})")

    warnings.showwarning = show  # type: ignore[assignment]


def open_terminals() -> list[int]:
    """The descriptors of this process that are a terminal."""
    return [descriptor for descriptor in map(int, os.listdir("/dev/fd")) if os.isatty(descriptor)]


def let_go(descriptors: Iterable[int]) -> None:
    """Have what is written to these go nowhere: on a terminal that is gone, every `print` would raise."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in descriptors:
        os.dup2(nowhere, descriptor, inheritable=descriptor < 3)
    os.close(nowhere)


class Diverted:
    """While active, all output to descriptor 1 goes to descriptor 2.

    Standard output carries the event stream; TensorFlow and plugins write to descriptor 1 whatever
    `sys.stdout` is. `stream` is the real standard output.
    """

    def __enter__(self) -> Diverted:
        self._kept = os.dup(1)
        os.set_inheritable(self._kept, False)
        self.stream = os.fdopen(os.dup(self._kept), "w", buffering=1, encoding="utf-8")
        os.dup2(2, 1)
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.stream.close()
        except BrokenPipeError:
            pass
        finally:
            os.dup2(self._kept, 1)
            os.close(self._kept)
