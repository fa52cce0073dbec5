"""What others change on disk while the app has it open: recipes, data and plugin files, edited by another process."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from tests.coroutines import until
from tests.tui.assembling.conftest import checked, typed
from tests.tui.conftest import OpenApp, settle, shown
from tests.worker.conftest import recipe
from workbench.recipe.file_text import FileText
from workbench.tui.services.file_watch import FileWatch
from workbench.tui.services.unsaved import Unsaved
from workbench.tui.widgets.dialogs import ConfirmDialog, DetailsDialog


def edit(path: Path, old: str, new: str) -> None:
    """Change a file as an editor does that puts a new file in the place of the old one."""
    before = path.read_text()
    subprocess.run(["sed", "-i", f"s/{old}/{new}/", str(path)], check=True)
    assert path.read_text() != before


def notices_text(pilot: Pilot[Any]) -> str:
    return "\n".join(f"{error.what} {error.hint}" for _, error in pilot.app.notices)


@pytest.fixture
def small(working_directory: Path) -> Path:
    path = working_directory / "small.yaml"
    path.write_text(recipe())
    return path


async def opened(pilot: Pilot[Any], path: Path, then: str = "recipes") -> Any:
    """Open a recipe, and wait until its file is looked at. The worker is not needed."""
    app = pilot.app
    app.open_recipe(path, then=then)
    await until(lambda: app.editor is not None and app.watching._recipe is app.editor)
    return app.editor


async def asked(pilot: Pilot[Any]) -> None:
    """Wait for the question which of two texts is to count."""
    await until(
        lambda: isinstance(pilot.app.screen, ConfirmDialog) and "was changed on disk" in shown(pilot.app)
    )


async def test_a_clean_recipe_is_read_again(open_app: OpenApp, small: Path) -> None:
    async with open_app() as pilot:
        editor = await opened(pilot, small)
        edit(small, "epochs: 2", "epochs: 77")
        await until(lambda: editor.get("train.epochs") == 77)
        assert not editor.dirty
        assert "small.yaml was changed on disk and is read again." in notices_text(pilot)
        editor.undo()
        assert editor.get("train.epochs") == 2


async def test_edits_on_both_sides_are_asked_about_and_mine_can_stay(open_app: OpenApp, small: Path) -> None:
    async with open_app() as pilot:
        editor = await opened(pilot, small)
        editor.set("train.batch_size", 16)
        edit(small, "epochs: 2", "epochs: 77")
        await asked(pilot)
        await pilot.press("d")
        await until(lambda: isinstance(pilot.app.screen, DetailsDialog))
        text = pilot.app.screen.copy_text()
        assert "-train: {epochs: 77, batch_size: 32" in text
        assert "+train: {epochs: 2, batch_size: 16" in text
        await pilot.press("escape")
        await asked(pilot)
        await pilot.press("k")
        await until(lambda: not pilot.app.screen.is_modal)
        assert "epochs: 77" in small.read_text()
        assert editor.get("train.epochs") == 2
        await pilot.press("w")  # it was asked about: now it is written
        await until(lambda: "saved as small.yaml" in notices_text(pilot))
        assert "epochs: 2, batch_size: 16" in small.read_text()


async def test_what_was_read_before_a_save_is_not_taken_after_it(
    open_app: OpenApp, small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a slow disk, or a busy machine: the file is read, then written from here, and only then the text arrives."""
    async with open_app() as pilot:
        editor = await opened(pilot, small)
        read, arrives, on_disk = threading.Event(), threading.Event(), editor.on_disk

        def slow() -> FileText | None:
            found = on_disk()
            read.set()
            assert arrives.wait(60)
            return found

        monkeypatch.setattr(editor, "on_disk", slow)
        editor.set("train.batch_size", 16)
        editor.save()
        await until(read.is_set)
        editor.set("train.epochs", 5)
        editor.save()
        read.clear()
        arrives.set()
        await until(read.is_set)  # it is read once more
        await settle(pilot)
        assert (editor.get("train.epochs"), editor.dirty) == (5, False)
        assert "read again" not in notices_text(pilot)


