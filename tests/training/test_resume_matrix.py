"""Twelve epochs at a stretch, and four, three and five: the same bits, or it was said at the start.

Callbacks, optimizers and kinds of models with a memory of every sort. A representative part runs always; all cells run
with KWB_WHOLE=resume.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from tests.training import resuming
from tests.whole import part
from workbench import events
from workbench.catalog.lookup import Catalog
from workbench.recipe.document import parse, to_yaml
from workbench.storage.run_folder import RunFolder
from workbench.training import checkpoints
from workbench.training.session import Session

Item = dict[str, Any]

MODELS: dict[str, Item] = {
    "stack": {
        "sequential": [
            {"use": "Dense", "units": 4},
            {"use": "BatchNormalization"},
            {"use": "Dropout", "rate": 0.3},
            {"use": "Dense", "units": 1},
        ]
    },
    "graph": {
        "inputs": {"inputs": [2]},
        "graph": ["z = GaussianNoise(0.1)(inputs)", "y = Dense(1)(z)"],
        "outputs": ["y"],
    },
    "class": {"use": "Small"},
    "tf.Variable": {"use": "Annealed"},
    "keras.Variable": {"use": "Seen"},
    "two optimizers": {"use": "Pair"},
}
CALLBACKS: dict[str, list[Item]] = {
    "none": [],
    "early stopping": [
        {
            "use": "EarlyStopping",
            "monitor": "LOSS",
            "mode": "min",
            "patience": 3,
            "min_delta": 0.05,
            "restore_best_weights": True,
        }
    ],
    "plateau": [
        {"use": "ReduceLROnPlateau", "monitor": "LOSS", "mode": "min", "patience": 1, "min_delta": 0.1}
    ],
    "collections": [{"use": "Collections"}],
    "objects": [{"use": "Objects"}],
    "variables": [{"use": "Variables"}],
    "on the model": [{"use": "OnModel"}],
    "unkeepable": [{"use": "Unkeepable"}],
    "two": [
        {"use": "Collections"},
        {"use": "ReduceLROnPlateau", "monitor": "LOSS", "mode": "min", "patience": 2},
    ],
}
OPTIMIZERS: dict[str, Item] = {
    "Adam": {"use": "Adam", "learning_rate": 0.01},
    "SGD": {"use": "SGD", "learning_rate": 0.01, "momentum": 0.9, "nesterov": True},
    "Nadam": {"use": "Nadam", "learning_rate": 0.01},
    "RMSprop": {"use": "RMSprop", "learning_rate": 0.01},
    "Lion": {"use": "Lion", "learning_rate": 0.003},
    "Adafactor": {"use": "Adafactor", "learning_rate": 0.01},
    "averaged": {"use": "AdamW", "learning_rate": 0.01, "use_ema": True, "ema_overwrite_frequency": 5},
    "accumulated": {"use": "Adam", "learning_rate": 0.01, "gradient_accumulation_steps": 2},
}


@dataclass(frozen=True)
class Cell:
    model: str
    callbacks: tuple[Item, ...]
    optimizer: Item
    label: str
    engine: str = "plain"
    dtype: str | None = None


def _cells() -> list[Cell]:
    cells = []
    optimizers = list(OPTIMIZERS)
    for row, model in enumerate(MODELS):
        for column, callbacks in enumerate(CALLBACKS):
            optimizer = optimizers[(row + column) % len(optimizers)]
            engine = "chunk" if (row + column) % 3 == 0 else "plain"
            label = f"{model}, {callbacks}"
            cells.append(Cell(model, tuple(CALLBACKS[callbacks]), OPTIMIZERS[optimizer], label, engine))
    for optimizer in optimizers:
        cells.append(Cell("stack", (), OPTIMIZERS[optimizer], f"stack, {optimizer} and XLA", "chunk-xla"))
    averaged = {"use": "Adam", "learning_rate": 0.02, "use_ema": True, "ema_momentum": 0.8}
    for model in ("stack", "class"):
        for each_epoch in (False, True):
            swap = ({"use": "SwapEMAWeights", "swap_on_epoch": each_epoch},)
            cells.append(Cell(model, swap, averaged, f"{model}, swap {each_epoch}"))
    cosine = {
        "use": "Adam",
        "learning_rate": {"use": "CosineDecay", "initial_learning_rate": 0.02, "decay_steps": 40},
    }
    cells.append(Cell("stack", (), cosine, "stack, schedule"))
    cells.append(Cell("stack", (), OPTIMIZERS["Adam"], "stack, mixed_float16", dtype="mixed_float16"))
    return cells


CELLS = _cells()
ALWAYS = {
    "tf.Variable, objects",
    "two optimizers, variables",
    "stack, swap True",
    "class, collections",
    "keras.Variable, on the model",
    "stack, unkeepable",
    "graph, plateau",
}
CHOSEN = part("resume", CELLS, [cell for cell in CELLS if cell.label in ALWAYS])


def test_there_are_enough_cells() -> None:
    assert len(CELLS) >= 60
    assert len({cell.label for cell in CELLS}) == len(CELLS)
    assert {cell.label for cell in CELLS} >= ALWAYS


@pytest.fixture(scope="module")
def these(catalog: Catalog) -> Catalog:
    return resuming.with_these(catalog)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(28, 2)).astype("float32")
    folder = tmp_path_factory.mktemp("data")
    np.savez(folder / "data.npz", inputs=x, y=(x[:, :1] * 2 - x[:, 1:] + 0.1).astype("float32"))
    return folder


def recipe(cell: Cell, folder: Path) -> Any:
    monitored = "maker_loss" if cell.model == "two optimizers" else "loss"
    callbacks = [{k: monitored if v == "LOSS" else v for k, v in item.items()} for item in cell.callbacks]
    train = {
        "loss": "mse",
        "epochs": 12,
        "batch_size": 8,
        "engine": cell.engine,
        "optimizer": cell.optimizer,
        "callbacks": callbacks,
        "checkpoint_seconds": 0,
        "dtype": cell.dtype,
        "watch": "none",
    }
    content = {
        "kwb": 1,
        "name": "cell",
        "seed": 7,
        "data": {"use": "npz", "path": "data.npz", "inputs": {"inputs": "inputs"}, "targets": {"y": "y"}},
        "model": MODELS[cell.model],
        "train": train,
    }
    return parse(to_yaml(content), name="cell", folder=folder)


def train(
    document: Any, catalog: Catalog, folder: Path, epochs: int, resume: RunFolder | None = None
) -> tuple[RunFolder, list[Any]]:
    """One process' part of a training: what a module holds begins again in each."""
    keras.utils.clear_session()
    resuming.LOOSE.assign(0.0)
    heard: list[Any] = []
    content = document.resolved()
    content["train"]["epochs"] = epochs
    shorter = parse(to_yaml(content), name="cell", folder=document.folder)
    session = Session(
        shorter, catalog, lambda event, line: heard.append(event), runs_folder=folder, resume=resume
    )
    session.run()
    started = next(event for event in heard if isinstance(event, events.RunStarted))
    return RunFolder(Path(started.folder)), heard


