"""The pictures of a search: the importance of its keys, and its trials as lines through the keys."""

from __future__ import annotations

import math
import random

import pytest

from tests.search.bases import OVER, search
from tests.tui.conftest import settle, shown, until
from tests.tui.searching.conftest import still
from workbench.search import state as records
from workbench.search.importance import importance_of
from workbench.search.leases import describe_agent
from workbench.search.state import TrialState
from workbench.tui.chart.grid import Grid
from workbench.tui.chart.parallel import CURSOR, MARKED, Axis, TrialLine, draw_parallel
from workbench.tui.screens.searches.coordinates import coordinates_of
from workbench.tui.screens.searches.listing import SearchLister
from workbench.tui.screens.searches.picture import draw_bars
from workbench.tui.screens.searches.tables import TrialsTable

SIZES = [(80, 24), (120, 40)]


def ended(count: int) -> list[records.Record]:
    """Trials whose value is decided by the rate; the agent has left."""
    draw = random.Random(1)
    agent, record = describe_agent(1)
    made = [record]
    for number in range(count):
        rate, units = 10 ** draw.uniform(-3, -1), draw.choice([4, 16])
        value = (math.log10(rate) + 2) ** 2 + 0.01 * (units == 4)
        settings = dict(zip(OVER, (rate, units), strict=True))
        made += [records.new_trial(settings, 1), records.begun(agent, number, 0)]
        made += [records.ended(agent, number, 0, TrialState.DONE, epoch=1, value=value)]
    return [*made, {"kind": "left", "agent": agent}]


@pytest.fixture
def thirty(make_search):
    journal = make_search("thirty", search={"over": OVER, "trials": 30})
    journal.update(lambda _: ended(30))
    return journal


def lines_of(grid: Grid) -> list[str]:
    return ["".join(row).rstrip() for row in grid.glyphs]


async def test_the_importance_is_worked_out_beside_the_app(open_app, thirty) -> None:
    expected = importance_of(search(trials=30), thirty.read().trials).shares
    async with open_app(mode="searches") as pilot:
        await pilot.press("p")
        await until(lambda: f"{max(expected.values()):.1%}" in shown(pilot.app))
        first, second = (line for line in shown(pilot.app).splitlines() if "%" in line)
        assert "learning_rate" in first
        assert "units" in second
        assert first.count("█") > 10 * second.count("█")
        await pilot.press("p")
        await settle(pilot)
        assert "best tenth" in shown(pilot.app)
        await pilot.press("p")
        await settle(pilot)
        assert "best tenth" not in shown(pilot.app)


async def test_five_hundred_trials_as_lines(open_app, make_search) -> None:
    make_search("many", search={"over": OVER, "trials": 500}).update(lambda _: ended(500))
    async with open_app(mode="searches") as pilot:
        await pilot.press("p", "p", "enter", "end")
        await settle(pilot)
        screen = pilot.app.screen
        keys = screen.query_one(TrialsTable).keys
        assert len(keys) == 500
        assert screen.query_one(TrialsTable).under_cursor == keys[-1]
        _, lines = coordinates_of(screen._search, int(keys[-1].rpartition("/")[2]))
        (under,) = (line for line in lines if line.code == CURSOR)
        assert under.places[-1] == 1.0  # the worst value is the last row
        assert "●" in shown(pilot.app)


async def test_too_few_trials_for_an_importance_say_so(open_app, five) -> None:
    async with open_app(mode="searches") as pilot:
        await pilot.press("p")
        await settle(pilot)
        assert "2 of 10 trials have ended" in shown(pilot.app)


async def test_a_repeat_has_no_picture_of_keys(open_app, repeated) -> None:
    async with open_app(mode="searches") as pilot:
        await pilot.press("p")
        await settle(pilot)
        assert not pilot.app.screen.has_class("-pictured")


def test_where_trials_cross_the_axes(five, working_directory) -> None:
    found = SearchLister(working_directory / "saved" / "searches").refresh()[0]
    axes, lines = coordinates_of(found, 0)
    assert [axis.name for axis in axes] == ["log learning_rate", "units", "val_loss"]
    assert axes[0].labels[:2] == [(0.0, "0.001"), (1.0, "0.1")]
    assert len(lines) == 4  # not that which failed
    assert lines[0].places == pytest.approx((0.5, 0.0, (0.6 - 0.5) / (1.4 - 0.5)))
    assert (lines[0].code, lines[1].code) == (CURSOR, MARKED)
    assert lines[1].places == pytest.approx((math.log(30) / math.log(100), 1.0, 0.0))


def test_lines_are_drawn_from_axis_to_axis() -> None:
    grid = Grid(40, 6)
    axes = [Axis("a", [(0.0, "0"), (1.0, "9")]), Axis("b", [])]
    draw_parallel(grid, axes, [TrialLine((1.0, 0.0), MARKED, "*"), TrialLine((0.0, None), CURSOR, "o")])
    rows = lines_of(grid)
    assert rows[0] == "a" + " " * 19 + "b"
    assert rows[1].startswith("*9")
    assert rows[5].startswith("o0")
    assert rows[5][20] == "*"
    crossed = [{x for x in range(2, 20) if "\u2800" < grid.glyphs[y][x] <= "\u28ff"} for y in range(1, 6)]
    assert all(crossed)
    assert [min(each) for each in crossed] == sorted(min(each) for each in crossed)


def test_more_axes_than_have_room_leave_the_last_one() -> None:
    grid = Grid(45, 5)
    axes = [Axis(name, []) for name in "abcde"]
    draw_parallel(grid, axes, [TrialLine((0.5,) * 5)])
    assert lines_of(grid)[0].split() == ["a", "b", "e"]


def test_bars_that_have_no_room_are_counted() -> None:
    grid = Grid(40, 4)
    draw_bars(grid, {"first": 0.5, "second": 0.3, "third": 0.15, "fourth": 0.05}, 1)
    rows = lines_of(grid)
    assert rows[1].startswith("first   50.0% ████")
    assert rows[3] == "2 more"


@pytest.mark.parametrize("size", SIZES)
def test_lines_of_trials_look(looks_as_before, thirty, size) -> None:
    still(thirty)
    assert looks_as_before("p", "p", "enter", "down", mode="searches", size=size)
