"""The options that every command has, and the catalog and recipe made from them."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from workbench.errors import WorkbenchError

if TYPE_CHECKING:
    from workbench.catalog.lookup import Catalog


recipe_of_weights = click.option(
    "--recipe",
    default="",
    metavar="RECIPE",
    help="How to build the model of a file that holds weights only. By default that of --data, or of its run.",
)


@dataclass(frozen=True)
class SharedOptions:
    """The values of the options every command has."""

    plugin_files: tuple[Path, ...] = ()
    blocked: tuple[str, ...] = ()

    @property
    def runs(self) -> Path:
        """Where run folders are, by the user's settings."""
        from workbench.tui.settings import read_settings, settings_file

        settings, _ = read_settings(settings_file())
        return settings.runs

    def catalog(self, *, imports_keras: bool = False, tolerant: bool = True) -> Catalog:
        """The catalog.

        Args:
            imports_keras: this process will import keras anyway, so it looks into plugin files itself.
            tolerant: go on without a plugin file that cannot be used. Where keras is imported nothing is.

        Raises:
            WorkbenchError: a name to block is no plugin's, or a plugin file cannot be used.
        """
        from workbench.catalog import single_file
        from workbench.catalog.discovery import discover
        from workbench.catalog.lookup import Catalog

        scan = single_file.scan if imports_keras else single_file.scan_in_child
        plugins = discover(self.plugin_files, blocked=self.blocked, scan=scan)
        files = {str(path.resolve()) for path in self.plugin_files}
        for plugin in plugins if imports_keras or not tolerant else ():
            if plugin.error and plugin.distribution in files:  # asked for by name, so it is needed
                raise WorkbenchError(plugin.error, where="--plugin", origin=plugin.origin)
        return Catalog(plugins)


def shared_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--plugin`, `--no-plugin` and `--debug`; the command gets the first two as its `shared`."""
    for option in (
        click.option(
            "--debug",
            is_flag=True,
            help="Show the traceback of an error.",
            expose_value=False,
            callback=_set_debug,
        ),
        click.option(
            "--no-plugin",
            "blocked",
            multiple=True,
            metavar="NAME",
            help="Leave a plugin out.",
        ),
        click.option(
            "--plugin",
            "plugin_files",
            multiple=True,
            metavar="FILE.py",
            type=click.Path(path_type=Path),
            help="Use the layers and models of a Python file.",
        ),
    ):
        option(command)

    @functools.wraps(command)
    def with_shared(plugin_files: Sequence[Path], blocked: Sequence[str], **rest: Any) -> Any:
        return command(SharedOptions(tuple(plugin_files), tuple(blocked)), **rest)

    return with_shared


def _set_debug(context: click.Context, _: click.Parameter, value: bool) -> None:
    if value:
        context.find_root().obj["debug"] = True
