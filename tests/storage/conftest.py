from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.storage.models import KINDS, sequential_model, trained
from workbench.storage.formats import save


@pytest.fixture(scope="session")
def trained_models() -> dict[str, Any]:
    """One trained model of each kind; not to be trained further."""
    return {kind: trained(kind) for kind in KINDS}


@pytest.fixture(scope="session")
def good(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One sound file of each kind; not to be changed."""
    folder = tmp_path_factory.mktemp("good")
    model = sequential_model()
    model.compile("adam", "mse")
    for format in (".keras", ".h5", ".weights.h5"):
        save(model, folder / f"m{format}", {})
    model.save(folder / "plain.h5")
    return {
        path.name.partition(".")[2] if path.name[0] == "m" else path.name: path for path in folder.iterdir()
    }
