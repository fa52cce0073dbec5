"""The reader of datasets that Hugging Face's `datasets` saved on disk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kwb_datasets.extras import needed
from kwb_datasets.names import check_columns
from workbench.plugin import (
    FileError,
    RecipeError,
    Source,
    StreamedSource,
    Streaming,
    data_file,
    joined,
    near,
    table_source,
)

_BATCH = 10_000
_PARTS = {"train": 0, "validation": 1, "valid": 1, "val": 1, "dev": 1, "test": 2}


def hf_dataset(
    path: str, name: str | None = None, columns: list[str] | None = None, stream: Streaming = "auto"
) -> Source | StreamedSource:
    """A dataset of Hugging Face's `datasets`, as `save_to_disk` wrote it. Needs `kwb[datasets]`.

    Its `train`, `validation` and `test` are the parts of the training; names of classes come along.

    Args:
        path: the folder.
        name: of a folder with several datasets (a `DatasetDict`), the only one to read.
        columns: read these only; all by default.
        stream: whether to read the rows as they are needed, from a working copy on disk, or to hold them
            in memory; by default that depends on how much memory there is.
    """
    library = needed("datasets", "datasets", "hf_dataset")
    folder = data_file(path, folder_allowed=True)
    try:
        found = library.load_from_disk(str(folder))
    except Exception as error:  # a stranger's folder: whatever the library raises, it cannot be read
        first = str(error).partition("\n")[0]
        raise FileError(f"'{near(folder)}' is no saved dataset: {first}", where="data.path") from None
    several = {str(key): value for key, value in found.items()} if isinstance(found, dict) else {"": found}
    if name is not None:
        if name not in several:
            raise RecipeError(
                f"there is no '{name}' in {folder.name}.",
                where="data.name",
                hint=f"It holds: {', '.join(several)}.",
            )
        several = {name: several[name]}
    if len(several) == 1:
        return _read(next(iter(several.values())), folder, columns, stream, "")
    unknown = [key for key in several if key not in _PARTS]
    if unknown or "train" not in several:
        raise RecipeError(
            f"{folder.name} holds {', '.join(several)}, and which is for what is not clear.",
            where="data.name",
            hint=f"Say which one to read: `name: {next(iter(several))}`.",
        )
    ordered = sorted(several, key=lambda key: _PARTS[key])
    return joined(
        [_read(several[key], folder, columns, stream, key) for key in ordered],
        parts=[_PARTS[key] for key in ordered],
        origin=folder.name,
    )


def _read(
    dataset: Any, folder: Path, columns: list[str] | None, stream: Streaming, name: str
) -> Source | StreamedSource:
    import pyarrow as pa

    check_columns(dataset.column_names, columns, folder.name, folder.name)
    if columns is not None:
        dataset = dataset.select_columns(columns)
    tables = dataset.with_format("arrow").iter(_BATCH)
    schema = dataset.features.arrow_schema.remove_metadata()
    batches = (batch for table in tables for batch in table.cast(schema).to_batches())
    origin = f"{folder.name}/{name}" if name else folder.name
    classes = {
        column: tuple(str(each) for each in feature.names)
        for column, feature in dataset.features.items()
        if hasattr(feature, "names")
    }
    return table_source(
        pa.RecordBatchReader.from_batches(schema, batches), origin=origin, stream=stream, classes=classes
    )
