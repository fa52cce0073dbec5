"""Escape and another key in one packet are two keys."""

from __future__ import annotations

import pytest
from textual._xterm_parser import XTermParser
from textual.events import Key

from workbench.tui.terminal.escape_key import install


@pytest.mark.parametrize(
    ("terminal", "sent", "keys"),
    [
        ("xterm-256color", "\x1bt", ["escape", "t"]),
        ("tmux-256color", "\x1b\t", ["escape", "tab"]),
        ("linux", "\x1b\t", ["shift+tab"]),
        ("xterm-256color", "\x1bb", ["ctrl+left"]),
        ("xterm-256color", "\x1b[Z", ["shift+tab"]),
    ],
)
def test_two_keys_in_one_packet(
    monkeypatch: pytest.MonkeyPatch, terminal: str, sent: str, keys: list[str]
) -> None:
    monkeypatch.setenv("TERM", terminal)
    monkeypatch.setattr(XTermParser, "_sequence_to_key_events", XTermParser._sequence_to_key_events)
    install()
    assert [event.key for event in XTermParser().feed(sent) if isinstance(event, Key)] == keys
