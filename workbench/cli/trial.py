"""`kwb trial`: is a layer better than another one?"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import click

from workbench.cli.options import SharedOptions
from workbench.cli.search import search_options
from workbench.output import echo


@click.command("trial", short_help="Compare two layers fairly, with an exact test.")
@click.argument("layer")
@click.argument("recipe", required=False, default="")
@click.option("--against", required=True, metavar="LAYER", help="The layer to compare with.")
@click.option("--seeds", type=click.IntRange(2), default=10, show_default=True, help="Trainings of each.")
@click.option("--at", default="", metavar="KEY", help="Where in the recipe, as model.sequential[1].")
@click.option(
    "--match",
    type=click.Choice(["parameters", "step_time", "none"]),
    default="parameters",
    show_default=True,
    help="Make both of one size, by the model's parameters or the time of its steps.",
)
@click.option("--vary", default="", metavar="ARGUMENT", help="The argument that is changed to match them.")
@search_options
def trial_command(
    shared: SharedOptions,
    layer: str,
    recipe: str,
    against: str,
    seeds: int,
    at: str,
    match: str,
    vary: str,
    workers: int,
    overrides: Sequence[str],
    name: str,
    storage: str,
    as_json: bool,
) -> int:
    """Train a recipe with LAYER and with another layer at the same place, with the same data, epochs and seeds, and say
    whether one is better.

    A layer is a name, or as in a recipe: '{use: Gate, units: 8}'. RECIPE is a file or the name of a built-in recipe,
    custom-stack by default. The place is the first one that has one of the two layers. The layer that the recipe has
    there stays as it is; the other one is made as large. Arguments that you write are not changed.

    The same command once more goes on with a trial that was interrupted, or shows its result.
    """
    from workbench.search.layer_trial import (
        DEFAULT_RECIPE,
        begun_trial,
        find_rivals,
        item_of_text,
        names_of_rivals,
        new_trial,
        trial_name,
    )
    from workbench.search.matching import keep_sizes, kept_sizes, match_sizes
    from workbench.search.opening import SEARCHES
    from workbench.search.place import Place
    from workbench.search.running import SearchReport, run_search
    from workbench.search.trial_report import sizes_in_words, trial_line, trial_record, trial_table
    from workbench.tui.chart.as_text import bands_as_text
    from workbench.worker.starting import one_fork_server

    catalog = shared.catalog()
    first, second = item_of_text(layer, catalog, "LAYER"), item_of_text(against, catalog, "--against")
    rivals = find_rivals(first, second, recipe or DEFAULT_RECIPE, catalog, at=at, overrides=overrides)
    name = name or trial_name(rivals.document, *rivals.items)
    logs = SEARCHES / name / "logs"
    sizes = kept_sizes(SEARCHES / name)
    trial = begun_trial(rivals, seeds, catalog, name=name, storage=storage)
    with one_fork_server(logs) as fork_server:
        place = Place(shared.runs, logs, shared.plugin_files, shared.blocked, fork_server)
        if trial is None:
            sizes = asyncio.run(match_sizes(rivals, place, match, vary))  # type: ignore[arg-type]
            trial = new_trial(rivals, *sizes.items, seeds, catalog, name=name, storage=storage)
            keep_sizes(SEARCHES / name, sizes)
        one, other = names_of_rivals(trial.base)
        if not as_json:
            echo(f"{name}: {one} against {other} at {rivals.place.key} of {rivals.document.name}", err=True)
            if sizes is not None:
                echo(f"{name}: {sizes_in_words(sizes)}", err=True)
        return run_search(
            trial,
            place,
            workers,
            as_json=as_json,
            report=SearchReport(
                trial_line,
                lambda base, state: trial_table(base, state, sizes, bands_as_text),
                lambda base, state: trial_record(base, state, sizes),
            ),
            command="the same command",
        )
