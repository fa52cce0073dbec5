"""The `kwb` command. Nothing heavy is imported until a command needs it."""

from workbench.cli.main import command, main

__all__ = ["command", "main"]
