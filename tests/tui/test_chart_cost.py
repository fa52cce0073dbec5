"""What a chart costs: it draws when there is something new, and imports little."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.coroutines import until
from tests.tui.chart_in_app import chart_of, run, shown, text
from workbench.tui.chart.widget import Chart
from workbench.tui.views.series import Series


@run
async def test_appends_are_coalesced_into_frames_and_an_idle_chart_draws_nothing():
    chart = chart_of(range(100), frames_per_second=20)
    drawings = 0
    draw = chart._draw

    def counted(width: int, height: int):
        nonlocal drawings
        drawings += 1
        return draw(width, height)

    chart._draw = counted
    async with shown(chart) as pilot:
        await pilot.pause(0.1)
        drawings = 0
        timers = len(chart._timers)
        await pilot.pause(0.3)
        assert drawings == 0
        assert len(chart._timers) == timers == 0
        for step in range(5000):
            chart.append("loss", 100 + step, 1.0)
        await until(lambda: drawings and not chart._timers)
        assert drawings <= 2
        assert len(chart.series["loss"]) > 4000
        assert "loss 1" in text(chart)[0]


@run
async def test_a_hidden_chart_draws_nothing_and_is_up_to_date_when_shown():
    chart = chart_of([1.0, 2.0], frames_per_second=1000)
    async with shown(chart) as pilot:
        chart.display = False
        await pilot.pause(0.05)
        chart.append("loss", 2, 77.0)
        await pilot.pause(0.05)
        assert not chart._timers
        chart.display = True
        await until(lambda: "77" in "".join(strip.text for strip in chart.render_lines(chart.size.region)))


@run
async def test_a_shared_series_is_drawn_when_its_owner_says_so():
    chart = Chart("loss", frames_per_second=1000)
    series = Series("val_loss")
    chart.add_series("val", series=series)
    async with shown(chart):
        series.append(0, 5.0)
        chart.changed()
        await until(lambda: "val_loss 5" in "".join(text(chart)))
        chart.remove_series("val")
        await until(lambda: "no data yet" in "".join(text(chart)))
    chart.add_series("x")
    with pytest.raises(ValueError, match="already"):
        chart.add_series("x")
    with pytest.raises(ValueError, match="shape"):
        chart.add_series("y", shape="wavy")


@pytest.mark.parametrize("theme", ["textual-dark", "textual-light", "ansi-dark", "ansi-light"])
@run
async def test_the_curves_are_readable_under_each_theme(theme):
    chart = Chart("runs")
    for run_number in range(8):
        chart.extend(f"run {run_number}", ((step, step + 10 * run_number) for step in range(50)))
    chart.cursor = 25.0
    async with shown(chart, (60, 40)) as pilot:
        pilot.app.theme = theme
        await pilot.pause()
        segments = [segment for y in range(40) for segment in chart.render_line(y)]
        curves = [
            segment.style
            for segment in segments
            if any(0x2800 < ord(glyph) < 0x2900 for glyph in segment.text)
        ]
        assert len({style.color for style in curves}) == 8
        for style in curves:
            if theme.startswith("ansi"):
                assert style.color.triplet is None
            else:
                assert contrast(style.color.triplet, style.bgcolor.triplet) >= 3.0


def contrast(one, other) -> float:
    """The contrast ratio of WCAG 2."""

    def luminance(triplet) -> float:
        parts = [part / 255 for part in triplet]
        parts = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]

    brighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (brighter + 0.05) / (darker + 0.05)


def test_the_chart_imports_neither_numpy_nor_keras():
    code = (
        "import sys, workbench.tui.chart.widget;"
        "print([name for name in ('numpy', 'keras', 'tensorflow') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@run
async def test_offsets_on_the_plot_and_values_of_x_agree():
    chart = chart_of(range(101))
    async with shown(chart):
        text(chart)
        plot = chart._plot
        for cell in range(plot.left, plot.left + plot.width):
            assert plot.cell_at(plot.x_at(cell)) == cell
