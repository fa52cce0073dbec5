"""Passwords in a recipe: it is copied to run folders and saved files, so it must hold none."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

# `scheme://user:password@host`, or `?password=...`; `${NAME}` is no password but where it comes from.
_IN_ADDRESS = re.compile(
    r"\w://[^/\s:@]*:(?!\$\{\w+\}@|\$\w+@)[^@\s]+@|://\S*[?&]\w*(?:passw|pwd|token|secret)\w*=(?!\$)[^&\s]",
    re.I,
)


def refuse_password(arguments: Mapping[str, Any]) -> None:
    """Raise ValueError, without the password, if an argument is an address with one."""
    for name, value in arguments.items():
        if isinstance(value, str) and _IN_ADDRESS.search(value):
            raise ValueError(
                f"'{name}' holds a password, which runs and saved files would keep: write `${{DB_PASSWORD}}` in its "
                "place, and set that environment variable"
            )
