"""What is known of one check of one entry, as text."""

from __future__ import annotations

from textual.content import Content

from workbench.check.contract import BY_ID
from workbench.check.supervising import Key
from workbench.tui.views.check_states import STATE_WORDS, CheckStates
from workbench.tui.views.fitting import printable
from workbench.tui.views.marks import CHECKS

STYLES = {
    "failed": "$text-error",
    "warning": "$text-warning",
    "xfail": "$text-warning",
    "passed": "$text-success",
    "running": "$accent",
}


def detail_of(states: CheckStates, key: Key, check: str, *, live: bool) -> Content:
    """The outcome, the requirement, what was found, the line of code and the hint.

    Args:
        states: of all checks.
        key, check: which one.
        live: whether checks are being made.
    """
    state, result, entry = states.state(key, check), states.result(key, check), states.entries[key]
    head: list[str | tuple[str, str]] = [(check, "bold"), f"  {printable(key[1])} ({key[0]})"]
    if not state:
        return Content.assemble(*head, (f"\nnot made on a {key[0]}: it is about other kinds.", "dim"))
    words = "not made yet" if state == "waiting" and not live else STATE_WORDS[state]
    parts: list[Content] = [
        Content.assemble((f"{CHECKS[state]} {words}  ", f"bold {STYLES.get(state, '')}".strip()), *head),
        Content.styled(f"The contract: {BY_ID[check].asks}.", "dim"),
    ]
    if result is not None:
        parts += [Content(result.detail)] if result.detail else []
        if result.code:
            place, *lines = result.code
            parts += [Content.styled(place, "$primary"), *(Content(line) for line in lines)]
        parts += [Content.assemble(("Hint: ", "bold"), result.hint)] if result.hint else []
    elif state == "waiting" and entry.expected_failures.get(check):
        parts.append(Content(f"Announced to fail: {entry.expected_failures[check]}"))
    return Content("\n").join(parts)


def whole_text(states: CheckStates, key: Key, check: str, *, live: bool) -> str:
    """The same as plain text, with the traceback where there is one."""
    text = detail_of(states, key, check, live=live).plain
    result = states.result(key, check)
    return f"{text}\n\n{result.traceback.rstrip()}" if result is not None and result.traceback else text
