"""Read a model file of unknown origin without Keras: find its format and check its structure.

Refused here, before any content is trusted: files that are neither a zip archive nor HDF5, truncated files,
members or datasets that would unpack to far more than the file holds, HDF5 links that lead elsewhere, data
kept in other files, and configurations nested without end.
"""

from __future__ import annotations

import io
import json
import os
import re
import stat
import struct
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import h5py

from workbench.atomic import extension_of, file_error
from workbench.errors import FileError, WorkbenchError, without_path
from workbench.storage import archive, hdf5
from workbench.storage.keras2 import translated_training
from workbench.storage.limits import CONFIG_LIMIT, DEPTH_LIMIT, MEMBER_LIMIT, SLACK, Refused, size_in_words

_MEMBERS = {archive.CONFIG, archive.METADATA, archive.WEIGHTS, archive.NOTES}
_PACKINGS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # of these Keras makes use
_KINDS = {
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}
_HARM = "It is damaged, or made to do harm."
_LONGEST = 300  # characters of a library's own words
_HDF5 = b"\x89HDF\r\n\x1a\n"


@dataclass(frozen=True)
class Container:
    """The content of a model file, except its weights. `config` is None where it holds weights only.

    `legacy` marks the `.h5` layout of plain Keras, with `training_config` for its compile arguments.
    """

    path: Path
    format: str
    config: dict[str, Any] | None
    legacy: bool = False
    training_config: dict[str, Any] | None = None
    keras_version: str = ""
    made_by_kwb: bool = False
    stored: int = 0  # bytes of weights that its datasets declare
    record: dict[str, Any] = field(default_factory=dict)  # see `archive.parse_notes`


def budget_for(path: Path) -> int:
    """The number of bytes that a file's content may declare: twice its size, and some more for small files."""
    return 2 * path.stat().st_size + SLACK


def read(path: str | os.PathLike[str]) -> Container:
    """Check the structure of a model file and read its configuration.

    Raises:
        FileError: the file is missing, no model file, damaged, or refused, and why.
    """
    path = Path(path)
    with errors(path):
        kind = stat.S_IFMT(os.stat(path).st_mode)
        if kind in _KINDS:  # to open it could wait for ever
            raise Refused(f"is {_KINDS[kind]}, not a file.")
        with open(path, "rb") as file:
            start = file.read(8)
        if start.startswith(b"PK"):
            _check_name(path, ".keras", "a zip archive")
            return _read_zip(path)
        if start == _HDF5:
            _check_name(path, ".h5", "an HDF5 file")
            return _read_hdf5(path)
    what = "is empty." if not start else "is not a Keras file: neither a zip archive nor HDF5."
    raise FileError(what, where=str(path), hint="A model file ends in .keras, .h5 or .weights.h5.")


@contextmanager
def errors(path: Path) -> Iterator[None]:
    """Whatever a damaged or hostile file makes zipfile, json, h5py or this package raise, as a FileError."""
    try:
        yield
    except WorkbenchError:
        raise
    except Refused as error:
        raise FileError(str(error), where=str(path), hint=error.hint) from None
    except OSError as error:
        raise _damaged(error, path) from error
    except MemoryError as error:
        raise FileError(
            "cannot be read: it asks for more memory than there is.", where=str(path), hint=_HARM
        ) from error
    except RecursionError as error:
        raise FileError("refused: it is nested too deeply.", where=str(path), hint=_HARM) from error
    except Exception as error:  # the libraries raise what they like, and promise nothing
        what = without_path(str(error), path).rstrip(".")[:_LONGEST] or type(error).__name__
        raise FileError(
            f"is damaged or truncated: {what}.", where=str(path), hint="Copy it again."
        ) from error


@contextmanager
def open_weights(path: Path) -> Iterator[Any]:
    """The HDF5 file with the weights: the file itself, or the member of a `.keras` file, read in place."""
    if not archive.is_archive(path):
        with h5py.File(path, "r") as file:
            yield file
        return
    with (
        zipfile.ZipFile(path) as zipped,
        _open_member(path, zipped) as member,
        h5py.File(member, "r") as file,
    ):
        yield file