def state(run: RunFolder) -> dict[str, np.ndarray]:
    found = checkpoints.newest(run.checkpoints)
    assert found is not None
    return found[2]


def logs(heard: list[Any]) -> list[dict[str, float]]:
    return [dict(event.logs) for event in heard if isinstance(event, events.Epoch)]


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("cell", CHOSEN, ids=lambda cell: cell.label)
def test_parts_equal_the_whole(cell: Cell, these: Catalog, data: Path, tmp_path: Path) -> None:
    document = recipe(cell, data)
    whole, shown = train(document, these, tmp_path / "whole", 12)
    run, first = train(document, these, tmp_path / "parts", 4)
    _, second = train(document, these, tmp_path / "parts", 7, run)
    _, third = train(document, these, tmp_path / "parts", 12, run)
    warned = [
        event.text
        for event in first
        if isinstance(event, events.Message) and "a checkpoint cannot keep" in event.text
    ]
    if any(item["use"] == "Unkeepable" for item in cell.callbacks):
        assert "Unkeepable.rates" in warned[0]
        return
    assert not warned
    assert [logs(each) for each in (first, second, third)] == [
        logs(shown)[:4],
        logs(shown)[4:7],
        logs(shown)[7:],
    ]
    mine, its = state(run), state(whole)
    assert set(mine) == set(its)
    for name in its:
        assert mine[name].tobytes() == its[name].tobytes(), name
