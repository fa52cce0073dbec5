"""Load the data of a recipe: read it, and prepare it in memory or as a stream."""

from __future__ import annotations

import inspect
from dataclasses import replace
from os.path import expanduser
from pathlib import Path
from typing import Literal

from workbench.catalog.entries import Entry, Kind
from workbench.catalog.folders import first_section, reader_of_folder
from workbench.catalog.lookup import Catalog
from workbench.catalog.readers import reader_of, readers_by_suffix, suffix_of
from workbench.catalog.resolve import resolve
from workbench.data import in_memory, row_hashes, streaming, windowing
from workbench.data.chunks import StreamedSource
from workbench.data.in_memory import Prepared
from workbench.data.kept_columns import kinds_with, with_kept
from workbench.data.memory import LEAST_COPIES, USUAL_COPIES, check_fits
from workbench.data.preparation import Part, Preparation
from workbench.data.reading import whole_stream
from workbench.data.reading.calls import can_stream, read, streams_if_needed
from workbench.data.reading.files import is_pattern
from workbench.data.reading.in_chunks import in_chunks
from workbench.data.reading.whole_stream import whole as whole_source
from workbench.data.source import Source
from workbench.data.specs import ReaderSpec
from workbench.data.splitting.rules import TEST, TRAIN, VALIDATION
from workbench.data.streamed_part import StreamedPart
from workbench.data.streaming import Streamed
from workbench.data.windows import WindowedPart
from workbench.errors import DataError, FileError, OutOfMemoryError, RecipeError
from workbench.recipe.schema import Data

__all__ = [
    "Prepared",
    "Rows",
    "Streamed",
    "StreamedPart",
    "apply_or_stream",
    "apply_to",
    "data_argument",
    "load",
    "load_or_stream",
]

WhichRows = Literal["test", "all", "auto"]
Rows = Part | StreamedPart | WindowedPart


def load(data: Data, catalog: Catalog, *, folder: Path, seed: int) -> Prepared:
    """As `load_or_stream`, for who needs the data in memory.

    Raises:
        DataError: its reader streams it. The others are those of `load_or_stream`.
    """
    loaded = load_or_stream(data, catalog, folder=folder, seed=seed)
    if isinstance(loaded, Streamed):
        raise DataError(
            "this data is read as a stream, which cannot be used here.",
            where="data",
            hint="`stream: false` reads it into memory.",
        )
    return loaded


def load_or_stream(
    data: Data,
    catalog: Catalog,
    *,
    folder: Path,
    seed: int,
    streamed: bool | None = None,
    source: Source | StreamedSource | None = None,
) -> Prepared | Streamed:
    """Read and prepare a recipe's data; as a stream where its reader says so or the memory is too small.

    Args:
        data: the recipe's data section.
        catalog: the datasets there are.
        folder: the recipe's folder, which relative paths start from.
        seed: the recipe's; it draws the split.
        streamed: whether the rows were streamed before, where the free memory decides: a run that is resumed needs
            the same split and order. None decides now.
        source: what the section reads, where that was read before.

    Raises:
        OutOfMemoryError: the rows were held in memory before, and do not fit now.
        RecipeError, DataError, FileError: see `read`, `choose_roles`, `fit`. Recipe keys are in `where`
            as `data.targets`; places in a file as `prices.csv:14`.
    """
    wanted = _as_before(data, streamed, catalog)
    source = read(wanted, catalog, folder, seed=seed) if source is None else source
    if data.windows is not None:
        source = whole_stream.whole(source)
        return _with_hashes(windowing.prepare(data, source, seed), source)
    chunks = None if isinstance(source, StreamedSource) or can_stream(data, catalog) else in_chunks(source)
    if chunks is not None and streamed:
        source = chunks
    if isinstance(source, StreamedSource):
        return streaming.prepare(data, source, seed)
    streams = streams_if_needed(wanted, catalog) or (chunks is not None and streamed is None)
    try:
        prepared = in_memory.prepare(
            data,
            source,
            seed,
            copies=USUAL_COPIES if streams else LEAST_COPIES,
            streams=can_stream(data, catalog),
        )
    except (MemoryError, OutOfMemoryError):
        if not streams:
            raise
    else:
        return _with_hashes(prepared, source)
    if chunks is not None:
        return streaming.prepare(data, chunks, seed)
    del source  # makes room
    source = read(_streaming(data, True), catalog, folder, seed=seed)
    assert isinstance(source, StreamedSource)
    return streaming.prepare(data, source, seed)


