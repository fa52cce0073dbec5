"""A checkpoint as the first version wrote it: what it kept is given back, what it did not keep is said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.training import resuming
from tests.training.test_resume_matrix import CALLBACKS, CELLS, Cell, data, logs, recipe, state, train
from workbench import events
from workbench.catalog.lookup import Catalog
from workbench.storage.run_folder import RunFolder
from workbench.training import checkpoints

__all__ = ["data"]

BEST = {"use": "EarlyStopping", "monitor": "loss", "patience": 9, "restore_best_weights": True}


@pytest.fixture(scope="module")
def these(catalog: Catalog) -> Catalog:
    return resuming.with_these(catalog)


def as_it_was(run: RunFolder) -> None:
    """Write the newest checkpoint as the first version did: plain values and arrays of callbacks, no random states."""
    found = checkpoints.newest(run.checkpoints)
    assert found is not None
    _, position, arrays = found
    callbacks: list[Any] = []
    kept = {name: array for name, array in arrays.items() if not name.startswith("memory/")}
    for number, callback in enumerate(position.pop("memory")["callbacks"]):
        memory: dict[str, Any] = {}
        for name, record in callback["memory"].items():
            key = f"callback/{number}/{name}"
            if not isinstance(record, dict):
                memory[name] = record
            elif record["t"] in ("array", "scalar"):
                kept[key] = np.asarray(arrays[record["key"]])
                memory[name] = {"array": True} if record["t"] == "array" else kept.pop(key).item()
            elif record["t"] == "list" and record["v"] and all(map(_is_array, record["v"])):
                kept |= {f"{key}/{at:05d}": arrays[each["key"]] for at, each in enumerate(record["v"])}
                memory[name] = {"arrays": len(record["v"])}
        callbacks.append({"class": callback["class"], "memory": memory})
    del position["format"]
    checkpoints.write(run.checkpoints, {**position, "callbacks": callbacks}, kept)


def callbacks_of(run: RunFolder) -> Any:
    found = checkpoints.newest(run.checkpoints)
    assert found is not None
    return found[1]["memory"]["callbacks"]


def _is_array(record: Any) -> bool:
    return isinstance(record, dict) and record["t"] == "array"


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_callbacks_go_on_as_if_nothing_had_been_between(
    these: Catalog,
    data: Path,
    tmp_path: Path,
) -> None:
    cell = Cell(
        "stack", (*CALLBACKS["plateau"], BEST), {"use": "SGD", "learning_rate": 0.02, "momentum": 0.9}, "old"
    )
    document = recipe(cell, data)
    whole, shown = train(document, these, tmp_path / "whole", 9)
    run, _ = train(document, these, tmp_path / "parts", 4)
    as_it_was(run)
    _, heard = train(document, these, tmp_path / "parts", 9, run)
    assert logs(heard) == logs(shown)[4:]
    mine, its = state(run), state(whole)
    assert any(name.startswith("memory/callback/1") for name in its)  # the best weights
    for name in its:
        if not name.startswith("memory/random"):
            assert mine[name].tobytes() == its[name].tobytes(), name
    assert callbacks_of(run) == callbacks_of(whole)
    assert not [each for each in heard if isinstance(each, events.Message) and "older" in each.text]


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_second_optimizer_that_was_not_kept_is_named(these: Catalog, data: Path, tmp_path: Path) -> None:
    cell = next(each for each in CELLS if each.label == "two optimizers, variables")
    document = recipe(Cell("two optimizers", (), cell.optimizer, "old"), data)
    run, _ = train(document, these, tmp_path, 2)
    as_it_was(run)
    _, heard = train(document, these, tmp_path, 3, run)
    (shown,) = [each.text for each in heard if isinstance(each, events.Message) and "older" in each.text]
    assert shown.startswith(
        "not as it was before --resume: the checkpoint is of an older kwb, which did not keep"
    )
    assert "the model's judge_optimizer" in shown
