"""The open recipe and its file: what was changed on disk is never written over unasked, and encodings stay."""

from __future__ import annotations

import codecs
import os
from pathlib import Path

import pytest

from workbench.recipe.editing import ChangedOnDiskError, Editor

TEXT = (
    "kwb: 1\nname: small\ndata: diabetes\nmodel: {sequential: [{use: Dense, units: 1}]}\ntrain: {epochs: 2}\n"
)


@pytest.fixture
def editor(tmp_path: Path) -> Editor:
    path = tmp_path / "small.yaml"
    path.write_text(TEXT)
    return Editor.open(path)


def test_a_save_does_not_write_over_an_edit_made_elsewhere(editor: Editor) -> None:
    theirs = TEXT.replace("epochs: 2", "epochs: 7")
    editor.path.write_text(theirs)
    editor.set("train.epochs", 3)
    with pytest.raises(ChangedOnDiskError):
        editor.save()
    assert editor.path.read_text() == theirs

    editor.keep_over(editor.on_disk())
    assert editor.dirty
    editor.save()
    assert editor.path.read_text() == TEXT.replace("epochs: 2", "epochs: 3")
    assert not editor.dirty


def test_what_is_on_disk_can_be_taken_and_that_undone(editor: Editor) -> None:
    theirs = TEXT.replace("epochs: 2", "epochs: 7")
    editor.path.write_text(theirs)
    editor.set("train.epochs", 3)
    editor.take_from_disk(editor.on_disk())
    assert editor.get("train.epochs") == 7
    assert not editor.dirty
    editor.undo()
    assert editor.get("train.epochs") == 3
    editor.save()  # what is on disk was seen and decided on
    assert Editor.open(editor.path).get("train.epochs") == 3


def test_a_file_that_says_the_same_is_no_change(editor: Editor) -> None:
    other = editor.path.with_name("other")
    other.write_text(TEXT)
    os.replace(other, editor.path)
    editor.set("train.epochs", 3)
    editor.save()
    mine = editor.path.read_text()
    editor.path.write_text(mine.replace("epochs: 3", "epochs: 4"))  # the very edit that is made here too
    editor.set("train.epochs", 4)
    editor.save()
    assert not editor.dirty


def test_a_file_that_is_gone_is_written_again(editor: Editor) -> None:
    editor.path.unlink()
    found = editor.on_disk()
    assert not found.there
    editor.keep_over(found)
    assert editor.dirty
    assert editor.text == TEXT
    editor.save()
    assert editor.path.read_text() == TEXT


@pytest.mark.parametrize("spoilt", ["binary", "folder", "pipe"])
def test_a_file_that_cannot_be_read_any_more_is_not_written_over(editor: Editor, spoilt: str) -> None:
    editor.path.unlink()
    if spoilt == "binary":
        editor.path.write_bytes(b"\xff\xfe\x00")
    elif spoilt == "folder":
        editor.path.mkdir()
    else:
        os.mkfifo(editor.path)
    found = editor.on_disk()
    assert found.there
    assert found.text is None
    assert found.error is not None
    with pytest.raises(ChangedOnDiskError):
        editor.save()


def test_line_ends_and_a_byte_order_mark_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "windows.yaml"
    path.write_bytes(codecs.BOM_UTF8 + TEXT.replace("\n", "\r\n").encode())
    editor = Editor.open(path)
    editor.set("train.epochs", 3)
    editor.save()
    assert (
        path.read_bytes()
        == codecs.BOM_UTF8 + TEXT.replace("epochs: 2", "epochs: 3").replace("\n", "\r\n").encode()
    )


def test_a_mixed_file_is_not_made_windows(tmp_path: Path) -> None:
    path = tmp_path / "plain.yaml"
    path.write_bytes(TEXT.encode())
    editor = Editor.open(path)
    editor.set("train.epochs", 3)
    editor.save()
    assert b"\r" not in path.read_bytes()
