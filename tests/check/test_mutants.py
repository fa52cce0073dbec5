"""Small errors put into sound layers are found. The whole run, with the list of those not found: KWB_MUTANTS=all."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import keras
import pytest

from tests.check.mutating import Mutant, mutants, sample
from workbench.catalog import Entry, single_file
from workbench.catalog.discovery import discover
from workbench.catalog.lookup import Catalog
from workbench.check.contract import BY_ID
from workbench.check.results import Result, Status
from workbench.check.running import EntryRun

SOUND = Path(__file__).with_name("sound_layers.py")
HEADER = "import keras\nimport tensorflow as tf\nfrom keras import ops\n\n\n"

FEW = 12
WANTED = 0.95


def failure(entry: Entry, catalog: Catalog) -> Result | None:
    """The first check that fails."""
    keras.utils.clear_session()
    results = EntryRun(entry, catalog).run(frozenset(BY_ID))
    return next((result for result in results if result.status is Status.FAILED), None)


def survivors(chosen: Sequence[Mutant], folder: Path) -> list[str]:
    """Mutants that no check finds."""
    files = []
    for number, mutant in enumerate(chosen):
        file = folder / f"mutant_{number}.py"  # a name of its own for each: Keras registers a class under it
        file.write_text(f"{HEADER}{mutant.source}\n")
        files.append(file)
    catalog = Catalog(discover(files, scan=single_file.scan))
    entries = {entry.plugin: entry for entry in catalog.entries}
    found = []
    for number, mutant in enumerate(chosen):
        result = failure(entries[f"mutant_{number}"], catalog)
        if result is None:
            found.append(f"{mutant.layer}: {mutant.what}")
        print(f"{mutant.layer}: {mutant.what}: {result.check if result else 'SURVIVES'}", flush=True)
    return found


@pytest.fixture(scope="module")
def every() -> list[Mutant]:
    return mutants(SOUND.read_text())


def test_there_are_many_mutants_of_many_layers(every: list[Mutant]) -> None:
    assert len(every) >= 80
    assert len({mutant.layer for mutant in every}) >= 12


def test_some_mutants_are_found(every: list[Mutant], tmp_path: Path) -> None:
    assert survivors(sample(every, FEW, seed=11), tmp_path) == []


@pytest.mark.skipif(
    os.environ.get("KWB_MUTANTS") != "all", reason="the whole run takes minutes: KWB_MUTANTS=all"
)
def test_nearly_all_mutants_are_found(every: list[Mutant], tmp_path: Path) -> None:
    alive = survivors(every, tmp_path)
    print(f"{len(every) - len(alive)} of {len(every)} found; not found:", *alive, sep="\n  ")
    assert 1 - len(alive) / len(every) >= WANTED


@pytest.mark.skipif(
    os.environ.get("KWB_MUTANTS") != "all", reason="the whole run takes minutes: KWB_MUTANTS=all"
)
def test_the_layers_without_an_error_have_none() -> None:
    catalog = Catalog(discover([SOUND], scan=single_file.scan))
    entries = [entry for entry in catalog.entries if entry.plugin == SOUND.stem]
    assert len(entries) >= 12
    assert [failure(entry, catalog) for entry in entries] == [None] * len(entries)
