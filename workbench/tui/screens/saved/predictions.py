"""PredictionsScreen: the first rows of predictions, and how they lie beside the truth."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar

from rich.text import Text
from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Container, Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets import DataTable, Static

from workbench.tui.chart.grid import fit, printable
from workbench.tui.chart.scale import number
from workbench.tui.screens.base import WorkbenchScreen
from workbench.tui.screens.saved.confusion import ConfusionTable
from workbench.tui.screens.saved.scatter import ScatterPlot

_WIDEST = 22


class PredictionsScreen(WorkbenchScreen):
    """Predictions of a saved model: a table of the first rows; for numbers predicted beside true values, or how far
    off they are; for classes the confusion matrix.

    Args:
        file: the model's file, as it is shown.
        on: what data.
        result: the worker's answer to `predictions`.
        export: writes the predictions of all rows to a file; asks which.
    """

    BINDING_GROUP_TITLE = "Predictions"
    CSS_PATH = "predictions.tcss"

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Back", id="predictions.back", tooltip="Back to the saved files"),
        Binding("v", "other_view", "Residuals/shares", id="predictions.view",
                tooltip="Numbers: predicted, or how far off; classes: counts, or shares of the true class"),
        Binding("n", "next", "Next target", id="predictions.next", tooltip="The next target of the model"),
        Binding("s", "export", "Save CSV", id="predictions.export",
                tooltip="Write the predictions of all rows to a CSV file"),
    ]  # fmt: skip

    def __init__(self, file: str, on: str, result: Mapping[str, Any], export: Callable[[], object]) -> None:
        super().__init__()
        self._file = file
        self._on = on
        self._result = result
        self._export = export
        self._comparisons: Sequence[Mapping[str, Any]] = result["comparisons"]
        self._at = 0

    def compose_body(self) -> Iterable[Widget]:
        yield Static(id="told", markup=False)
        with Container(id="both"):
            yield DataTable(id="rows", cursor_type="row")
            if self._comparisons:
                with Vertical(id="comparison"):
                    yield ScatterPlot(id="scatter")
                    yield ConfusionTable(id="confusion")
                    yield Static(id="cell", markup=False)

    def on_mount(self) -> None:
        self._fill_table()
        self.query_one("#rows").focus()
        if self._comparisons:
            self._compare()
        else:
            self.set_class(True, "-alone")
            self._tell(Content.styled(f"no comparison: {printable(self._result['no_truth'])}", "dim"))

    def _fill_table(self) -> None:
        table = self.query_one("#rows", DataTable)
        types = self._result["first"][0] if self._result["first"] else ()
        for name, first in zip(self._result["columns"], types, strict=True):
            text = Text(fit(printable(name), _WIDEST), justify="left" if isinstance(first, str) else "right")
            table.add_column(text)
        for row in self._result["first"]:
            table.add_row(*map(_cell, row))

    # ------------------------------------------------------------------ comparison

    @property
    def _shown(self) -> Mapping[str, Any] | None:
        return self._comparisons[self._at] if self._comparisons else None

    def _compare(self) -> None:
        shown = self._shown
        assert shown is not None
        numbers = shown["kind"] == "numbers"
        scatter, confusion = self.query_one(ScatterPlot), self.query_one(ConfusionTable)
        scatter.display, confusion.display = numbers, not numbers
        self.query_one("#cell").display = not numbers
        if numbers:
            scatter.show(shown["true"], shown["predicted"])
            self._tell(_about_numbers(shown))
        else:
            confusion.show(shown["classes"], shown["counts"])
            self._tell(_about_classes(shown))

    def _tell(self, about: Content) -> None:
        rows, first = self._result["rows"], len(self._result["first"])
        head = f"{rows:,} rows" + (f", the first {first:,} listed" if first < rows else "")
        if self._result["left_out_columns"]:
            head += f", {self._result['left_out_columns']:,} columns not shown"
        self.query_one("#told", Static).update(
            Content.assemble(
                (self._file, "bold"), f"  on {printable(self._on)}  ", (head, "dim"), "\n", about
            )
        )

    @on(DataTable.CellHighlighted, "#confusion")
    def _explain(self) -> None:
        self.query_one("#cell", Static).update(self.query_one(ConfusionTable).told())

    # ------------------------------------------------------------------ actions

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Without the truth there is one view only."""
        if action == "next":
            return len(self._comparisons) > 1
        return bool(self._comparisons) if action == "other_view" else True

    def action_leave(self) -> None:
        """Back to the files."""
        self.app.pop_screen()

    def action_other_view(self) -> None:
        """Predicted or residuals; counts or shares."""
        shown = self._shown
        if shown is not None and shown["kind"] == "numbers":
            scatter = self.query_one(ScatterPlot)
            scatter.residuals = not scatter.residuals
        elif shown is not None:
            self.query_one(ConfusionTable).toggle_shares()

    def action_next(self) -> None:
        """The next target."""
        self._at = (self._at + 1) % len(self._comparisons)
        self._compare()

    def action_export(self) -> None:
        """Write all predictions to a CSV file."""
        self._export()


def _cell(value: Any) -> Text:
    if isinstance(value, float):
        return Text(number(value), justify="right")
    if isinstance(value, int) and not isinstance(value, bool):
        return Text(str(value), justify="right")
    return Text(fit(printable(str(value)), _WIDEST))


def _about_numbers(shown: Mapping[str, Any]) -> Content:
    parts: list[str | tuple[str, str]] = [(f"{printable(shown['name'])}  ", "bold")]
    if shown["count"]:
        parts.append(
            f"mean error {_number(shown['mae'])}  root mean square {_number(shown['rmse'])}"
            f"  bias {_number(shown['bias'])}"
        )
        if shown["r2"] is not None:
            parts.append(f"  R² {_number(shown['r2'])}")
    if shown["left_out"]:
        parts.append((f"  ✗ {shown['left_out']:,} not finite", "bold $text-error"))
    if len(shown["true"]) < shown["count"]:
        parts.append((f"  {len(shown['true']):,} of {shown['count']:,} drawn", "dim"))
    return Content.assemble(*parts)


def _about_classes(shown: Mapping[str, Any]) -> Content:
    counts = shown["counts"]
    rows = sum(map(sum, counts))
    right = sum(counts[at][at] for at in range(len(counts)))
    share = f"{right / rows:.1%}" if rows else "–"
    return Content.assemble(
        (f"{printable(shown['name'])}  ", "bold"), f"{share} right: {right:,} of {rows:,}"
    )


def _number(value: Any) -> str:
    return number(float(value))
