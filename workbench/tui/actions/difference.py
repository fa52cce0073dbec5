"""Compare two runs: what differs side by side, and their curves over each other."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import ClassVar

from rich.cells import cell_len
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Label, Static

from workbench.storage.run_folder import RunFolder, read_environment
from workbench.tui.chart.widget import Chart
from workbench.tui.context import AppContext
from workbench.tui.services import run_files
from workbench.tui.services.histories import RunHistory
from workbench.tui.views.compare import Difference, differences, results
from workbench.tui.views.fitting import fit, printable, short_names
from workbench.tui.views.series import Series
from workbench.tui.widgets.dialogs import Dialog

Section = tuple[str, Sequence[Difference], str]


async def compare_runs(
    app: AppContext,
    runs: tuple[RunFolder, RunFolder],
    histories: tuple[RunHistory, RunHistory],
    metric: str,
    names: Sequence[str] = (),
    first: Sequence[Section] = (),
    title: str = "Two runs",
) -> None:
    """Show how two runs differ. Needs a worker's context.

    Args:
        histories: of the runs; what is new is read.
        metric: whose curves are drawn over each other.
        names: what the runs are called; by default the parts in which their names differ.
        first: sections that come before the others.

    Raises:
        FileError: a run cannot be read.
    """
    for history in histories:
        await history.catch_up()
    recipes = [await asyncio.to_thread(run_files.read_recipe, run) for run in runs]
    versions = [await asyncio.to_thread(read_environment, run) for run in runs]
    sections = [
        *first,
        ("results", results(*(history.record.view for history in histories)), ""),
        ("recipe", differences(*recipes), "the same"),
        ("ran on", differences(*versions), "the same"),
    ]
    curves = [history.series(metric) for history in histories]
    names = names or short_names([run.name for run in runs])
    await app.push_screen_wait(DifferenceDialog(names, sections, metric, curves, title))


class DifferenceDialog(Dialog[None]):
    """Two runs: sections of lines, and a curve of each.

    Args:
        sections: of each the title, the lines, and the text if there is no line.
        metric: what the curves are of.
        curves: None for a run without one.
    """

    DEFAULT_CSS = """
    DifferenceDialog > Vertical { width: 110; max-width: 100%; height: auto; max-height: 95%; padding: 0 1; }
    DifferenceDialog VerticalScroll { height: auto; max-height: 75vh; margin-top: 0; }
    DifferenceDialog.-curves > Vertical { height: 95%; }
    DifferenceDialog.-curves VerticalScroll { height: 3fr; }
    DifferenceDialog Chart { height: 2fr; min-height: 6; margin-top: 1; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,q,d", "leave", "Close", id="difference.close", tooltip="Close the comparison"),
    ]

    def __init__(
        self,
        names: Sequence[str],
        sections: Sequence[Section],
        metric: str = "",
        curves: Sequence[Series | None] = (),
        title: str = "Two runs",
    ) -> None:
        super().__init__()
        self._names = names[0], names[1]
        self._sections = sections
        self._title = title
        self._metric = metric
        self._curves = curves
        self.set_class(any(curve is not None for curve in curves), "-curves")

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Label(self._title, classes="dialog-title", markup=False)
            with VerticalScroll():
                yield Static(id="lines", markup=False)
            if self.has_class("-curves"):
                yield Chart(self._metric)

    def on_mount(self) -> None:
        if self.has_class("-curves"):
            chart = self.query_one(Chart)
            for name, series in zip(self._names, self._curves, strict=True):
                if series is not None:
                    chart.add_series(name, series=series)
                    series.name = printable(name)  # what the legend shows
        self.query_one(VerticalScroll).focus()

    def on_resize(self) -> None:
        self.call_after_refresh(self._fill)

    def _fill(self) -> None:
        static = self.query_one("#lines", Static)
        static.update(side_by_side(*self._names, self._sections, max(static.size.width, 30)))

    def copy_text(self) -> str:
        """The text that `y` copies: every line, tab-separated."""
        rows = [("", *self._names)]
        for title, lines, _ in self._sections:
            rows += [(title, "", ""), *((line.key, line.left, line.right) for line in lines)]
        return "\n".join("\t".join(row) for row in rows)


def side_by_side(left: str, right: str, sections: Sequence[Section], width: int) -> Content:
    """The sections as three columns in so many cells."""
    keys = [cell_len(line.key) for _, lines, _ in sections for line in lines]
    first = min(max([*keys, 8]), max(width * 2 // 5, 10))
    each = max((width - first - 2) // 2, 6)

    def row(key: str, one: str, other: str, style: str = "", mark: str = "") -> Content:
        return Content.assemble(
            (_padded(key, first), "dim"),
            " ",
            (_padded(one, each), style),
            " ",
            (fit(other, each), style),
            mark,
            "\n",
        )

    parts: list[Content | str | tuple[str, str]] = [row("", left, right, "bold")]
    for title, lines, nothing in sections:
        parts += ["\n", (f"{title}\n", "bold $primary")]
        if not lines:
            parts.append((f"{nothing}\n", "dim"))
        for line in lines:
            parts.append(row(line.key, line.left, line.right, "" if line.left == line.right else "bold"))
    return Content.assemble(*parts).rstrip()


def _padded(text: str, width: int) -> str:
    text = fit(text, width)
    return text + " " * (width - cell_len(text))
