"""Load the model files that a recipe names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from workbench.catalog.lookup import Catalog
from workbench.catalog.resolve import Resolver
from workbench.storage import formats, reader_client


class CheckedFiles:
    """Loads files of unknown origin: each is read by a process with limits first (see `reader_client.check`).

    Args:
        catalog: where the classes that a file names are looked up.
        warn: called with the recipe's key, `model` or `weights`, and the file and what differs in it.

    Attributes:
        notes: what kwb noted in the model file that was loaded last; empty for another's.
    """

    def __init__(
        self, catalog: Catalog, warn: Callable[[str, str], None] = lambda key, warning: None
    ) -> None:
        self._resolver = Resolver(catalog)
        self._warn = warn
        self.notes: Mapping[str, Any] = {}

    def model(self, path: Path, compile: bool) -> Any:
        """The model of a file, compiled or not.

        Raises:
            FileError: it is missing, damaged or refused.
        """
        reader_client.check(path)
        loaded = formats.load(path, self._resolver, compile=compile)
        for warning in loaded.warnings:
            self._warn("model", f"{path}: {warning}")
        self.notes = loaded.notes
        return loaded.model

    def weights(self, model: Any, path: Path) -> None:
        """Load a file's weights into a model.

        Raises:
            FileError: it is missing, damaged or refused, or has no weights that fit.
        """
        reader_client.check(path)
        for warning in formats.load_weights(model, path):
            self._warn("weights", f"{path}: {warning}")
