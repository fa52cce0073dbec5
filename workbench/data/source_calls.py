"""Call a dataset or a reader with the recipe's arguments."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable
from dataclasses import replace
from os.path import expanduser
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
from workbench.data.source import Source, as_source
from workbench.errors import DataError, FileError, OutOfMemoryError, RecipeError, WorkbenchError, did_you_mean
from workbench.recipe.schema import Data


def read(
    data: Data, catalog: Catalog, folder: Path, kinds: ColumnKinds | None = None
) -> Source | StreamedSource:
    """The source that a recipe's data section names.

    Args:
        data: the section; what is not its own goes to the dataset function.
        catalog: where its name is looked up.
        folder: what a relative `path` starts from: the recipe's folder.
        kinds: what is known of the columns; by default what the section says of them.

    Raises:
        RecipeError: no such dataset, or arguments that it does not take.
        DataError, FileError: what it reads cannot be used.
    """
    entry = catalog.find(Kind.DATASET, data.use, "data.use")
    function = resolve(entry)
    arguments = data.arguments
    if isinstance(arguments.get("path"), str):
        arguments["path"] = str(folder.absolute() / Path(expanduser(arguments["path"])))
    arguments = _checked(function, arguments, entry)
    if (parameter := _kinds_parameter(function)) is not None:
        arguments[parameter] = (
            ColumnKinds.of(data.literal_columns, data.text_columns) if kinds is None else kinds
        )
    try:
        value = function(**arguments)
    except WorkbenchError:
        raise
    except MemoryError:
        can_stream_too = "stream" in inspect.signature(function).parameters
        raise OutOfMemoryError(
            f"'{entry.name}' does not fit into memory.",
            where="data",
            hint="`stream: true` reads the rows as they are needed."
            if can_stream_too
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
    if isinstance(value, StreamedSource):
        return value if value.origin else replace(value, origin=entry.name)
    return as_source(value, entry.name)


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
