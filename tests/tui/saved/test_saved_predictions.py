"""Predictions beside the truth: what the worker works out, and how it is drawn."""

from __future__ import annotations

import numpy as np
import pytest

from tests.tui.conftest import settle, shown
from workbench.tui.screens.saved.confusion import ConfusionTable
from workbench.tui.screens.saved.predictions import PredictionsScreen
from workbench.tui.screens.saved.scatter import ScatterPlot

# ---------------------------------------------------------------------- worked out


@pytest.mark.slow
def test_numbers_are_compared_as_by_hand() -> None:
    from workbench.worker.predictions import compare_numbers

    true = np.array([1.0, 2.0, 3.0, np.nan, 5.0], np.float32)
    predicted = np.array([1.5, 2.0, 2.0, 4.0, np.inf], np.float32)
    found = compare_numbers("price", true, predicted)
    assert (found.count, found.left_out) == (3, 2)
    assert (found.true, found.predicted) == ([1.0, 2.0, 3.0], [1.5, 2.0, 2.0])
    assert found.mae == pytest.approx(0.5)
    assert found.rmse == pytest.approx((1.25 / 3) ** 0.5)
    assert found.bias == pytest.approx(-0.5 / 3)
    assert found.r2 == pytest.approx(1 - 1.25 / 2)


@pytest.mark.slow
def test_many_numbers_are_drawn_in_part_and_compared_whole() -> None:
    from workbench.worker.predictions import MOST_POINTS, compare_numbers

    true = np.arange(20_000, dtype=np.float64)
    found = compare_numbers("x", true, true + 1)
    assert (found.count, len(found.true), found.mae) == (20_000, MOST_POINTS, 1.0)
    assert (found.true[0], found.true[-1]) == (0.0, 19_999.0)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("true", "predicted", "count", "r2"),
    [
        ([], [], 0, None),
        ([np.nan], [1.0], 0, None),
        ([2.0, 2.0], [1.0, 3.0], 2, None),
        ([1e200], [-1e200], 1, None),
    ],
)
def test_odd_numbers_are_compared(true, predicted, count, r2) -> None:
    from workbench.worker.predictions import compare_numbers

    found = compare_numbers("x", np.array(true), np.array(predicted))
    assert (found.count, found.r2) == (count, r2)


@pytest.mark.slow
def test_classes_are_counted_as_by_hand() -> None:
    from workbench.worker.predictions import compare_classes

    true, predicted = np.array([0, 0, 1, 1, 1, 2]), np.array([0, 1, 1, 1, 0, 2])
    found = compare_classes("kind", true, predicted, ("a", "b", "c", "d"))
    assert found.classes == ["a", "b", "c", "d"]
    assert found.counts == [[1, 1, 0, 0], [1, 2, 0, 0], [0, 0, 1, 0], [0, 0, 0, 0]]


@pytest.mark.slow
def test_of_very_many_classes_the_rare_ones_are_counted_together() -> None:
    from workbench.worker.predictions import MOST_CLASSES, OTHERS, compare_classes

    common = np.repeat(np.arange(90, 100), 3)
    true = np.concatenate([np.arange(100), common])
    found = compare_classes("kind", true, true, ())
    assert len(found.classes) == MOST_CLASSES
    assert found.classes[-1] == OTHERS
    assert {str(number) for number in range(90, 100)} < set(found.classes)
    counts = np.array(found.counts)
    assert counts.sum() == counts.trace() == 130
    assert counts[-1, -1] == 100 - (MOST_CLASSES - 1)


# ---------------------------------------------------------------------- drawn

NUMBERS = {
    "kind": "numbers",
    "name": "price",
    "true": [float(n) for n in range(40)],
    "predicted": [n * 0.9 + (n * 7 % 5) for n in range(40)],
    "count": 40,
    "left_out": 2,
    "mae": 1.75,
    "rmse": 2.1,
    "bias": 0.3,
    "r2": 0.97,
    "true_at": 1,
    "predicted_at": 2,
}
CLASSES = {
    "kind": "classes",
    "name": "kind",
    "classes": ["cat", "dog", "[red]a very long name[/]"],
    "counts": [[30, 2, 0], [4, 25, 1], [0, 0, 9]],
}


PAGE_ROWS = [[n + 1, float(n), n * 0.9, -n * 0.1] for n in range(42)]


async def fetch(*, start: int, count: int, by: str, wrong: bool) -> dict:
    rows = PAGE_ROWS[::-1] if by else PAGE_ROWS
    rows = rows[:5] if wrong else rows
    return {"rows": rows[start : start + count], "total": len(rows)}


def result(*comparisons: dict) -> dict:
    return {
        "rows": 42,
        "token": 1,
        "columns": [["row", "row"], ["true price", "true"], ["price", "predicted"], ["error price", "error"]],
        "by": comparisons[0]["name"] if comparisons else "",
        "first": PAGE_ROWS[::-1] if comparisons else PAGE_ROWS,
        "left_out_columns": 0,
        "comparisons": list(comparisons),
        "no_truth": "" if comparisons else "new.csv: there is no column 'price'.",
    }


