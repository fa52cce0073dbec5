"""Begin to check an entry, a plugin or the open recipe, from wherever one is."""

from __future__ import annotations

from dataclasses import replace

from workbench.tui.context import AppContext, CheckTarget
from workbench.tui.messages import CheckWanted


def begin_check(app: AppContext, target: CheckTarget) -> None:
    """Show the check screen, which then checks the target, again if it is what was checked last."""
    app.check_target = replace(target)  # an object of its own: the screen checks each once
    app.go("check")
    app.share(CheckWanted())
