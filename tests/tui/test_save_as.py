"""*Save as*: another file for the open recipe; what is there is not written over unasked."""

from __future__ import annotations

from pathlib import Path

from tests.coroutines import until
from tests.tui.conftest import OpenApp, settle, shown
from tests.worker.conftest import recipe
from workbench.tui.widgets.dialogs import ConfirmDialog, PromptDialog


async def typed_over(pilot, text: str) -> None:
    await until(lambda: isinstance(pilot.app.screen, PromptDialog))
    await settle(pilot)
    await pilot.press("ctrl+e", "ctrl+u", *text, "enter")


async def test_a_recipe_is_saved_to_another_file_and_goes_on_there(
    open_app: OpenApp, working_directory: Path
) -> None:
    (working_directory / "mine.yaml").write_text(recipe())
    (working_directory / "taken.yaml").write_text("# of somebody else\n")
    (working_directory / "sub").mkdir()
    async with open_app(recipe="mine.yaml", size=(80, 24)) as pilot:
        app = pilot.app
        await until(lambda: app.editor is not None)
        await settle(pilot)
        app.editor.set("train.epochs", 7)
        for mode in ("1", "2", "3", "5"):  # wherever one is
            await pilot.press(mode, "S")
            await until(lambda: isinstance(app.screen, PromptDialog), what=mode)
            assert "Save the recipe as" in shown(app)
            assert "mine.yaml" in shown(app)
            await pilot.press("escape")
            await settle(pilot)
        # a file that is there stays, unless that is answered
        await pilot.press("S")
        await typed_over(pilot, "taken.yaml")
        await until(lambda: isinstance(app.screen, ConfirmDialog))
        assert "taken.yaml exists." in shown(app)
        await pilot.press("k")
        await settle(pilot)
        assert app.editor.path == working_directory / "mine.yaml"
        assert app.editor.dirty
        assert (working_directory / "taken.yaml").read_text() == "# of somebody else\n"
        # a new one becomes the recipe's own, and the one before is as it was
        await pilot.press("S")
        await typed_over(pilot, "sub/other.yaml")
        await until(lambda: app.editor.path == working_directory / "sub" / "other.yaml")
        await settle(pilot)
        assert not app.editor.dirty
        assert (working_directory / "mine.yaml").read_text() == recipe()
        assert "epochs: 7" in (working_directory / "sub" / "other.yaml").read_text()
        app.editor.set("train.epochs", 8)
        await pilot.press("f3")
        await until(lambda: not app.editor.dirty)
        assert "epochs: 8" in (working_directory / "sub" / "other.yaml").read_text()
        # its own file is no other one: nothing is asked
        app.editor.set("train.epochs", 9)
        await pilot.press("S")
        await until(lambda: isinstance(app.screen, PromptDialog))
        assert "sub/other.yaml" in shown(app)
        await pilot.press("enter")
        await until(lambda: not app.editor.dirty)
        assert "epochs: 9" in (working_directory / "sub" / "other.yaml").read_text()


async def test_an_edit_made_elsewhere_is_asked_about_also_then(
    open_app: OpenApp, working_directory: Path
) -> None:
    path = working_directory / "mine.yaml"
    path.write_text(recipe())
    async with open_app(recipe="mine.yaml", size=(80, 24)) as pilot:
        app = pilot.app
        await until(lambda: app.editor is not None)
        await settle(pilot)
        app.editor.set("train.epochs", 7)
        path.write_text(recipe() + "# elsewhere\n")
        await pilot.press("S")
        await until(lambda: isinstance(app.screen, PromptDialog))
        await pilot.press("enter")
        await until(lambda: isinstance(app.screen, ConfirmDialog))
        assert "changed on disk" in shown(app)
        await pilot.press("escape")
        await settle(pilot)
        assert path.read_text() == recipe() + "# elsewhere\n"
