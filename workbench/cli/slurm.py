"""`--slurm` of `kwb search` and `kwb repeat`: the tasks of an array job work on it."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from workbench.cli.options import SharedOptions
from workbench.errors import ExitCode
from workbench.output import echo, echo_data, echo_json

if TYPE_CHECKING:
    from workbench.search.opening import Opened


@dataclass(frozen=True)
class SlurmOptions:
    """What is asked of Slurm: so many tasks, with these fields; or only their script."""

    tasks: int
    fields: dict[str, list[str]]
    dry_run: bool


def slurm_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of Slurm; the command gets them as its `slurm`, None without `--slurm`."""
    for option in (
        click.option(
            "--dry-run",
            is_flag=True,
            help="With --slurm: begin the search, and print the script in place of submitting it.",
        ),
        click.option(
            "--slurm-set",
            multiple=True,
            metavar="FIELD=VALUE",
            help="With --slurm: slurm_partition=gpu, slurm_time=04:00:00, ..., as submitit names them.",
        ),
        click.option(
            "--slurm",
            "tasks",
            type=click.IntRange(1),
            metavar="TASKS",
            help="Train on a Slurm cluster: submit an array job of so many tasks, which share the work.",
        ),
    ):
        option(command)

    @functools.wraps(command)
    def with_slurm(tasks: int | None, slurm_set: Sequence[str], dry_run: bool, **rest: Any) -> Any:
        from workbench.search.slurm import fields_of

        if tasks is None:
            if slurm_set or dry_run:
                raise click.UsageError("--slurm-set and --dry-run go with --slurm.")
            return command(slurm=None, **rest)
        return command(slurm=SlurmOptions(tasks, fields_of(slurm_set), dry_run), **rest)

    return with_slurm


def train_on_slurm(
    opened: Opened, shared: SharedOptions, workers: int, slurm: SlurmOptions, storage: str, *, as_json: bool
) -> int:
    """Begin a search and submit the job that works on it.

    Raises:
        WorkbenchError: it cannot be begun or submitted.
    """
    from workbench.search.opening import begin
    from workbench.search.reporting import command_of
    from workbench.search.slurm import array_script, submit

    command = [
        sys.executable,
        "-P",  # the folder of the task has files of the user, which are not to be imported
        "-c",
        "from workbench.cli import command; command()",
        command_of(opened.base),
        opened.name,
    ]
    for path in shared.plugin_files:
        command += ["--plugin", str(path.absolute())]
    for name in shared.blocked:
        command += ["--no-plugin", name]
    command += ["--workers", str(workers or "auto")]
    script = array_script(opened, command, slurm.tasks, slurm.fields, stored=bool(storage))
    begin(opened)
    (opened.folder / "slurm").mkdir(parents=True, exist_ok=True)  # Slurm makes no folder for the output
    job = "" if slurm.dry_run else submit(script, storage)
    if as_json:
        echo_json({"name": opened.name, "job": job, "tasks": slurm.tasks, "script": script})
    elif slurm.dry_run:
        echo_data(script)
    else:
        echo(
            f"job {job}: {slurm.tasks} tasks work on {opened.name}; their output is in {opened.folder}/slurm"
        )
    return ExitCode.DONE
