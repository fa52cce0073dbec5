"""The data that was read last: people edit models, and look at rows, many times on the same data."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from workbench.catalog.lookup import Catalog
from workbench.data import loading
from workbench.data.chunks import StreamedSource
from workbench.data.preview import Preview
from workbench.data.reading.calls import read
from workbench.data.reading.several import files_of
from workbench.data.source import Source
from workbench.data.summary.overview import seen_in
from workbench.devices.memory import free_memory
from workbench.errors import WorkbenchError
from workbench.recipe.document import Document
from workbench.recipe.schema import Data

_NOT_OF_READING = {"inputs", "targets", "ignore", "split", "scale", "missing", "sample_weight"}
_MOST_FILES = 1000  # of one pattern are looked at
_TEXT_BYTES = 60  # of a text, beside the pointer to it
_MOST_SHARE = 4  # of the free memory a source may take one part in so many, to be kept


@dataclass
class KeptData:
    """The data that was read last, as it was read and as it was prepared."""

    _prepared_of: object = None
    _prepared: loading.Prepared | loading.Streamed | None = None
    _seen_of: object = None
    _seen: Preview | None = None
    _source_of: object = None
    _source: Source | StreamedSource | None = None

    def load(self, document: Document, catalog: Catalog) -> loading.Prepared | loading.Streamed:
        """The data of a recipe. See `prepared`."""
        recipe = document.recipe
        return self.prepared(recipe.data, catalog, document.folder, recipe.seed)

    def prepared(
        self, data: Data, catalog: Catalog, folder: Path, seed: int
    ) -> loading.Prepared | loading.Streamed:
        """A section's data, prepared again only where the section, the seed or its file is another.

        Raises:
            WorkbenchError: see `loading.load_or_stream`.
        """
        of = data_key(data, folder, seed)
        if self._prepared is None or of != self._prepared_of:
            self._prepared = None  # what is not needed any more makes room first
            source = self.source(data, catalog, folder, seed)
            self._prepared = loading.load_or_stream(data, catalog, folder=folder, seed=seed, source=source)
            self._prepared_of = of
        return self._prepared

    def source(self, data: Data, catalog: Catalog, folder: Path, seed: int) -> Source | StreamedSource:
        """What a section reads, read again only where it reads something else; large sources are not kept.

        Raises:
            WorkbenchError: see `source_calls.read`.
        """
        of = _read_key(data, folder, seed)
        if self._source is None or of != self._source_of:
            self._source = None
            source = read(data, catalog, folder, seed=seed)
            if not isinstance(source, Source) or _bytes(source) * _MOST_SHARE <= free_memory():
                self._source, self._source_of = source, of
            return source
        return self._source

    def seen(self, data: Data, catalog: Catalog, folder: Path, seed: int) -> Preview:
        """A preview of what a section reads, without its rows.

        Raises:
            WorkbenchError: see `source_calls.read`.
        """
        of = _read_key(data, folder, seed)
        if self._seen is None or of != self._seen_of:
            self._seen, self._seen_of = seen_in(self.source(data, catalog, folder, seed)), of
        return self._seen

    def forget(self) -> None:
        """Free the memory; a training reads its own."""
        self._prepared = self._source = None


def _read_key(data: Data, folder: Path, seed: int) -> tuple[Any, ...]:
    """What the reading of a section depends on: not on what the columns are for."""
    # Where only some rows are wanted, they are drawn: by the seed, unless the split keeps the order.
    drawn = None if data.rows is None else (seed, data.split.model_dump_json())
    read_by = data.model_dump_json(exclude=_NOT_OF_READING)
    return read_by, drawn, data.literal_columns, data.text_columns, str(folder), stamp(data, folder)


def data_key(data: Data, folder: Path, seed: int) -> tuple[Any, ...]:
    """What a section's data depends on: another value where the section, the seed or a file of it is another."""
    return data.model_dump_json(), str(folder), seed, stamp(data, folder)


def stamp(data: Data, folder: Path) -> tuple[tuple[int, int, int], ...]:
    """A value that changes when a file that the section names was changed or replaced."""
    found = []
    for value in (*data.arguments.values(), data.train, data.validation, data.test):
        with suppress(OSError, ValueError, RuntimeError, WorkbenchError):
            for file in islice(files_of(value, folder) or (), _MOST_FILES):
                status = Path(file).stat()
                found.append((status.st_mtime_ns, status.st_size, status.st_ino))
    return tuple(found)


def _bytes(source: Source) -> int:
    arrays = [*source.columns.values(), *(source.test or {}).values()]
    return sum(
        array.nbytes + (_TEXT_BYTES * array.size if array.dtype.kind == "O" else 0) for array in arrays
    )
