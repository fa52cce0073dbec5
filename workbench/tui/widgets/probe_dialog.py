"""A dialog that looks inside the layers of a model: a table of them, and all tensors of the one under the cursor."""

from __future__ import annotations

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ClassVar

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.widgets import DataTable, Label, Static

from workbench.errors import WorkbenchError
from workbench.probing.edit_report import EditReport
from workbench.probing.probe_report import Probe, cost_from, tensors_from
from workbench.tui.context import ProbeTarget, WorkerAnswers, kwb
from workbench.tui.messages import CatalogChanged
from workbench.tui.views.marks import FAILED
from workbench.tui.views.probe_text import cost_lines, layer_cells, memory_line, probe_head, tensor_lines
from workbench.tui.widgets.dialogs import Dialog
from workbench.tui.widgets.wide_table import WideTable

SETTLED = 0.15  # seconds that the cursor rests on a layer before its tensors are asked for


class ProbeDialog(Dialog[None]):
    """Looks inside a model in a child of its own, which ends when the dialog is left. `y` copies what is shown.

    Args:
        target: what to look into.
    """

    DEFAULT_CSS = """
    ProbeDialog > Vertical { width: 100%; max-width: 100%; height: 100%; max-height: 100%; padding: 0 1; }
    ProbeDialog WideTable { height: 2fr; margin-top: 1; }
    ProbeDialog WideTable > .datatable--fixed { background: $surface; color: $foreground; }
    ProbeDialog VerticalScroll { height: 3fr; max-height: 100%; }
    ProbeDialog #about { width: 100%; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "leave", "Close", id="probe.close", tooltip="Close"),
        Binding(
            "c",
            "cost",
            "Cost",
            id="probe.cost",
            tooltip="Measure what each layer costs: time, operations, parameters",
        ),
    ]

    def __init__(self, target: ProbeTarget) -> None:
        super().__init__()
        self._target = target
        self._probe: Probe | None = None
        self._child: WorkerAnswers | None = None
        self._left = asyncio.Event()
        self._kept = TemporaryDirectory(prefix="kwb-probe-")
        self._edit: EditReport | None = None
        self._layer_shown = ""
        self._shown = ""

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Label(f"Inside {self._target.name}", classes="dialog-title", markup=False)
            yield Static("A step is run on a batch ...", id="about", markup=False)
            yield WideTable(id="layers")
            with VerticalScroll():
                yield Static(id="tensors", markup=False)

    def on_mount(self) -> None:
        self.query_one(WideTable).display = self.query_one(VerticalScroll).display = False
        self._look()

    def on_unmount(self) -> None:
        self._left.set()
        self._kept.cleanup()

    @work(group="child", exclusive=True)
    async def _look(self) -> None:
        """Have a child as long as the dialog is open, for it keeps what the layers did. After an edit another one."""
        kept = Path(self._kept.name) / "probe.npz"
        compare = {"compare": str(kept)} if kept.exists() else {}
        self._child = None
        try:
            async with kwb(self).worker.child_apart() as child:
                probe = Probe.from_record(await child.call("probe", **self._target.arguments, **compare))
                await child.call("probe_keep", file=str(kept))
                self._probe, self._child = probe, child
                self._fill(probe)
                await self._left.wait()
        except WorkbenchError as error:  # what was seen before stays
            self.query_one("#about", Static).update("\n".join([f"{FAILED} {error}", *_place(error)]))
        finally:
            self._child = None

    @on(CatalogChanged)
    def _edited(self, event: CatalogChanged) -> None:
        """A plugin file was saved: look again, with the weights of before."""
        if event.renewed:
            self._look()

    def _fill(self, probe: Probe) -> None:
        head = [probe_head(probe)]
        if probe.memory is not None:
            head.append(memory_line(probe.memory))
        self.query_one("#about", Static).update("\n".join(head))
        table = self.query_one(WideTable)
        layer = self._layer_shown or self._target.layer
        table.clear(columns=True)
        first, *rows = layer_cells(probe.lines)
        for heading in first:
            table.add_column(heading)
        table.fixed_columns = 1
        for row in rows:
            table.add_row(*map(Text, row))
        table.display = self.query_one(VerticalScroll).display = True
        paths = [line.path for line in probe.lines]
        self._edit = probe.edit
        table.move_cursor(row=paths.index(layer) if layer in paths else 0)
        if self.focused is None:  # after an edit it stays where it is
            table.focus()

    @property
    def _layer(self) -> str:
        row = self.query_one(WideTable).cursor_row
        lines = self._probe.lines if self._probe is not None else ()
        return lines[row].path.partition("#")[0] if 0 <= row < len(lines) else ""

    @on(DataTable.RowHighlighted)
    def _moved(self) -> None:
        if self._layer:
            self._show_tensors(self._layer)

    @work(group="tensors", exclusive=True)
    async def _show_tensors(self, layer: str) -> None:
        await asyncio.sleep(SETTLED)
        if self._child is None:
            return
        try:
            tensors = tensors_from(await self._child.call("probe_tensors", layer=layer))
        except WorkbenchError as error:
            self._show(f"{FAILED} {error}")
            return
        moved, self._layer_shown = layer != self._layer_shown, layer
        edit = ["What the edit has changed", *self._edit.lines(), ""] if self._edit is not None else []
        lines = [line for tensor in tensors for line in (*tensor_lines(tensor), "")]
        self._show("\n".join([*edit, *lines]), from_the_top=moved or bool(edit))

    @work(group="tensors", exclusive=True)
    async def action_cost(self) -> None:
        if self._child is None or self._probe is None:
            return
        self._show("Steps are run and measured ...")
        try:
            record = await self._child.call("probe_cost")
        except WorkbenchError as error:
            self._show(f"{FAILED} {error}")
            return
        lines = (
            cost_lines(cost_from(record), self._probe.steps)
            if record
            else ["It has no loss, so no step to measure."]
        )
        self._show("\n".join(lines))

    def _show(self, text: str, *, from_the_top: bool = True) -> None:
        self._shown = text
        self.query_one("#tensors", Static).update(text)
        if from_the_top:
            self.query_one(VerticalScroll).scroll_home(animate=False)

    def copy_text(self) -> str:
        """The text that `y` copies."""
        return self._shown


def _place(error: WorkbenchError) -> tuple[str, ...]:
    """Where in the user's code an error comes from: file, line, and the line of code."""
    return error.origin.lines if error.origin is not None else ()
