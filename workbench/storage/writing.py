"""Write a model to a file, in each of the three formats."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workbench.atomic import scratch_path
from workbench.catalog import registered
from workbench.keras_private import numbered_objects
from workbench.storage import archive, layer_paths, layout, legacy, structure
from workbench.storage.optimizers import optimizers


@numbered_objects()
def write(model: Any, target: Path, kind: str, notes: Mapping[str, Any]) -> None:
    """Write a built model to a new file of a format, as yet unchecked.

    Args:
        kind: `.keras`, `.h5` or `.weights.h5`.
        notes: see `formats.save`.
    """
    # None too if others train the model.
    optimizer = optimizers(model).get("optimizer") if model.compiled else None
    if optimizer is not None and not optimizer.built:
        optimizer.build(model.trainable_variables)  # else Keras finds slots of no size in the file
    if kind == ".keras":
        _write_archive(model, target, notes)
        return
    with scratch_path(target, ".keras") as whole:
        _write_archive(model, whole, notes)
        if kind == ".weights.h5":
            archive.write_weights_h5(whole, target)
        else:
            archive.write_h5(whole, target)
            with registered.bare_names():
                legacy.write(target, model, f"{archive.GROUP}/{archive.WEIGHT_TREE}")


def _write_archive(model: Any, target: Path, notes: Mapping[str, Any]) -> None:
    with registered.bare_names() as bare:
        model.save(target)
    config = archive.read_config(target)
    state = layer_paths.state_by_path(model)
    record = {
        "format": 1,
        "notes": notes,
        "weights": layout.weight_names(model, target),
        "layers": layout.layer_table(model),
        "classes": {name: given for name, given in bare.items() if f'"{name}"' in config},
        "files": registered.packages_of_files(),
        "state": [{"path": path, "value": structure.value_of(v).tolist()} for path, v in state.items()],
    }
    archive.add_members(target, {archive.NOTES: json.dumps(record).encode()})
