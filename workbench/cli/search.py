"""`kwb search` and `kwb repeat`: many trainings of one recipe."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import click

from workbench.cli.options import SharedOptions, shared_options
from workbench.cli.slurm import SlurmOptions, slurm_options, train_on_slurm
from workbench.errors import ExitCode, RecipeError
from workbench.output import echo, echo_data, echo_json

if TYPE_CHECKING:
    from workbench.search.opening import Opened


def _workers(context: click.Context, parameter: click.Parameter, value: str) -> int:
    if value == "auto":
        return 0
    if value.isdecimal() and int(value) > 0:
        return int(value)
    raise click.BadParameter("is a number above 0, or auto.")


def workers_option(default: str) -> Callable[..., Any]:
    """`--workers`: 0 stands for `auto`."""
    return click.option(
        "--workers",
        default=default,
        callback=_workers,
        metavar="N",
        help=f"Trainings at once; auto: as many as the machine has cores and memory for. By default {default}.",
    )


def _name(context: click.Context, parameter: click.Parameter, value: str) -> str:
    if value and not re.fullmatch(r"[A-Za-z0-9][\w.-]*", value):
        raise click.BadParameter("is letters, digits, '_', '.' and '-'.")
    return value


def search_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """What all commands of many trainings have."""
    for option in (
        click.option("--json", "as_json", is_flag=True, help="Print JSON, one object a line."),
        click.option(
            "--name", default="", callback=_name, metavar="NAME", help="What to call it below saved/searches."
        ),
        click.option(
            "--set",
            "overrides",
            multiple=True,
            metavar="KEY=VALUE",
            help="Change the recipe: search.trials=100.",
        ),
        click.option(
            "--storage",
            default="",
            envvar="KWB_STORAGE",
            metavar="URL",
            help="A database for machines without a shared folder: postgresql://me:password@host/database.",
        ),
        workers_option("auto"),
    ):
        option(command)
    return shared_options(command)


@click.command("search", short_help="Train a recipe with many values, and find the best.")
@click.argument("recipe")
@click.option("--best", is_flag=True, help="Train nothing: print the recipe of the best trial so far.")
@click.option("--importance", is_flag=True, help="Train nothing: print how much each key matters (fANOVA).")
@click.option(
    "--prune",
    type=click.IntRange(0),
    metavar="TRIAL",
    help="Train nothing: stop a trial, saved, as a pruned one.",
)
@click.option(
    "--go-on",
    type=click.IntRange(0),
    metavar="TRIAL",
    help="Train nothing: let a trial go on that was pruned so.",
)
@slurm_options
@search_options
def search_command(
    shared: SharedOptions,
    recipe: str,
    slurm: SlurmOptions | None,
    best: bool,
    importance: bool,
    prune: int | None,
    go_on: int | None,
    workers: int,
    overrides: Sequence[str],
    name: str,
    storage: str,
    as_json: bool,
) -> int:
    """Train a recipe with the values of its `search` section, and find the best of them.

    RECIPE is a file or the name of a built-in recipe; or the name of a search that was begun, which goes on. Every
    trial is a run below saved/runs. The same command once more, also on another machine that has the folder, helps
    with a search that is going on; with --storage it needs no folder in common, and the name of the search is enough.
    """
    from workbench.search.opening import open_search

    asked = [best, importance, prune is not None, go_on is not None]
    if slurm is not None and any(asked):
        raise click.UsageError("--slurm trains; --best, --importance, --prune and --go-on do not.")
    if sum(asked) > 1:
        raise click.UsageError("only one of --best, --importance, --prune and --go-on at a time.")
    opened = open_search(recipe, shared.catalog(), overrides=overrides, name=name, storage=storage)
    if prune is not None or go_on is not None:
        _prune_by_hand(
            opened, prune if prune is not None else go_on, pruned=prune is not None, as_json=as_json
        )
        return ExitCode.DONE
    if importance:
        _print_importance(opened, as_json=as_json)
        return ExitCode.DONE
    if best:
        _print_best(opened, as_json=as_json)
        return ExitCode.DONE
    if slurm is not None:
        return train_on_slurm(opened, shared, workers, slurm, storage, as_json=as_json)
    return _train(opened, shared, workers, as_json=as_json)


@click.command("repeat", short_help="Train a recipe several times, for the mean and the spread.")
@click.argument("recipe")
@click.option("--seeds", type=click.IntRange(2), metavar="N", help="With so many seeds.")
@click.option("--folds", type=click.IntRange(2), metavar="N", help="Cross-validation with so many folds.")
@click.option("--by", metavar="COLUMN", help="With --folds: rows of one value of it are all in one fold.")
@slurm_options
@search_options
def repeat_command(
    shared: SharedOptions,
    recipe: str,
    slurm: SlurmOptions | None,
    seeds: int | None,
    folds: int | None,
    by: str | None,
    workers: int,
    overrides: Sequence[str],
    name: str,
    storage: str,
    as_json: bool,
) -> int:
    """Train a recipe with several seeds, or each fold once as the validation part: mean and standard deviation of every
    value.

    RECIPE is a file or the name of a built-in recipe; or the name of repeats that were begun, which go on.
    """
    from workbench.search.opening import open_repeat

    if seeds and folds:
        raise click.UsageError("--seeds and --folds do not go together.")
    opened = open_repeat(
        recipe,
        shared.catalog(),
        seeds=seeds,
        folds=folds,
        by=by,
        overrides=overrides,
        name=name,
        storage=storage,
    )
    if slurm is not None:
        return train_on_slurm(opened, shared, workers, slurm, storage, as_json=as_json)
    return _train(opened, shared, workers, as_json=as_json)


def _print_best(opened: Opened, *, as_json: bool) -> None:
    from workbench.search.opening import recipe_of
    from workbench.search.reporting import best_of
    from workbench.search.state import best

    state, search = opened.journal.read(), opened.base.search
    if search is None:
        raise RecipeError("repeats have one recipe, and no best one.", where=opened.journal.where)
    found = best(state.trials, search.goal.sign)
    if found is None:
        raise RecipeError("no trial has a value yet.", where=opened.journal.where)
    if as_json:
        echo_json(best_of(found) | {"recipe": recipe_of(opened.base, found)})
        return
    echo(f"trial {found.number} of {opened.name}: {found.value:.6g}", err=True)
    echo_data(recipe_of(opened.base, found))


def _prune_by_hand(opened: Opened, trial: int | None, *, pruned: bool, as_json: bool) -> None:
    from workbench.search.pruning_by_hand import prune_by_hand

    assert trial is not None
    state = prune_by_hand(opened.journal, trial, pruned=pruned)
    if as_json:
        echo_json({"trial": trial, "state": str(state.trials[trial].state), "pruned_by_hand": pruned})
    elif pruned:
        echo(f"trial {trial} stops after its batch, saved, and counts as pruned")
    else:
        echo(f"trial {trial} goes on from its checkpoint while somebody works on '{opened.name}'")


def _print_importance(opened: Opened, *, as_json: bool) -> None:
    from workbench.search.importance import importance_of
    from workbench.search.reporting import importance_lines, importance_record

    found = importance_of(opened.base, opened.journal.read().trials)
    if as_json:
        echo_json(importance_record(found))
    else:
        echo(*importance_lines(found, opened.base))


def _train(opened: Opened, shared: SharedOptions, workers: int, *, as_json: bool) -> int:
    from workbench.search.place import Place
    from workbench.search.running import run_search

    place = Place(shared.runs, opened.folder / "logs", shared.plugin_files, shared.blocked)
    return run_search(opened, place, workers, as_json=as_json)
