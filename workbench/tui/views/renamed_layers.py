"""Names of layers that an older kwb gave, in the names of now: a run that goes on keeps one curve for each layer."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Rename = Callable[[str], str]

_END = re.compile(r"[/# ]")  # after a layer's path: a weight, the number of a call, another word


def renaming(before: Sequence[Mapping[str, Any]], now: Sequence[Mapping[str, Any]]) -> Rename | None:
    """How names change between two `assembled` events of one run; None where they do not, or the model is another.

    Args:
        before, now: the rows of the layers.
    """
    if [row.get("class") for row in before] != [row.get("class") for row in now]:
        return None
    paths = {str(old.get("path")): str(new.get("path")) for old, new in zip(before, now, strict=True)}
    if all(old == new for old, new in paths.items()):
        return None

    def rename(name: str) -> str:
        ends = [len(name), *(found.start() for found in reversed([*_END.finditer(name)]))]
        end = next((end for end in ends if name[:end] in paths), None)
        return name if end is None else paths[name[:end]] + name[end:]

    return rename
