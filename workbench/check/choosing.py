"""Choose entries and checks by the words of a command line. Light: nothing here imports keras."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from workbench.catalog import Entry, Kind
from workbench.catalog.discovery import Plugin, PluginState
from workbench.catalog.lookup import Catalog
from workbench.check.contract import CONTRACT
from workbench.errors import WorkbenchError, did_you_mean


def choose_entries(names: Sequence[str], catalog: Catalog) -> tuple[Entry, ...]:
    """The entries that names mean, each once.

    Args:
        names: plugins (all of their entries), entries by their bare or qualified name or an alias (a name that
            stands for a loss and a metric means both), and plugin files that the catalog was made with.

    Raises:
        WorkbenchError: there is no such thing, several plugins have it, or a plugin is not loaded or empty.
    """
    chosen = [entry for name in names for entry in _meant(name, catalog)]
    return tuple({(entry.kind, entry.qualified_name): entry for entry in chosen}.values())


def choose_checks(words: str) -> frozenset[str]:
    """The ids that hold any of the words (which spaces or commas part); without words, all.

    Raises:
        WorkbenchError: a word is in no id.
    """
    ids = [check.id for check in CONTRACT]
    wanted = [word.casefold() for word in re.split(r"[\s,]+", words) if word]
    for word in wanted:
        if not any(word in each for each in ids):
            hint = did_you_mean(word, ids) or f"The checks are: {', '.join(ids)}."
            raise WorkbenchError(f"no check has '{word}' in its name.", where="-k", hint=hint)
    return frozenset(each for each in ids if not wanted or any(word in each for word in wanted))


def _meant(name: str, catalog: Catalog) -> tuple[Entry, ...]:
    if is_file(name):
        path = str(Path(name).resolve())
        return _entries_of(next(plugin for plugin in catalog.plugins if plugin.distribution == path))
    for plugin in catalog.plugins:
        if plugin.name == name:
            return _entries_of(plugin)
    candidates = [e for e in catalog.entries if name in (e.name, e.qualified_name, *e.aliases)]
    # A name of its own goes before an alias of another's.
    found = [entry for entry in candidates if name in (entry.name, entry.qualified_name)] or candidates
    plugins = sorted({entry.plugin for entry in found})
    if len(plugins) > 1:
        named = " or ".join(f"'{plugin}.{found[0].name}'" for plugin in plugins)
        raise WorkbenchError(f"several plugins offer '{name}'.", hint=f"Write {named}.")
    if not found:
        raise WorkbenchError(f"there is no entry and no plugin '{name}'.", hint=_hint(name, catalog))
    return tuple(found)


def is_recipe(name: str) -> bool:
    """True if a name is that of a recipe's file."""
    return name.endswith((".yaml", ".yml"))


def is_file(name: str) -> bool:
    """True if a name is that of a plugin file."""
    return name.endswith(".py")


def _entries_of(plugin: Plugin) -> tuple[Entry, ...]:
    if plugin.state is not PluginState.LOADED:
        raise WorkbenchError(
            f"it is not loaded: {plugin.error or plugin.state.value}",
            where=f"plugin '{plugin.name}'",
            origin=plugin.origin,
        )
    if not plugin.entries:
        raise WorkbenchError("it offers nothing.", where=f"plugin '{plugin.name}'")
    order = list(Kind)
    # What a function of a file is for is a guess, and a helper of the others must not be called as if it were one.
    sure = [entry for entry in plugin.entries if not entry.guessed]
    return tuple(sorted(sure or plugin.entries, key=lambda entry: order.index(entry.kind)))


def _hint(name: str, catalog: Catalog) -> str:
    by_name = {
        n: entry for entry in catalog.entries for n in (*entry.aliases, entry.qualified_name, entry.name)
    }
    near = did_you_mean(name, [*by_name, *(plugin.name for plugin in catalog.plugins)])
    return near or "`kwb catalog` lists the entries, `kwb plugins` the plugins."
