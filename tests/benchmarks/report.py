"""The benchmark's results as a table, a JSON file and a plot."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

Results = Mapping[str, Mapping[str, Mapping[str, Any]]]
"""What was measured, by workload and column."""


def table(workload: str, summary: str, columns: Mapping[str, Mapping[str, Any]]) -> Table:
    """One workload: a row for each column, ratios to plain `fit` beside the numbers."""
    drawn = Table(title=f"{workload}: {summary}", title_justify="left", title_style="bold")
    drawn.add_column("")
    for heading in ("steps/s", "× plain", "first epoch", "total", "plain ÷ total", "peak memory"):
        drawn.add_column(heading, justify="right")
    drawn.add_column("note", overflow="fold")
    reference = columns.get("plain", {})
    for name, cell in columns.items():
        if "steps_per_second" not in cell:
            drawn.add_row(name, *[""] * 6, str(cell.get("note", "")))
            continue
        drawn.add_row(
            name,
            f"{cell['steps_per_second']:,.0f}",
            _ratio(cell, reference, "steps_per_second"),
            f"{cell['first_epoch']:.2f} s",
            f"{cell['total']:.2f} s",
            _ratio(reference, cell, "total"),
            f"{cell['peak_memory']:,.0f} MiB",
            cell["note"],
        )
    return drawn


def _ratio(upper: Mapping[str, Any], lower: Mapping[str, Any], key: str) -> str:
    return f"{upper[key] / lower[key]:.2f}" if key in upper and key in lower else ""


def write_json(path: Path, results: Results, about: Mapping[str, Any]) -> None:
    path.write_text(json.dumps({"about": about, "results": results}, indent=1) + "\n")


def plot(path: Path, results: Results, order: Sequence[str], console: Console) -> bool:
    """Speed over plain `fit`, a group of bars for each workload; False where matplotlib is not installed."""
    try:
        import matplotlib
    except ModuleNotFoundError:
        console.print("No plot: matplotlib is not installed (the extra `bench` has it).")
        return False
    matplotlib.use("Agg")
    from matplotlib import pyplot

    shown = {
        name: columns for name, columns in results.items() if "steps_per_second" in columns.get("plain", {})
    }
    figure, axes = pyplot.subplots(figsize=(max(6.0, 1.7 * len(shown)), 4.5), layout="constrained")
    width = 0.8 / len(order)
    for index, column in enumerate(order):
        places, heights = [], []
        for place, columns in enumerate(shown.values()):
            if "steps_per_second" in columns.get(column, {}):
                places.append(place + (index - (len(order) - 1) / 2) * width)
                heights.append(columns[column]["steps_per_second"] / columns["plain"]["steps_per_second"])
        bars = axes.bar(places, heights, width, label=column)
        axes.bar_label(bars, fmt="%.1f", fontsize=7)
    axes.set_yscale("log")
    axes.axhline(1.0, color="black", linewidth=0.8)
    axes.set_xticks(range(len(shown)), list(shown))
    axes.set_ylabel("training steps per second, over plain fit")
    axes.legend(ncols=len(order), fontsize=8)
    figure.savefig(path, dpi=150)
    pyplot.close(figure)
    return True
