"""`kwb inspect`, `kwb evaluate` and `kwb predict`: saved files."""

from __future__ import annotations

from contextlib import closing
from os.path import expanduser
from pathlib import Path

import click

from workbench.cli.options import SharedOptions, recipe_of_weights, shared_options
from workbench.errors import ExitCode, FileError
from workbench.output import echo, echo_data, echo_json

_FILE = click.argument("file", type=click.Path(path_type=Path))
_DATA = click.option(
    "--data",
    required=True,
    metavar="DATA",
    help="A recipe (its test part), a dataset's name, or a data file.",
)


@click.command("inspect", short_help="Look inside a model file, without Keras.")
@_FILE
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@shared_options
def inspect_command(shared: SharedOptions, file: Path, as_json: bool) -> int:
    """Look inside a .keras, .h5 or .weights.h5 file, without Keras.

    The file is read in a process of its own, with limits. Exit code 3: it would be refused, and why.
    """
    from workbench.cli.rendering import inspection_lines
    from workbench.storage.reader_client import ReadingProcess

    with closing(ReadingProcess()) as reading:  # which loads what it needs while the plugins are listed
        installed = sorted({plugin.distribution for plugin in shared.catalog().plugins if plugin.entries})
        found = reading.ask("inspect", file, installed=installed)
    if as_json:
        echo_json(found, indent=2)
    else:
        echo(*inspection_lines(found, str(file)))
    return ExitCode.FILE if found["refusal"].startswith("refused") else ExitCode.DONE


@click.command("evaluate")
@_FILE
@_DATA
@recipe_of_weights
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@shared_options
def evaluate_command(shared: SharedOptions, file: Path, data: str, recipe: str, as_json: bool) -> None:
    """Evaluate a saved model: its loss and metrics on data."""
    from workbench import batch

    results, rows, scaled = batch.evaluate_file(file, data, shared.catalog, recipe)
    # Where a recipe keeps no test part, these are all its rows.
    echo(f"on {rows:,} rows of {data}", err=True)
    if as_json:
        from workbench.events import plain

        echo_json(plain(results))
        return
    from workbench.events import loss_title

    titled = {loss_title(name, scaled): value for name, value in results.items()}
    width = max(map(len, titled), default=0)
    for name, value in titled.items():
        echo(f"{name:<{width}}  {value:.6g}")


@click.command("predict", short_help="Predict with a saved model, as CSV.")
@_FILE
@_DATA
@recipe_of_weights
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write a file instead of printing. An .npz file has the arrays that the model makes, such as masks.",
)
@click.option(
    "--sort",
    type=click.Choice(["row", "error"]),
    default="row",
    help="`error`: the worst predictions first (of the first target).",
)
@click.option("--wrong", is_flag=True, help="Only the rows whose class is predicted wrong.")
@click.option(
    "--keep",
    default="",
    metavar="COLUMN,...",
    help="Columns of the data, such as ids, to write beside the predictions.",
)
@click.option("--json", "as_json", is_flag=True, help="JSON: a list with an object for each row.")
@shared_options
def predict_command(
    shared: SharedOptions,
    file: Path,
    data: str,
    recipe: str,
    out: Path | None,
    sort: str,
    wrong: bool,
    keep: str,
    as_json: bool,
) -> None:
    """Predict with a saved model, as CSV: a row for each row of the data, with the true values where the data has them.

    Next to a true value is the error, or a mark if the prediction is right. Of the data of its training the `part` of
    each row is said; of texts and pictures the `file`.
    """
    from workbench import batch

    replaces = out is not None and _replaces(out, file, data)
    is_npz = out is not None and out.suffix.casefold() == ".npz"
    content, rows, left_out, trained = batch.predict_file(
        file,
        data,
        shared.catalog,
        sort=sort == "error",
        wrong=wrong,
        form="json" if as_json else "npz" if is_npz else "csv",
        keep=tuple(name.strip() for name in keep.split(",") if name.strip()),
        recipe=recipe,
    )
    if left_out:
        echo(
            f"{left_out:,} rows have no prediction: they miss a value, or hold a category that training did not know.",
            err=True,
        )
    if trained:
        echo(f"{data}: {trained}", err=True)
    if out is None:
        echo_data(f"{content!s}\n" if as_json else str(content))
        return
    from workbench.atomic import write_bytes

    # Half a surrogate may be in a class name.
    write_bytes(out, content if isinstance(content, bytes) else content.encode(errors="backslashreplace"))
    echo(f"{rows:,} predictions in {out}{', which was replaced' if replaces else ''}", err=True)


def _replaces(out: Path, file: Path, data: str) -> bool:
    """True if predictions replace a file.

    Raises:
        FileError: it is the model or the data itself.
    """
    for what, read in (("model", file), ("data", Path(expanduser(data)))):
        if out.exists() and read.exists() and out.samefile(read):
            raise FileError(f"is the {what}, which predictions must not replace.", where=f"--out {out}")
    return out.exists()
