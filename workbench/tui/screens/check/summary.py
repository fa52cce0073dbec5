"""The line above the grid: what is checked, how far it is, what has turned."""

from __future__ import annotations

from textual.content import Content

from workbench.tui.screens.check.detail import STYLES
from workbench.tui.views.check_states import STATE_WORDS, CheckStates
from workbench.tui.views.fitting import printable
from workbench.tui.views.marks import BUSY, CHECKS, DONE, FAILED, STOPPED

_MOST_NAMED = 2  # checks that turned and are named


def summary_of(title: str, states: CheckStates, before: CheckStates, *, live: bool, stopped: bool) -> Content:
    """`✗ layer gate.Gate  ✗ 1 failed  ✓ 40 passed  turned: ...`

    Args:
        title: what is checked.
        states: of its checks, now.
        before: those of the time before.
        live, stopped: whether checks are being made; whether the user has ended them.
    """
    counts = states.counts
    every = sum(counts.values())
    done = every - counts["waiting"] - counts["running"]
    if live:
        far = f"  {done} of {every}" if every else ""  # a recipe's layers are found out first
        head = Content.assemble((f"{BUSY} ", "bold $accent"), (printable(title), "bold"), far)
    else:
        mark, style = (FAILED, "$text-error") if counts["failed"] else (DONE, "$text-success")
        if stopped or not done or counts["waiting"]:
            mark, style = STOPPED, "$text-warning"
        head = Content.assemble((f"{mark} ", f"bold {style}"), (printable(title), "bold"))
    parts = [head]
    if running := states.in_state("running"):
        parts.append(Content.styled(f"{CHECKS['running']} {running[0][1]}", "bold $accent"))
    elif live:
        parts.append(Content.styled("Keras is loading", "dim"))
    if stopped and not live:
        parts.append(Content(f"stopped, {counts['waiting']} not made"))
    parts += [
        Content.styled(
            f"{CHECKS[state]} {counts[state]} {STATE_WORDS[state].partition(',')[0]}",
            STYLES.get(state, "dim"),
        )
        for state in ("failed", "warning", "skipped", "passed")
        if counts[state]
    ]
    worse, better = states.turned(before)
    parts += [Content.styled(_turned("now failing", worse), "bold $text-error")] if worse else []
    parts += [Content.styled(_turned("mended", better), "bold $text-success")] if better else []
    return Content("  ").join(parts)


def _turned(words: str, names: list[str]) -> str:
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return f"{words}: {', '.join(names[:_MOST_NAMED])}{more}"
