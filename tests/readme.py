"""Write the command tables of README.md from the command tree: `python -m tests.readme`.

The rows are what click knows: names, arguments, options, and the first paragraph of each command's docstring. A test
(tests/cli/test_readme.py) fails where the README says something else.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import click

from workbench.cli.options import shared_options
from workbench.cli.tree import FORMS, kwb

README = Path(__file__).parents[1] / "README.md"
BEGIN, END = "<!-- commands: written by python -m tests.readme -->", "<!-- end of commands -->"


def tables() -> str:
    """The tables: commands, options of a training, options of every command."""
    context = click.Context(kwb, info_name="kwb")
    commands = [
        (f"kwb {usage}", f"{meaning[:1].upper()}{meaning[1:]}.")
        for usage, meaning in FORMS
        if usage != "COMMAND [OPTIONS]"
    ]
    for name in sorted(kwb.list_commands(context)):
        command = kwb.commands[name]
        commands += _usages(f"kwb {name}", command)
    run = _own_options(kwb.commands["run"])
    shared = [option for option in kwb.commands["schema"].params if isinstance(option, click.Option)]
    return "\n".join(
        [
            *_table("command", "what it does", commands),
            "",
            *_table(
                "option of `kwb --batch`",
                "what it does",
                _rows(option for option in run if option.name != "batch"),
            ),
            "",
            *_table("option of every command", "what it does", _rows(shared)),
        ]
    )


def _usages(words: str, command: click.Command) -> Iterator[tuple[str, str]]:
    """A command as one types it and what it does, and the same of the commands below it."""
    yield f"{words} {' '.join(_parts(command))}".rstrip(), _first_paragraph(command)
    if isinstance(command, click.Group):
        for name, below in command.commands.items():
            yield from _usages(f"{words} {name}", below)


def written(text: str) -> str:
    """A README with the tables as they must be.

    Raises:
        ValueError: it has no place for them.
    """
    before, begin, rest = text.partition(f"{BEGIN}\n")
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"README.md has no lines '{BEGIN}' and '{END}'")
    return f"{before}{begin}\n{tables()}\n\n{end}{after}"


def _table(first: str, second: str, rows: Iterable[tuple[str, str]]) -> Iterator[str]:
    yield f"| {first} | {second} |"
    yield "|---|---|"
    for code, meaning in rows:
        escaped = code.replace("|", r"\|")
        yield f"| `{escaped}` | {meaning} |"


def _parts(command: click.Command) -> Iterator[str]:
    """Its arguments and its own options, as one types them."""
    for parameter in command.params:
        if isinstance(parameter, click.Argument):
            name = parameter.metavar or (parameter.name or "").upper()
            yield name if parameter.required else f"[{name}]"
    for option in _own_options(command):
        yield _usage(option) if option.required else f"[{_usage(option)}]"


def _own_options(command: click.Command) -> list[click.Option]:
    """Its options without those that every command has."""
    shared = {option.name for option in _every_commands_options()}
    return [
        option for option in command.params if isinstance(option, click.Option) and option.name not in shared
    ]


def _every_commands_options() -> list[click.Option]:
    return [
        parameter
        for parameter in click.command()(shared_options(lambda shared: None)).params
        if isinstance(parameter, click.Option)
    ]


def _usage(option: click.Option) -> str:
    name = max(option.opts, key=len)
    if option.is_flag:
        return name
    if option.metavar:
        return f"{name} {option.metavar}"
    if isinstance(option.type, click.Choice) and len(option.type.choices) < 4:
        return f"{name} {'|'.join(option.type.choices)}"
    return f"{name} {(option.name or '').upper()}"


def _rows(options: Iterable[click.Option]) -> list[tuple[str, str]]:
    return [(_usage(option), option.help or "") for option in options]


def _first_paragraph(command: click.Command) -> str:
    return " ".join(re.split(r"\n\s*\n", (command.help or "").strip())[0].split())


if __name__ == "__main__":
    README.write_text(written(README.read_text(encoding="utf-8")), encoding="utf-8")
