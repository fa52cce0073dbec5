"""`kwb new`: propose a recipe for data, as *New* does in the app."""

from __future__ import annotations

from pathlib import Path

import click

from workbench.cli.options import SharedOptions, shared_options
from workbench.errors import FileError
from workbench.output import echo, echo_data, echo_json


@click.command("new", short_help="Propose a recipe for data.")
@click.argument("data", metavar="FILE|DATASET")
@click.option(
    "--target",
    "targets",
    multiple=True,
    metavar="COLUMN",
    help="A column to learn; may be given several times. By default the likely one.",
)
@click.option(
    "--out",
    default="",
    metavar="FILE",
    help="The recipe's file; by default called like the data. - prints it.",
)
@click.option(
    "--json", "as_json", is_flag=True, help="Print the recipe and the reasons for it as JSON; write nothing."
)
@shared_options
def new_command(shared: SharedOptions, data: str, targets: tuple[str, ...], out: str, as_json: bool) -> None:
    """Propose a recipe for data: columns, a stack of layers, a loss, a training; it trains as it is.

    What is proposed is what New proposes in the app, with its reasons as comments. An existing file is left alone.
    """
    from workbench.process import Diverted
    from workbench.scaffold.first_recipe import propose

    with Diverted():
        proposal = propose(data, shared.catalog(tolerant=False), targets)
    if as_json:
        recipe, reasons = proposal.suggestion.recipe, list(proposal.suggestion.reasons)
        echo_json({"recipe": recipe, "reasons": reasons}, indent=2)
        return
    if out == "-":
        echo_data(proposal.text)
        return
    from workbench.atomic import write_bytes

    path = Path(out or f"{proposal.name}.yaml")
    if path.exists():
        raise FileError("exists already.", where=str(path), hint="`--out FILE` names another.")
    write_bytes(path, proposal.text.encode())
    learned = f": it learns {', '.join(proposal.targets)}" if proposal.targets else ""
    echo(f"{path}{learned}", f"Next: kwb --batch {path}, or kwb {path}")
