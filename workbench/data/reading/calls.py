"""Call a dataset or a reader with the recipe's arguments."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import (
    ConfigDict,
    PydanticSchemaGenerationError,
    PydanticUserError,
    TypeAdapter,
    ValidationError,
)

from workbench.catalog.entries import Entry, Kind
from workbench.catalog.lookup import Catalog
from workbench.catalog.resolve import resolve
from workbench.data.chunks import StreamedSource
from workbench.data.kinds import ColumnKinds
from workbench.data.memory import should_stream
from workbench.data.reading.returned import source_of
from workbench.data.reading.several import PARTS, AnySource, files_of, joined, mixed_columns, sampled
from workbench.data.source import Source
from workbench.errors import DataError, FileError, OutOfMemoryError, RecipeError, WorkbenchError, did_you_mean
from workbench.recipe.options.split import rows_wanted
from workbench.recipe.schema import SHARED_KEYS, Data


def read(
    data: Data, catalog: Catalog, folder: Path, kinds: ColumnKinds | None = None, *, seed: int = 0
) -> AnySource:
    """The source that a recipe's data section names.

    Args:
        data: the section; what is not its own goes to the dataset function.
        catalog: where its name is looked up.
        folder: what a relative `path` starts from: the recipe's folder.
        kinds: what is known of the columns; by default what the section says of them.
        seed: the recipe's; it draws the rows where only some are wanted (`rows`).

    Raises:
        RecipeError: no such dataset, or arguments that it does not take.
        DataError, FileError: what it reads cannot be used.
    """
    entry = catalog.find(Kind.DATASET, data.use, "data.use")
    function = resolve(entry)
    own = _own_options(function, data)
    arguments = {**data.arguments, **own}
    shared = {
        key: value
        for key in SHARED_KEYS
        if key not in arguments and (value := getattr(data, key)) is not None
    }
    wanted = _rows(shared.pop("rows", None))
    known = ColumnKinds.of(data.literal_columns, data.text_columns) if kinds is None else kinds
    dataset = _Dataset(entry, function, known, wanted if isinstance(wanted, int) else None)
    source = _of_files(dataset, arguments, shared, folder)
    if own:  # a saved model reads with these options again
        source = replace(source, options={**own, **source.options})
    if wanted is None:
        return source
    return sampled(source, wanted, seed if data.split.shuffle and data.windows is None else None)


def _own_options(function: Callable[..., Any], data: Data) -> dict[str, Any]:
    """The keys of the section that this function has as options of its own, if it takes what is given."""
    parameters = inspect.signature(function).parameters
    takes_any = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values())
    given = {name: getattr(data, name) for name in SHARED_KEYS if getattr(data, name) is not None}
    return {
        name: value
        for name, value in given.items()
        if (name in parameters and (_accepts(function, name, value) or not _is_meant(name, value)))
        or (takes_any and name not in parameters)
    }


def _is_meant(name: str, value: object) -> bool:
    """True if a value is what a section's own key of this name holds."""
    if name != "rows":
        return isinstance(value, str | list | tuple)
    try:
        return bool(rows_wanted(value))
    except ValueError:
        return False


def _rows(value: object) -> int | float | None:
    try:
        return None if value is None else rows_wanted(value)
    except ValueError as error:
        raise RecipeError(f"{error}.", where="data.rows") from None


