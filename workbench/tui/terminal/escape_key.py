"""Read escape and another key as two keys, even if they arrive in one packet.

A terminal sends escape as the byte that other keys' sequences begin with. Textual therefore takes `ESC t` within a
tenth of a second for alt+t, and `ESC 1` for the `¡` of a Mac's keyboard. kwb has no keys with alt; whoever leaves a
field and goes on quickly, or types over a slow line, means escape and `t`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

from textual.events import Key

from workbench.tui.terminal.textual_private import read_keys_by, textual_keys

# What the sequences of other keys, and answers of the terminal, begin with.
_BEGIN = frozenset("[O]P_^X")
# Sent for a word to the left or right, and to delete it.
_WORDS = frozenset(("\x1bb", "\x1bf", "\x1b\x7f"))
_BACK_TAB = "\x1b\t"  # what shift+tab sends on Linux' own console; elsewhere it is escape and tab


def _keys(parser: Any, sequence: str, alt: bool) -> Iterable[Key]:
    if len(sequence) == 2 and sequence[0] == "\x1b" and _are_two_keys(sequence):
        yield Key("escape", "\x1b")
        yield from textual_keys(parser, sequence[1], False)
    else:
        yield from textual_keys(parser, sequence, alt)


def _are_two_keys(sequence: str) -> bool:
    if sequence == _BACK_TAB:
        return os.environ.get("TERM") != "linux"
    return sequence not in _WORDS and sequence[1] not in _BEGIN


def install() -> None:
    """Have Textual's parser read escape so."""
    read_keys_by(_keys)
