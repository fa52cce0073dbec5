"""What a process printed last, in one line."""

from __future__ import annotations

import subprocess
import sys

import pytest

from workbench.sentence import last_line


@pytest.mark.parametrize(
    ("printed", "expected"),
    [
        ("", ""),
        ("\n \n", ""),
        ("one\ntwo\n\n", "two"),
        (
            "  goodbye  \nE0000 00:00:1795828508.235406    3217 cuda_platform.cc:52] failed call to cuInit\n",
            "goodbye",
        ),
        ("no more\n2026-11-28 01:02:03.456789: I tensorflow/core/util/port.cc:153] oneDNN\n", "no more"),
        ("WARNING: All log messages before absl::InitializeLog() is called are written to STDERR\n", ""),
        ("E1 is an error of mine", "E1 is an error of mine"),
    ],
)
def test_the_last_line_that_is_no_log_of_tensorflow(printed: str, expected: str) -> None:
    assert last_line(printed) == expected


@pytest.mark.slow
def test_what_tensorflow_really_prints_is_left_out() -> None:
    code = "import sys; print('the last word', file=sys.stderr); import tensorflow as tf; tf.constant(1); sys.exit(3)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 3
    assert len(done.stderr.splitlines()) > 1, "TensorFlow prints nothing: this shows nothing"
    assert last_line(done.stderr) == "the last word"
