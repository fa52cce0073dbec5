"""The public interface for people who write plugins. What is in `__all__` stays as it is; all else in kwb may change.

    from workbench.plugin import Registry, hookimpl

    KWB_API = 1

    @hookimpl
    def kwb_register_layers(registry: Registry) -> None:
        registry.add("Gate", "acme.layers:Gate", summary="...", example={"start": 1.0})

A plugin's light module is imported at every start of `kwb`. So this module imports nothing slow: what needs numpy or
pytest is imported at its first use.

`KWB_API` is the version of this interface, which is these names, the hooks `kwb_register_*`, and what kwb does with
an entry. A name, a hook or an optional argument may be added under the same version. The version rises when a plugin
that worked would no longer work: a name or an argument goes away, or means something else. A plugin module writes the
number itself (`KWB_API = 1`), as the version that it was made for. Do not import it into a plugin module: the module
would then claim to work with every future version.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from workbench.catalog.entries import Entry, Kind, Registry
from workbench.catalog.hookspecs import API_VERSION, hookimpl
from workbench.errors import (
    DataError,
    FileError,
    RecipeError,
    TrainingError,
    WorkbenchError,
    did_you_mean,
    near,
    without_path,
)

if TYPE_CHECKING:
    from workbench.check.pytest_helpers import EntryCheck, parametrize_checks
    from workbench.data.arrow import numpy_columns
    from workbench.data.cells.number_texts import Marks, found_marks
    from workbench.data.chunks import ChunkReader, Chunks, StreamedSource
    from workbench.data.kinds import ColumnKinds
    from workbench.data.lazy import LazyRows, RowReader
    from workbench.data.memory import Streaming, should_stream
    from workbench.data.reading.files import data_file
    from workbench.data.reading.several import joined
    from workbench.data.reading.workfile import Workfile
    from workbench.data.reading.working_copy import WorkingCopy, table_source
    from workbench.data.source import Columns, Source
    from workbench.process import import_keras

KWB_API = API_VERSION

# The same names as under TYPE_CHECKING, with the modules that they are imported from at their first use.
_AT_FIRST_USE = {
    "EntryCheck": "workbench.check.pytest_helpers",
    "parametrize_checks": "workbench.check.pytest_helpers",
    "ChunkReader": "workbench.data.chunks",
    "Chunks": "workbench.data.chunks",
    "StreamedSource": "workbench.data.chunks",
    "data_file": "workbench.data.reading.files",
    "ColumnKinds": "workbench.data.kinds",
    "LazyRows": "workbench.data.lazy",
    "import_keras": "workbench.process",
    "RowReader": "workbench.data.lazy",
    "Streaming": "workbench.data.memory",
    "should_stream": "workbench.data.memory",
    "Marks": "workbench.data.cells.number_texts",
    "found_marks": "workbench.data.cells.number_texts",
    "numpy_columns": "workbench.data.arrow",
    "joined": "workbench.data.reading.several",
    "Columns": "workbench.data.source",
    "Source": "workbench.data.source",
    "Workfile": "workbench.data.reading.workfile",
    "WorkingCopy": "workbench.data.reading.working_copy",
    "table_source": "workbench.data.reading.working_copy",
}

__all__ = [
    "KWB_API",
    "ChunkReader",
    "Chunks",
    "ColumnKinds",
    "Columns",
    "DataError",
    "Entry",
    "EntryCheck",
    "FileError",
    "Kind",
    "LazyRows",
    "Marks",
    "RecipeError",
    "Registry",
    "RowReader",
    "Source",
    "StreamedSource",
    "Streaming",
    "TrainingError",
    "WorkbenchError",
    "Workfile",
    "WorkingCopy",
    "data_file",
    "did_you_mean",
    "found_marks",
    "hookimpl",
    "import_keras",
    "joined",
    "near",
    "numpy_columns",
    "parametrize_checks",
    "should_stream",
    "table_source",
    "without_path",
]


def __getattr__(name: str) -> Any:
    module = _AT_FIRST_USE.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(module), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
