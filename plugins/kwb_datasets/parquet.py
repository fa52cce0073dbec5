"""The reader of Parquet files."""

from __future__ import annotations

from workbench.data.files import data_file
from workbench.data.source import Source
from workbench.errors import FileError, RecipeError, did_you_mean


def parquet(path: str, columns: list[str] | None = None) -> Source:
    """A table in a Parquet file, or in a folder of them.

    Args:
        path: the file or the folder.
        columns: read these only; all by default.
    """
    import pyarrow as pa
    import pyarrow.dataset as ds
    import pyarrow.parquet as pq

    from kwb_datasets.columns import numpy_columns, refuse_duplicate_names

    file = data_file(path, folder_allowed=True)
    first = next(iter(sorted(file.rglob("*.parquet"))), None) if file.is_dir() else file
    if first is None:
        raise FileError(f"the folder '{file}' holds no .parquet file.", where="data.path")
    try:
        refuse_duplicate_names(pq.read_schema(first).names, first.name)
        # Files beginning with '.' or '_' are other programs' notes, and are left out by Arrow itself.
        dataset = ds.dataset(file, format="parquet")
        names = dataset.schema.names
        for name in columns or ():
            if name not in names:
                raise RecipeError(
                    f"there is no column '{name}' in {file.name}.",
                    where="data.columns",
                    hint=did_you_mean(name, names) or f"The columns are: {', '.join(names[:20])}.",
                )
        table = dataset.to_table(columns=columns)
    except (pa.ArrowException, OSError) as fault:
        raise FileError(
            f"'{file}' is no readable Parquet file: {_first_line(fault)}", where="data.path"
        ) from None
    return Source(columns=numpy_columns(table), origin=file.name)


def _first_line(fault: Exception) -> str:
    return str(fault).partition("\n")[0]