def screen(*comparisons: dict) -> PredictionsScreen:
    return PredictionsScreen("price.keras", "prices.csv", result(*comparisons), lambda: None, fetch)


async def test_several_targets_are_shown_one_after_another(open_app) -> None:
    async with open_app(mode="saved") as pilot:
        await pilot.app.push_screen(screen(NUMBERS, CLASSES))
        await settle(pilot)
        assert "R² 0.97" in shown(pilot.app)
        assert "✗ 2 not finite" in shown(pilot.app)
        await pilot.press("n")
        await settle(pilot)
        assert "90.1% right: 64 of 71" in shown(pilot.app)
        assert not pilot.app.screen.query_one(ScatterPlot).display
        pilot.app.screen.query_one(ConfusionTable).focus()
        await pilot.press("down", "right")
        await settle(pilot)
        assert "'dog' was taken for 'cat' 4 times, 13.3% of its 30 rows" in shown(pilot.app)
        await pilot.press("y")
        assert pilot.app.clipboard.splitlines()[1] == "cat\t30\t2\t0"


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_no_number_is_cut_by_the_picture_beside_it(open_app, size) -> None:
    columns = [
        ["row", "row"],
        ["part", "beside"],
        ["true", "true"],
        ["price", "predicted"],
        ["error", "error"],
    ]
    rows = [[n + 1, "validation", 339002.0, 310265.0, -28737.0] for n in range(42)]
    found = result(NUMBERS) | {"columns": columns, "first": rows}

    async def fetch_own(*, start: int, count: int, **_: object) -> dict:
        return {"rows": rows[start : start + count], "total": len(rows)}

    async with open_app(mode="saved", size=size) as pilot:
        shown_first = PredictionsScreen("price.keras", "prices.csv", found, lambda: None, fetch_own)
        await pilot.app.push_screen(shown_first)
        await settle(pilot)
        assert "-28737 " in shown(pilot.app)
        assert "•" in shown(pilot.app)


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 50)])
async def test_a_matrix_of_ten_classes_is_seen_whole(open_app, size) -> None:
    digits = {
        "kind": "classes",
        "name": "digit",
        "classes": [str(n) for n in range(10)],
        "counts": [[20 + n if n == other else 0 for other in range(10)] for n in range(10)],
    }
    async with open_app(mode="saved", size=size) as pilot:
        await pilot.app.push_screen(screen(digits))
        await settle(pilot)
        lines = shown(pilot.app).splitlines()
        (heading,) = (line for line in lines if "true ↓ as →" in line)
        assert heading.split()[-12:] == [*map(str, range(10)), "rows", "right"]
        for n in range(10):
            assert any(f"‹{20 + n}›" in line for line in lines)
        assert any("100%" in line and "right" in line for line in lines[lines.index(heading) + 1 :])
        assert any("42" in line for line in lines[:-14])  # rows of the table are seen as well


@pytest.mark.parametrize("size", [(60, 20), (30, 9), (8, 4)])
@pytest.mark.parametrize("comparison", [NUMBERS, CLASSES], ids=["numbers", "classes"])
async def test_any_size_will_do(open_app, size, comparison) -> None:
    async with open_app(mode="saved", size=size) as pilot:
        await pilot.app.push_screen(screen(comparison))
        await settle(pilot)
        await pilot.press("v", "tab", "right", "escape")
        await settle(pilot)


@pytest.mark.parametrize(
    ("true", "predicted"),
    [
        ([3.0], [3.0]),
        ([0.0, 0.0], [1e300, -1e300]),
        ([1e-30, 2e-30], [0.0, 0.0]),
        ([-1e308, 1e308], [1e308, -1e308]),
    ],
)
async def test_odd_points_are_drawn(open_app, true, predicted) -> None:
    async with open_app(mode="saved") as pilot:
        await pilot.app.push_screen(
            screen(NUMBERS | {"true": true, "predicted": predicted, "count": len(true)})
        )
        await settle(pilot)
        assert "•" in shown(pilot.app)
        await pilot.press("v")
        await settle(pilot)


def test_points_lie_where_their_values_are(looks_as_before) -> None:
    async def before(pilot) -> None:
        await pilot.app.push_screen(screen(NUMBERS))

    assert looks_as_before(mode="saved", size=(120, 40), before=before)


@pytest.mark.parametrize("size", [(80, 24), (60, 20)], ids=["normal", "narrow"])
def test_residuals_look_as_before(looks_as_before, size) -> None:
    async def before(pilot) -> None:
        await pilot.app.push_screen(screen(NUMBERS))

    assert looks_as_before("v", mode="saved", size=size, before=before)


@pytest.mark.parametrize("keys", [(), ("v",)], ids=["counts", "shares"])
def test_a_confusion_matrix_looks_as_before(looks_as_before, keys) -> None:
    async def before(pilot) -> None:
        await pilot.app.push_screen(screen(CLASSES))
        await settle(pilot)  # the keys are for it once it is there

    assert looks_as_before(*keys, mode="saved", before=before)


def test_predictions_alone_look_as_before(looks_as_before) -> None:
    async def before(pilot) -> None:
        await pilot.app.push_screen(screen())

    assert looks_as_before(mode="saved", before=before)
