"""Find plugins through entry points; an error in one does not affect the others.

A plugin that cannot be imported, raises in a hook, calls `sys.exit` or was written for another version of the
plugin interface stays in the list with its error and harms nothing else. Either all entries of a plugin are
registered or none.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from enum import StrEnum
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

import pluggy

from workbench.catalog import hookspecs
from workbench.catalog.entries import Entry, Kind, Registry
from workbench.errors import WorkbenchError, did_you_mean
from workbench.origin import Origin, add_plugin_package, origin_of, traceback_of

HEAVY = frozenset({"keras", "tensorflow", "torch", "jax"})


class PluginState(StrEnum):
    """The result of loading a plugin."""

    LOADED = "loaded"
    ERROR = "error"
    BLOCKED = "blocked"
    INCOMPATIBLE = "incompatible"


@dataclass(frozen=True)
class Plugin:
    """One plugin, usable or not. `error` is for people; `origin` is where in its code it came from, if it did;
    `details` holds the traceback, if there is one."""

    name: str
    distribution: str
    version: str
    state: PluginState
    entries: tuple[Entry, ...] = ()
    error: str = ""
    warning: str = ""
    details: str = ""
    origin: Origin | None = None

    @property
    def is_file(self) -> bool:
        """True if it is a file given by `--plugin`."""
        return self.distribution.endswith(".py")

    def as_record(self) -> dict[str, Any]:
        """The row `kwb plugins --json` prints."""
        return {
            "plugin": self.name,
            "distribution": self.distribution,
            "version": self.version,
            "state": self.state.value,
            "error": self.error or None,
            "warning": self.warning or None,
            "entries": [entry.as_record() for entry in self.entries],
            **(self.origin.as_record() if self.origin is not None else {}),
        }


def discover(
    files: Sequence[Path] = (),
    *,
    blocked: Collection[str] = (),
    scan: Callable[[Path], Sequence[Entry]] | None = None,
) -> tuple[Plugin, ...]:
    """All installed plugins in the order of their names, then the single files.

    Args:
        files: plugin files given by `--plugin FILE.py`.
        blocked: names of plugins not to load.
        scan: finds the entries of a file. It has to import the file and with it keras, so the caller
            says in which process that happens.

    Raises:
        WorkbenchError: a name to block is no plugin's.
    """
    found = sorted(entry_points(group=hookspecs.GROUP), key=lambda point: point.name)
    files = list(dict.fromkeys(path.resolve() for path in files))
    names = [*(point.name for point in found), *(path.stem for path in files)]
    for name in blocked:
        if name not in names:
            raise WorkbenchError(
                f"there is no plugin '{name}'.", where="--no-plugin", hint=did_you_mean(name, names)
            )
    plugins = [_from_entry_point(point, blocked) for point in found]
    plugins += [_from_file(path, blocked, scan) for path in files]
    return tuple(_one_of_each_name(plugins))


def _one_of_each_name(plugins: Iterable[Plugin]) -> Iterable[Plugin]:
    """`acme.Gate` must mean one thing: of two plugins called acme, the second is not used."""
    owners: dict[str, Plugin] = {}
    for plugin in plugins:
        owner = owners.setdefault(plugin.name, plugin)
        if owner is not plugin:
            error = f"the distribution '{owner.distribution}' has a plugin of this name already"
            plugin = replace(plugin, state=PluginState.ERROR, entries=(), error=error)
        yield plugin


def _from_entry_point(point: EntryPoint, blocked: Collection[str]) -> Plugin:
    distribution = (point.dist and point.dist.name) or ""
    version = (point.dist and point.dist.version) or ""

    def plugin(state: PluginState, **rest: Any) -> Plugin:
        return Plugin(point.name, distribution, version, state, **rest)

    if point.name in blocked:
        return plugin(PluginState.BLOCKED)
    heavy_before = HEAVY & sys.modules.keys()
    printed = io.StringIO()  # standard output may be carrying JSON
    try:
        with redirect_stdout(printed):
            module = point.load()
    # A plugin may raise anything, SystemExit included; only Ctrl-C is the user's.
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        add_plugin_package(point.module)
        return plugin(
            PluginState.ERROR,
            error=_described(error, f"importing '{point.value}'"),
            details=traceback_of(error),
            origin=origin_of(error),
        )
    if problem := _incompatible(module):
        return plugin(PluginState.INCOMPATIBLE, error=problem)
    try:
        with redirect_stdout(printed):
            entries = tuple(_ask(module, point.name, distribution, version))
    except KeyboardInterrupt:
        raise
    except WorkbenchError as error:
        return plugin(PluginState.ERROR, error=str(error))
    except BaseException as error:
        add_plugin_package(point.module)
        text, details = _described(error, "in a hook"), traceback_of(error)
        return plugin(PluginState.ERROR, error=text, details=details, origin=origin_of(error))
    heavy = sorted((HEAVY & sys.modules.keys()) - heavy_before)
    warnings = []
    if heavy:
        warnings.append(f"imports {', '.join(heavy)} when listed, which slows every start of kwb")
    if printed.getvalue():
        warnings.append(f"prints when listed: {printed.getvalue().strip().splitlines()[0][:60]!r}")
    return plugin(PluginState.LOADED, entries=entries, warning="; ".join(warnings))


def _from_file(
    path: Path, blocked: Collection[str], scan: Callable[[Path], Sequence[Entry]] | None
) -> Plugin:
    name = path.stem
    if name in blocked:
        return Plugin(name, str(path), "", PluginState.BLOCKED)
    if not path.is_file():
        return Plugin(name, str(path), "", PluginState.ERROR, error=f"no such file: {path}")
    try:
        entries = tuple(scan(path)) if scan else ()
    except WorkbenchError as error:
        origin = error.origin
        details = origin.traceback if origin is not None else ""
        return Plugin(
            name, str(path), "", PluginState.ERROR, error=str(error), details=details, origin=origin
        )
    return Plugin(name, str(path), "", PluginState.LOADED, entries=entries)


def _incompatible(module: Any) -> str:
    """The reason why this module cannot be a plugin of this version; empty if it can."""
    version = getattr(module, "KWB_API", None)
    if version == hookspecs.API_VERSION:
        return ""
    if version is None:
        return f"has no KWB_API; a plugin module holds `KWB_API = {hookspecs.API_VERSION}`"
    return f"is written for plugin interface {version!r}; this kwb has {hookspecs.API_VERSION}"


def _ask(module: ModuleType, plugin: str, distribution: str, version: str) -> Iterable[Entry]:
    """Call the plugin's hooks. A manager of its own keeps one plugin's error from reaching another."""
    manager = pluggy.PluginManager(hookspecs.GROUP)
    manager.add_hookspecs(hookspecs)
    manager.register(module, name=plugin)
    known = [f"kwb_register_{kind.plural}" for kind in Kind]
    for name, value in vars(module).items():
        marked = hasattr(value, f"{hookspecs.GROUP}_impl")
        if name not in known and (marked or (name.startswith("kwb_register") and callable(value))):
            hint = did_you_mean(name, known) or f"The hooks are: {', '.join(known)}."
            raise WorkbenchError(f"there is no hook '{name}'.", where=plugin, hint=hint)
        if name in known and not marked:
            hint = "Put `@hookimpl` above it (from workbench.plugin import hookimpl)."
            raise WorkbenchError(f"'{name}' is not marked as a hook.", where=plugin, hint=hint)
    entries: list[Entry] = []
    for kind in Kind:
        registry = Registry(kind, plugin, distribution, version)
        getattr(manager.hook, f"kwb_register_{kind.plural}")(registry=registry)
        entries += registry.entries.values()
    return entries


def _described(error: BaseException, when: str) -> str:
    if isinstance(error, SystemExit):
        return f"called sys.exit({error.code!r}) {when}"
    return f"{type(error).__name__} {when}: {' '.join(str(error).split())}"
