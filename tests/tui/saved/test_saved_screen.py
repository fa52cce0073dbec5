"""The saved screen through the real app: real files, real children, damaged and hostile files."""

from __future__ import annotations

import shutil
import zipfile

import pytest
from textual.widgets import Input

from tests.tui.conftest import settle, shown, until
from tests.tui.saved.conftest import archive
from workbench.tui.screens.saved.contents import ContentsTable
from workbench.tui.screens.saved.file_list import FileList
from workbench.tui.screens.saved.screen import SavedScreen
from workbench.tui.screens.saved.weight_picture import WeightPicture
from workbench.tui.widgets.dialogs import ConfirmDialog, PromptDialog
from workbench.tui.widgets.pick import PickDialog

SLOW = (
    120.0  # seconds for an answer of a child that starts TensorFlow first, on a machine that does much else
)


def screen_of(pilot) -> SavedScreen:
    assert isinstance(pilot.app.screen, SavedScreen)
    return pilot.app.screen


async def choose(pilot, name: str) -> SavedScreen:
    """The cursor on a file, and its content shown."""
    screen = screen_of(pilot)
    files = screen.query_one(FileList)
    files.focus()
    path = str(pilot.app.working_directory / "saved" / name)
    await until(lambda: any(option.id == path for option in files.options), what=f"{name} is listed")
    files.highlighted = files.get_option_index(path)
    await settle(pilot)
    assert str(screen.chosen.file.path) == path
    return screen


async def answer(pilot, text: str | None = None) -> None:
    """Type into the dialog that asks for a text, and press Enter; None takes what is there."""
    await until(lambda: isinstance(pilot.app.screen, PromptDialog | PickDialog))
    if text is not None:
        pilot.app.screen.query_one(Input).value = text
    await pilot.pause()
    await pilot.press("enter")
    await pilot.pause()


async def confirm(pilot, key: str) -> None:
    await until(lambda: isinstance(pilot.app.screen, ConfirmDialog))
    await pilot.press(key)
    await pilot.pause()


async def outcome(pilot, kind: str):
    """What came of something done with the chosen file."""
    screen = screen_of(pilot)
    result = lambda: screen.chosen.outcomes.get(screen.chosen.file.path, {}).get(kind)  # noqa: E731
    await until(lambda: result() and result().done is not None, SLOW, f"{kind} has an outcome")
    await settle(pilot)
    return result()


# ---------------------------------------------------------------------- what is there


async def test_without_a_file_it_says_what_to_do(open_app) -> None:
    async with open_app(mode="saved") as pilot:
        assert "No model file in saved/ yet." in shown(pilot.app)
        for key in ("l", "e", "p", "P", "c", "a", "s", "n", "x", "y", "enter", "down"):
            await pilot.press(key)
        await settle(pilot)
        assert isinstance(pilot.app.screen, SavedScreen)


async def test_without_a_file_no_key_is_lost_in_a_filter_that_is_not_seen(open_app) -> None:
    async with open_app(mode="saved") as pilot:
        for mode in ("recipes", "saved", "runs", "saved", "recipes"):
            await pilot.press({"recipes": "1", "saved": "6", "runs": "5"}[mode])
            await settle(pilot)
            assert pilot.app.current_mode == mode
            if mode != "recipes":
                await pilot.press("slash")  # there is nothing to filter


async def test_weights_are_listed_and_drawn(open_app, put, weights_file) -> None:
    put("plain.weights.h5", weights_file)
    async with open_app(mode="saved") as pilot:
        await settle(pilot)
        text = shown(pilot.app)
        assert "none: weights only" in text
        assert "65 parameters in 2 weights" in text
        assert "12 × 5" in text
        picture = screen_of(pilot).query_one(WeightPicture)
        await until(lambda: picture._distribution)
        assert picture._distribution.size == 60
        await pilot.press("enter", "down")
        await until(lambda: picture._distribution and picture._distribution.size == 5)
        await settle(pilot)
        assert "✗ 1 NaN" in shown(pilot.app)
        assert "✗ 2 infinite" in shown(pilot.app)
        table = screen_of(pilot).query_one(ContentsTable)
        await pilot.press("home")
        assert table.cursor_row == 0
        await pilot.press("end")
        assert table.cursor_row == table.row_count - 1 > 0
        await pilot.press("escape")
        assert isinstance(pilot.app.focused, FileList)


async def test_a_model_needs_more_than_weights(open_app, put, weights_file) -> None:
    put("plain.weights.h5", weights_file)
    async with open_app(mode="saved") as pilot:
        await settle(pilot)
        await pilot.press("e")
        await settle(pilot)
        assert pilot.app.notices[-1][1].what == "holds weights only, no model."
        await pilot.press("c")
        await settle(pilot)
        assert "Open the recipe with its data first" in pilot.app.notices[-1][1].hint


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("empty.keras", b"", "✗"),
        ("text.keras", b"hello, I am no zip file", "✗"),
        ("text.h5", b"hello, I am no HDF5 file", "✗"),
        ("cut.weights.h5", None, "✗"),
    ],
)
async def test_a_damaged_file_says_so_in_its_place(open_app, put, weights_file, name, content, said) -> None:
    put(name, content if content is not None else weights_file.read_bytes()[:1500])
    put("sound.weights.h5", weights_file)
    async with open_app(mode="saved") as pilot:
        screen = await choose(pilot, name)
        assert screen.chosen.error is not None
        assert said in shown(pilot.app)
        assert not screen.query_one(ContentsTable).display
        await pilot.press("l")
        await settle(pilot)
        assert pilot.app.notices[-1][1].what == screen.chosen.error.what
        await choose(pilot, "sound.weights.h5")
        assert screen.chosen.error is None
        assert screen.query_one(ContentsTable).display


