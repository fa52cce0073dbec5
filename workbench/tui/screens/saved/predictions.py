"""PredictionsScreen: predictions row by row, the worst first, compared with the true values."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar

from textual import on, work
from textual.binding import Binding, BindingType
from textual.containers import Container, Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets import DataTable, Static

from workbench.errors import WorkbenchError
from workbench.tui.screens.base import WorkbenchScreen
from workbench.tui.screens.saved.confusion import ConfusionTable
from workbench.tui.screens.saved.scatter import ScatterPlot
from workbench.tui.views.fitting import printable
from workbench.tui.views.formatting import number
from workbench.tui.views.marks import DONE, FAILED
from workbench.tui.widgets.page_table import PAGE, PageTable
from workbench.tui.widgets.pictures import PicturesDialog

MOST_BESIDE = 60  # columns of the rows, where something stands beside them
LEAST_PICTURE = 30  # columns of the picture beside the rows
LEAST_ROWS = 6  # lines of the rows, where it stands below them


class PredictionsScreen(WorkbenchScreen):
    """Predictions of a saved model: a table of all rows; for numbers predicted beside true values, or how far
    off they are; for classes the confusion matrix.

    Args:
        file: the model's file, as it is shown.
        on: what data.
        result: the worker's answer to `predictions`.
        export: writes the predictions of all rows to a file; asks which.
        fetch: a page of the rows: the worker's `predicted_rows`, called with start, count, by, wrong.
        fetch_pictures: as pictures: the worker's `predicted_pictures`.
    """

    BINDING_GROUP_TITLE = "Predictions"
    CSS_PATH = "predictions.tcss"

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Back", id="predictions.back", tooltip="Back to the saved files"),
        Binding("v", "other_view", "Other view", id="predictions.view",
                tooltip="Numbers: predicted, or how far off; classes: counts, or shares of the true class"),
        Binding("e", "by_error", "Worst first", id="predictions.by-error",
                tooltip="The worst predictions first, or the rows in the order of the data"),
        Binding("w", "wrong_only", "Wrong only", id="predictions.wrong",
                tooltip="Only the rows whose class is predicted wrong, or all"),
        Binding("p", "pictures", "Pictures", id="predictions.pictures",
                tooltip="The rows as pictures, in this order: the wrong ones with w"),
        Binding("n", "next", "Next target", id="predictions.next", tooltip="The next target of the model"),
        Binding("s", "export", "Save CSV", id="predictions.export",
                tooltip="Write the predictions of all rows to a CSV file"),
    ]  # fmt: skip

    def __init__(
        self,
        file: str,
        on: str,
        result: Mapping[str, Any],
        export: Callable[[], object],
        fetch: Callable[..., Awaitable[Mapping[str, Any]]],
        fetch_pictures: Callable[..., Awaitable[Mapping[str, Any]]] | None = None,
    ) -> None:
        super().__init__()
        self._fetch = fetch
        self._fetch_pictures = fetch_pictures
        self._by: str = result["by"]
        self._wrong = False
        self._total: int = result["rows"]
        self._file = file
        self._on = on
        self._result = result
        self._export = export
        self._comparisons: Sequence[Mapping[str, Any]] = result["comparisons"]
        self._at = 0

    def compose_body(self) -> Iterable[Widget]:
        yield Static(id="about", markup=False)
        with Container(id="both"):
            yield PageTable(id="rows")
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
            self._show_about(Content.styled(f"no comparison: {printable(self._result['no_truth'])}", "dim"))

    def _fill_table(self) -> None:
        table = self.query_one(PageTable)
        table.show([(name, kind) for name, kind in self._result["columns"]], self._result["rows"])
        table.put(0, self._result["first"])

    @on(PageTable.Wanted)
    @work
    async def _wanted(self, event: PageTable.Wanted) -> None:
        """Bring a page that came into view."""
        by, wrong = self._by, self._wrong
        try:
            page = await self._fetch(start=event.start, count=PAGE, by=by, wrong=wrong)
        except WorkbenchError as error:
            self.notify(f"{error}", severity="warning", markup=False)
            return
        if (by, wrong) == (self._by, self._wrong):
            self.query_one(PageTable).put(event.start, page["rows"])

    @work(exclusive=True, group="order")
    async def _reorder(self) -> None:
        """Show the rows in the order wanted now."""
        by, wrong = self._by, self._wrong
        try:
            page = await self._fetch(start=0, count=PAGE, by=by, wrong=wrong)
        except WorkbenchError as error:
            self.notify(f"{error}", severity="warning", markup=False)
            return
        if (by, wrong) != (self._by, self._wrong):
            return
        self._total = page["total"]
        table = self.query_one(PageTable)
        table.reset(self._total)
        table.put(0, page["rows"])
        self._show_about_again()

    @on(PageTable.Highlighted)
    def _mark(self, event: PageTable.Highlighted) -> None:
        """Mark the row of the cursor among the points."""
        shown = self._shown
        if shown is None or shown["kind"] != "numbers":
            return
        values, places = event.values, (shown.get("true_at", -1), shown.get("predicted_at", -1))
        if values is None or min(places) < 0:
            self.query_one(ScatterPlot).mark(None)
        else:
            true, predicted = (values[place] for place in places)
            both = isinstance(true, float | int) and isinstance(predicted, float | int)
            self.query_one(ScatterPlot).mark((float(true), float(predicted)) if both else None)

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
        else:
            confusion.show(shown["classes"], shown["counts"])
        self._show_about_again()
        self._lay_out()
        self.refresh_bindings()

    def on_resize(self) -> None:
        self._lay_out()

    def _lay_out(self) -> None:
        """A matrix that is too wide to stand beside the rows stands below them."""
        if (shown := self._shown) is None:
            return
        columns, lines = self.query_one(ConfusionTable).size_needed if shown["kind"] == "classes" else (0, 0)
        beside = self.size.width - min(MOST_BESIDE, self.size.width // 2) - 4
        below = columns > beside
        self.set_class(below, "-below")
        room = self.query_one("#both").size.height
        height = min(lines + 1, max(room - LEAST_ROWS, room // 2))  # and the words on the cell
        styles = self.query_one("#comparison").styles
        styles.height = height if below else None
        # Numbers that are cut look like smaller ones: what is compared has room, and the picture the rest.
        rows = self.query_one(PageTable)
        wanted = min(max(rows.width_needed, self.size.width // 2), self.size.width - LEAST_PICTURE)
        beside_it = not below and shown["kind"] == "numbers" and self.size.width >= 80
        rows.styles.width = wanted if beside_it else None

    def _show_about_again(self) -> None:
        if (shown := self._shown) is not None:
            self._show_about(_about_numbers(shown) if shown["kind"] == "numbers" else _about_classes(shown))

    def _show_about(self, about: Content) -> None:
        rows = self._result["rows"]
        head = f"{rows:,} rows"
        if self._wrong:
            head = f"{self._total:,} wrong of {rows:,} rows"
        if self._by:
            head += ", worst first"
        if self._result["left_out_columns"]:
            head += f", {self._result['left_out_columns']:,} columns not shown"
        trained = printable(self._result.get("trained", ""))
        lines = [
            Content.assemble((self._file, "bold"), f"  on {printable(self._on)}  ", (head, "dim")),
            about,
        ]
        if trained:
            lines.append(Content.styled(trained[0].upper() + trained[1:], "dim"))
        self.query_one("#about", Static).update(Content("\n").join(lines))

    @on(DataTable.CellHighlighted, "#confusion")
    def _explain(self) -> None:
        self.query_one("#cell", Static).update(self.query_one(ConfusionTable).description())

    # ------------------------------------------------------------------ actions

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Without the truth there is one view only."""
        if action == "pictures":
            return self._fetch_pictures is not None and bool(self._result.get("pictures"))
        if action == "next":
            return len(self._comparisons) > 1
        if action == "wrong_only":
            return self._shown is not None and self._shown["kind"] == "classes"
        return bool(self._comparisons) if action in ("other_view", "by_error") else True

    def key_words(self, action: str) -> str | None:
        """The name of what the key shows next."""
        shown = self._shown
        if action == "other_view" and shown is not None and shown["kind"] == "numbers":
            return "Predicted" if self.query_one(ScatterPlot).residuals else "Residuals"
        if action == "other_view" and shown is not None:
            return "Counts" if self.query_one(ConfusionTable).shares else "Shares"
        if action == "by_error" and self._by:
            return "Data order"
        if action == "wrong_only" and self._wrong:
            return "All rows"
        return None

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
        self.refresh_bindings()

    def action_by_error(self) -> None:
        """The worst first, or the order of the data."""
        self._by = "" if self._by or self._shown is None else self._shown["name"]
        self.refresh_bindings()
        self._reorder()

    def action_wrong_only(self) -> None:
        """Only wrong classes, or all rows."""
        self._wrong = not self._wrong
        self.refresh_bindings()
        self._reorder()

    def action_next(self) -> None:
        """The next target."""
        self._at = (self._at + 1) % len(self._comparisons)
        shown = self._shown
        assert shown is not None
        self._by = shown["name"] if self._by else ""
        self._wrong = self._wrong and shown["kind"] == "classes"
        self._compare()
        self._reorder()

    def action_pictures(self) -> None:
        """Show the rows as pictures, with the prediction and the truth."""
        by, wrong = self._by, self._wrong

        async def fetch(start: int, count: int, most: int, part: str) -> dict[str, Any]:
            assert self._fetch_pictures is not None
            page = await self._fetch_pictures(start=start, count=count, by=by, wrong=wrong, most=most)
            shown = [{**each, "title": self._about_row(each["values"])} for each in page["pictures"]]
            return {"pictures": shown, "total": page["total"]}

        what = "Wrong predictions" if wrong else "Predictions"
        self.app.push_screen(PicturesDialog(f"{what} of {self._file}", fetch))

    def _about_row(self, values: Sequence[Any]) -> str:
        """The prediction of a row, after a mark and the truth where that is known."""
        found: dict[str, Any] = {}
        for (_, kind), value in zip(self._result["columns"], values, strict=False):
            found.setdefault(kind, value)
        sure = found.get("confidence")
        text = f"{_shown(found.get('predicted', ''))}{f' {sure:.0%}' if isinstance(sure, float) else ''}"
        if "right" in found:
            return f"{DONE} {text}" if found["right"] else f"{FAILED} {_shown(found.get('true'))} → {text}"
        return f"{_shown(found['true'])} → {text}" if "true" in found else text

    def action_export(self) -> None:
        """Write all predictions to a CSV file."""
        self._export()


def _about_numbers(shown: Mapping[str, Any]) -> Content:
    parts: list[str | tuple[str, str]] = [(f"{printable(shown['name'])}  ", "bold")]
    if shown["count"]:
        parts.append(
            f"mean absolute error {_number(shown['mae'])}  root mean square {_number(shown['rmse'])}"
            f"  bias {_number(shown['bias'])}"
        )
        if shown["r2"] is not None:
            parts.append(f"  R² {_number(shown['r2'])}")
    if shown["left_out"]:
        parts.append((f"  {FAILED} {shown['left_out']:,} not finite", "bold $text-error"))
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


def _shown(value: Any) -> str:
    return _number(value) if isinstance(value, float) else str(value)


def _number(value: Any) -> str:
    return number(float(value))
