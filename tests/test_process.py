"""A process and TensorFlow: what it prints while it loads, and how the process ends."""

from __future__ import annotations

import builtins
import os
import subprocess
import sys
from typing import Any

import pytest

from workbench.process import import_keras


@pytest.mark.parametrize(("error", "shown"), [(KeyboardInterrupt, ""), (ImportError, "noise\n")])
def test_it_is_shown_where_loading_fails_and_not_at_ctrl_c(
    error: type[BaseException],
    shown: str,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    found = builtins.__import__

    def loading(name: str, *arguments: Any) -> Any:
        if name != "keras":
            return found(name, *arguments)
        os.write(2, b"noise\n")
        raise error

    monkeypatch.setattr(builtins, "__import__", loading)
    with pytest.raises(error):
        import_keras()
    assert capfd.readouterr().err == shown


LEAVING = """
import atexit, sys, threading, time
from workbench.process import leave
{loaded}
atexit.register(lambda: print("at exit"))
def late():
    time.sleep(0.2)
    print("a thread's last line")
threading.Thread(target=late).start()
sys.stdout.write("not yet written, ")
leave(3)
"""


@pytest.mark.parametrize("loaded", ["", "sys.modules['tensorflow'] = sys"])
def test_leaving_is_as_ever_but_for_the_time_it_takes(loaded: str) -> None:
    command = [sys.executable, "-c", LEAVING.format(loaded=loaded)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 3
    assert done.stdout == "not yet written, a thread's last line\nat exit\n"
    assert done.stderr == ""


def test_a_thread_that_need_not_be_waited_for_does_not_hold_the_end_up() -> None:
    code = """
import sys, threading, time
from workbench.process import leave, leave_without
sys.modules["tensorflow"] = sys
thread = threading.Thread(target=lambda: (time.sleep(60), print("too late")))
leave_without(thread)
thread.start()
leave(3)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stdout, done.stderr) == (3, "", "")