def parse_json(content: str | bytes, what: str) -> dict[str, Any]:
    """A JSON object of bounded size and depth.

    Raises:
        Refused: it is none, and why.
    """
    if len(content) > CONFIG_LIMIT:
        raise Refused(f"refused: its {what} is larger than {CONFIG_LIMIT >> 20} MB.")
    try:
        parsed = json.loads(content)
    except RecursionError:
        raise Refused(f"refused: its {what} is nested deeper than {DEPTH_LIMIT} levels.") from None
    except ValueError as error:
        raise Refused(f"is damaged: its {what} is not JSON ({error}).") from None
    if not isinstance(parsed, dict):
        raise Refused(f"is damaged: its {what} is not a JSON object.")
    level: list[Any] = [parsed]
    for _ in range(DEPTH_LIMIT):
        level = [
            item
            for node in level
            for item in (node.values() if isinstance(node, dict) else node)
            if isinstance(item, dict | list)
        ]
        if not level:
            return parsed
    raise Refused(f"refused: its {what} is nested deeper than {DEPTH_LIMIT} levels.")


def with_packages(config: Any, classes: Mapping[str, str]) -> Any:
    """A configuration with the registered names of classes that it names barely, as plain Keras writes them."""
    if not classes:
        return config
    if isinstance(config, list):
        return [with_packages(item, classes) for item in config]
    if not isinstance(config, dict):
        return config
    found = {key: with_packages(item, classes) for key, item in config.items()}
    name = config.get("class_name")
    if isinstance(name, str) and name in classes and config.get("registered_name") == name:
        found["registered_name"] = classes[name]
    return found


def _check_name(path: Path, extension: str, kind: str) -> None:
    named = extension_of(path)
    if (named == ".keras") != (extension == ".keras"):
        right = ".keras" if extension == ".keras" else ".h5 or .weights.h5"
        raise FileError(
            f"is {kind}, and its name says otherwise.", where=str(path), hint=f"Let it end in {right}."
        )


def _damaged(error: OSError, path: Path) -> FileError:
    text = str(error)
    if error.errno is not None and error.filename is not None:  # the system's own, not HDF5's
        return file_error(error, path, "read")
    if isinstance(error, BlockingIOError) or "unable to lock file" in text:
        return FileError(
            "is being written by another program.", where=str(path), hint="Wait until it is done."
        )
    if error.errno is not None and "errno" not in text and os.path.exists(path) and "Errno" in text:
        return file_error(error, path, "read")
    if found := re.search(r"truncated file: eof = (\d+).*stored_eof = (\d+)", text):
        return FileError(
            f"is truncated: {found[1]} of {found[2]} bytes are there.", where=str(path), hint="Copy it again."
        )
    if isinstance(error, FileNotFoundError | PermissionError | IsADirectoryError | NotADirectoryError):
        return file_error(error, path, "read")
    return FileError(f"is damaged: {without_path(text, path).rstrip('.')[:_LONGEST]}.", where=str(path))


# Zip


def _read_zip(path: Path) -> Container:
    with zipfile.ZipFile(path) as file:
        infos = file.infolist()
        _check_members(infos, budget_for(path))
        names = {info.filename for info in infos}
        for needed in (archive.CONFIG, archive.WEIGHTS):
            if needed not in names:
                raise Refused(f"is a zip archive, and no Keras model: it has no {needed}.")
        config = parse_json(file.read(archive.CONFIG), archive.CONFIG)
        metadata = (
            parse_json(file.read(archive.METADATA), archive.METADATA) if archive.METADATA in names else {}
        )
        record = _record(file.read(archive.NOTES)) if archive.NOTES in names else None
        with _open_member(path, file) as member, h5py.File(member, "r") as weights:
            stored = hdf5.check(weights, budget_for(path))
    return Container(
        path,
        ".keras",
        with_packages(config, (record or {}).get("classes", {})),
        keras_version=str(metadata.get("keras_version", "")),
        made_by_kwb=record is not None,
        stored=stored,
        record=record or {},
    )


