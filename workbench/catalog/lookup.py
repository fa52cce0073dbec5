"""The catalog of all plugins and their entries; finds an entry by the name that a recipe uses."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from workbench.catalog.discovery import Plugin, PluginState
from workbench.catalog.entries import OF_FUNCTIONS, Entry, Kind
from workbench.errors import RecipeError, did_you_mean

# A model can be used as a layer; in Keras a function or class of losses can be used as a metric.
_ALSO: dict[Kind, tuple[Kind, ...]] = {
    Kind.LAYER: (Kind.LAYER, Kind.MODEL),
    Kind.MODEL: (Kind.MODEL,),
    Kind.METRIC: (Kind.METRIC, Kind.LOSS),
}


@dataclass(frozen=True)
class Catalog:
    """All plugins with their entries. Immutable; made once per process by `discover`."""

    plugins: tuple[Plugin, ...]

    @cached_property
    def entries(self) -> tuple[Entry, ...]:
        """The entries of all loaded plugins."""
        return tuple(entry for plugin in self.plugins for entry in plugin.entries)

    @cached_property
    def _names(self) -> dict[Kind, dict[str, list[Entry]]]:
        names: dict[Kind, dict[str, list[Entry]]] = {kind: {} for kind in Kind}
        for entry in self.entries:
            for name in (entry.name, entry.qualified_name, *entry.aliases):
                names[entry.kind].setdefault(name, []).append(entry)
        return names

    def of_kind(self, kind: Kind) -> Iterator[Entry]:
        """The entries that can stand where one of `kind` is wanted."""
        kinds = _ALSO.get(kind, (kind,))
        return (entry for entry in self.entries if entry.kind in kinds)

    def find(self, kind: Kind, name: str, where: str = "") -> Entry:
        """The entry of that name.

        Args:
            kind: what is wanted. A model is found where a layer is wanted.
            name: a bare name, an alias, or `plugin.Name`.
            where: the recipe key that asks, for the error.

        Raises:
            RecipeError: there is none (the error names the nearest), or several plugins offer it.
        """
        candidates = self.named(kind, name)
        # The user named the file for this very run, and a plugin is there for all of them.
        files = [entry for entry in candidates if entry.from_file]
        if len(candidates) == 1 or len(files) == 1:
            return (files or candidates)[0]
        if candidates:
            names = " or ".join(f"'{entry.qualified_name}'" for entry in candidates)
            raise RecipeError(
                f"several plugins offer {_a(kind)} '{name}'.", where=where, hint=f"Write {names}."
            )
        raise self._unknown(f"no {kind} '{name}'", list(self.of_kind(kind)), name, _a(kind), where)

    def named(self, kind: Kind, name: str) -> list[Entry]:
        """The entries of that name that can stand where one of `kind` is wanted; at most one of each plugin.

        Nobody says what a function of a plugin file is for: where nothing else has the name, it is what is wanted.
        """
        found: list[Entry] = []
        for wanted in _ALSO.get(kind, (kind,)):
            # A plugin's own layer goes before its model of the same name; another plugin's does not.
            plugins = {entry.plugin for entry in found}
            found += [e for e in self._names[wanted].get(name, ()) if e.plugin not in plugins]
        if kind not in OF_FUNCTIONS or any(entry.from_file for entry in found):
            return found
        return [*found, *(replace(e, kind=kind) for e in self._guessed if name in (e.name, e.qualified_name))]

    @cached_property
    def _guessed(self) -> list[Entry]:
        return [entry for entry in self.entries if entry.guessed]

    def hidden_by(self, entry: Entry, name: str) -> list[Entry]:
        """The entries that the bare name would stand for if the file of `entry` were not given; none for a plugin's."""
        return [
            other
            for other in self.named(entry.kind, name)
            if entry.from_file and other.target != entry.target
        ]

    def find_any(self, kinds: Sequence[Kind], name: str, where: str = "") -> Entry:
        """The entry of that name in the first of the kinds that has it; a file's before any plugin's. See `find`."""
        own = [k for k in kinds if any(entry.from_file for entry in self._names[k].get(name, ()))]
        for kind in (*own, *kinds):
            if name in self._names[kind]:
                return self.find(kind, name, where)
        entries = [entry for entry in self.entries if entry.kind in kinds]
        what = f"nothing that can stand here is called '{name}'"
        raise self._unknown(what, entries, name, "something that can stand here", where)

    def _unknown(
        self, what: str, possible: Sequence[Entry], name: str, wanted: str, where: str
    ) -> RecipeError:
        """The error of a name that nobody offers. A plugin file that cannot be used is the likely reason, so why is
        reported with it."""
        known = any(name in (entry.name, *entry.aliases) for entry in self.entries)
        broken = [plugin for plugin in self.plugins if plugin.is_file and plugin.state is PluginState.ERROR]
        if not broken or known:
            return RecipeError(f"{what}.", where=where, hint=self._hint(possible, name, wanted))
        plugin = broken[0]
        return RecipeError(
            f"{what}, and the plugin file '{plugin.name}' is not loaded: {plugin.error.rstrip('.')}.",
            where=where,
            origin=plugin.origin,
        )

    def _hint(self, possible: Sequence[Entry], name: str, wanted: str) -> str:
        """The hint for an unknown name: the same one elsewhere, the nearest one, or where to look."""
        elsewhere = [entry for entry in self.entries if name in (entry.name, *entry.aliases)]
        if elsewhere:
            return f"'{name}' is {_a(elsewhere[0].kind)} ({elsewhere[0].plugin}), not {wanted}."
        plugin, dot, bare = name.rpartition(".")
        if dot:
            loaded = {each.name: each.state is PluginState.LOADED for each in self.plugins}
            absent = "is not loaded" if plugin in loaded else "is not installed"
            absence = "" if loaded.get(plugin) else f"The plugin '{plugin}' {absent} (see `kwb plugins`). "
            same = [f"Did you mean '{e.qualified_name}'?" for e in possible if e.name == bare]
            if absence or same:
                return f"{absence}{(same or [''])[0]}".strip()
        broken = [plugin.name for plugin in self.plugins if plugin.state is not PluginState.LOADED]
        absent = f" Not loaded: {', '.join(broken)} (see `kwb plugins`)." if broken else ""
        by_name = {n: entry for entry in possible for n in (*entry.aliases, entry.name)}
        near = did_you_mean(name, by_name)
        if near:
            right = near.split("'")[1]
            return f"Did you mean '{right}' ({by_name[right].plugin})?{absent}"
        return f"`kwb catalog` lists what there is.{absent}"


def _a(kind: Kind) -> str:
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"


def recipe_file(entry: Entry) -> Path:
    """The path of a built-in recipe's YAML file. Its package is located, not imported.

    Raises:
        RecipeError: the plugin names a file that is not there.
    """
    package, _, file = entry.target.partition(":")
    spec = importlib.util.find_spec(package)
    for folder in spec.submodule_search_locations or () if spec else ():
        path = Path(folder) / file
        if path.is_file():
            return path
    raise RecipeError(
        f"plugin '{entry.plugin}' has no file '{entry.target}'.", where=f"recipe '{entry.name}'"
    )


def example_file(entry: Entry, path: str) -> Path | None:
    """The file (or folder) of a reader's example, in the folder `examples` of its package; None where there is none.

    Its package is located, not imported.
    """
    package = entry.target.partition(":")[0].partition(".")[0]
    spec = importlib.util.find_spec(package) if package else None
    files = (
        Path(folder) / "examples" / path for folder in (spec.submodule_search_locations or () if spec else ())
    )
    return next((file for file in files if file.exists()), None)
