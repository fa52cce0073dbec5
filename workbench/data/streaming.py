"""Data that does not fit into memory: one pass to fit the preparation, then batches as they are needed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Protocol

import numpy as np

from workbench.data.cells.readings import Reading
from workbench.data.cells.texts import WordCounts
from workbench.data.chunks import StreamedSource
from workbench.data.fitting import count_words, fit, gather
from workbench.data.in_memory import about_words, summary, typed
from workbench.data.preparation import TRAINED_HINT, Preparation, Table, read_table
from workbench.data.roles import Roles, choose_roles, missing_column
from workbench.data.row_hashes import RowHasher, RowHashes
from workbench.data.specs import ClassTarget, NumberTarget
from workbench.data.splitting.division import Division
from workbench.data.splitting.folds import about_unused
from workbench.data.splitting.rules import TEST, TRAIN, UNUSED, VALIDATION
from workbench.data.statistics import ColumnStatistics
from workbench.data.streamed_part import Selection, StreamedPart
from workbench.data.traps import find_in_stream
from workbench.data.windows import WindowedPart
from workbench.errors import DataError, RecipeWarning
from workbench.recipe.options.missing import missing_of
from workbench.recipe.options.split import Fold
from workbench.recipe.schema import Data, weight_columns

# The memory that all samples for robust scaling may take together.
SAMPLE_BYTES = 64 * 2**20


@dataclass(frozen=True)
class Streamed:
    """A recipe's data, prepared for training but never in memory as a whole.

    Attributes:
        train, validation, test: the parts; None where there is none.
        preparation: how rows are encoded, to treat new data alike.
        rows_read: rows in the source, its own test part included.
        rows_dropped: rows left out for a missing value.
        class_counts: for each target of classes, the training rows of each class.
        labels: for each target that is one number a row, its lowest and highest in the training part.
        remarks: on how columns were prepared, one line each for people.
        traps: what is likely to mislead, see `workbench.data.traps`.
        fold: the fold of a cross-validation that the validation part is.
        hashes: of the rows that were read, of a separate test part as well.
    """

    train: StreamedPart | WindowedPart
    validation: StreamedPart | WindowedPart | None
    test: StreamedPart | WindowedPart | None
    preparation: Preparation
    rows_read: int
    rows_dropped: int
    class_counts: Mapping[str, np.ndarray]
    labels: Mapping[str, tuple[float, float]]
    remarks: tuple[str, ...] = ()
    traps: tuple[RecipeWarning, ...] = ()
    fold: Fold | None = None
    hashes: Mapping[str, RowHashes] = field(default_factory=dict)

    def summary(self) -> str:
        """One line for people."""
        parts = (self.train, self.validation, self.test)
        rows = [part.rows if part else 0 for part in parts]
        return f"streaming {summary(rows, self.rows_dropped, self.preparation.windows, self.fold)}"


def prepare(data: Data, source: StreamedSource, seed: int) -> Streamed:
    """Read everything once, to fit and to count, and hold none of it.

    Unlike in memory, rows are dropped for missing values after the split, and `robust` scaling goes by a
    large sample.

    Raises:
        RecipeError, DataError: as for data in memory.
    """
    first = source.sample()
    roles = choose_roles(data, first)
    test_source = source.test_source()
    statistics = gather(data, roles, sample_bytes=SAMPLE_BYTES // len(roles.used))
    selection = _selection(data, roles, Division(source, data.split, seed, roles.stratify, data.dates))
    spans = _Spans(tuple(dict.fromkeys(name for names in roles.targets.values() for name in names)))
    weights = _Spans(weight_columns(data.sample_weight))
    words = count_words(data, roles)
    texts = _Words(words)
    hashers = {"data": RowHasher()}
    counts = _survey(source, roles, selection, statistics, (spans, weights, texts, hashers["data"]))
    _check_parts(source, selection, counts)
    read, kept, test = source.rows, int(counts.sum()), None
    if test_source is not None:
        whole = replace(selection, division=None)
        hashers["test data"] = RowHasher()
        test_counts = _survey(test_source, roles, whole, statistics, (texts, hashers["test data"]))
        read, kept = read + test_source.rows, kept + int(test_counts.sum())
    preparation = fit(data, roles, statistics, source, words)
    for which in (TRAIN, VALIDATION, TEST):
        if weights.names and counts[which].any() and weights.all_zero(which):
            preparation.refuse_no_weight(source.origin)

    def part(which: int) -> StreamedPart:
        own = replace(selection, part=which)
        return StreamedPart(source, preparation, own, tuple(counts[which].tolist()))

    if test_source is not None:
        test = StreamedPart(test_source, preparation, whole, tuple(test_counts.sum(axis=0).tolist()))
    elif counts[TEST].any():
        test = part(TEST)
    class_counts = {
        spec.name: _class_counts(spec, statistics[spec.column].train_texts)
        for spec in preparation.targets
        if isinstance(spec, ClassTarget)
    }
    seen = typed(read_table(first, list(roles.used), roles.readings), roles)
    return Streamed(
        train=part(TRAIN),
        validation=part(VALIDATION) if counts[VALIDATION].any() else None,
        test=test,
        preparation=preparation,
        rows_read=read,
        rows_dropped=read - kept,
        class_counts=class_counts,
        labels={
            spec.name: spans.of(spec.columns[0], TRAIN)
            for spec in preparation.targets
            if isinstance(spec, NumberTarget) and len(spec.columns) == 1
        },
        remarks=(
            *about_unused(data.split.fold, int(counts[UNUSED].sum())),
            *about_words(words, preparation),
        ),
        traps=find_in_stream(data, roles, seen, preparation, class_counts, statistics),
        fold=data.split.fold,
        hashes={which: hasher.result() for which, hasher in hashers.items()},
    )


class _PartRows(Protocol):
    """Takes in rows while they are read, each of the part that `parts` says; `kept` are their positions."""

    def add(self, table: Table, kept: np.ndarray, parts: np.ndarray) -> None: ...


@dataclass(frozen=True)
class _Words:
    """The words of columns of free text."""

    counts: Mapping[str, WordCounts]

    def add(self, table: Table, kept: np.ndarray, parts: np.ndarray) -> None:
        for name, counts in self.counts.items():
            counts.add(table[name].values[kept], parts)


@dataclass
class _Spans:
    """The lowest and the highest number of columns in each part, updated while rows are read."""

    names: tuple[str, ...]
    _found: dict[tuple[str, int], tuple[float, float]] = field(default_factory=dict)

    def add(self, table: Table, kept: np.ndarray, parts: np.ndarray) -> None:
        """Take in the rows at the positions `kept`, each of the part that `parts` says."""
        for name in self.names:
            values = table[name].values
            if values.dtype.kind not in "iufb":
                continue
            for part in (TRAIN, VALIDATION, TEST):
                own = values[kept[parts == part]]
                own = own[np.isfinite(own)]
                if own.size:
                    low, high = self.of(name, part)
                    self._found[name, part] = (min(low, float(own.min())), max(high, float(own.max())))

    def of(self, name: str, part: int) -> tuple[float, float]:
        return self._found.get((name, part), (np.inf, -np.inf))

    def all_zero(self, part: int) -> bool:
        return all(self.of(name, part) == (0.0, 0.0) for name in self.names)


def apply(preparation: Preparation, source: StreamedSource, *, with_targets: bool) -> StreamedPart:
    """All rows of new data, for a trained model.

    Raises:
        DataError: a column is not there. A wrong row is reported when it is read.
    """
    names = preparation.column_names(with_targets=with_targets)
    for name in names:
        if name not in source.chunks.names:
            raise missing_column(name, source.chunks.names, DataError, source.origin, source.origin)
    selection = Selection(
        tuple(names),
        missing_of(preparation.missing),
        preparation.needed,
        TRAINED_HINT,
        unknown=preparation.dropped_unknown,
    )
    counts = source.chunks.rows
    if selection.missing.drops or selection.unknown:
        counts = tuple(
            _survey(source, None, selection, {}, readings=preparation.readings).sum(axis=0).tolist()
        )
    return StreamedPart(source, preparation, selection, counts, with_targets)


def test_part(
    preparation: Preparation, data: Data, source: StreamedSource, seed: int, *, with_targets: bool
) -> StreamedPart:
    """The split of a training, drawn again: its test part."""
    roles = choose_roles(data, source.sample())
    division = Division(source, data.split, seed, roles.stratify, data.dates)
    selection = replace(_selection(data, roles, division), part=TEST)
    counts = _survey(source, roles, selection, {})
    return StreamedPart(source, preparation, selection, tuple(counts[TEST].tolist()), with_targets)


def _selection(data: Data, roles: Roles, division: Division) -> Selection:
    return Selection(roles.used, missing_of(data.missing), roles.needed, division=division)


def _survey(
    source: StreamedSource,
    roles: Roles | None,
    selection: Selection,
    statistics: Mapping[str, ColumnStatistics],
    seen: Sequence[_PartRows] = (),
    readings: Mapping[str, Reading] = MappingProxyType({}),
) -> np.ndarray:
    """Read every chunk once, in order: fill the statistics and what is `seen`, count each part's rows: (4, chunks)."""
    counts = np.zeros((4, len(source.chunks.rows)), dtype=np.int64)
    names = list(dict.fromkeys(selection.reads))
    reader = source.chunks.open()
    try:
        for chunk, start in enumerate(source.starts):
            rows = source.read(reader, chunk, names)
            columns = list(dict.fromkeys(selection.columns))
            table = read_table(rows, columns, roles.readings if roles else readings)
            if roles is not None:
                table = typed(table, roles)
            kept = selection.kept(rows, table)
            division = selection.division
            # The rows of a separate test part are never used for training.
            parts = division.parts(chunk, rows)[kept] if division else np.full(len(kept), TEST, np.int8)
            counts[:, chunk] = np.bincount(parts, minlength=4)
            for each in seen:
                each.add(table, kept, parts)
            for name, gathered in statistics.items():
                gathered.add(table[name], kept[parts == TRAIN], source, start)
    finally:
        reader.close()
    return counts


