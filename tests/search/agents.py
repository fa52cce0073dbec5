"""Agents of searches as processes of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def start(folder: Path, storage: str, *arguments: str, constants: str = "") -> subprocess.Popen[str]:
    folder.mkdir(parents=True, exist_ok=True)
    code = f"from workbench.search import leases; {constants}\nfrom workbench.cli import command; command()"
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        cwd=folder,
        env={**os.environ, "HOME": str(folder), "KWB_STORAGE": storage},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str], code: int = 0) -> tuple[str, str]:
    out, errors = process.communicate(timeout=300)
    assert process.returncode == code, errors
    return out, errors
