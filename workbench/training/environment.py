"""Record the environment of a run (versions, plugins, revision) beside its results, so that it can be repeated."""

from __future__ import annotations

import platform
import subprocess
import sys
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from workbench import __version__
from workbench.catalog.discovery import PluginState
from workbench.catalog.entries import Entry
from workbench.catalog.lookup import Catalog
from workbench.devices.report import find_devices
from workbench.recipe.document import Document

_PACKAGES = ("tensorflow", "keras", "numpy", "h5py", "scikit-learn", "pyarrow")


def describe(catalog: Catalog, document: Document) -> dict[str, Any]:
    """The environment of a run, in JSON's types, without what changes from moment to moment: runs are compared by it.

    `recipe_folder` is what its relative paths start from.
    """
    return {
        "kwb": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": {name: found for name in _PACKAGES if (found := _version(name))},
        "plugins": plugin_versions(catalog),
        "devices": find_devices().for_run(),
        "seed": document.recipe.seed,
        "recipe_folder": str(document.folder.absolute()),
        "git": _git_revision(Path.cwd()),
        "command": sys.argv,
    }


def package_versions(entries: Iterable[Entry]) -> dict[str, str]:
    """The versions of what a training rests on, the plugins of these entries among them."""
    own = {entry.distribution: entry.version for entry in entries if not entry.from_file}
    packages = {name: found for name in _PACKAGES if (found := _version(name))}
    return {**own, "kwb": __version__, "python": platform.python_version(), **packages}


def plugin_versions(catalog: Catalog) -> dict[str, dict[str, str]]:
    """Distribution and version of every loaded plugin."""
    return {
        plugin.name: {"distribution": plugin.distribution, "version": plugin.version}
        for plugin in catalog.plugins
        if plugin.state is PluginState.LOADED
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _git_revision(folder: Path) -> str | None:
    """The commit of the working folder, with `+` where files differ from it."""
    try:
        done = subprocess.run(
            ["git", "describe", "--always", "--dirty=+", "--abbrev=12"],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=5,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None if done.returncode == 0 else None
