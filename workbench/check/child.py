"""`python -m workbench.check.child`: the process that runs the checks. A check may crash it.

It reads one line of JSON, the order, from standard input, and ends when standard input ends, because then its parent is
gone. On its standard output it reports, as one line of JSON each: that it is ready, each check that it begins, each
result.
"""

from __future__ import annotations

import argparse
import os
import signal
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from workbench.catalog import Entry, single_file
from workbench.catalog.discovery import discover
from workbench.catalog.lookup import Catalog
from workbench.check.contract import Check
from workbench.check.results import Status
from workbench.children import requests_and_answers, requests_in
from workbench.errors import WorkbenchError
from workbench.process import import_keras, leave_at_once

Report = Callable[[Mapping[str, Any]], None]


def main(arguments: Sequence[str] | None = None) -> None:
    """Make the checks that the parent asks for."""
    parser = argparse.ArgumentParser(prog="python -m workbench.check.child", description=__doc__)
    parser.add_argument("--plugin", type=Path, action="append", default=[], help="a plugin file")
    parser.add_argument("--no-plugin", action="append", default=[], help="a plugin to leave out")
    options = parser.parse_args(arguments)

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in the terminal is the parent's to understand
    commands, answers = requests_and_answers()
    wanted = next(requests_in(commands))
    threading.Thread(target=_end_with, args=(commands,), daemon=True).start()
    report = answers.send
    import_keras()
    catalog = Catalog(discover(options.plugin, blocked=options.no_plugin, scan=single_file.scan))
    report({"ready": os.getpid()})
    try:
        _make(wanted, catalog, report)
    except WorkbenchError as error:  # of the recipe
        report({"error": error.as_record()})
    report({"done": True})
    leave_at_once(0)


def _end_with(commands: Any) -> None:
    """End at once when the parent has gone, also out of an endless loop."""
    commands.read()
    os._exit(0)


def _make(wanted: dict[str, Any], catalog: Catalog, report: Report) -> None:
    import keras

    from workbench.check.running import EntryRun
    from workbench.check.subject import CheckedEntry

    if wanted["recipe"]:
        from workbench.check.recipes import checked_parts
        from workbench.recipe.document import parse, read

        path = Path(wanted["recipe"])
        text = wanted["text"]
        document = parse(text, name=str(path), folder=path.parent) if text else read(path)
        subjects = checked_parts(document, catalog)
        report({"entries": single_file.entry_records([subject.entry for subject in subjects])})
    else:
        subjects = [CheckedEntry(entry, catalog) for entry in catalog.entries]
    by_name = {(each.entry.kind.value, each.entry.qualified_name): each for each in subjects}
    ids = frozenset(wanted["checks"])
    every: list[dict[str, Any]] = [{"kind": kind, "entry": name, "known": {}} for kind, name in by_name]
    for task in every if wanted["tasks"] is None else wanted["tasks"]:
        subject = by_name.get((task["kind"], task["entry"]))
        if subject is None:  # the code was changed since its parent has listed it
            raise WorkbenchError(f"there is no {task['kind']} '{task['entry']}' any more.")
        entry: Entry = subject.entry
        known = {check: Status(status) for check, status in task["known"].items()}
        keras.utils.clear_session()

        def begin(check: Check, entry: Entry = entry) -> None:
            report({"begin": {"kind": entry.kind.value, "entry": entry.qualified_name, "check": check.id}})

        for result in EntryRun(entry, catalog, known=known, on_begin=begin, subject=subject).run(ids):
            report({"result": asdict(result)})


if __name__ == "__main__":
    main()
