"""Remember which models came back from a file, so that the next training of the same model begins without trying again.

To save and reload a model before training takes as long as some epochs of a small one. What was found is kept in kwb's
state folder, an empty file for each model that came back. Its name is a hash of all that decides it: the recipe's model
and how it is compiled, the code of the plugins in use with what it reads (see `read_by_code`), the versions, the
inputs, and the shapes of what was built. Only that a model comes back is remembered: of one that does not, the reason
is found out each time. After training every file is read back as ever.

Nothing here fails: in a folder that cannot be read or written, nothing is known.
"""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import suppress
from pathlib import Path

import keras

from workbench.catalog.lookup import Catalog
from workbench.places import state_folder
from workbench.recipe.names import used_entries
from workbench.storage.layer_paths import variables_by_path
from workbench.training.environment import package_versions
from workbench.training.preparing import PreparedRun
from workbench.training.read_by_code import own_modules, read_by
from workbench.training.receipts import files_of_model, plugin_files

MOST = 500  # of more, those not used for longest go


def came_back(key: str) -> bool:
    """True if this model came back from a file before."""
    try:
        os.utime(_path(key))  # what is used stays
    except OSError:
        return False
    return True


def note_came_back(key: str) -> None:
    """Remember that this model came back."""
    with suppress(OSError):
        folder = _path(key).parent
        folder.mkdir(parents=True, exist_ok=True)
        _path(key).touch()
        files = sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime)
        for path in files[:-MOST]:
            path.unlink(missing_ok=True)


def key_of(prepared_run: PreparedRun, catalog: Catalog) -> str:
    """The hash of what decides whether a model comes back from a file."""
    document = prepared_run.document
    resolved = document.resolved()
    entries = used_entries(document, catalog)
    inputs = [(str(each.shape), str(each.dtype)) for each in keras.tree.flatten(prepared_run.symbols())]
    variables = variables_by_path(prepared_run.model).items()
    options = {name: resolved.get(name) for name in ("model", "weights", "train")}
    parts = [
        options,
        plugin_files(entries),
        read_by(own_modules().values(), options, document.folder),
        dict(files_of_model(document)),
        package_versions(entries),
        inputs,
        [(path, str(variable.shape), str(variable.dtype)) for path, variable in variables],
    ]
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:32]


def _path(key: str) -> Path:
    return state_folder() / "saveable" / key
