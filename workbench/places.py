"""The folders that kwb uses on this machine."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs


def state_folder() -> Path:
    """The folder for state and logs: `$KWB_STATE_DIR`, or the platform's folder for state."""
    folder = os.environ.get("KWB_STATE_DIR") or platformdirs.user_state_dir("kwb", appauthor=False)
    return Path(folder)
