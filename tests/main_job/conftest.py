"""The main job end to end: `kwb` as a user runs it, in processes of its own."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests import loaded_kwb


@dataclass(frozen=True)
class Run:
    """What one `kwb` process did."""

    code: int
    out: str
    err: str
    folder: Path

    @property
    def records(self) -> list[dict[str, Any]]:
        """The event stream."""
        return [json.loads(line) for line in self.out.splitlines()]

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [record for record in self.records if record["event"] == kind]


Kwb = Callable[..., Run]


def kwb_in(
    folder: Path, arguments: Sequence[str], env: dict[str, str] | None = None, *, loaded: bool = True
) -> Run:
    """Run `kwb` with the folder as working directory; `loaded=False`: as a user starts it, with nothing loaded."""
    done = loaded_kwb.run(arguments, folder, os.environ | (env or {}), loaded=loaded)
    return Run(done.returncode, done.stdout, done.stderr, folder)


@pytest.fixture
def kwb(tmp_path: Path) -> Kwb:
    """`kwb("--batch", "digits")` in an empty folder."""
    return lambda *arguments, **options: kwb_in(tmp_path, arguments, **options)


BUILT_IN = ("residual-regressor", "reconstructing-regressor", "custom-stack", "multi-inputs", "digits", "vae")


@pytest.fixture(scope="session")
def built_in_runs(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Run]:
    """A headless run of each built-in recipe, made once."""
    made: dict[str, Run] = {}

    def run(name: str) -> Run:
        if name not in made:
            folder = tmp_path_factory.mktemp(name)
            arguments = ["--batch", name, "--json", "--set", "train.epochs=15"]
            made[name] = kwb_in(folder, arguments, loaded=name != "residual-regressor")
        return made[name]

    return run
