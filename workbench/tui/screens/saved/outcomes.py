"""The results of actions on a file since the app was started; shown with the file until it changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from textual.content import Content

from workbench.errors import WorkbenchError
from workbench.tui.views.fitting import printable
from workbench.tui.views.formatting import number
from workbench.tui.views.marks import DONE, FAILED, WARNING


@dataclass(frozen=True)
class Outcome:
    """One result: done, or not, or still going on (None)."""

    done: bool | None
    text: str
    hint: str = ""

    def content(self) -> Content:
        mark, style = {
            True: (DONE, "$text-success"),
            False: (FAILED, "$text-error"),
            None: ("◐", "$text-warning"),
        }[self.done]
        hint = Content("").join(
            Content.styled(f"\n  {printable(line)}", "dim") for line in self.hint.splitlines()
        )
        return Content.assemble((f"{mark} ", style), printable(self.text), hint)


def failed(what: str, error: WorkbenchError, file: str) -> Outcome:
    """An error, with its place unless that is the file itself."""
    place = f"{error.where}: " if error.where and not error.where.endswith(file) else ""
    return Outcome(False, f"{what}: {place}{error.what}", error.hint)


def opened(result: Mapping[str, Any]) -> Outcome:
    """From the worker's answer to `load`."""
    return Outcome(True, f"opens as {result['class']}", _warnings(result["warnings"]))


def evaluated(result: Mapping[str, Any], on: str) -> Outcome:
    """From the worker's answer to `evaluate`."""
    values = "  ".join(f"{name} {_number(value)}" for name, value in result["results"].items())
    return Outcome(True, f"{values}  on {result['rows']:,} rows of {on}")


def copied(result: Mapping[str, Any], name: str) -> Outcome:
    """From the worker's answer to `save_as`."""
    return Outcome(True, f"saved as {name}, read back and compared", _warnings(result["warnings"]))


def _warnings(warnings: list[str]) -> str:
    return "\n".join(f"{WARNING} {warning}" for warning in warnings)


def _number(value: Any) -> str:
    return number(float(value)) if isinstance(value, float | int | str) else str(value)
