"""Models that train by methods of their own: as plain `fit` trains them, on every engine; saved, reloaded, resumed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from tests.training.self_trained import BATCH, CASES, Case, with_these
from tests.training.test_engines import ENGINES
from tests.training.test_equivalence import WHOLE
from workbench import events
from workbench.catalog.lookup import Catalog
from workbench.recipe.document import parse, to_yaml
from workbench.storage.run_folder import RunFolder
from workbench.training.session import Session

EPOCHS = 3
EVERY_DAY = {
    "rivals": ENGINES,
    "penalized": ("chunk-xla",),
    "rebuilder": ("chunk",),
    "taught": ("plain",),
}


def recipe(folder: Path, case: Case, name: str = "own", **train: Any) -> Any:
    arrays = {"x": case.x} | ({} if case.y is None else {"y": case.y})
    np.savez(folder / "data.npz", **arrays)
    content = {
        "kwb": 1,
        "name": name,
        "seed": 5,
        "data": {"use": "npz", "path": "data.npz", "targets": [] if case.y is None else ["y"]},
        "model": case.model,
        "train": {
            "epochs": EPOCHS,
            "batch_size": BATCH,
            "shuffle": False,
            "engine": "plain",
            **case.train,
            **train,
        },
    }
    return parse(to_yaml(content), name="r.yaml", folder=folder)


def run(document: Any, catalog: Catalog, folder: Path, resume: Any = None) -> tuple[RunFolder, list[Any]]:
    heard: list[Any] = []
    take = lambda event, line: heard.append(event)  # noqa: E731
    Session(document, catalog, take, runs_folder=folder / "runs", resume=resume).run()
    started = next(event for event in heard if isinstance(event, events.RunStarted))
    return RunFolder(Path(started.folder)), heard


def logs(heard: list[Any]) -> list[dict[str, float]]:
    return [dict(event.logs) for event in heard if isinstance(event, events.Epoch)]


@pytest.fixture(scope="module")
def mine(catalog: Catalog) -> Catalog:
    return with_these(catalog)


@pytest.fixture(scope="module")
def stock() -> Any:
    """The logs of plain Keras, each training once."""
    known: dict[str, Any] = {}

    def of(name: str) -> Any:
        if name not in known:
            case = CASES[name]
            keras.utils.clear_session()
            keras.utils.set_random_seed(5)
            model = case.make()
            model.compile(**case.compile())
            history = model.fit(
                case.x, case.y, batch_size=BATCH, epochs=EPOCHS, shuffle=False, verbose=0
            ).history
            known[name] = [
                dict(zip(history, values, strict=True)) for values in zip(*history.values(), strict=True)
            ]
        return known[name]

    return of


@pytest.mark.parametrize(
    ("name", "engine"),
    [(name, engine) for name in CASES for engine in (ENGINES if WHOLE else EVERY_DAY.get(name, ("steps",)))],
)
def test_as_plain_fit(name: str, engine: str, mine: Catalog, stock: Any, tmp_path: Path) -> None:
    case = CASES[name]
    _, heard = run(recipe(tmp_path, case, engine=engine), mine, tmp_path)
    (chosen,) = [event for event in heard if isinstance(event, events.EngineChosen)]
    if engine == "chunk-xla" and case.random:  # it says so, or cannot be compiled at all
        assert chosen.engine == "plain" or "random numbers" in chosen.differs[engine]
        return
    assert chosen.engine == engine
    for mine_, wanted in zip(logs(heard), stock(name), strict=True):
        assert mine_ == pytest.approx(wanted, rel=1e-5, abs=1e-7)