def _check_parts(source: StreamedSource, selection: Selection, counts: np.ndarray) -> None:
    assert selection.division is not None
    split = selection.division.split
    selection.division.check_folds(int(counts[[TRAIN, VALIDATION]].sum()))
    validation, test = split.wanted
    of_validation = "data.split.fold" if split.fold else "data.split.validation"
    parts = (
        ("train", TRAIN, True, "data.split"),
        ("validation", VALIDATION, validation, of_validation),
        ("test", TEST, test, "data.split.test"),
    )
    for name, part, wanted, where in parts:
        if wanted and not counts[part].any():
            raise DataError(
                f"the {name} part of {source.rows:,} rows is left without a row.",
                where=where,
                hint="Change the shares, or see whether missing values leave any row.",
            )
    for name, rows in selection.division.strata().items():
        if any(share and not int(rows * share + 0.5) for share in split.shares):
            raise DataError(
                f"'{selection.division.stratify}' is '{name}' in {rows} of {source.rows:,} rows: too few for "
                "every part to hold some.",
                where="data.split.stratify",
                hint="Stratify by a column whose classes have more rows, or not at all.",
            )


def _class_counts(spec: ClassTarget, texts: Mapping[str, int]) -> np.ndarray:
    """The training rows of each class, whether the data writes its name or its number."""
    return np.array(
        [
            texts.get(value, 0) + (texts.get(name, 0) if name != value else 0)
            for value, name in zip(spec.values, spec.classes, strict=True)
        ]
    )
