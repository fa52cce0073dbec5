"""DataProblems: why the data cannot be used as it is, in whole; or what in it is likely to mislead."""

from __future__ import annotations

from textual.widgets import Static

from workbench.errors import WorkbenchError
from workbench.tui.screens.data.preview import DataPreview
from workbench.tui.views.marks import FAILED, WARNING


class DataProblems(Static):
    """The line above the columns has space only for the beginning of an error."""

    DEFAULT_CSS = """
    DataProblems {
        display: none; height: auto; max-height: 60%; padding: 0 1; color: $text-error;
        &.-warnings { max-height: 30%; color: $text-warning; }
    }
    """

    def __init__(self) -> None:
        super().__init__("", id="data-error", markup=False)

    def show(self, error: WorkbenchError | None, look: DataPreview) -> None:
        """Show the error, or the warnings of an answer; nothing where there are none."""
        self.display = bool(error or look.warnings)
        self.set_class(error is None, "-warnings")
        if error is not None:
            place = f"{error.where}: " if error.where else ""
            hint = f"\n{error.hint}" if error.hint else ""
            self.update(f"{FAILED} {place}{error.what}{hint}")
        elif look.warnings:
            self.update("\n".join(f"{WARNING} {each}" for each in look.warnings))
