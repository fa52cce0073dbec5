"""Edits that were not saved are there again after the app was killed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.coroutines import until
from tests.tui.conftest import OpenApp, settle, shown
from tests.worker.conftest import recipe
from workbench.recipe.editing import Editor
from workbench.tui.services.unsaved import Unsaved


def edited(path: Path) -> Editor:
    path.write_text(recipe())
    editor = Editor.open(path)
    editor.set("train.epochs", 99)
    return editor


def test_what_is_kept_is_taken_up_with_the_file_one_undo_away(tmp_path: Path) -> None:
    path = tmp_path / "small.yaml"
    kept = Unsaved(tmp_path / "state")
    kept.keep(edited(path))
    editor = kept.take_up()
    assert editor is not None
    assert editor.path == path
    assert editor.dirty
    assert editor.get("train.epochs") == 99
    editor.undo()
    assert editor.text == path.read_text()

    editor.redo()
    editor.save()
    kept.keep(editor)
    assert not kept.path.exists()
    assert kept.take_up() is None


def test_a_recipe_without_a_file_or_whose_file_is_gone_is_kept_too(tmp_path: Path) -> None:
    kept = Unsaved(tmp_path)
    new = Editor(recipe(), name="new", folder=tmp_path)
    kept.keep(new)
    assert kept.take_up() is None  # opened and not edited: nothing to lose
    new.set("train.epochs", 5)
    kept.keep(new)
    assert kept.take_up().text == new.text

    path = tmp_path / "small.yaml"
    editor = edited(path)
    kept.keep(editor)
    path.unlink()
    assert kept.take_up().text == editor.text


@pytest.mark.parametrize("content", ["", "{", "[]", '{"text": 1}', "null"])
def test_a_spoilt_file_is_as_none(tmp_path: Path, content: str) -> None:
    kept = Unsaved(tmp_path)
    kept.path.write_text(content)
    assert kept.take_up() is None


async def test_the_app_keeps_edits_and_takes_them_up(open_app: OpenApp, working_directory: Path) -> None:
    path = working_directory / "small.yaml"
    path.write_text(recipe())
    async with open_app() as pilot:
        pilot.app.open_recipe(path, then="recipes")
        await settle(pilot)
        pilot.app.editor.set("train.epochs", 99)
        kept = Unsaved(pilot.app.log_folder)
        await until(kept.path.exists)
    # The app was not left: it was killed.
    async with open_app() as pilot:
        await until(lambda: pilot.app.editor is not None)
        assert pilot.app.editor.get("train.epochs") == 99
        notice = pilot.app.notices[0][1]
        assert "not saved the last time" in notice.what
        assert notice.where == str(path)
        await pilot.press("q")
        await until(lambda: "changes that are not saved" in shown(pilot.app))
        await pilot.press("w")
        await until(lambda: not pilot.app.is_running)
        assert not kept.path.exists()
    assert "epochs: 2" in path.read_text()


def test_two_apps_keep_their_edits_apart(tmp_path: Path) -> None:
    mine, other = edited(tmp_path / "mine.yaml"), edited(tmp_path / "other.yaml")
    state = tmp_path / "state"
    code = (
        "import sys, time; from pathlib import Path; from workbench.recipe.editing import Editor\n"
        "from workbench.tui.services.unsaved import Unsaved\n"
        "editor = Editor.open(Path(sys.argv[1])); editor.set('train.epochs', 98)\n"
        "Unsaved(Path(sys.argv[2])).keep(editor); print('kept', flush=True); time.sleep(3600)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(other.path), str(state)], stdout=subprocess.PIPE, text=True
    ) as app:
        assert app.stdout.readline() == "kept\n"
        kept = Unsaved(state)
        assert kept.left() == []  # the other app still runs
        kept.keep(mine)
        kept.forget()
        app.kill()
    assert [left.path for left in kept.left()] == [other.path]
    assert kept.take_up().get("train.epochs") == 98
    assert [left.kept for left in kept.left()] == [kept.path]  # it is this app's now


async def test_a_start_with_another_recipe_leaves_what_was_not_saved_and_says_so(
    open_app: OpenApp, working_directory: Path, tmp_path: Path
) -> None:
    for name in ("small.yaml", "other.yaml"):
        (working_directory / name).write_text(recipe())
    async with open_app() as pilot:
        kept = Unsaved(pilot.app.log_folder)
        kept.keep(edited(working_directory / "small.yaml"), working_directory)
        kept.path.rename(kept.path.with_name("unsaved-1.json"))  # of an app that was killed
    record = kept.path.with_name("unsaved-1.json")
    content = json.loads(record.read_text())
    content["process"][1:] = [1, 0.0]
    record.write_text(json.dumps(content))
    async with open_app(recipe="other.yaml") as pilot:
        await until(lambda: pilot.app.editor is not None)
        assert pilot.app.editor.name == "other.yaml"
        assert "'small.yaml' has changes that were not saved the last time; they are kept." in [
            error.what for _, error in pilot.app.notices
        ]
        pilot.app.editor.set("train.epochs", 5)
        await until(kept.path.exists)
    kept.forget()
    async with open_app(recipe="small.yaml") as pilot:
        await until(lambda: pilot.app.editor is not None)
        assert pilot.app.editor.get("train.epochs") == 99


async def test_another_folder_s_recipe_is_not_opened(
    open_app: OpenApp, working_directory: Path, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    async with open_app() as pilot:
        kept = Unsaved(pilot.app.log_folder)
        kept.keep(edited(elsewhere / "small.yaml"), elsewhere)
    async with open_app() as pilot:
        await until(lambda: pilot.app.notices)
        await settle(pilot)
        assert pilot.app.editor is None
        error = pilot.app.notices[0][1]
        assert "'small.yaml' has changes that were not saved the last time" in error.what
        assert str(elsewhere) in error.hint
    assert [left.folder for left in kept.left()] == [elsewhere]
