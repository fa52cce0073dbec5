"""`kwb check`: check entries against the contract."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import click

from workbench.cli.options import SharedOptions, shared_options
from workbench.errors import ExitCode, WorkbenchError
from workbench.output import echo, echo_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from workbench.check.results import Result

_MARKS = {"failed": "✗", "xfail": "~", "warning": "!", "skipped": "?", "passed": "✓", "not_applicable": "-"}
_WORDS = {"xfail": "expected to fail", "not_applicable": "not applicable"}


@click.command("check", short_help="Check layers, models and the rest against the contract.")
@click.argument("names", nargs=-1, metavar="ENTRY|PLUGIN|FILE.py|RECIPE.yaml...")
@click.option(
    "-k", "words", default="", metavar="WORDS", help="Only checks with one of the words in their name."
)
@click.option(
    "--limit", type=float, metavar="SECONDS", help="Give each check so much time, for very slow layers."
)
@click.option("--list", "listed", is_flag=True, help="List the checks, and what each asks for.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@shared_options
@click.pass_context
def check_command(
    context: click.Context,
    shared: SharedOptions,
    names: tuple[str, ...],
    words: str,
    limit: float | None,
    listed: bool,
    as_json: bool,
) -> int:
    """Check layers, models and the rest of what plugins offer against the contract that training and saving rely on.

    Give an entry's name, a plugin's name (all that it offers), a plugin file, or a recipe's file: then its layers and
    models are checked as the recipe makes them and feeds them. Each check runs in a child process:
    what crashes or hangs fails, and the others go on. Exit code 1: something failed.
    """
    from workbench.check.choosing import choose_checks, choose_entries, is_file, is_recipe
    from workbench.check.contract import checks_of
    from workbench.check.results import as_record, summary
    from workbench.check.supervising import CHECK_LIMIT, Order, run_checks

    checks = choose_checks(words)
    if listed:
        _list(checks)
        return ExitCode.DONE
    if not names:
        raise click.UsageError("Missing argument 'ENTRY|PLUGIN|FILE.py|RECIPE.yaml'.")
    shared = replace(
        shared, plugin_files=(*shared.plugin_files, *(Path(name) for name in names if is_file(name)))
    )
    catalog = shared.catalog()
    recipes = [Path(name) for name in names if is_recipe(name)]
    entries = choose_entries([name for name in names if not is_recipe(name)], catalog)
    if not recipes and not any(check.id in checks for entry in entries for check in checks_of(entry.kind)):
        raise WorkbenchError("none of these checks is made on what is named.", where="-k")
    order = Order(
        entries,
        checks,
        [path.resolve() for path in shared.plugin_files],
        shared.blocked,
        limit or CHECK_LIMIT,
    )
    debug = bool(context.find_root().obj.get("debug"))
    results: list[Result] = []
    orders = [replace(order, entries=(), recipe=recipe) for recipe in recipes]
    if entries:
        orders.append(order)
    found = chain.from_iterable(map(run_checks, orders))
    if as_json:
        results = [result if debug else replace(result, traceback="") for result in found]
        echo_json(as_record(results), indent=2)
    else:
        for group in _by_entry(found):
            results += group
            echo(*_lines(group, debug))
        echo(_counted(summary(results)))
    return ExitCode.FAILED if any(result.status == "failed" for result in results) else ExitCode.DONE


def _list(ids: frozenset[str]) -> None:
    from workbench.check.contract import CONTRACT

    checks = [check for check in CONTRACT if check.id in ids]
    width = max(len(check.id) for check in checks)
    for check in checks:
        echo(f"{check.id:<{width}}  {check.asks}")


def _by_entry(results: Iterable[Result]) -> Iterator[list[Result]]:
    """The results of an entry together, as soon as it is done."""
    group: list[Result] = []
    for result in results:
        if group and (group[0].kind, group[0].entry) != (result.kind, result.entry):
            yield group
            group = []
        group.append(result)
    if group:
        yield group


def _lines(results: list[Result], debug: bool) -> Iterator[str]:
    """A line for the entry, and below it what did not pass and is not the consequence of another."""
    counts = {status: sum(result.status == status for result in results) for status in _MARKS}
    mark = next(_MARKS[status] for status in _MARKS if counts[status])
    order = dict.fromkeys(("passed", *_MARKS))
    totals = ", ".join(f"{counts[status]} {_WORDS.get(status, status)}" for status in order if counts[status])
    yield f"{mark} {results[0].kind:<9} {results[0].entry:<32} {totals}"
    for result in results:
        if result.status in ("failed", "xfail", "warning", "skipped") and not result.follows:
            yield f"    {_WORDS.get(result.status, result.status)}: {result.check}: {result.detail}"
            yield from (f"        {line}" for line in result.code)
            if result.hint:
                yield f"        {result.hint}"
            if debug and result.traceback:
                yield from result.traceback.rstrip().split("\n")


def _counted(counts: dict[str, int]) -> str:
    entries = "1 entry" if counts["entries"] == 1 else f"{counts['entries']} entries"
    rest = [
        f"{number} {_WORDS.get(key, key)}" for key, number in counts.items() if key != "entries" and number
    ]
    return f"{entries}: {', '.join(rest)}"
