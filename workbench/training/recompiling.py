"""Compile a model from a file as its recipe says, for Keras cannot where a class has a `compile()` of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from workbench.assembly.compile import compile_model
from workbench.assembly.forms import maker_of
from workbench.assembly.own_training import has_own
from workbench.catalog.lookup import Catalog
from workbench.errors import RecipeError, WorkbenchError
from workbench.recipe.document import parse, to_yaml
from workbench.training.provenance import Provenance


def recompiled(model: Any, notes: Provenance | None, catalog: Catalog) -> bool:
    """True if a model that was loaded uncompiled is compiled now: its loss and metrics are those of its training, its
    optimizers are new.

    Args:
        notes: of its file; None for one that kwb did not write.
    """
    if notes is None or model.compiled or not has_own(model, "compile"):
        return False
    try:
        document = parse(to_yaml(notes.recipe), name="the file's recipe")
        maker = maker_of(catalog, Path, _no_file)
        compile_model(model, document.recipe.train, notes.structure, maker)
    except WorkbenchError:  # a plugin may be another now: the file says what it says without
        return False
    return True


def _no_file(path: Path, compile: bool) -> Any:
    raise RecipeError(f"a loss or metric that is a model of a file is not loaded again: '{path}'.")
