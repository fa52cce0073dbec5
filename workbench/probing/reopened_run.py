"""A run as it was trained, to be looked into: its recipe, its data, its model. Nothing of it is changed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from workbench.catalog.lookup import Catalog
from workbench.recipe.document import Document
from workbench.storage.run_folder import RunFolder
from workbench.training.adapted_states import adapter_for
from workbench.training.kept_findings import read_states, streamed_before
from workbench.training.preparing import PreparedRun, load_data, prepare
from workbench.training.resumable_runs import plugin_files_named, run_document


@dataclass(frozen=True)
class ReopenedRun:
    """A run, with its data read.

    Attributes:
        folder: the run's.
        document: its recipe, which saves no file.
        catalog: where the names of the recipe are looked up.
        data: the data, prepared.
        adapter: with the states of preprocessing layers that the run has kept.
    """

    folder: RunFolder
    document: Document
    catalog: Catalog
    data: Any
    adapter: Any

    def prepare(self) -> PreparedRun:
        """Its model, built and compiled, with the weights that the training began with.

        Raises:
            WorkbenchError: it cannot be built any more.
        """
        with plugin_files_named(self.folder, self.catalog):
            return prepare(self.document, self.catalog, data=self.data, adapter=self.adapter)


def reopen(run: RunFolder, catalog: Catalog) -> ReopenedRun:
    """Read a run's recipe and its data.

    Raises:
        WorkbenchError: the recipe is damaged, or the data is not there any more.
    """
    document = run_document(run)
    document = replace(document, recipe=document.recipe.model_copy(update={"save": ()}))
    with plugin_files_named(run, catalog):
        data = load_data(document, catalog, streamed_before(run))
    return ReopenedRun(run, document, catalog, data, adapter_for(data, read_states(run)))
