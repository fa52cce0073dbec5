"""Axes of a chart: ranges, round ticks, numbers as text; and the x window."""

from __future__ import annotations

import math
import random

import pytest

from workbench.tui.chart.view import View
from workbench.tui.views.formatting import number
from workbench.tui.views.scale import Scale, linear_ticks, tick_labels, x_labels


@pytest.mark.parametrize(
    ("low", "high", "labels"),
    [
        (0, 1, ["0", "0.25", "0.50", "0.75", "1.00"]),
        (0, 100, ["0", "25", "50", "75", "100"]),
        (-1e-30, 1e-30, ["-1.0e-30", "-5.0e-31", "0", "5.0e-31", "1.0e-30"]),
        (0, 1e30, ["0", "2.5e29", "5.0e29", "7.5e29", "1.0e30"]),
        (0.12345, 0.12347, ["0.123450", "0.123455", "0.123460", "0.123465", "0.123470"]),
    ],
)
def test_linear_ticks_are_round_and_their_labels_tell_them_apart(low, high, labels):
    found = tick_labels(linear_ticks(low, high, 4))
    assert len(set(found)) == len(found)
    assert [float(text) for text in found] == pytest.approx([float(text) for text in labels])


@pytest.mark.parametrize("seed", range(200))
def test_any_range_gives_few_ticks_inside_with_short_different_labels(seed):
    noise = random.Random(seed)
    middle = noise.choice([0.0, 1.0, -1.0]) * 10 ** noise.uniform(-30, 30)
    width = 10 ** noise.uniform(-30, 30)
    scale = Scale.around(middle - width, middle + width)
    count = noise.randrange(2, 9)
    ticks = scale.ticks(count)
    assert len(ticks) <= count + 1
    for value, label in ticks:
        assert -1e-6 <= scale.place(value) <= 1 + 1e-6
        assert len(label) <= 16
    if width > abs(middle) * 1e-6:
        assert len({label for _, label in ticks}) == len(ticks)


@pytest.mark.parametrize(
    ("low", "high", "labels"),
    [
        (1e-4, 10, ["1e-4", "0.001", "0.01", "0.1", "1", "10"]),
        (0.1, 3, ["0.1", "0.2", "0.5", "1", "2"]),
        (1e-30, 1e30, ["1e-30", "1e-20", "1e-10", "1", "1e10", "1e20", "1e30"]),
    ],
)
def test_log_ticks_are_decades_or_1_2_5(low, high, labels):
    found = [label for _, label in Scale.around(low, high, log=True).ticks(7)]
    assert [float(text) for text in found] == pytest.approx([float(text) for text in labels])


def test_a_narrow_log_range_still_has_ticks():
    assert len(Scale.around(1.0, 1.05, log=True).ticks(5)) >= 2


@pytest.mark.parametrize("value", [0.0, 1.0, -3.0, 1e-30, 1e30, -1e308, 5e-324])
def test_a_single_value_gets_room_above_and_below(value):
    scale = Scale.around(value, value)
    assert scale.low < max(min(value, 1e300), -1e300) < scale.high


@pytest.mark.parametrize("value", [5e-324, 1e-320, 1e-30, 1.0, 1e30, 1.7e308])
def test_a_single_value_on_a_log_axis_has_room_and_ticks(value):
    scale = Scale.around(value, value, log=True)
    assert scale.low < scale.high
    assert all(0 < tick < math.inf for tick, _ in scale.ticks(4))


def test_the_whole_range_of_floats_is_a_range():
    scale = Scale.around(-1.7e308, 1.7e308)
    assert math.isfinite(scale.high - scale.low)
    assert scale.ticks(5)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (0.012345, "0.01235"), (12345.0, "12345"), (1.5e-30, "1.5e-30"), (1e30, "1e30"),
     (math.nan, "nan"), (-math.inf, "-inf"), (-0.00001, "-1e-5"), (1_234_567.0, "1.235e6")],
)  # fmt: skip
def test_numbers_are_short(value, text):
    assert number(value) == text


def test_large_steps_are_written_in_thousands_and_millions():
    assert x_labels([0, 50_000, 100_000]) == ["0", "50k", "100k"]
    assert x_labels([0, 10_000_000, 20_000_000]) == ["0", "10M", "20M"]
    assert x_labels([1_000_020, 1_000_040]) == ["1000020", "1000040"]
    assert x_labels([0, 2_500, 5_000]) == ["0", "2500", "5000"]


def test_the_view_follows_until_it_is_held():
    view = View()
    assert view.window((0, 10)) == (0, 10)
    latest = view.zoom((0, 100), 4)
    assert latest.follows
    assert latest.window((0, 100)) == (75, 100)
    assert latest.window((0, 200)) == (175, 200)
    held = latest.hold((0, 100))
    assert held.window((0, 200)) == (75, 100)
    assert held.follow().window((0, 200)) == (175, 200)


def test_zooming_a_held_view_keeps_the_anchor_in_its_place():
    left, right = View(held=(0.0, 100.0)).zoom((0, 100), 2, anchor=80).window((0, 100))
    assert right - left == 50
    assert (80 - left) / (right - left) == pytest.approx(0.8)


def test_panning_stays_over_the_data_and_zooming_out_ends_with_everything():
    view = View(held=(40.0, 60.0))
    assert view.pan((0, 100), 1000).window((0, 100)) == (80, 100)
    assert view.pan((0, 100), -1000).window((0, 100)) == (0, 20)
    assert view.zoom((0, 100), 0.01).window((0, 100)) == (0, 100)
    assert View(span=30.0).zoom((0, 100), 0.1) == View()


@pytest.mark.parametrize("x", [0.0, 1.0, 1e18, -1e-30])
def test_a_single_x_has_a_window_around_it(x):
    left, right = View().window((x, x))
    assert left < x < right
