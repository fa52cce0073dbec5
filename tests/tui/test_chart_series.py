"""The sample store of a chart: bounded memory, exact bounds, gaps, rewinding, moving average."""

from __future__ import annotations

import math
import random
import sys

import pytest

from workbench.tui.views.series import MINUS_INFINITY, NOT_A_NUMBER, PLUS_INFINITY, Series


def series_of(values, capacity=4096) -> Series:
    series = Series("loss", capacity)
    series.extend(enumerate(values))
    return series


def test_samples_within_the_capacity_are_kept_as_they_are():
    series = series_of([3.0, 1.0, 2.0])
    assert list(series.x) == [0.0, 1.0, 2.0]
    assert list(series.low) == list(series.high) == list(series.mean) == [3.0, 1.0, 2.0]


def test_a_single_spike_among_a_million_samples_is_kept():
    series = Series("loss")
    for step in range(1_000_000):
        series.append(step, 99.0 if step == 123_457 else -7.0 if step == 700_001 else 0.5)
    assert max(series.high) == series.highest == 99.0
    assert min(series.low) == series.lowest == -7.0
    spike = series.high.index(99.0)
    assert series.x[spike] <= 123_457 < series.x[spike + 1]


def test_memory_grows_by_less_than_a_third_from_300_000_to_a_million_samples():
    series = Series("loss")

    def held() -> int:
        columns = (series.x, series.low, series.high, series.mean, series.flags, series.smoothed(0.9))
        return sum(map(sys.getsizeof, columns))

    series.extend((step, 1.0) for step in range(300_000))
    before = held()
    series.extend((step, 1.0) for step in range(300_000, 1_000_000))
    assert held() < before * 1.33
    assert held() < 1_500_000
    assert len(series) < 40_000


def test_the_latest_samples_stay_raw_however_long_the_run():
    series = series_of((float(step % 17) for step in range(100_000)), capacity=1024)
    assert list(series.x[-512:]) == [float(step) for step in range(100_000 - 512, 100_000)]
    assert list(series.low[-512:]) == list(series.high[-512:])


@pytest.mark.parametrize("seed", range(20))
def test_merging_keeps_order_extremes_and_the_number_of_samples(seed):
    noise = random.Random(seed)
    capacity = noise.choice([4, 8, 64, 256])
    values, x = [], 0.0
    series = Series("random", capacity)
    samples = []
    for _ in range(noise.randrange(1, 3000)):
        x += noise.choice([0.0, 0.5, 1.0, 100.0])
        y = noise.choice([noise.gauss(0, 10 ** noise.randrange(-30, 30)), math.nan, math.inf, -math.inf])
        series.append(x, y)
        samples.append((x, y))
        values.append(y)
    finite = [y for y in values if math.isfinite(y)]
    assert sum(series.bucket_sizes()) == len(values)
    assert list(series.x) == sorted(series.x)
    assert min(series.low) == series.lowest == min(finite, default=math.inf)
    assert max(series.high) == series.highest == max(finite, default=-math.inf)
    # Each bucket holds exactly the samples that its place says.
    start = 0
    for index, size in enumerate(series.bucket_sizes()):
        part = values[start : start + size]
        inside = [y for y in part if math.isfinite(y)]
        assert series.x[index] == samples[start][0]
        assert series.low[index] == min(inside, default=math.inf)
        assert series.high[index] == max(inside, default=-math.inf)
        assert bool(series.flags[index] & NOT_A_NUMBER) == any(math.isnan(y) for y in part)
        assert bool(series.flags[index] & PLUS_INFINITY) == (math.inf in part)
        assert bool(series.flags[index] & MINUS_INFINITY) == (-math.inf in part)
        start += size


def test_what_is_not_finite_leaves_the_bounds_alone_and_is_reported_apart():
    series = series_of([1.0, math.nan, math.inf, -math.inf, 3.0])
    assert (series.lowest, series.highest) == (1.0, 3.0)
    assert list(series.flags) == [0, NOT_A_NUMBER, PLUS_INFINITY, MINUS_INFINITY, 0]
    assert [str(series.value(index)) for index in range(5)] == ["1.0", "nan", "inf", "-inf", "3.0"]
    assert series.has_gaps


@pytest.mark.parametrize("x", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("filled", [True, False])
def test_an_x_that_is_not_finite_is_refused_and_nothing_changes(x, filled):
    series = series_of([1.0, 2.0] if filled else [])
    with pytest.raises(ValueError, match="finite"):
        series.append(x, 1.0)
    assert len(series) == (2 if filled else 0)


def test_a_resumed_run_replaces_what_it_repeats():
    series = series_of([5.0, 4.0, 90.0, math.nan])
    series.append(2, 3.0)
    assert list(series.x) == [0.0, 1.0, 2.0]
    assert (series.lowest, series.highest, series.last, series.has_gaps) == (3.0, 5.0, 3.0, False)


def test_rewinding_into_merged_buckets_keeps_the_store_whole():
    series = series_of((float(step) for step in range(1000)), capacity=16)
    series.append(3, 0.5)
    assert series.x[-1] == 3.0
    assert len(list(series.bucket_sizes())) == len(series)
    series.extend((step, 1.0) for step in range(4, 5000))
    assert series.x[-1] == 4999.0
    assert len(series) < 200


def test_the_visible_range_and_the_nearest_bucket_are_found():
    series = Series("loss")
    series.extend([(0, 1), (10, 2), (20, 3), (30, 4)])
    assert series.visible(5, 20) == (1, 3)
    assert series.visible(-5, -1) == (0, 0)
    assert [series.nearest(x) for x in (-9, 4, 6, 15, 99)] == [0, 0, 1, 1, 3]
    assert Series("empty").nearest(1) is None


def test_the_moving_average_is_unbiased_and_leaves_gaps():
    series = series_of([2.0, 2.0, math.nan, 4.0])
    first, second, gap, last = series.smoothed(0.5)
    assert (first, second) == (2.0, 2.0)
    assert math.isnan(gap)
    assert last == pytest.approx((0.125 * 2 + 0.25 * 2 + 0.5 * 4) / 0.875)


def test_the_moving_average_prolonged_sample_by_sample_is_that_computed_at_once():
    noise = random.Random(5)
    values = [noise.random() for _ in range(700)]
    grown = Series("grown", 64)
    for step, value in enumerate(values):
        grown.append(step, value)
        grown.smoothed(0.9)
    assert list(grown.smoothed(0.9)) == pytest.approx(list(series_of(values, 64).smoothed(0.9)))
    assert len(grown.smoothed(0.9)) == len(grown)
