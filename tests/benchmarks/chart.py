"""Measure the chart: one redraw, appending, memory over a long run, processor time when live and when idle.

Run with `python -m tests.benchmarks.chart`. Nothing here is a test; the figures depend on the machine.
"""

from __future__ import annotations

import asyncio
import math
import random
import time
import tracemalloc
from statistics import median
from typing import Any

from textual.app import App, ComposeResult
from textual.containers import Grid
from textual.widget import Widget
from textual.widgets import Sparkline

from workbench.tui.chart.widget import Chart
from workbench.tui.views.series import Series


def loss(step: int, noise: random.Random) -> float:
    return 2.0 * math.exp(-step / 500) + 0.1 + noise.random() * 0.2


class Board(App[None]):
    """One or four widgets in equal parts."""

    CSS = "Grid { grid-size: 2; }"

    def __init__(self, widgets: list[Widget]) -> None:
        super().__init__()
        self.widgets = widgets

    def compose(self) -> ComposeResult:
        if len(self.widgets) > 1:
            yield Grid(*self.widgets)
        else:
            yield from self.widgets


def draw_all(widget: Widget) -> None:
    """One redraw of every line, as the compositor asks for it."""
    widget.refresh()
    widget._styles_cache.clear()
    widget.render_lines(widget.size.region)


async def time_redraw(widget: Widget, size: tuple[int, int], repeats: int = 200) -> float:
    """Median seconds of a redraw."""
    async with Board([widget]).run_test(size=size) as pilot:
        await pilot.pause()
        times = []
        for _ in range(repeats):
            start = time.perf_counter()
            draw_all(widget)
            times.append(time.perf_counter() - start)
        return median(times)


def filled(points: int, **settings: Any) -> Chart:
    noise = random.Random(1)
    chart = Chart("loss")
    for name in ("loss", "val_loss"):
        chart.extend(name, ((step, loss(step, noise)) for step in range(points)))
    for setting, value in settings.items():
        chart.set_reactive(getattr(Chart, setting), value)
    return chart


async def processor_share(charts: list[Chart], seconds: float, rate: float, batch: int) -> float:
    """Share of one core that the app takes while each chart gets `batch` samples for two series at `rate` Hz.

    A rate of 0 measures the idle app.
    """
    noise = random.Random(2)
    async with Board(list(charts)).run_test(size=(160, 48)) as pilot:
        await pilot.pause(0.5)
        cpu, wall, step = time.process_time(), time.perf_counter(), 2000
        while time.perf_counter() - wall < seconds:
            if not rate:
                await asyncio.sleep(seconds)
                continue
            for _ in range(batch):
                step += 1
                for chart in charts:
                    chart.append("loss", step, loss(step, noise))
                    chart.append("val_loss", step, loss(step, noise))
            await asyncio.sleep(1 / rate)
        return (time.process_time() - cpu) / (time.perf_counter() - wall)


def append_figures(samples: int) -> tuple[float, dict[int, int]]:
    """Seconds per append, and bytes held after each power of ten of samples."""
    noise = random.Random(3)
    values = [loss(step, noise) for step in range(samples)]
    series = Series("loss")
    start = time.perf_counter()
    for step, value in enumerate(values):
        series.append(step, value)
    each = (time.perf_counter() - start) / samples
    tracemalloc.start()
    series, held = Series("loss"), {}
    for step, value in enumerate(values, 1):
        series.append(step, value)
        if step in (10_000, 100_000, 300_000, 1_000_000):
            held[step] = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    return each, held


def main() -> None:
    async def figures() -> None:
        rows = [
            ("2×2,000 points, 100×30", filled(2_000), (100, 30)),
            ("2×2,000 points, 100×30, log", filled(2_000, log_scale=True), (100, 30)),
            ("2×2,000 points, 100×30, smoothed", filled(2_000, smoothing=0.9), (100, 30)),
            ("2×1,000,000 points, 100×30", filled(1_000_000), (100, 30)),
            ("2×2,000 points, 40×10", filled(2_000), (40, 10)),
        ]
        for name, chart, size in rows:
            print(f"redraw  {name:36} {1000 * await time_redraw(chart, size):7.2f} ms")
        noise = random.Random(1)
        spark = Sparkline([loss(step, noise) for step in range(2_000)])
        spark.styles.height = 30
        spark_time = await time_redraw(spark, (100, 30))
        print(f"redraw  {'Sparkline, 1×2,000 points, 100×30':36} {1000 * spark_time:7.2f} ms")
        each, held = append_figures(1_000_000)
        print(f"append  one sample {1e6 * each:26.2f} µs")
        for samples, size_held in held.items():
            print(f"memory  after {samples:>9,} samples {size_held / 1024:16.0f} KiB")
        live = await processor_share([filled(2_000) for _ in range(4)], 5, rate=10, batch=10)
        print(f"live    4 charts in 160×48, 10 Hz {100 * live:12.1f} % of a core")
        idle = await processor_share([filled(2_000) for _ in range(4)], 5, rate=0, batch=0)
        print(f"idle    4 charts in 160×48 {100 * idle:19.2f} % of a core")

    asyncio.run(figures())


if __name__ == "__main__":
    main()
