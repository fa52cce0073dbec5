"""Two stages of one life, each in a process of its own: train and save; reload and go on.

    python stages.py save RECIPE FOLDER      two epochs, saved in each format, then two more without the detour
    python stages.py reload RECIPE FOLDER    from each file: predictions, evaluation, two more epochs

What each stage saw is written to FOLDER as JSON; the test compares.
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


def look(model: Any, ready: Any) -> dict[str, Any]:
    """What the model predicts, and what it is worth."""
    part = ready.arrays(ready.prepared.validation)
    return {
        "predictions": np.asarray(model.predict(part.x, verbose=0), dtype=float).ravel().tolist(),
        "evaluation": model.evaluate(part.x, part.y, verbose=0, return_dict=True),
    }


def go_on(model: Any, ready: Any) -> dict[str, Any]:
    """Two more epochs of plain Keras, in the data's order."""
    part = ready.arrays(ready.prepared.train)
    history = model.fit(part.x, part.y, batch_size=32, epochs=2, shuffle=False, verbose=0)
    return {"history": history.history, **look(model, ready)}


def main(stage: str, name: str, folder: Path) -> None:
    import_keras()
    from workbench.catalog.discovery import discover
    from workbench.catalog.lookup import Catalog
    from workbench.catalog.resolve import Resolver
    from workbench.recipe.opening import open_recipe
    from workbench.storage import formats
    from workbench.training.session import prepare

    catalog = Catalog(discover())
    document = open_recipe(name, catalog, OVERRIDES.get(name, []))
    ready = prepare(document, catalog)
    if stage == "save":
        model = ready.model
        go_on(model, ready)
        for suffix in FORMATS:
            formats.save(model, folder / f"model.{suffix}", {"from": name}, resolver=Resolver(catalog))
        seen: dict[str, Any] = {"saved": look(model, ready), "later": go_on(model, ready)}
    else:
        seen = {}
        for suffix in FORMATS:
            path = folder / f"model.{suffix}"
            if suffix == "weights.h5":
                model = prepare(document, catalog).model
                formats.load_weights(model, path, optimizer=True)
            else:
                loaded = formats.load(path, Resolver(catalog))
                assert loaded.notes == {"from": name}
                model = loaded.model
            seen[suffix] = {"saved": look(model, ready), "later": go_on(model, ready)}
    (folder / f"{stage}.json").write_text(json.dumps(seen))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
