"""A plugin that is one Python file, with no packaging: `--plugin layers.py`.

Every class and function that the file defines, or lists in `__all__`, and that a recipe has a use for becomes an
entry: `file_kinds` says what it is.
Finding them means importing the file and keras with it. So a light process asks a child to look
(`scan_in_child`); a process that will need keras anyway looks itself (`scan`).
"""

from __future__ import annotations

import hashlib
import importlib.util
import inspect
import os
import sys
import tempfile
from collections.abc import Sequence
from functools import partial
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType, MappingProxyType, ModuleType
from typing import Any

from workbench.catalog import neighbours
from workbench.catalog.entries import Entry, Kind
from workbench.catalog.file_examples import with_examples
from workbench.catalog.file_kinds import kind_of
from workbench.children import JsonChild, requests_and_answers, start_alone
from workbench.errors import FileError, WorkbenchError
from workbench.process import import_keras
from workbench.sentence import last_line

SCAN_TIMEOUT = 120.0  # seconds; importing TensorFlow on a cold disk can take half of it

_PREFIX = "kwb_file_"


def module_name(path: Path) -> str:
    """The module name of a plugin file; two files of one name get different ones."""
    path = path.resolve()
    return f"{_PREFIX}{path.stem}_{hashlib.sha256(str(path).encode()).hexdigest()[:8]}"


def is_file_module(name: str) -> bool:
    """True for the module name of a plugin file."""
    return name.startswith(_PREFIX)


def module_target(entry: Entry) -> str:
    """An entry's target with the module that its class says it is from; a plugin file's is not its path."""
    module, _, name = entry.target.rpartition(":")
    return f"{module_name(Path(module))}:{name}" if module.endswith(".py") else entry.target


class _FreshLoader(SourceFileLoader):
    """Compiles a file each time. Bytecode that Python keeps counts as that of any text of the same size which was saved
    in the same second: an edit would be lost."""

    def get_code(self, fullname: str) -> CodeType:
        code: CodeType = self.source_to_code(self.get_data(self.path), self.path)
        return code


def import_file(path: Path) -> ModuleType:
    """The module of a plugin file, imported once per process."""
    path = path.resolve()
    name = module_name(path)
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise FileError("this is not a Python file.", where=str(path))
    if isinstance(spec.loader, SourceFileLoader):
        spec.loader = _FreshLoader(name, str(path))
    sys.dont_write_bytecode = True  # for its neighbours too, also those that it imports later
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    neighbours.find_own(path.parent)
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def scan(path: Path) -> tuple[Entry, ...]:
    """What a plugin file offers. Imports the file, and keras.

    Raises:
        WorkbenchError: the file cannot be imported, or offers nothing.
    """
    import_keras()
    path = path.resolve()
    try:
        module = import_file(path)
    except (KeyboardInterrupt, WorkbenchError):
        raise
    except BaseException as error:
        place = _line_in(path, error)
        text = error.msg if isinstance(error, SyntaxError) else str(error)  # its place is in `where`
        reason = f"{type(error).__name__}: {text}"
        if isinstance(error, SystemExit):
            reason = f"it called sys.exit({error.code!r})"
        raise WorkbenchError(f"importing it failed: {reason}.", where=place) from error
    listed = getattr(module, "__all__", None)
    names = [name for name in vars(module) if not name.startswith("_")] if listed is None else list(listed)
    for name in names:
        if not hasattr(module, name):
            raise WorkbenchError(f"its __all__ lists '{name}', which it does not have.", where=str(path))
    entries = []
    for name in names:
        thing = getattr(module, name)
        own = listed is not None or getattr(thing, "__module__", None) == module.__name__
        if own and (found := kind_of(thing)) is not None:
            entries.append(_entry(path, name, thing, *found))
    if not entries:
        raise WorkbenchError(
            "it offers nothing that a recipe can use: no layer, model, loss, metric, callback, dataset ...",
            where=str(path),
            hint="List what it imports from elsewhere in its __all__.",
        )
    return tuple(with_examples(module, path, entries))


