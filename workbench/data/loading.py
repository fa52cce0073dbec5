"""From a recipe's data section to arrays: read, choose, split, fit, encode."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from workbench.catalog.entries import Entry, Kind
from workbench.catalog.lookup import Catalog
from workbench.data.fitting import fit, gather
from workbench.data.preparation import Part, Preparation, Table, complete_rows, read_table
from workbench.data.reading import read
from workbench.data.roles import Roles, choose_roles
from workbench.data.source import Source
from workbench.data.split import FewRowsError, SplitRows, split_rows
from workbench.data.table import read_column
from workbench.errors import DataError, FileError, RecipeError, did_you_mean
from workbench.recipe.schema import Data

WhichRows = Literal["test", "all", "auto"]

_MISSING_HINT = "Say what to do with such rows: `missing: drop`, or `missing: mean` to fill them in."


@dataclass(frozen=True)
class Prepared:
    """A recipe's data, ready to train on.

    Attributes:
        train, validation, test: the parts; None where there is none.
        preparation: how it was done, to treat new data alike.
        rows_read: rows in the source, its own test part included.
        rows_dropped: rows left out for a missing value.
    """

    train: Part
    validation: Part | None
    test: Part | None
    preparation: Preparation
    rows_read: int
    rows_dropped: int

    def summary(self) -> str:
        """One line for people: `442 rows: 309 to train on, 88 for validation, 45 for the test`."""
        dropped = f" ({self.rows_dropped} dropped for missing values)" if self.rows_dropped else ""
        parts = [f"{self.train.rows:,} to train on"]
        parts += [f"{self.validation.rows:,} for validation"] if self.validation else []
        parts += [f"{self.test.rows:,} for the test"] if self.test else []
        return f"{self.rows_read - self.rows_dropped:,} rows{dropped}: {', '.join(parts)}"


def load(data: Data, catalog: Catalog, *, folder: Path, seed: int) -> Prepared:
    """Read and prepare a recipe's data.

    Args:
        data: the recipe's data section.
        catalog: the datasets there are.
        folder: the recipe's folder, which relative paths start from.
        seed: the recipe's; it draws the split.

    Raises:
        RecipeError, DataError, FileError: see `read`, `choose_roles`, `fit`. Recipe keys are told in `where`
            as `data.targets`; places in a file as `prices.csv:14`.
    """
    source = read(data, catalog, folder)
    roles = choose_roles(data, source)
    names = list(roles.used)
    table = _typed(read_table(source, names), roles)
    rows = _complete(data, roles, table, source)
    read_rows, kept_rows = len(source.columns[names[0]]), len(rows)

    test_source = source.test_source()
    test_table: Table = {}
    test_rows = np.empty(0, np.int64)
    if test_source is not None:
        _require(names, test_source)
        test_table = _typed(read_table(test_source, names), roles)
        test_rows = _complete(data, roles, test_table, test_source)
        read_rows, kept_rows = read_rows + len(test_source.columns[names[0]]), kept_rows + len(test_rows)

    split = _split(data, roles, source, rows, seed)
    statistics = gather(data, roles)
    for name, column in table.items():
        statistics[name].add(column, split.train, source)
    if test_source is not None:
        for name, column in test_table.items():
            statistics[name].add(column, np.empty(0, np.int64), test_source)
    preparation = fit(data, roles, statistics, source)

    def part(table: Table, rows: np.ndarray, source: Source) -> Part | None:
        return preparation.encode(table, rows, source, with_targets=True) if len(rows) else None

    train = part(table, split.train, source)
    assert train is not None  # an empty training part was refused when splitting
    return Prepared(
        train=train,
        validation=part(table, split.validation, source),
        test=part(table, split.test, source)
        if test_source is None
        else part(test_table, test_rows, test_source),
        preparation=preparation,
        rows_read=read_rows,
        rows_dropped=read_rows - kept_rows,
    )


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
    """Data for a trained model, treated as its training data was.

    Args:
        preparation: the model's.
        data: what to read: the model's own recipe's section, or any other with the same columns.
        catalog, folder, seed: as for `load`; with those of the training, `test` is the very same test part.
        part: `test`, the rows kept from training; `all`; or `auto`: the test part where the data brings
            or keeps one, else all.
        with_targets: False where only predictions are wanted and the data may lack the targets.

    Raises:
        RecipeError: the test part is wanted and there is none. DataError: see `Preparation.apply`.
    """
    source = read(data, catalog, folder)
    test_source = source.test_source()
    has_test = test_source is not None or data.split.test > 0
    if part == "all" or (part == "auto" and not has_test):
        return preparation.apply(source, with_targets=with_targets)
    if test_source is not None:
        return preparation.apply(test_source, with_targets=with_targets)
    if not has_test:
        raise RecipeError(
            "no test part is kept from training.",
            where="data.split",
            hint="Keep one: `split: {test: 0.1}`.",
        )
    # The training's split, drawn again: it depends on which rows were complete, targets included.
    roles = choose_roles(data, source)
    rows = _complete(data, roles, _typed(read_table(source, list(roles.used)), roles), source)
    rows = _split(data, roles, source, rows, seed).test
    table = preparation.read(source, with_targets=with_targets)
    return preparation.encode(table, rows, source, with_targets=with_targets)


def data_argument(text: str, catalog: Catalog, preparation: Preparation | None = None) -> Data:
    """The data section that `--data FILE` or `--data NAME` stands for (recipes are the caller's to read).

    A file is read by the reader whose tags name its suffix, with the options that training used if it
    is the same reader. The path is relative to the working directory.

    Raises:
        FileError: there is no such file. RecipeError: no reader for such a file, or no such dataset.
    """
    path = Path(text).expanduser()
    suffix = path.suffix.casefold()
    readers = {
        tag: entry for entry in catalog.of_kind(Kind.DATASET) for tag in entry.tags if tag.startswith(".")
    }
    if suffix in readers:
        if not path.exists():
            raise FileError(f"there is no file '{text}'.", where="--data")
        used = preparation.reader if preparation else None
        options = used.arguments if used and used.use in _names(readers[suffix]) else {}
        return Data.model_validate(
            {**options, "use": readers[suffix].qualified_name, "path": str(path.absolute())}
        )
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


def _names(entry: Entry) -> tuple[str, str]:
    return entry.name, entry.qualified_name


def _require(names: list[str], source: Source) -> None:
    for name in names:
        if name not in source.columns:
            raise DataError(
                f"the test part has no column '{name}'.",
                where=source.origin,
                hint=did_you_mean(name, source.columns),
            )


def _typed(table: Table, roles: Roles) -> Table:
    """The table with the columns that the recipe calls categories or classes as texts."""
    texts = roles.categories | set(roles.classes)
    return {name: column.as_text() if name in texts else column for name, column in table.items()}


def _complete(data: Data, roles: Roles, table: Table, source: Source) -> np.ndarray:
    needed = {name for group in roles.targets.values() for name in group}
    if roles.sample_weight:
        needed.add(roles.sample_weight)
    return complete_rows(table, data.missing, needed, source, _MISSING_HINT)


def _split(data: Data, roles: Roles, source: Source, rows: np.ndarray, seed: int) -> SplitRows:
    """The parts, as positions in the source. A source with a test part of its own keeps none for it here."""
    shares = data.split if source.test is None else data.split.model_copy(update={"test": 0.0})
    strata, names = None, np.empty(0)
    if roles.stratify is not None:
        column = read_column(source, roles.stratify).as_text().take(rows)
        missing = np.flatnonzero(column.missing)
        if len(missing):
            raise DataError(
                f"column '{column.name}', to stratify by, has no value.",
                where=source.place(int(rows[missing[0]])),
            )
        names, strata = np.unique(column.values.astype(str), return_inverse=True)
    try:
        split = split_rows(len(rows), shares, seed, strata)
    except FewRowsError as few:
        raise DataError(
            f"'{roles.stratify}' is '{names[few.stratum]}' in {few.rows} of {len(rows)} rows: too few for "
            f"{few.parts} parts that each hold some.",
            where="data.split.stratify",
            hint="Stratify by a column whose classes have more rows, or not at all.",
        ) from None
    return SplitRows(rows[split.train], rows[split.validation], rows[split.test])
