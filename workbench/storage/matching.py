"""Match the layers of a weight file with the model's by name, and reorder a file with another order of layers.

Keras reads the layers of stacks and graphs by class and position. Files hold each layer's name beside its weights.
A name that the author gave is matched with the model's; names that Keras numbers (`dense_7`) depend on what the process
made before and say nothing, unless file and model have the very same ones.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py

from workbench.storage import hdf5

_CONTAINER = "layers"  # where Keras keeps the layers of a stack or graph, numbered by class
_VARIABLES = "vars"
_MOST_SHOWN = 5
_NUMBER = re.compile(r"_\d+\Z")


@dataclass(frozen=True)
class FileLayer:
    """A layer in a file.

    Attributes:
        key: its group's name.
        name: the layer's own.
        kind: layers of one kind may stand for one another by their order.
        numbered: Keras, not the author, made the name.
    """

    key: str
    name: str
    kind: str
    numbered: bool


@dataclass(frozen=True)
class Matched:
    """A weight file whose layers are in the model's order.

    Attributes:
        moved: some stood elsewhere in the file as it was.
        warnings: which layers go by position although the names differ.
    """

    path: Path
    moved: bool = False
    warnings: tuple[str, ...] = ()


@contextmanager
def in_order(expected: Path, given: Path) -> Iterator[Matched]:
    """A weight file with each layer where the model has the one of its name: itself, or a copy for the block.

    Args:
        expected: a file of the model that is to be given the weights; both in `.weights.h5` layout.
    """
    with h5py.File(expected, "r") as wanted, h5py.File(given, "r") as file:
        groups = list(_matched_groups(wanted, file, ""))
    moves = {path: pairs for path, pairs, _ in groups if any(old != new for old, new in pairs.items())}
    warnings = tuple(text for _, _, texts in groups for text in texts)
    if not moves:
        yield Matched(given, False, warnings)
        return
    with _copy_of(given) as copy:
        with h5py.File(copy, "r+") as file:
            for path in sorted(moves, key=lambda item: item.count("/"), reverse=True):  # innermost first
                _rename(file[path], moves[path])
        yield Matched(copy, True, warnings)


@contextmanager
def legacy_in_order(wanted: Sequence[FileLayer], given: Path) -> Iterator[Matched]:
    """As `in_order`, for the legacy layout, where a list of names orders the layers.

    Args:
        wanted: the model's layers that have weights, in order; keys are their positions.
    """
    with h5py.File(given, "r") as file:
        group = legacy_group(file)
        names = hdf5.attribute_names(group, "layer_names")
        stored = [name for name in names if hdf5.attribute_names(group[name], "weight_names")]
    kinds = {_NUMBER.sub("", child.name) for child in wanted if child.numbered}
    children = [
        FileLayer(str(at), name, "", _NUMBER.sub("", name) in kinds) for at, name in enumerate(stored)
    ]
    pairs, warnings = match(wanted, children)
    order = sorted(range(len(stored)), key=lambda at: int(pairs.get(str(at)) or at))
    if order == list(range(len(stored))):
        yield Matched(given, False, tuple(warnings))
        return
    with _copy_of(given) as copy:
        with h5py.File(copy, "r+") as file:
            group = legacy_group(file)
            hdf5.write_names(group, "layer_names", [stored[at] for at in order])
        yield Matched(copy, True, tuple(warnings))


def legacy_group(file: Any) -> Any:
    """The group of a legacy file that holds the layers' groups."""
    return file if "layer_names" in file.attrs or "layer_names0" in file.attrs else file["model_weights"]


def snake_case(class_name: str) -> str:
    """A class's name as Keras writes it in the names it makes."""
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", re.sub(r"\W+", "", class_name))
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()


def is_numbered(name: str, kind: str) -> bool:
    """True if a layer's name is one that Keras made from its class."""
    return not name or _NUMBER.sub("", name) == kind


def match(wanted: Sequence[FileLayer], given: Sequence[FileLayer]) -> tuple[dict[str, str], list[str]]:
    """Match given layers to wanted ones: the wanted key by given key, and a warning about layers matched by position.

    One that belongs nowhere is left out; the comparison of weights reports it.
    """
    ours, theirs = Counter(child.name for child in wanted), Counter(child.name for child in given)
    same = ours == theirs
    by_name = {child.name: child for child in wanted if same or not child.numbered}
    pairs: dict[str, str] = {}
    for child in given:
        once = child.name and ours[child.name] == theirs[child.name] == 1
        if once and (same or not child.numbered) and child.name in by_name:
            pairs[child.key] = by_name[child.name].key
    by_position = []
    free: dict[str, list[FileLayer]] = {}
    for child in wanted:
        if child.key not in pairs.values():
            free.setdefault(child.kind, []).append(child)
    for child in given:
        if child.key not in pairs and free.get(child.kind):
            target = free[child.kind].pop(0)
            pairs[child.key] = target.key
            both_named = child.name and target.name and child.name != target.name
            if both_named and not (child.numbered and target.numbered):
                by_position.append(f"'{target.name}' those of '{child.name}'")
    return pairs, [_warning(by_position)] if by_position else []


def _warning(by_position: Sequence[str]) -> str:
    shown = ", ".join(by_position[:_MOST_SHOWN])
    more = f" and {len(by_position) - _MOST_SHOWN} more" if len(by_position) > _MOST_SHOWN else ""
    return f"names differ, so weights go by position: {shown}{more}"


def _matched_groups(wanted: Any, file: Any, path: str) -> Iterator[tuple[str, dict[str, str], list[str]]]:
    """Each group of numbered layers, outermost first: its path in the file, the pairs and the warnings."""
    for key, item in wanted.items():
        if key == _VARIABLES or not isinstance(item, h5py.Group) or not isinstance(file.get(key), h5py.Group):
            continue
        below = f"{path}/{key}"
        if key != _CONTAINER:
            yield from _matched_groups(item, file[key], below)
            continue
        pairs, warnings = match(_children(item), _children(file[key]))
        yield below, pairs, warnings
        for old, new in pairs.items():
            yield from _matched_groups(item[new], file[key][old], f"{below}/{old}")


def _children(group: Any) -> list[FileLayer]:
    """The layers in a group that have weights, in the order of their class and number."""
    found = []
    for key, item in group.items():
        if isinstance(item, h5py.Group) and _has_weights(item):
            name = str(item[_VARIABLES].attrs.get("name", "")) if _VARIABLES in item else ""
            kind = _NUMBER.sub("", key)
            found.append(FileLayer(key, name, kind, is_numbered(name, kind)))
    return sorted(found, key=lambda child: (child.kind, _position(child.key)))


def _rename(group: Any, pairs: dict[str, str]) -> None:
    moving = {old: new for old, new in pairs.items() if old != new}
    for old in moving:
        group.move(old, f"moving-{old}")
    for old, new in moving.items():
        if new in group:  # of another class, and that is not renamed itself
            group.move(new, f"unplaced-{new}")
        group.move(f"moving-{old}", new)


@contextmanager
def _copy_of(path: Path) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="kwb-") as folder:
        copy = Path(folder) / path.name
        shutil.copyfile(path, copy)
        yield copy


def _has_weights(group: Any) -> bool:
    found: list[str] = []

    def visit(name: str, item: Any) -> bool | None:
        if isinstance(item, h5py.Dataset):
            found.append(name)
            return True
        return None

    group.visititems(visit)
    return bool(found)


def _position(key: str) -> int:
    found = _NUMBER.search(key)
    return int(found[0][1:]) if found else 0
