"""`kwb new-plugin`: make a plugin project to start from."""

from __future__ import annotations

from pathlib import Path

import click

from workbench.cli.options import SharedOptions, shared_options
from workbench.output import echo


@click.command("new-plugin", short_help="Write a ready, tested plugin project.")
@click.argument("name")
@click.option(
    "--folder", type=click.Path(path_type=Path), help="Where to write it; else a folder of its name, here."
)
@shared_options
def new_plugin_command(shared: SharedOptions, name: str, folder: Path | None) -> None:
    """Write a ready, tested plugin project: a layer, a recipe that trains it, and its tests.

    NAME is what pip will call it, such as acme-layers. A folder that holds something is left alone.
    """
    from workbench.scaffold.writing import names_of, write_project

    names = names_of(name)
    target = folder or Path(names.distribution)
    for path in write_project(names, target):
        echo(str(target / path))
    echo("", f"Next: pip install -e '{target}[dev]', then: kwb check {names.package}")
