"""The command tables of README.md are those of the command tree."""

from __future__ import annotations

import pytest

from tests import readme
from workbench.cli.tree import kwb


def test_the_tables_are_what_the_commands_are():
    text = readme.README.read_text(encoding="utf-8")
    assert text == readme.written(text), "stale: run `python -m tests.readme`"


def test_every_command_and_each_of_its_options_has_its_place():
    tables = readme.tables()
    assert "| `kwb [RECIPE]` |" in tables
    for name, command in kwb.commands.items():
        if name != "run":
            assert f"| `kwb {name}" in tables
        for option in command.params:
            assert max(option.opts, key=len).lower() in tables.lower(), (name, option.name)


def test_a_readme_without_a_place_for_them_is_refused():
    with pytest.raises(ValueError, match="no lines"):
        readme.written("# kwb\n")
