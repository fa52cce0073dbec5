"""The table of predictions: any number of rows, only those in view asked for, nothing cut without a mark."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from textual import on
from textual.app import App, ComposeResult

from tests.tui.conftest import settle, shown, shows
from workbench.tui.views.cells import cell_text
from workbench.tui.views.formatting import share_text
from workbench.tui.widgets.page_table import PAGE, PageTable

ROWS = 1_000_000
HEADINGS = [
    ("row", "row"),
    ("true", "true"),
    ("a long heading, longer than any", "predicted"),
    ("right", "right"),
]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.998, "99.8 %"),
        (1.362e-8, "< 0.1 %"),
        (0.0, "0 %"),
        (1.0, "100 %"),
        (0.99996, "> 99.9 %"),
        (0.0004, "< 0.1 %"),
        (0.5, "50.0 %"),
        (float("nan"), "nan"),
    ],
)
def test_shares_are_written_in_percent(value: float, text: str) -> None:
    assert share_text(value) == text


def test_errors_have_a_sign_and_right_a_mark() -> None:
    assert [cell_text("error", 1.5), cell_text("error", -1.5), cell_text("error", 0.0)] == [
        "+1.5",
        "-1.5",
        "0",
    ]
    assert [cell_text("right", True), cell_text("right", False)] == ["✓", "✗"]
    assert cell_text("true", "two\nlines\x1b[31m") == r"two\nlines\x1b[31m"


class TableApp(App[None]):
    """Answers what the table asks for."""

    def __init__(self, rows: Sequence[Sequence[Any]] | None = None) -> None:
        super().__init__()
        self.rows = rows
        self.asked: list[int] = []

    def compose(self) -> ComposeResult:
        yield PageTable(id="rows")

    def on_mount(self) -> None:
        self.query_one(PageTable).show(HEADINGS, ROWS)

    @on(PageTable.Wanted)
    def answer(self, event: PageTable.Wanted) -> None:
        self.asked.append(event.start)
        rows = [
            [row + 1, row / 7, "x" * (row % 40), row % 3 > 0]
            for row in range(event.start, event.start + PAGE)
        ]
        self.query_one(PageTable).put(event.start, self.rows or rows)


async def test_a_million_rows_are_walked_through() -> None:
    app = TableApp()
    async with app.run_test(size=(80, 12)) as pilot:
        await settle(pilot)
        table = app.query_one(PageTable)
        assert app.asked == [0]
        assert shown(app).splitlines()[0].split()[:2] == ["row", "true"]
        await pilot.press("end")
        await settle(pilot)
        assert table.values[0] == ROWS
        assert str(ROWS) in shown(app).splitlines()[11]
        assert len(app.asked) <= 3, "what lies between is not asked for"
        await pilot.press("up", "pageup")
        await settle(pilot)
        assert table.values[0] == ROWS - 1 - 10
        await pilot.press("home", "down", "down")
        await settle(pilot)
        assert table.values[0] == 3
        await pilot.click(PageTable, offset=(2, 6))
        await settle(pilot)
        assert table.values[0] == 6
        assert "✗" in shown(app)
        assert "…" in shown(app), "a cut heading says so"
        for start in range(0, 60 * PAGE, PAGE):
            table.put(start, [[0, 0.0, "", True]] * PAGE)
        assert len(table._pages) <= 50


async def test_no_rows_are_no_error() -> None:
    app = TableApp()
    async with app.run_test(size=(40, 6)) as pilot:
        await settle(pilot)
        app.query_one(PageTable).reset(0)
        await pilot.press("down", "end", "pageup")
        await settle(pilot)
        assert app.query_one(PageTable).values is None


async def test_where_there_is_little_room_headings_are_cut_before_a_column_goes_out_of_sight() -> None:
    app = TableApp([[1, "Adelie", True, 0.99], [2, "a bird from Torgersen", False, 0.5]])
    headings = [
        ("row", "row"),
        ("true kind of penguin", "true"),
        ("right kind of penguin", "right"),
        ("confidence kind of penguin", "confidence"),
    ]
    async with app.run_test(size=(60, 6)) as pilot:
        table = app.query_one(PageTable)
        table.show(headings, 2)
        await settle(pilot)
        heading, first, second = shown(app).splitlines()[:3]
        assert heading.split("  ")[0].strip() == "row"
        assert "confiden" in heading, "cut, and in sight"
        assert "99.0 %" in first
        assert "a bird from Torgersen" in second, "values are not cut for it"
        assert "50.0 %" in second
        await pilot.resize_terminal(100, 6)
        await shows(pilot, *(name[:22] for name, _ in headings))  # with room they are whole again
