"""Text from elsewhere is shown as what it is: nothing in it is obeyed by a terminal, and nothing hides."""

from __future__ import annotations

import json
import unicodedata

import pytest

from tests.hostile.files import NASTY, SHOWN
from workbench.errors import FileError, WorkbenchError
from workbench.escaping import ENCODING_ERRORS, escape, escape_line, escape_log, mask, to_json


def test_each_character_that_a_terminal_obeys_or_hides_becomes_its_code() -> None:
    assert escape_line(NASTY) == SHOWN
    assert escape(NASTY) == SHOWN.replace(r"\n", "\n").replace(r"\t", "\t")


def test_every_control_format_and_surrogate_character_is_one_of_them() -> None:
    visible = {*range(0x600, 0x606), 0x6DD, 0x70F, 0x890, 0x891, 0x8E2, 0x110BD, 0x110CD}  # signs of numbers
    for number in range(0x20000):
        character = chr(number)
        kind = unicodedata.category(character)
        if kind in ("Cc", "Cs", "Zl", "Zp") or (kind == "Cf" and number not in visible and number < 0x13430):
            assert escape_line(character).isascii(), hex(number)
            assert escape_line(character).startswith("\\"), hex(number)


@pytest.mark.parametrize(
    "text", ["", "dense_1", "価格", "größe", "ñ é ̈", "🙂", "✓ → …", "عربي", "⣿", "C:\\new", "[b]x[/b]"]
)
def test_text_of_any_language_stays(text: str) -> None:
    assert escape(text) == escape_line(text) == mask(text) == text


def test_where_characters_are_counted_one_stands_for_one() -> None:
    assert mask("a\x1b\u202eb\n") == "a��b\n"


def test_a_line_of_a_log_loses_its_colours_and_what_was_written_over() -> None:
    assert escape_log("\x1b[1;31mError\x1b[0m: \x1b]0;t\x07x\n") == r"Error: \x1b]0;t\x07x"
    assert escape_log(" 10%|#   |\r 20%|##  |\r\n") == " 20%|##  |"


def test_json_holds_nothing_that_a_terminal_obeys_and_is_read_back() -> None:
    text = to_json({NASTY: NASTY + "\x7f\ud800"})
    assert text.isascii()
    assert text.isprintable()
    assert json.loads(text) == {NASTY: NASTY + "\x7f\ud800"}


def test_an_error_is_reported_in_one_line() -> None:
    error = FileError(f"holds '{NASTY}'.", where="a\nb.keras", hint="x\x1b")
    assert str(error) == rf"a\nb.keras: holds '{SHOWN}'. x\x1b"
    assert str(WorkbenchError("no.", where="a\x1b.yaml:3")) == r"a\x1b.yaml:3: no."


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "ascii", "cp437"])
def test_an_old_encoding_gets_plainer_forms_and_codes(encoding: str) -> None:
    shown = "✗ 2→3 価 ä\ud800".encode(encoding, ENCODING_ERRORS).decode(encoding)
    assert shown.replace("\\xe4", "ä") == "x 2->3 \\u4fa1 ä\\ud800"
