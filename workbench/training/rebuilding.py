"""Build the model of a file that holds weights only, by a recipe."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from workbench.assembly.adapting import Adapter, Rows
from workbench.assembly.compile import compile_model
from workbench.assembly.model import Assembly, assemble
from workbench.assembly.stateful import batch_of, static_batch
from workbench.catalog.lookup import Catalog
from workbench.data.preparation import Part, Preparation
from workbench.data.strings import zeros
from workbench.errors import FileError, WorkbenchError
from workbench.recipe.document import Document
from workbench.storage.checked_files import CheckedFiles
from workbench.storage.run_folder import RunFolder
from workbench.training.building import build
from workbench.training.preparing import input_specs
from workbench.training.resumable_runs import run_document


def recipe_beside(path: Path) -> Document:
    """The recipe of the run in whose folder a weights file is.

    Raises:
        FileError: it is in no run's folder.
    """
    run = RunFolder(path.absolute().parent)
    if path.name != run.weights.name or not run.recipe.is_file():
        raise FileError(
            "holds weights only, no model.",
            where=str(path),
            hint="Name the recipe of the model: --recipe RECIPE. In a recipe it can be the model's `weights`.",
        )
    return run_document(run)


def rebuild(
    document: Document,
    catalog: Catalog,
    preparation: Preparation,
    adapted: Sequence[Mapping[str, Any]] = (),
) -> Assembly:
    """A recipe's model for data that is prepared so, with its first weights.

    Args:
        adapted: the state of its preprocessing layers, as the training found it.

    Raises:
        WorkbenchError: it cannot be built.
    """
    files = CheckedFiles(catalog)
    recipe = document.recipe
    try:
        assembly = assemble(
            document,
            catalog,
            input_specs(preparation, batch_of(recipe)),
            tuple(preparation.target_shapes()),
            load_model=files.model,
            load_weights=files.weights,
            adapter=Adapter(Rows(lambda: iter(()), whole=True), [dict(each) for each in adapted])
            if adapted
            else None,
        )
        compile_model(assembly.model, recipe.train, assembly.structure, assembly.maker)
        return build(assembly, _row_of_zeros(preparation, static_batch(assembly.model) or 1), None)
    except WorkbenchError as error:
        raise document.located(error) from error


def _row_of_zeros(preparation: Preparation, rows: int) -> Part:
    types, classes = preparation.input_dtypes(), preparation.classes()
    return Part(
        {name: zeros((rows, *shape), types[name]) for name, shape in preparation.input_shapes().items()},
        {
            name: np.zeros((rows, *shape), "int32" if name in classes else "float32")
            for name, shape in preparation.target_shapes().items()
        },
        None,
        np.arange(rows),
    )
