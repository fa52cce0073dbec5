"""A child for tests: it starts a process that does not end, and sends its number."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence

from workbench.children import requests_and_answers

_SAYS = "import time; print('said by what it started', flush=True); time.sleep(600)"


def main(arguments: Sequence[str] | None = None) -> None:
    """Never ends by itself."""
    _, answers = requests_and_answers()
    process = subprocess.Popen([sys.executable, "-c", _SAYS])
    time.sleep(1.0)
    answers.send({"pid": process.pid})
    process.wait()
