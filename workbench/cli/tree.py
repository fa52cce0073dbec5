"""The command tree: options, arguments, and which function does what."""

from __future__ import annotations

import io
from collections.abc import Sequence

import click

from workbench import __version__
from workbench.cli.catalog import catalog_command, plugins_command
from workbench.cli.check import check_command
from workbench.cli.data import data_command
from workbench.cli.devices import devices_command
from workbench.cli.files import evaluate_command, inspect_command, predict_command
from workbench.cli.hosts import hosts_options
from workbench.cli.new import new_command
from workbench.cli.new_plugin import new_plugin_command
from workbench.cli.options import SharedOptions, shared_options
from workbench.cli.probe import probe_command
from workbench.cli.queue import queue_command
from workbench.cli.replay import replay_command
from workbench.cli.runs import (
    export_command,
    label_command,
    runs_command,
    save_command,
    stop_command,
    watch_command,
)
from workbench.cli.search import repeat_command, search_command
from workbench.cli.trial import trial_command
from workbench.cli.verify import verify_command
from workbench.cli.worker import worker_command
from workbench.errors import ExitCode
from workbench.group.hosts.options import HostOptions
from workbench.output import echo_json, echo_text

_SHARED_WITH_VALUE = ("--plugin", "--no-plugin")
_SHARED = (*_SHARED_WITH_VALUE, "--debug")

# The forms of the command line, for the help and for the README.
FORMS = (
    ("[RECIPE]", "the terminal workbench"),
    ("--batch RECIPE [OPTIONS]", "train without the app"),
    ("--batch RUN [OPTIONS]", "go on with an unfinished run"),
    ("COMMAND [OPTIONS]", "see below"),
)


class Commands(click.Group):
    """`kwb [RECIPE]` beside `kwb COMMAND`: a word that is no command is a recipe for the hidden command `run`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        position = 0
        while position < len(args) and args[position].split("=")[0] in _SHARED:
            position += 2 if args[position] in _SHARED_WITH_VALUE else 1
        if position < len(args) and args[position] in self.commands:
            args = [args[position], *args[:position], *args[position + 1 :]]
        elif args[:1] not in (["--help"], ["--version"]):
            args = ["run", *args]
        return super().parse_args(ctx, args)

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for number, (usage, meaning) in enumerate(FORMS):
            prefix = "       " if number else None
            formatter.write_usage(ctx.command_path, f"{usage:<28} {meaning}", prefix=prefix)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        run = self.commands["run"]
        with formatter.section("Training"):
            formatter.write_dl([record for p in run.get_params(ctx) if (record := p.get_help_record(ctx))])
        super().format_options(ctx, formatter)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for name in self.commands if name != "run"]


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="kwb")
def kwb() -> None:
    """A terminal workbench for Keras: assemble layers and models, train them, save files that reload.

    RECIPE is a YAML file or the name of a built-in recipe; `kwb catalog --kind recipe` lists those. With --batch it
    may also be the folder of a run, which then goes on.
    """


@kwb.command("run", hidden=True)
@click.argument("recipe", required=False)
@click.option("--batch", is_flag=True, help="Train without the terminal app.")
@click.option(
    "--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Change the recipe: train.epochs=50."
)
@click.option(
    "--json", "as_json", is_flag=True, help="With --batch: print the event stream, one JSON object a line."
)
@click.option(
    "--resume",
    is_flag=True,
    help="With --batch: go on with the newest run of this recipe, also for more epochs than before.",
)
@hosts_options
@shared_options
def run_command(
    shared: SharedOptions,
    recipe: str | None,
    batch: bool,
    overrides: Sequence[str],
    as_json: bool,
    resume: bool,
    hosts: HostOptions,
) -> int:
    """Open the workbench on a recipe, or train it with --batch."""
    if not batch:
        if overrides or as_json or resume or hosts != HostOptions():
            raise click.UsageError(
                "--set, --json, --resume, --workers and what goes with it go with --batch."
            )
        from workbench.tui.start import start

        return start(recipe=recipe, plugin_files=shared.plugin_files, blocked=shared.blocked)
    if recipe is None:
        raise click.UsageError(
            "--batch needs a recipe: a file, or a name that `kwb catalog --kind recipe` lists."
        )
    from workbench import batch as front_end

    job = front_end.Job(
        recipe,
        (*overrides, *hosts.overrides),
        resume,
        shared.runs,
        shared.plugin_files,
        shared.blocked,
        hosts,
    )
    return front_end.run(job, shared.catalog, as_json=as_json)


@kwb.command("schema")
@shared_options
def schema_command(shared: SharedOptions) -> None:
    """Print the JSON Schema of a recipe, for editors."""
    from workbench.recipe.json_schema import json_schema

    echo_json(json_schema(shared.catalog()), indent=2)


for command in (
    search_command,
    repeat_command,
    trial_command,
    queue_command,
    watch_command,
    stop_command,
    export_command,
    runs_command,
    label_command,
    save_command,
    verify_command,
    worker_command,
    replay_command,
    probe_command,
    plugins_command,
    catalog_command,
    check_command,
    new_command,
    new_plugin_command,
    data_command,
    devices_command,
    inspect_command,
    evaluate_command,
    predict_command,
):
    kwb.add_command(command)


def run(arguments: Sequence[str], context: dict[str, bool]) -> int:
    """Do what the command line says.

    Args:
        arguments: the command line.
        context: is filled with what holds for every command, such as `debug`.

    Raises:
        KeyboardInterrupt: Ctrl-C, or an answer refused.
    """
    try:
        with kwb.make_context("kwb", list(arguments), obj=context) as ctx:
            result = kwb.invoke(ctx)
    except click.exceptions.Exit as leaving:
        return leaving.exit_code
    except click.Abort:
        raise KeyboardInterrupt from None
    except click.ClickException as error:
        if isinstance(error, click.UsageError) and error.ctx and error.ctx.command is run_command:
            error.ctx = error.ctx.parent  # nobody types the hidden `run`
        shown = io.StringIO()
        error.show(shown)
        echo_text(shown.getvalue().removesuffix("\n"), err=True)
        return ExitCode.USAGE
    return int(result) if isinstance(result, int) else ExitCode.DONE
