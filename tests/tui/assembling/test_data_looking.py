"""The data screen shows what the data is like: columns in numbers, rows, filtered, and parts, compared."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from textual.events import Paste
from textual.pilot import Pilot

from tests.tui.assembling.conftest import checked, typed
from tests.tui.conftest import OpenApp, settle, shown, shows, until
from workbench.tui.screens.data.below import DataBelow
from workbench.tui.screens.data.columns_list import ColumnsList
from workbench.tui.screens.data.rows_pane import RowsPane
from workbench.tui.widgets.filter_line import FilterLine
from workbench.tui.widgets.page_table import PageTable

pytestmark = pytest.mark.slow

MODEL = "model: {sequential: [{use: Dense, units: 1}]}\ntrain: {loss: mse}\n"
ROWS = 240


@pytest.fixture
def houses(working_directory: Path) -> str:
    """A table whose right values are easy to tell, and a recipe for it."""
    lines = ["id,city,area,garden,note,price"]
    for row in range(ROWS):
        city = ("Berlin", "Köln", "Ulm")[row % 3]
        area = "" if row % 12 == 0 else 50 + row
        lines.append(
            f"h{row},{city},{area},{row % 2 == 0},{'sea view' if row == 77 else ''},{1000 + 5 * row}"
        )
    (working_directory / "houses.csv").write_text("\n".join(lines) + "\n")
    (working_directory / "h.yaml").write_text(
        "kwb: 1\ndata: {use: csv, path: houses.csv, targets: [price], ignore: [id, note], missing: drop,\n"
        f"  split: {{validation: 0.25, test: 0.25, shuffle: false}}}}\n{MODEL}"
    )
    return "h.yaml"


def one_line(pilot: Pilot[Any]) -> str:
    return " ".join(shown(pilot.app).split())


async def looked(pilot: Pilot[Any]) -> PageTable:
    """Wait until the rows that are wanted now are there."""
    pane = pilot.app.screen.query_one(RowsPane)
    await until(lambda: not pane.busy, what="the filter is used")
    await settle(pilot)
    return pilot.app.screen.query_one(PageTable)


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_columns_rows_and_parts(open_app: OpenApp, houses: str, size: tuple[int, int]) -> None:
    async with open_app(recipe=houses, size=size) as pilot:
        await checked(pilot)
        await typed(pilot, "3")
        screen = await checked(pilot)
        columns = screen.query_one(ColumnsList)
        # of each column the worker finds out more after it has answered what the data is
        await shows(pilot, "text, none missing, 240 different", "suggested: left out: it looks like an id")
        below = screen.query_one(DataBelow)
        below.on_resize()  # the column of before is not shown in place of the one that the cursor goes to
        below.show_column("area")
        await settle(pilot)
        assert "Column area" in one_line(pilot)
        await typed(pilot, "down", "down")
        await shows(
            pilot, "number, 20 missing (8.3 %), 220 different", "with price: Pearson 1.00, Spearman 1.00"
        )
        # sorted: most missing first, strongest correlation first; the cursor stays on its column
        orders = {}
        for _ in range(11):
            await typed(pilot, "s")
            title = str(columns.border_title).rpartition("·")[2].strip()
            names = [column.split("\t")[0] for column in columns.copy_text().splitlines()]
            orders[title] = names
            assert columns.column == "area"
        assert orders["most missing first"][:2] == ["note", "area"]
        assert orders["strongest correlation first"][0] == "area"
        assert orders["by name"] == ["area", "city", "garden", "id", "note", "price"]
        # rows: a filter, a part, only gaps, as the model gets them, a row by its number
        await typed(pilot, "f")
        table = await looked(pilot)
        assert table.total == ROWS
        await typed(pilot, "/", "'price>2000 city:köln'")
        await looked(pilot)
        wanted = [row for row in range(ROWS) if 1000 + 5 * row > 2000 and row % 3 == 1]
        assert table.total == len(wanted)
        assert table.values is not None
        assert table.values[0] == wanted[0] + 1
        await typed(pilot, "enter", "a")
        await looked(pilot)
        assert "train part" in one_line(pilot)
        # of the rows that have an area the first half is for training
        whole = [row for row in range(ROWS) if row % 12]
        assert table.total == 0
        await typed(pilot, "escape")
        await looked(pilot)
        assert table.total == len(whole) // 2
        await typed(pilot, "p")
        await looked(pilot)
        assert table.values is not None
        assert [name for name, _ in table.headings][:4] == ["row", "city=Berlin", "city=Köln", "city=Ulm"]
        assert list(table.values) == [2, 0.0, 1.0, 0.0, 51.0, 0.0, 1005.0]
        await typed(pilot, "p", "a", "a", "a", "m")
        await looked(pilot)
        assert "all rows" in one_line(pilot)
        assert table.total == ROWS - 1  # the row of the one note has every value
        await typed(pilot, "m", "g", "'200'", "enter")
        await looked(pilot)
        assert table.values is not None
        assert table.values[:2] == [200, "h199"]
        # what cannot be is said, and the rows stay. Pasted: of a text typed slowly the beginnings are used too
        await typed(pilot, "/")
        pilot.app.post_message(Paste("cty:x"))
        await until(lambda: screen.query_one(FilterLine).value == "cty:x", what="the filter is there")
        await looked(pilot)
        assert "✗ there is no column 'cty'. Did you mean 'city'?" in one_line(pilot)
        assert table.total == ROWS
        await typed(pilot, "escape", "escape", "b")
        await until(lambda: "apart" in shown(pilot.app), what="the parts are compared")
        await settle(pilot)
        assert "train 110, validation 55, test 55 rows. ▲ 2 columns differ much" in one_line(pilot)
        assert "1.00 ▲" in one_line(pilot)
        # a change of the recipe is seen here too: shuffled parts look alike
        pilot.app.editor.set("data.split.shuffle", True)
        await checked(pilot)
        await until(
            lambda: "Every column looks alike" in shown(pilot.app), what="the parts are compared again"
        )
        await typed(pilot, "escape")
        assert columns.has_focus


async def test_whatever_the_data(open_app: OpenApp, houses: str, working_directory: Path) -> None:
    random = np.random.default_rng(1)
    wide = np.round(random.normal(size=(60, 500)), 3)
    names = [f"a rather long name of column number {at}" for at in range(500)]
    np.savetxt(working_directory / "wide.csv", wide, "%g", ",", header=",".join(names), comments="")
    np.savez(
        working_directory / "pictures.npz",
        image=random.integers(0, 255, (50, 8, 8, 1), dtype=np.uint8),
        label=random.integers(0, 3, 50),
    )
    (working_directory / "odd.csv").write_text("a,b\x1b[31m,c\n1,,x\x07y\n2,,[bold]z\n3,,\u202ew\n")
    (working_directory / "header.csv").write_text("a,b\n")
    async with open_app(recipe=houses, size=(80, 24)) as pilot:
        await checked(pilot)
        await typed(pilot, "3")
        screen = await checked(pilot)

        async def show(**section: Any) -> PageTable:
            pilot.app.editor.set("data", section)
            await checked(pilot)
            await typed(pilot, "f")
            return await looked(pilot)

        table = await show(use="csv", path="wide.csv", targets=[names[-1]])
        assert table.total == 60
        assert [column for column, _ in table.headings] == ["row", *names]
        await typed(pilot, *["right"] * 30, "end")
        # the row's number and the first column stay, the others scroll by whole columns
        assert table.values is not None
        line = next(line for line in shown(pilot.app).splitlines() if line.startswith("  60 "))
        assert line.split()[:3] == ["60", table.values[1], table.values[32]]
        await typed(pilot, "escape")
        table = await show(use="npz", path="pictures.npz", targets=["label"])
        assert "8 × 8 × 1 array" in shown(pilot.app)
        await typed(pilot, "p")
        await looked(pilot)
        assert "8 × 8 × 1, " in shown(pilot.app)
        await typed(pilot, "p", "escape")
        assert "array 8 × 8 × 1, none missing" in one_line(pilot)
        table = await show(use="csv", path="odd.csv", targets=["a"])
        assert r"b\x1b[31m" in shown(pilot.app)
        assert r"x\x07y" in shown(pilot.app)
        assert "[bold]z" in shown(pilot.app)
        await typed(pilot, "escape", "home", "down")
        assert "number, 3 missing (100 %)" in one_line(pilot)
        assert "it has no value at all" in one_line(pilot)
        # streamed: the same rows, and the split of the stream
        table = await show(
            use="csv", path="houses.csv", stream=True, targets=["price"], missing="drop", split={"test": 0.5}
        )
        assert table.total == ROWS
        await typed(pilot, "/", "'area>280 ulm'")
        await looked(pilot)
        found = [row for row in range(ROWS) if row % 12 and 50 + row > 280 and row % 3 == 2]
        assert table.total == len(found)
        await typed(pilot, "escape", "a", "a")
        await looked(pilot)
        assert "test part" in one_line(pilot)
        await typed(pilot, "escape")
        pilot.app.editor.set("data", {"use": "csv", "path": "header.csv"})
        await checked(pilot)
        assert "there are no rows below the header" in one_line(pilot)
        assert table.total == 0
        await typed(pilot, "f", "right", "down", "m", "a", "p", "b", "s", "escape")
        assert screen.query_one(ColumnsList).column == ""


async def test_columns_that_cannot_be_looked_at_say_why(
    open_app: OpenApp, houses: str, working_directory: Path
) -> None:
    random = np.random.default_rng(2)
    many = random.normal(size=(20_000, 100))
    np.savetxt(
        working_directory / "many.csv",
        many,
        "%.4f",
        ",",
        header=",".join(f"c{at}" for at in range(100)),
        comments="",
    )
    async with open_app(recipe=houses, size=(80, 24)) as pilot:
        app = pilot.app
        await checked(pilot)
        await typed(pilot, "3")
        screen = await checked(pilot)
        app.editor.set("data", {"use": "csv", "path": "many.csv", "targets": ["c99"]})
        findings = screen.query_one(DataBelow).findings
        await until(
            lambda: "c0" in findings.summaries and not findings.complete, what="a first column is known"
        )
        os.kill(app.worker._warm.pid, signal.SIGKILL)  # as where memory runs out
        await shows(pilot, "✗ the training process was killed from outside")
        # there is another worker, and what was asked is asked once more when the user wants it
        await typed(pilot, "r")
        await checked(pilot)
        await shows(pilot, "number, none missing, ")
        assert "killed" not in one_line(pilot)