async def test_a_hostile_file_is_refused_in_its_place(open_app, put, tmp_path, weights_file) -> None:
    weights = weights_file.read_bytes()
    code = {"class_name": "Lambda", "config": {"name": "x", "function": ["4wEAAAA=", None, None]}}
    config = {
        "class_name": "Sequential",
        "module": "keras",
        "config": {"name": "[bold]evil[/]", "layers": [code]},
    }
    put("code.keras", archive(tmp_path / "a.keras", config, **{"model.weights.h5": weights}))
    bomb = archive(tmp_path / "b.keras", config)
    with zipfile.ZipFile(bomb, "a", zipfile.ZIP_DEFLATED) as file:
        file.writestr("model.weights.h5", bytes(300_000_000))
    put("bomb.keras", bomb)
    config = {"class_name": "Sequential", "config": {"layers": [], "name": "x" * 100_000}}
    put("long.keras", archive(tmp_path / "c.keras", config, **{"model.weights.h5": weights}))
    async with open_app(mode="saved") as pilot:
        await choose(pilot, "code.keras")
        assert "[bold]evil[/]" in shown(pilot.app)
        assert "refused" in shown(pilot.app)
        screen = await choose(pilot, "bomb.keras")
        assert "would unpack to" in screen.chosen.error.what
        await choose(pilot, "long.keras")
        assert "Sequential" in shown(pilot.app)


async def test_new_files_and_changes_are_seen(open_app, put, weights_file) -> None:
    put("a.weights.h5", weights_file)
    async with open_app(mode="saved") as pilot:
        screen = await choose(pilot, "a.weights.h5")
        path = put("b.h5", b"no")
        screen.look()
        await settle(pilot)
        assert screen.query_one(FileList).option_count == 2
        assert str(screen.chosen.file.path).endswith("a.weights.h5")
        await choose(pilot, "b.h5")
        assert screen.chosen.error is not None
        shutil.copyfile(weights_file, path)
        screen.look()
        await settle(pilot)
        assert screen.chosen.error is None


async def test_the_filter_shows_files_by_words(open_app, put, weights_file) -> None:
    for name in ("price.h5", "rent.h5", "runs/price-1/model.h5"):
        put(name, weights_file)
    async with open_app(mode="saved") as pilot:
        await settle(pilot)
        await pilot.press("slash", *"price", "enter")
        await settle(pilot)
        files = screen_of(pilot).query_one(FileList)
        assert files.option_count == 2
        await pilot.press("slash", *"zzz")
        await settle(pilot)
        assert "No file has these words" in shown(pilot.app)
        await pilot.press("escape")
        await settle(pilot)
        assert files.option_count == 3


async def test_rename_delete_and_copy_of_the_path(open_app, put, weights_file) -> None:
    put("price.h5", weights_file)
    kept = put("runs/price-1/model.h5", weights_file)
    async with open_app(mode="saved") as pilot:
        screen = await choose(pilot, "price.h5")
        await pilot.press("y")
        assert pilot.app.clipboard == str(pilot.app.working_directory / "saved" / "price.h5")
        await pilot.press("n")
        await answer(pilot, "rent.h5")
        renamed = pilot.app.working_directory / "saved" / "rent.h5"
        await until(renamed.exists)
        await until(lambda: screen.chosen.file.path == renamed)
        await pilot.press("x")
        await confirm(pilot, "k")
        await settle(pilot)
        assert renamed.exists()
        await pilot.press("x")
        await confirm(pilot, "d")
        await until(lambda: not renamed.exists())
        await until(lambda: screen.chosen.file.path == kept)
        await pilot.press("x")  # what belongs to a run is the runs screen's to delete
        await settle(pilot)
        assert kept.exists()
        assert pilot.app.notices[-1][1].what == "belongs to a run."


async def test_a_file_elsewhere_joins_the_list(open_app, put, weights_file) -> None:
    put("price.h5", weights_file)
    async with open_app(mode="saved") as pilot:
        screen = await choose(pilot, "price.h5")
        await pilot.press("o")
        await answer(pilot, str(weights_file))
        await until(lambda: screen.chosen.file.path == weights_file)
        assert screen.query_one(FileList).option_count == 2


# ---------------------------------------------------------------------- files of real trainings


@pytest.mark.parametrize("size", [(60, 20), (80, 24), (160, 48), (24, 8), (10, 4)])
async def test_any_size_will_do(open_app, put, weights_file, size) -> None:
    put("price.h5", weights_file)
    async with open_app(mode="saved", size=size) as pilot:
        await settle(pilot)
        await pilot.press("enter", "down", "escape")
        await pilot.resize_terminal(size[0] + 30, size[1] + 9)
        await settle(pilot)
        await pilot.resize_terminal(*size)
        await settle(pilot)
        assert screen_of(pilot).query_one(FileList).option_count == 1