@pytest.mark.parametrize("width", [80, 70, 60])
async def test_the_question_shows_every_key_also_where_it_is_narrow(
    open_app: OpenApp, small: Path, width: int
) -> None:
    async with open_app(size=(width, 24)) as pilot:
        editor = await opened(pilot, small)
        editor.set("train.batch_size", 16)
        edit(small, "epochs: 2", "epochs: 77")
        await asked(pilot)
        for key in ("Keep mine k", "Take the one on disk t", "Difference d"):
            await until(lambda key=key: key in shown(pilot.app), what=key)


async def test_what_is_on_disk_can_be_taken_and_is_one_undo_away(open_app: OpenApp, small: Path) -> None:
    async with open_app() as pilot:
        editor = await opened(pilot, small)
        editor.set("train.batch_size", 16)
        edit(small, "epochs: 2", "epochs: 77")
        await asked(pilot)
        await pilot.press("t")
        await until(lambda: editor.get("train.epochs") == 77)
        assert not editor.dirty
        editor.undo()
        assert editor.get("train.batch_size") == 16


async def test_the_field_that_has_the_focus_shows_what_was_taken_and_a_number_leads_to_the_rows(
    open_app: OpenApp, small: Path
) -> None:
    async with open_app(mode="assemble") as pilot:
        editor = await opened(pilot, small, "assemble")
        screen = pilot.app.screen
        await until(lambda: "train" in [row.key for row in screen.rows.rows])
        pilot.app.row_to_show = "train"
        screen.refresh_panes()
        await settle(pilot)
        await typed(pilot, "enter", "'7'")
        await until(lambda: editor.get("train.epochs") == 7)
        edit(small, "epochs: 2", "epochs: 77")
        await until(lambda: "before anything is written" in notices_text(pilot))
        pilot.app.action_save_recipe()
        await asked(pilot)
        await until(lambda: "t Take the one on disk" in shown(pilot.app))
        keys = shown(pilot.app).rstrip().splitlines()[-1]
        assert "esc Cancel" in keys
        assert "F5" not in keys
        assert "Undo" not in keys
        await pilot.press("t")
        row = screen.form.rows[0]
        await until(lambda: row.text == "77" and row.in_focus)
        await pilot.press("8")
        await until(lambda: editor.get("train.epochs") == 8)
        pilot.app.go("recipes")
        await until(lambda: pilot.app.current_mode == "recipes")
        await typed(pilot, "2", "u")
        assert screen.rows.has_focus
        await until(lambda: editor.get("train.epochs") == 77)