def _entry(path: Path, name: str, thing: Any, kind: Kind, guessed: bool) -> Entry:
    summary = inspect.cleandoc(thing.__doc__ or "").partition("\n")[0]
    is_layer = inspect.isclass(thing) and kind in (Kind.LAYER, Kind.MODEL)
    return Entry(
        kind=kind,
        name=name,
        target=f"{path}:{name}",
        summary=summary,
        inputs=_call_inputs(thing) if is_layer else None,
        outputs=None,
        guessed=guessed,
        plugin=path.stem,
        distribution=str(path),
    )


def _call_inputs(cls: Any) -> int | None:
    """How many tensors `call` needs: its positional arguments that have no default."""
    parameters = list(inspect.signature(cls.call).parameters.values())[1:]
    if any(p.kind is p.VAR_POSITIONAL for p in parameters):
        return None
    required = [
        p
        for p in parameters
        if p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
    ]
    # One argument may still be a list of tensors, so one is not known for sure.
    return len(required) if len(required) > 1 else None


def _line_in(path: Path, error: BaseException) -> str:
    """`file:line` of the place in the plugin's own file that an error came through."""
    if isinstance(error, SyntaxError) and error.filename == str(path):
        return f"{path}:{error.lineno}"
    line = 0
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == str(path):
            line = trace.tb_lineno
        trace = trace.tb_next
    return f"{path}:{line}" if line else str(path)


def scan_in_child(path: Path) -> tuple[Entry, ...]:
    """The same as `scan`, from a process that must not import keras.

    Raises:
        WorkbenchError: as `scan`, or the child died or took too long.
    """
    environment = os.environ | {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3"}
    with tempfile.TemporaryFile() as log:
        child = JsonChild(__name__, [str(path)], log=log, start=partial(start_alone, environment=environment))
        try:
            record = child.receive(SCAN_TIMEOUT)
        except TimeoutError:
            raise WorkbenchError(f"importing it took over {SCAN_TIMEOUT:.0f} s.", where=str(path)) from None
        finally:
            code = child.close()
        if record is None:
            log.seek(0)
            last = last_line(log.read().decode(errors="replace")) or f"exit code {code}"
            raise WorkbenchError(f"importing it ended the process: {last}", where=str(path))
    if "error" in record:
        raise WorkbenchError.from_record(record["error"])
    return entries_from(record["entries"])


def entries_from(records: Sequence[dict[str, Any]]) -> tuple[Entry, ...]:
    """Entries from what `entry_records` made of them."""
    return tuple(_entry_from_record(record) for record in records)


def entry_records(entries: Sequence[Entry]) -> list[dict[str, Any]]:
    """Entries as JSON data."""
    return [_fields(entry) for entry in entries]


def imported_beside(path: Path) -> list[Path]:
    """The files that this process has imported from the plugin file's own folder or below it, itself included: when
    one of them changes, what the plugin offers may change. Installed packages are none of them."""
    folder = path.resolve().parent
    found = []
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None)
        if isinstance(file, str) and file.endswith(".py"):
            place = Path(file)
            if place.is_relative_to(folder) and "site-packages" not in place.parts:
                found.append(place)
    return sorted(found)


_MAPS = ("example", "expected_failures")  # fields of an entry that become plain dicts through JSON


def _entry_from_record(record: dict[str, Any]) -> Entry:
    fields: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in record.items()}
    maps = {key: MappingProxyType(record[key]) for key in _MAPS}
    return Entry(**fields | {"kind": Kind(record["kind"])} | maps)


def main(arguments: Sequence[str]) -> None:
    """The child's side of `scan_in_child`."""
    _, answers = requests_and_answers()
    (path,) = map(Path, arguments)
    try:
        record: dict[str, Any] = {"entries": entry_records(scan(path))}
    except WorkbenchError as error:
        record = {"error": error.as_record()}
    answers.send(record)


def _fields(entry: Entry) -> dict[str, Any]:
    return {key: dict(value) if key in _MAPS else value for key, value in vars(entry).items()}


if __name__ == "__main__":
    main(sys.argv[1:])