def _check_members(infos: list[zipfile.ZipInfo], budget: int) -> None:
    if len(infos) > MEMBER_LIMIT:
        raise Refused(f"refused: it holds more than {MEMBER_LIMIT:,} members, as no Keras file does.")
    names = [info.filename for info in infos]
    if len(set(names)) != len(names):
        raise Refused("refused: it holds two members of one name.")
    for info in infos:
        parts = info.filename.split("/")
        if info.filename not in _MEMBERS and parts[0] != "assets":
            raise Refused(f"refused: it holds '{info.filename}', which no Keras file does.")
        if ".." in parts or "\\" in info.filename or (info.external_attr >> 16) & 0o170000 == 0o120000:
            raise Refused(f"refused: its member '{info.filename}' leads out of the file.")
        if info.compress_type == zipfile.ZIP_STORED and info.compress_size != info.file_size:
            raise Refused(f"is damaged: two sizes are given for its member '{info.filename}'.")
        if info.compress_type not in _PACKINGS:
            raise Refused(
                f"refused: its member '{info.filename}' is packed by method {info.compress_type}, as no Keras file is."
            )
        if info.flag_bits & 1:
            raise Refused(f"refused: its member '{info.filename}' is encrypted.")
    declared = sum(info.file_size for info in infos)
    if declared > budget:
        raise Refused(
            f"refused: it would unpack to {size_in_words(declared)}, against {size_in_words(budget)} allowed."
        )


@contextmanager
def _open_member(path: Path, file: zipfile.ZipFile) -> Iterator[IO[bytes]]:
    info = file.getinfo(archive.WEIGHTS)
    if info.compress_type != zipfile.ZIP_STORED:
        yield io.BytesIO(file.read(info))
        return
    with open(path, "rb") as raw:
        raw.seek(info.header_offset)
        header = raw.read(30)
        name_length, extra_length = struct.unpack("<HH", header[26:30])
        yield _Slice(raw, info.header_offset + 30 + name_length + extra_length, info.file_size)  # type: ignore[misc]


class _Slice(io.RawIOBase):
    """A part of a file as a file, so that HDF5 reads a member of an archive in place."""

    def __init__(self, raw: IO[bytes], start: int, size: int) -> None:
        self._raw, self._start, self._size, self._place = raw, start, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._place = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self._size}[whence]
        return self._place

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")[: max(self._size - self._place, 0)]
        self._raw.seek(self._start + self._place)
        count = self._raw.readinto(view)  # type: ignore[attr-defined]
        self._place += count
        return int(count)


# HDF5


def _read_hdf5(path: Path) -> Container:
    with h5py.File(path, "r") as file:
        stored = hdf5.check(file, budget_for(path))
        ours = archive.holds_archive(file)
        legacy_layout = "model_weights" in file or "layer_names" in file.attrs
        kind = ".h5" if legacy_layout else ".weights.h5"
        if ours:
            group = file[archive.GROUP]
            config = parse_json(_content(group, archive.CONFIG), archive.CONFIG)
            metadata = parse_json(_content(group, archive.METADATA), archive.METADATA)
            record = _record(_content(group, archive.NOTES))
            version = str(metadata.get("keras_version", ""))
            config = with_packages(config, record["classes"])
            return Container(
                path, kind, config, keras_version=version, made_by_kwb=True, stored=stored, record=record
            )
        if not legacy_layout and not _weight_groups(file):
            raise Refused("is an HDF5 file, and holds no Keras weights.")
        attributes = {
            name: _text(file, name) for name in ("model_config", "training_config", "keras_version")
        }
        model, training = attributes["model_config"], attributes["training_config"]
        noted = kind == ".weights.h5" and archive.NOTES in (file.get(archive.GROUP) or ())
        record = _record(_content(file[archive.GROUP], archive.NOTES)) if noted else {}
        return Container(
            path,
            kind,
            parse_json(model, "model_config") if model else None,
            legacy=legacy_layout,
            training_config=translated_training(parse_json(training, "training_config"))
            if training
            else None,
            keras_version=attributes["keras_version"],
            made_by_kwb=bool(record),
            stored=stored,
            record=record,
        )


def _record(content: bytes) -> dict[str, Any]:
    parse_json(content, archive.NOTES)
    return archive.parse_notes(content)


def _content(group: Any, name: str) -> bytes:
    item = group.get(name)
    if not isinstance(item, h5py.Dataset) or item.dtype.kind != "u":
        raise Refused(f"is damaged: it has no {group.name}/{name}.")
    return bytes(item[()].tobytes())


def _text(file: Any, name: str) -> str:
    value = file.attrs.get(name, "")
    return value.decode() if isinstance(value, bytes) else str(value)


def _weight_groups(file: Any) -> bool:
    return any(name == "vars" or isinstance(file[name], h5py.Group) for name in file)
