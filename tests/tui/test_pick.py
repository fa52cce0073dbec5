"""Typing with a list: what fits comes first, Tab and Enter take it over, folders are looked into."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.app import App
from textual.widgets import Input, OptionList

from tests.tui.conftest import settle, shown, until
from workbench.tui.services.files import complete_path
from workbench.tui.widgets.data_files import data_files, typed_paths
from workbench.tui.widgets.pick import Pickable, PickDialog, matching

FILES = [Pickable("houses.csv"), Pickable("more/house.csv"), Pickable("iris", "dataset")]


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("", ["houses.csv", "more/house.csv", "iris"]),
        ("HOU", ["houses.csv", "more/house.csv"]),
        ("ou", ["houses.csv", "more/house.csv"]),
        ("more", ["more/house.csv"]),
        ("iris", ["houses.csv", "more/house.csv", "iris"]),
        ("zz", []),
    ],
)
def test_what_fits(typed: str, found: list[str]) -> None:
    assert [option.text for option in matching(FILES, typed)] == found


def test_files_below_and_where_one_types_to(tmp_path: Path) -> None:
    (tmp_path / "sub" / "deep").mkdir(parents=True)
    for name in ("a.csv", "b.txt", "sub/c.csv", "sub/.hidden.csv"):
        (tmp_path / name).write_text("x")
    assert [option.text for option in data_files(tmp_path, (".csv",))] == ["a.csv", "sub/c.csv"]
    assert complete_path("sub/", tmp_path, (".csv",)) == ["sub/c.csv", "sub/deep/"]
    assert complete_path("nowhere/", tmp_path, (".csv",)) == []
    assert complete_path("sub", tmp_path, (".csv",)) == []
    assert complete_path(f"{tmp_path}/", Path("/"), (".csv",)) == [f"{tmp_path}/a.csv", f"{tmp_path}/sub/"]


class Asking(App[str]):
    def __init__(self, dialog: PickDialog) -> None:
        super().__init__()
        self.dialog = dialog
        self.answer: str | None = ""

    def on_mount(self) -> None:
        self.push_screen(self.dialog, self.take)

    def take(self, answer: str | None) -> None:
        self.answer = answer


async def asked(keys: list[str], **arguments: object) -> str | None:
    app = Asking(PickDialog("Which?", options=FILES, **arguments))
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press(*keys)
        await settle(pilot)
        return app.answer


async def test_enter_takes_what_the_beginning_stands_for() -> None:
    assert await asked([*"hou", "enter"]) == "houses.csv"
    assert await asked([*"hou", "down", "enter"]) == "more/house.csv"
    assert await asked([*"hou", "down", "tab", "enter"]) == "more/house.csv"
    assert await asked([*"else.csv", "enter"]) == "else.csv"
    assert await asked(["enter"]) == "", "nothing is an answer too, where it is right"
    assert await asked(["escape"]) is None


async def test_what_is_wrong_is_said_and_kept() -> None:
    app = Asking(PickDialog("Which?", options=FILES, check=lambda text: "" if text == "iris" else "no"))
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press(*"xx", "enter")
        assert "✗ no" in shown(app)
        await pilot.press("backspace", "backspace", "i", "enter")
        await settle(pilot)
        assert app.answer == "iris"


async def test_a_folder_that_is_typed_is_looked_into(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "c.csv").write_text("x")
    app = Asking(PickDialog("Which?", options=FILES, source=typed_paths(tmp_path, (".csv",))))
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press(*"sub/")
        listing = app.dialog.query_one(OptionList)
        await until(lambda: listing.option_count == 1, what="the folder is read")
        await pilot.press("tab")
        assert app.dialog.query_one(Input).value == "sub/c.csv"