def _with_hashes(prepared: Prepared | Streamed, source: Source) -> Prepared | Streamed:
    names = prepared.preparation.column_names(with_targets=True)
    parts = {TRAIN: prepared.train, VALIDATION: prepared.validation, TEST: prepared.test}
    # A window is of several rows, of which none is its own.
    rows = {which: part.index for which, part in parts.items() if isinstance(part, Part)}
    if prepared.preparation.windows is not None:
        rows = {}
    return replace(prepared, hashes=row_hashes.of_source(source, names, rows))


def _streaming(data: Data, streamed: bool) -> Data:
    return Data.model_validate({**data.model_dump(exclude_unset=True), "stream": streamed})


def _as_before(data: Data, streamed: bool | None, catalog: Catalog) -> Data:
    """The section, read as before where that is left open: in memory and as a stream, the parts differ."""
    if streamed is None or not streams_if_needed(data, catalog):
        return data
    return _streaming(data, streamed)


def apply_to(
    preparation: Preparation,
    data: Data,
    catalog: Catalog,
    *,
    folder: Path,
    seed: int,
    part: WhichRows = "auto",
    with_targets: bool = True,
) -> Part:
    """As `apply_or_stream`, with every row in memory."""
    rows = apply_or_stream(
        preparation, data, catalog, folder=folder, seed=seed, part=part, with_targets=with_targets
    )
    return rows if isinstance(rows, Part) else rows.read_all()


def apply_or_stream(
    preparation: Preparation,
    data: Data,
    catalog: Catalog,
    *,
    folder: Path,
    seed: int,
    part: WhichRows = "auto",
    with_targets: bool = True,
    keep: tuple[str, ...] = (),
) -> Rows:
    """Data for a trained model, treated as its training data was.

    Args:
        preparation: the model's.
        data: what to read: the model's own recipe's section, or any other with the same columns.
        catalog, folder, seed: as for `load`; with those of the training, `test` is the very same test part.
        part: `test`, the rows kept from training; `all`; or `auto`: the test part where the data brings
            or keeps one, else all.
        with_targets: False where only predictions are wanted and the data may lack the targets.
        keep: columns that stand beside the rows.

    Raises:
        RecipeError: the test part is wanted and there is none. DataError: see `Preparation.apply`.
    """
    if part != "all" and data.keeps_test:
        streamed = preparation.reader.streamed if preparation.reader else None
        data = _as_before(data, streamed, catalog)
    source = read(data, catalog, folder, kinds_with(preparation, keep), seed=seed)
    if preparation.windows is None and isinstance(source, Source):
        source = _as_stream_if_needed(
            preparation, source, data, catalog, folder, seed, keep, keeps=part != "all" and data.keeps_test
        )
    brings_test, keeps_test = source.test is not None, data.keeps_test
    if part == "test" and not brings_test and not keeps_test:
        raise RecipeError(
            "no test part is kept from training.",
            where="data.split",
            hint="Keep one: `split: {test: 0.1}`.",
        )
    whole = part == "all" or not (brings_test or keeps_test)
    if preparation.windows is not None:
        asked = whole_source(source)
        if whole or brings_test:
            asked = asked if whole else asked.test_source() or asked
            return with_kept(windowing.apply(preparation, asked, with_targets=with_targets), keep, asked)
        found = windowing.test_part(preparation, data, asked, seed, with_targets=with_targets)
        return with_kept(found, keep, asked)
    if isinstance(source, StreamedSource):
        if whole or brings_test:
            chosen = source if whole else source.test_source() or source
            return with_kept(streaming.apply(preparation, chosen, with_targets=with_targets), keep, chosen)
        stream = streaming.test_part(preparation, data, source, seed, with_targets=with_targets)
        return with_kept(stream, keep, source)
    if whole or brings_test:
        rows_of = source if whole else source.test_source() or source
        return with_kept(preparation.apply(rows_of, with_targets=with_targets), keep, rows_of)
    test_rows = in_memory.rows_of_test_part(data, source, seed)
    check_fits(preparation, len(test_rows), source, copies=LEAST_COPIES, streams=can_stream(data, catalog))
    table = preparation.read(source, with_targets=with_targets)
    encoded = preparation.encode(table, test_rows, source, with_targets=with_targets)
    return with_kept(replace(encoded, file=source.file), keep, source)


