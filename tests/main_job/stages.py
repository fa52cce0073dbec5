"""Two stages of one life, each in a process of its own: train and save; reload and go on.

    python stages.py save FOLDER RECIPE...      two epochs, saved in each format, then two more without the detour
    python stages.py reload FOLDER RECIPE...    from each file: predictions, evaluation, two more epochs

What each stage saw of each recipe is written to FOLDER as JSON; the test compares.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from workbench.process import import_keras

# Without dropout and noise, whose seeds are restored by exact resume and not by a model file.
OVERRIDES = {
    "custom-stack": ["model.sequential[1].stddev=0"],
    "digits": ["model.sequential[4].rate=0"],
}
FORMATS = ("keras", "h5", "weights.h5")
ROWS = 2048  # of an epoch: enough to move every weight


def look(model: Any, prepared_run: Any) -> dict[str, Any]:
    """What the model predicts, and what it is worth."""
    part = prepared_run.arrays(prepared_run.prepared.validation)
    return {
        "predictions": np.asarray(model.predict(part.x, verbose=0), dtype=float).ravel().tolist(),
        "evaluation": model.evaluate(part.x, part.y, verbose=0, return_dict=True),
    }


def go_on(model: Any, prepared_run: Any) -> dict[str, Any]:
    """Two more epochs of plain Keras over the first rows, in the data's order."""
    import keras

    part = prepared_run.arrays(prepared_run.prepared.train)
    x, y = keras.tree.map_structure(lambda array: None if array is None else array[:ROWS], (part.x, part.y))
    history = model.fit(x, y, batch_size=32, epochs=2, shuffle=False, verbose=0)
    return {"history": history.history, **look(model, prepared_run)}


def main(stage: str, folder: Path, names: list[str]) -> None:
    import_keras()
    from workbench.catalog.discovery import discover
    from workbench.catalog.lookup import Catalog

    catalog = Catalog(discover())
    seen_of: dict[str, Any] = {}
    for name in names:
        seen_of[name] = live(stage, folder, name, catalog)
    (folder / f"{stage}.json").write_text(json.dumps(seen_of))


def live(stage: str, folder: Path, name: str, catalog: Any) -> dict[str, Any]:
    """One stage of one recipe."""
    from workbench.catalog.resolve import Resolver
    from workbench.recipe.lookup import open_recipe
    from workbench.storage import formats
    from workbench.training.preparing import prepare

    document = open_recipe(name, catalog, OVERRIDES.get(name, []))
    prepared_run = prepare(document, catalog)
    if stage == "save":
        model = prepared_run.model
        go_on(model, prepared_run)
        for suffix in FORMATS:
            formats.save(model, folder / f"{name}.{suffix}", {"from": name}, resolver=Resolver(catalog))
        seen: dict[str, Any] = {"saved": look(model, prepared_run), "later": go_on(model, prepared_run)}
    else:
        seen = {}
        for suffix in FORMATS:
            path = folder / f"{name}.{suffix}"
            if suffix == "weights.h5":
                model = prepare(document, catalog).model
                formats.load_weights(model, path, optimizer=True)
            else:
                loaded = formats.load(path, Resolver(catalog))
                assert loaded.notes == {"from": name}
                model = loaded.model
            seen[suffix] = {"saved": look(model, prepared_run), "later": go_on(model, prepared_run)}
    return seen


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3:])
