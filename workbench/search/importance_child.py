"""The importance of a search's keys, in a process of its own: Optuna takes seconds. Asked {folder}, it answers with
{trials, shares}, or with {error, hint}."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from workbench.children import requests_and_answers, requests_in
from workbench.errors import WorkbenchError
from workbench.search.importance import importance_of
from workbench.search.kept_elsewhere import journal_in
from workbench.search.opening import base_of
from workbench.search.state import SearchState


def answer(folder: Path) -> dict[str, Any]:
    """The answer about the search in a folder."""
    try:
        kept = journal_in(folder)
        state = kept.read() if kept is not None else SearchState()
        found = importance_of(base_of(state.recipe, state.recipe["overrides"]), state.trials)
    except WorkbenchError as error:
        return {"error": error.what, "hint": error.hint}
    except Exception as error:  # of Optuna: the app shows it
        return {"error": f"{type(error).__name__}: {error}", "hint": ""}
    return {"trials": found.trials, "shares": dict(found.shares)}


def main() -> None:
    given, answers = requests_and_answers()
    for request in requests_in(given):
        answers.send(answer(Path(request["folder"])))


if __name__ == "__main__":
    main()