def _of_files(
    dataset: _Dataset, arguments: dict[str, Any], shared: Mapping[str, Any], folder: Path
) -> AnySource:
    """Read the file, or all files, that a section names: one table, or the parts of a training."""
    if "train" in shared:
        if "path" in arguments:
            raise RecipeError("`train` stands for `path`: name one of them.", where="data.train")
        arguments = {**arguments, "path": shared["train"]}
    path = arguments.get("path")
    if not isinstance(path, str | list | tuple) or not dataset.reads_files:
        for key in shared:
            raise RecipeError(f"'{dataset.entry.name}' reads no file.", where=f"data.{key}")
        return dataset.read(arguments)
    parts: list[int] = []
    files: list[str] = []
    keys: list[str] = []
    for part, key in enumerate(PARTS):
        given = path if key == "train" else shared.get(key)
        own = "path" if key == "train" and key not in shared else key
        with _blamed_on(own):
            found = [] if given is None else files_of(given, folder)
        if found is None:
            raise RecipeError("is a file, or a list of files.", where=f"data.{key}")
        files += found
        parts += [part] * len(found)
        keys += [own] * len(found)
    if len(files) == 1 or (isinstance(path, list | tuple) and _accepts(dataset.function, "path", list(path))):
        with _blamed_on(keys[0]):
            return dataset.read({**arguments, "path": files if len(files) > 1 else files[0]})
    sources = _read_several(dataset, arguments, files, keys)
    for source in sources:
        if source.test is not None:
            raise DataError(
                f"{source.origin} brings a test part of its own, so it cannot be one of several files.",
                where="data.path",
            )
    called = str(path) if isinstance(path, str) else f"{Path(files[0]).name} and {len(files) - 1} more"
    return joined(sources, parts=parts if any(parts) else None, origin=called)


@contextmanager
def _blamed_on(key: str) -> Iterator[None]:
    """An error of a reader, which knows its file as `path`, at the key of the recipe that names the file."""
    try:
        yield
    except WorkbenchError as error:
        if error.where == "data.path":
            error.where = f"data.{key}"
        raise


