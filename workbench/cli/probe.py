"""`kwb probe`: look inside a model on a real batch."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from workbench.cli.options import SharedOptions, recipe_of_weights, shared_options
from workbench.output import echo, echo_json

if TYPE_CHECKING:
    from workbench.catalog.lookup import Catalog
    from workbench.probing.subject import ProbeSubject

Range = tuple[int, int]


@click.command("probe", short_help="Look inside a model's layers on a real batch.")
@click.argument("what", metavar="RECIPE|RUN|FILE")
@click.option(
    "--layer", default="", metavar="PATH", help="All tensors of one layer, not the table of the model."
)
@click.option("--rows", "row_range", metavar="FROM:TO", help="Which rows, from 0; by default a batch.")
@click.option(
    "--data", default="", metavar="DATA", help="Of a saved file: a recipe, a dataset or a data file."
)
@recipe_of_weights
@click.option(
    "--cost", "with_cost", is_flag=True, help="What each layer costs: time, operations, parameters."
)
@click.option(
    "--keep",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Keep what was seen in a file, to compare with it.",
)
@click.option(
    "--compare",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Say what an edit has changed since --keep FILE, with the weights of then.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@shared_options
def probe_command(
    shared: SharedOptions,
    what: str,
    layer: str,
    row_range: str | None,
    data: str,
    recipe: str,
    with_cost: bool,
    keep: Path | None,
    compare: Path | None,
    as_json: bool,
) -> None:
    """Look inside a model on a real batch: the outputs of its layers, gradients of the loss, masks and weights.

    A training step is run on rows of the training part, and its effect on the weights forgotten. Of a RECIPE the model
    has new weights, of a RUN those of its last checkpoint. Of a saved FILE the rows are those of the test part of its
    data. A line of the table is a call of a layer: its output, how much of it is 0 or saturated (at the flat ends of a
    sigmoid or tanh), and the norms of the gradients of the loss with respect to the output and the layer's weights.
    """
    from workbench.process import Diverted, import_keras, run_one_at_a_time

    rows = _range(row_range)
    with Diverted():
        import_keras()
        if with_cost:
            run_one_at_a_time()
        catalog = shared.catalog(imports_keras=True)
        from workbench.probing.kept_probe import KeptProbe
        from workbench.probing.probe import Probing

        before = KeptProbe.read(compare) if compare is not None else None
        probing = Probing(_subject(shared, catalog, what, data, rows, recipe), before)
        found = probing.report(layer, with_cost=with_cost)
        if keep is not None:
            probing.kept().write(keep)
    if as_json:
        echo_json(found.as_record(), indent=2)
    else:
        from workbench.tui.views.probe_text import probe_lines

        echo(*probe_lines(found))


def _range(text: str | None) -> Range | None:
    if text is None:
        return None
    found = re.fullmatch(r"(\d*):(\d+)", text)
    if found is None or int(found[1] or 0) >= int(found[2]):
        raise click.UsageError(f"--rows {text}: give it as FROM:TO, such as 0:8.")
    return int(found[1] or 0), int(found[2])


def _subject(
    shared: SharedOptions, catalog: Catalog, what: str, data: str, rows: Range | None, recipe: str
) -> ProbeSubject:
    """What is probed: a saved file, a run's folder or the beginning of its name, else a recipe."""
    from workbench.errors import FileError
    from workbench.probing.subject import of_file, of_recipe, of_run
    from workbench.recipe.lookup import is_recipe, open_recipe
    from workbench.storage.runs import find_run

    path = Path(what).expanduser()
    if path.suffix.casefold() in (".keras", ".h5", ".hdf5"):
        named = recipe or (data if data and is_recipe(data, catalog) else "")
        return of_file(path, catalog, data, rows, open_recipe(named, catalog) if named else None)
    if data or recipe:
        raise click.UsageError("--data and --recipe go with a saved file.")
    if not is_recipe(what, catalog) and not path.is_file():
        try:
            return of_run(find_run(what, shared.runs), catalog, rows)
        except FileError as error:
            if path.is_dir() or "there is no run" not in error.what:
                raise
    return of_recipe(open_recipe(what, catalog), catalog, rows)
