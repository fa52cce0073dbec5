"""`kwb new-plugin`: make a plugin project to start from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from workbench.cli.options import SharedOptions, shared_options
from workbench.output import echo, echo_json

if TYPE_CHECKING:
    from workbench.scaffold.from_file import MovingReport


@click.command("new-plugin", short_help="Write a ready, tested plugin project.")
@click.argument("name")
@click.option(
    "--folder", type=click.Path(path_type=Path), help="Where to write it; else a folder of its name, here."
)
@click.option(
    "--from",
    "files",
    type=click.Path(path_type=Path),
    metavar="FILE",
    multiple=True,
    help="Copy the layers, models, losses and so on of a Python file or a notebook into it; may be given again.",
)
@click.option("--no-check", is_flag=True, help="With --from: do not try out what is moved.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@shared_options
def new_plugin_command(
    shared: SharedOptions,
    name: str,
    folder: Path | None,
    files: tuple[Path, ...],
    no_check: bool,
    as_json: bool,
) -> None:
    """Write a ready, tested plugin project: a layer, a recipe that trains it, and its tests.

    NAME is what pip will call it, such as acme-layers. A folder that holds something is left alone.

    With --from, the classes of .py files and notebooks come into it in place of the layer, with what they need. The
    files are read, not run, and stay as they are. What moves is imported and checked in a child process.
    """
    from workbench.scaffold.writing import names_of, write_project

    names = names_of(name)
    target = folder or Path(names.distribution)
    following = f"Next: pip install -e '{target}[dev]', then: kwb check {names.package}"
    if not files:
        if no_check:
            raise click.UsageError("--no-check goes with --from.")
        written = write_project(names, target)
        if as_json:
            paths = [str(target / path) for path in written]
            echo_json(
                {"written": paths, "entries": [], "left_out": [], "dependencies": [], "to_do": []}, indent=2
            )
        else:
            echo(*(str(target / path) for path in written), "", following)
        return
    from workbench.scaffold.from_file import write_from_files

    report = write_from_files(files, names, target, tried=not no_check, on_begin=_notice)
    if as_json:
        record = report.as_record()
        echo_json(record | {"written": [str(target / path) for path in report.written]}, indent=2)
    else:
        echo(*_lines(report, files, target), "", following)


def _notice(count: int) -> None:
    entries = "1 entry" if count == 1 else f"{count} entries"
    echo(
        f"Trying out {entries} in a child process. That takes a minute or two; --no-check does without.",
        err=True,
    )


def _lines(report: MovingReport, files: Sequence[Path], target: Path) -> Iterator[str]:
    stays = "which stays as it is" if len(files) == 1 else "which stay as they are"
    yield from (str(target / path) for path in report.written)
    yield from ("", f"Copied from {', '.join(map(str, files))}, {stays}:")
    for entry in report.entries:
        count = len(entry.failures)
        failures = f", {count} expected failure{'s' if count > 1 else ''}" if count else ""
        yield f"    {entry.kind:<11} {entry.name:<28} {entry.where}{failures}"
    if report.registered:
        yield f"Registered with Keras, by a decorator that was added: {', '.join(report.registered)}"
    if report.dependencies:
        yield f"Dependencies, besides kwb: {', '.join(report.dependencies)}"
    if report.left_out:
        yield from ("", "Left out:")
        for each in report.left_out:
            yield f"    {each.where}: {each.what}"
            yield f"        {each.why}"
    if report.to_do:
        yield from ("", "To do (also in its README.md):")
        yield from (f"    {text}." for text in report.to_do)