async def test_a_save_asks_even_before_the_change_was_noticed(
    open_app: OpenApp, small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workbench.tui.watching.LOOK_EVERY", 3600.0)
    async with open_app() as pilot:
        pilot.app.open_recipe(small, then="recipes")
        editor = await until(lambda: pilot.app.editor)
        editor.set("train.batch_size", 16)
        edit(small, "epochs: 2", "epochs: 77")
        await pilot.press("w")
        await asked(pilot)
        await pilot.press("escape")
        await until(lambda: not pilot.app.screen.is_modal)
        await settle(pilot)
        assert "epochs: 77" in small.read_text()
        assert editor.dirty
        assert "saved as" not in notices_text(pilot)
        await pilot.press("q")  # leaving with "save" asks as well
        await until(lambda: "changes that are not saved" in shown(pilot.app))
        await pilot.press("s")
        await asked(pilot)
        await pilot.press("escape")
        await until(lambda: not pilot.app.screen.is_modal)
        assert pilot.app.is_running
        await pilot.press("w")
        await asked(pilot)
        await pilot.press("k")
        await until(lambda: "saved as small.yaml" in notices_text(pilot))
        assert "epochs: 2, batch_size: 16" in small.read_text()


async def test_nothing_is_asked_while_somebody_types(open_app: OpenApp, small: Path) -> None:
    async with open_app(mode="assemble") as pilot:
        editor = await opened(pilot, small, "assemble")
        await typed(pilot, "v")
        await typed(pilot, *"#mine")
        edit(small, "epochs: 2", "epochs: 77")
        await until(lambda: "before anything is written" in notices_text(pilot))
        await pilot.press(*"x")
        await pilot.app.watching._look_once()
        assert not pilot.app.screen.is_modal
        assert "#minex" in editor.text
        await pilot.press("escape")
        await asked(pilot)
        await pilot.press("k")
        await until(lambda: not pilot.app.screen.is_modal)
        assert "#minex" in editor.text


async def test_a_file_that_goes_is_kept_here_and_one_that_says_the_same_is_no_news(
    open_app: OpenApp, small: Path
) -> None:
    async with open_app() as pilot:
        editor = await opened(pilot, small)
        subprocess.run(["touch", str(small)], check=True)
        subprocess.run(["rm", str(small)], check=True)
        await until(lambda: "is gone from the disk" in notices_text(pilot))
        assert editor.dirty
        assert editor.text == recipe()
        small.write_text(recipe())
        await until(lambda: not editor.dirty)
        assert len(pilot.app.notices) == 1


async def test_what_was_not_saved_the_last_time_is_no_reason_to_write_over_newer_edits(
    open_app: OpenApp, small: Path
) -> None:
    async with open_app() as pilot:
        editor = await opened(pilot, small)
        editor.set("train.batch_size", 16)
        await until(Unsaved(pilot.app.log_folder).path.exists)
    edit(small, "epochs: 2", "epochs: 77")  # after the app was killed
    async with open_app() as pilot:
        editor = await until(lambda: pilot.app.editor)
        assert editor.get("train.batch_size") == 16
        await asked(pilot)
        await pilot.press("escape")
        await until(lambda: not pilot.app.screen.is_modal)
        await pilot.press("w")
        await asked(pilot)
        await pilot.press("t")
        await until(lambda: editor.get("train.epochs") == 77)
        assert "epochs: 77, batch_size: 32" in small.read_text()


async def test_the_data_that_is_shown_is_read_again(open_app: OpenApp, working_directory: Path) -> None:
    (working_directory / "table.csv").write_text("x,y\n" + "".join(f"{n},{2 * n}\n" for n in range(20)))
    path = working_directory / "csv.yaml"
    path.write_text(recipe().replace("use: diabetes,", "use: csv, path: table.csv, targets: [y],"))
    async with open_app(recipe="csv.yaml") as pilot:
        screen = await checked(pilot)
        assert screen.examination.inputs == {"features": [1]}
        await pilot.press("3")
        screen = await checked(pilot)
        assert screen.look.rows == 20
        (working_directory / "table.csv").write_text(
            "x,z,y\n" + "".join(f"{n},{n % 3},{2 * n}\n" for n in range(30))
        )
        await until(lambda: screen.is_settled and screen.look.rows == 30, 60)
        assert [column["name"] for column in screen.look.columns] == ["x", "z", "y"]
        await pilot.press("2")
        screen = await checked(pilot)
        assert screen.examination.inputs == {"features": [2]}


async def test_the_recipes_that_are_listed_and_the_one_previewed_are_looked_at(
    open_app: OpenApp, small: Path, working_directory: Path
) -> None:
    async with open_app() as pilot:
        screen = pilot.app.screen
        await until(lambda: f"file:{small}" in screen._items)
        listing = screen.query_one("#items")
        listing.highlighted = listing.get_option_index(f"file:{small}")
        await until(lambda: "epochs: 2," in shown(pilot.app))
        await until(lambda: small in pilot.app.watching._watch._known)
        edit(small, "epochs: 2", "epochs: 77")
        await until(lambda: "epochs: 77," in shown(pilot.app))
        subprocess.run(["cp", str(small), str(working_directory / "second.yaml")], check=True)
        await until(lambda: "second.yaml" in shown(pilot.app))


async def test_a_look_that_fails_is_reported_and_not_the_last(
    open_app: OpenApp, small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, failed = FileWatch.look, []

    def look(watch: FileWatch, paths: Iterable[Path]) -> set[Path]:
        if not failed:
            failed.append(True)
            raise ZeroDivisionError("a look that fails")
        return real(watch, paths)

    async with open_app(crashes=True) as pilot:
        editor = await opened(pilot, small)
        monkeypatch.setattr(FileWatch, "look", look)
        await until(lambda: pilot.app.crash_log.crashes)
        assert "a look that fails" in pilot.app.crash_log.crashes[0].details
        edit(small, "epochs: 2", "epochs: 77")
        await until(lambda: editor.get("train.epochs") == 77)