def _as_stream_if_needed(
    preparation: Preparation,
    source: Source,
    data: Data,
    catalog: Catalog,
    folder: Path,
    seed: int,
    keep: tuple[str, ...],
    *,
    keeps: bool,
) -> Source | StreamedSource:
    """The source as a stream, where it does not fit as numbers; where a test part is kept (`keeps`), as in training."""
    chunks = None if can_stream(data, catalog) else in_chunks(source)
    streamed = preparation.reader.streamed if preparation.reader else None
    if chunks is not None and keeps and streamed is not None:
        return chunks if streamed else source
    if chunks is None and not streams_if_needed(data, catalog):
        return source
    rows = max(map(len, source.columns.values()), default=0)
    try:
        check_fits(preparation, rows, source, copies=USUAL_COPIES, streams=True)
    except OutOfMemoryError:
        if chunks is not None:
            return chunks
        del source
        return read(_streaming(data, True), catalog, folder, kinds_with(preparation, keep), seed=seed)
    return source


def data_argument(text: str, catalog: Catalog, preparation: Preparation | None = None) -> Data:
    """The data section that `--data FILE` or `--data NAME` stands for (recipes are the caller's to read).

    What trained also predicts: a file with the suffix of the training's, a file without a known suffix and a folder
    are read by the reader of the training, with the options that it was used with then. Any other file is read by the
    reader whose tags name its suffix, a folder by the reader of what is in it. `parts/*.csv` stands for several files.
    The path is relative to the working directory.

    Raises:
        FileError: there is no such file. RecipeError: no reader for such a file, or no such dataset.
    """
    path = Path(expanduser(text))
    readers = readers_by_suffix(catalog.of_kind(Kind.DATASET))
    used = preparation.reader if preparation else None
    there = path.exists() or is_pattern(path)
    reader = reader_of(path.name, readers)
    if there and used and (reader is None or path.is_dir() or used.suffix == suffix_of(path.name)):
        reader = _reader_of_training(used, catalog, required=reader is None) or reader
    if reader is None and path.is_dir():
        reader = reader_of_folder(path, catalog.of_kind(Kind.DATASET))
    if reader is not None:
        if not there:
            raise FileError(f"there is no file '{text}'.", where="--data")
        if used is None:
            section = first_section(reader, str(path.absolute()))
            return Data.model_validate({**section, "use": reader.qualified_name})
        options = used.arguments if used and used.use in (reader.name, reader.qualified_name) else {}
        return Data.model_validate({**options, "use": reader.qualified_name, "path": str(path.absolute())})
    if path.exists() or "/" in text:
        missing = "" if path.exists() else "There is no such file. "
        raise (RecipeError if path.exists() else FileError)(
            f"no reader for '{text}'.",
            where="--data",
            hint=f"{missing}Readers know: {', '.join(sorted(readers))}.",
        )
    names = [entry.name for entry in catalog.of_kind(Kind.DATASET)]
    entry = catalog.find(Kind.DATASET, text, "--data") if text not in names else None
    return Data(use=entry.qualified_name if entry else text)


def without_options(data: Data) -> Data | None:
    """The same file as its reader reads it without options; None where there were no options."""
    plain = Data.model_validate({"use": data.use, "path": data.arguments.get("path")})
    return plain if len(data.arguments) > 1 else None


def _reader_of_training(used: ReaderSpec, catalog: Catalog, *, required: bool) -> Entry | None:
    """The reader of the training's data, if it reads files: its function has a `path`.

    Raises:
        RecipeError: its plugin is missing, and no other reader will do.
    """
    try:
        entry = catalog.find(Kind.DATASET, used.use, "--data")
    except RecipeError:
        if required:
            raise
        return None
    return entry if "path" in inspect.signature(resolve(entry)).parameters else None