def _read_several(
    dataset: _Dataset, arguments: dict[str, Any], files: Sequence[str], keys: Sequence[str]
) -> list[AnySource]:
    """Each file on its own, which one of `keys` names; all as streams where they would not fit into memory together."""

    def read(arguments: dict[str, Any], dataset: _Dataset, at: int) -> AnySource:
        with _blamed_on(keys[at]):
            return dataset.read({**arguments, "path": files[at]})

    def read_all(arguments: dict[str, Any], dataset: _Dataset, held: list[AnySource]) -> list[AnySource]:
        return [*held, *(read(arguments, dataset, at) for at in range(len(held), len(files)))]

    held = [read(arguments, dataset, 0)]
    if "stream" in dataset.parameters and arguments.get("stream", "auto") == "auto":
        first = held[0]
        streams = isinstance(first, StreamedSource)
        if isinstance(first, Source):
            size = sum(values.nbytes for values in first.columns.values())
            on_disk = [Path(file).stat().st_size if Path(file).is_file() else 0 for file in files]
            streams = should_stream("auto", size * sum(on_disk) // max(1, on_disk[0]))
        if streams:
            held = [] if isinstance(first, Source) else held
            arguments = {**arguments, "stream": True}
    sources = read_all(arguments, dataset, held)
    if dataset.kinds_parameter and (mixed := mixed_columns(sources)):
        known = ColumnKinds(dataset.kinds.text | mixed, dataset.kinds.literal)
        sources = read_all(arguments, replace(dataset, kinds=known), [])
    return sources


@dataclass(frozen=True)
class _Dataset:
    """A dataset's function, to be called.

    Attributes:
        kinds: what is known of the columns.
        most: how many rows are wanted of what has no end; None for all.
    """

    entry: Entry
    function: Callable[..., Any]
    kinds: ColumnKinds
    most: int | None = None

    @property
    def parameters(self) -> Mapping[str, inspect.Parameter]:
        return inspect.signature(self.function).parameters

    @property
    def kinds_parameter(self) -> str | None:
        return _kinds_parameter(self.function)

    @property
    def reads_files(self) -> bool:
        return "path" in self.parameters or any(
            parameter.kind is parameter.VAR_KEYWORD for parameter in self.parameters.values()
        )

    def read(self, arguments: dict[str, Any]) -> AnySource:
        """Call it."""
        entry, function = self.entry, self.function
        arguments = _checked(function, arguments, entry)
        if self.kinds_parameter is not None:
            arguments[self.kinds_parameter] = self.kinds
        try:
            return source_of(function(**arguments), entry.name, self.most)
        except WorkbenchError:
            raise
        except MemoryError:
            raise OutOfMemoryError(
                f"'{entry.name}' does not fit into memory.",
                where="data",
                hint="`stream: true` reads the rows as they are needed."
                if "stream" in self.parameters
                else "Less data needs less.",
            ) from None
        except OSError as error:
            raise FileError(f"'{entry.name}' could not be read: {error}.", where="data") from error
        except Exception as error:  # plugin code
            raise DataError(
                f"the dataset '{entry.name}' failed: {type(error).__name__}: {error}",
                where=f"plugin '{entry.plugin}'",
                hint="The error is the plugin's; --debug shows its traceback.",
            ) from error


def streams_if_needed(data: Data, catalog: Catalog) -> bool:
    """True if the reader decides whether to hold the rows in memory or to read them when needed."""
    return data.arguments.get("stream", "auto") == "auto" and can_stream(data, catalog)


def can_stream(data: Data, catalog: Catalog) -> bool:
    """True if the reader can read rows when they are needed."""
    function = resolve(catalog.find(Kind.DATASET, data.use, "data.use"))
    return "stream" in inspect.signature(function).parameters


def _checked(function: Callable[..., Any], arguments: dict[str, Any], entry: Entry) -> dict[str, Any]:
    """The arguments, checked against the function's signature and its type hints."""
    own = _kinds_parameter(function)
    parameters = {
        name: parameter for name, parameter in inspect.signature(function).parameters.items() if name != own
    }
    takes_any = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values())
    for name in arguments:
        if name not in parameters and not takes_any:
            # A misspelled key may be meant as a reader option or as a key of the section itself.
            near = did_you_mean(name, [*parameters, *Data.model_fields])
            known = f"Its arguments: {', '.join(parameters)}." if parameters else "It has no arguments."
            raise RecipeError(
                f"'{entry.name}' has no option '{name}'.", where=f"data.{name}", hint=near or known
            )
    for name, parameter in parameters.items():
        required = parameter.default is parameter.empty and parameter.kind not in (
            parameter.VAR_KEYWORD,
            parameter.VAR_POSITIONAL,
        )
        if required and name not in arguments:
            raise RecipeError(f"'{entry.name}' needs '{name}'.", where="data", hint=f"Add `{name}: ...`.")
    try:
        hints = typing.get_type_hints(function, include_extras=True)
    except Exception:  # hints that name what is not there: the function's own checks must do
        return arguments
    return {
        name: _converted(value, hints[name], name, entry) if name in hints else value
        for name, value in arguments.items()
    }


def _kinds_parameter(function: Callable[..., Any]) -> str | None:
    """The parameter for what kwb knows of the columns, if the function has one."""
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.annotation in (ColumnKinds, "ColumnKinds"):
            return name
    return None


def _accepts(function: Callable[..., Any], name: str, value: Any) -> bool:
    """True if a value is of the type that a parameter asks for; without a type, anything is."""
    try:
        hints = typing.get_type_hints(function, include_extras=True)
    except Exception:  # as in `_checked`
        return True
    if name not in hints:
        return name in inspect.signature(function).parameters
    try:
        TypeAdapter(hints[name], config=ConfigDict(arbitrary_types_allowed=True)).validate_python(value)
    except ValidationError:
        return False
    except (PydanticSchemaGenerationError, PydanticUserError):
        pass
    return True


def _converted(value: Any, hint: Any, name: str, entry: Entry) -> Any:
    try:
        return TypeAdapter(hint, config=ConfigDict(arbitrary_types_allowed=True)).validate_python(value)
    except ValidationError as error:
        message = error.errors()[0]["msg"]
        raise RecipeError(
            f"'{name}' of '{entry.name}' cannot be {value!r}: {message[0].lower()}{message[1:]}.",
            where=f"data.{name}",
        ) from None
    except (PydanticSchemaGenerationError, PydanticUserError):
        return value
