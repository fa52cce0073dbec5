"""`kwb plugins` and `kwb catalog`: what is installed, and what it offers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from workbench.catalog.entries import Kind
from workbench.cli.options import SharedOptions, shared_options
from workbench.output import echo, echo_json

if TYPE_CHECKING:
    from workbench.catalog.discovery import Plugin
    from workbench.catalog.entries import Entry

_MARKS = {"loaded": "✓", "error": "✗", "incompatible": "✗", "blocked": "-"}


@click.command("plugins")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@shared_options
def plugins_command(shared: SharedOptions, as_json: bool) -> None:
    """List the plugins, broken ones with their error."""
    plugins = shared.catalog().plugins
    if as_json:
        echo_json([plugin.as_record() for plugin in plugins], indent=2)
        return
    for plugin in plugins:
        echo(_plugin_line(plugin))
        for text in (plugin.error, *(plugin.origin.lines if plugin.origin else ()), plugin.warning):
            if text:
                echo(f"    {text}")
    if not plugins:
        echo("No plugins: is the distribution 'kwb' installed (pip install kwb)?")


def _plugin_line(plugin: Plugin) -> str:
    mark = _MARKS[plugin.state.value]
    counts: dict[str, int] = {}
    for entry in plugin.entries:
        counts[entry.kind.value] = counts.get(entry.kind.value, 0) + 1
    offers = ", ".join(
        f"{count} {name if count == 1 else Kind(name).plural}" for name, count in counts.items()
    )
    source = f"{plugin.distribution} {plugin.version}".strip()
    return f"{mark} {plugin.name:<16} {source:<20} {offers or plugin.state.value}".rstrip()


@click.command("catalog", short_help="List, or search, what plugins offer.")
@click.argument("search", required=False)
@click.option("--kind", type=click.Choice([kind.value for kind in Kind]), help="Only one kind.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@shared_options
def catalog_command(shared: SharedOptions, search: str | None, kind: str | None, as_json: bool) -> None:
    """List what plugins offer; SEARCH looks in names, summaries and tags."""
    entries = [entry for entry in shared.catalog(tolerant=False).entries if kind in (None, entry.kind.value)]
    if search:
        wanted = search.casefold()
        entries = [e for e in entries if wanted in f"{e.name} {e.summary} {' '.join(e.tags)}".casefold()]
    if as_json:
        echo_json([entry.as_record() for entry in entries], indent=2)
        return
    if not entries:
        echo(f"Nothing matches '{search}'." if search else "Nothing of that kind.")
    for each in Kind:
        _section(each, [entry for entry in entries if entry.kind is each])


def _section(kind: Kind, entries: list[Entry]) -> None:
    if not entries:
        return
    echo(f"{kind.plural} ({len(entries)})")
    width = min(max(len(entry.name) for entry in entries), 32)
    for entry in sorted(entries, key=lambda entry: (entry.plugin, entry.name)):
        echo(f"  {entry.name:<{width}}  {entry.plugin:<14}{_arity(entry)}  {entry.summary}".rstrip())


def _arity(entry: Entry) -> str:
    """`2→3` for a layer of two inputs and three outputs; nothing where it is one and one."""
    if entry.kind not in (Kind.LAYER, Kind.MODEL) or (entry.inputs, entry.outputs) == (1, 1):
        return "     "
    count = ["n" if number is None else str(number) for number in (entry.inputs, entry.outputs)]
    return f" {count[0]}→{count[1]} "
