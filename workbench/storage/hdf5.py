"""Read HDF5 of unknown origin: refuse links out of the file and sizes beyond it, and find the names of its weights."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import h5py

from workbench.storage import archive
from workbench.storage.limits import DEPTH_LIMIT, LINK_LIMIT, Refused, size_in_words

_FILTERS = {1, 2, 3, 4, 32000}  # deflate, shuffle, fletcher32, szip, lzf: those that h5py brings along
_KINDS = "biufcVS"
_BLOCK = 1 << 24  # bytes read at once
_ATTRIBUTE_LIMIT = 60_000  # bytes; HDF5 allows 64 KB for all attributes of one object header


def check(file: Any, budget: int) -> int:
    """Refuse what leads out of the file, what is larger than the file can hold, and endless structures.

    It goes through h5py's lower half: a file of many thousand weights is looked through four times as fast.

    Returns:
        The bytes that its datasets declare.
    """
    seen: set[int] = set()
    declared = links = 0
    stack: list[tuple[Any, str, int]] = [(h5py.h5g.open(file.id, b"/"), "", 0)]
    while stack:
        group, path, depth = stack.pop()
        if depth > DEPTH_LIMIT:
            raise Refused(f"refused: its groups are nested deeper than {DEPTH_LIMIT} levels.")
        for name in group:
            links += 1
            if links > LINK_LIMIT:
                raise Refused(
                    f"refused: it holds more than {LINK_LIMIT:,} objects, which no Keras file does."
                )
            item_path = f"{path}/{name.decode(errors='backslashreplace')}"
            if group.links.get_info(name).type != h5py.h5l.TYPE_HARD:
                raise Refused(f"refused: '{item_path}' is a link to elsewhere.")
            item = h5py.h5o.open(group, name)
            address = h5py.h5o.get_info(item).addr
            if isinstance(item, h5py.h5g.GroupID):
                if address in seen:
                    raise Refused(f"refused: the group '{item_path}' is in the file under two names.")
                stack.append((item, item_path, depth + 1))
            elif isinstance(item, h5py.h5d.DatasetID):
                if address not in seen:
                    declared += _check_dataset(item, item_path)
            else:
                raise Refused(f"refused: '{item_path}' is neither a group nor a dataset.")
            seen.add(address)
    if declared > budget:
        raise Refused(
            f"refused: it declares {size_in_words(declared)} of weights, against {size_in_words(budget)} allowed."
        )
    return declared


def _check_dataset(dataset: Any, item_path: str) -> int:
    properties = dataset.get_create_plist()
    if properties.get_external_count() or properties.get_layout() == h5py.h5d.VIRTUAL:
        raise Refused(f"refused: the data of '{item_path}' lies in another file.")
    dtype = dataset.dtype
    if dtype.kind not in _KINDS:
        raise Refused(f"refused: '{item_path}' holds {dtype}, which is no weight.")
    if any(properties.get_filter(index)[0] not in _FILTERS for index in range(properties.get_nfilters())):
        raise Refused(f"refused: '{item_path}' is packed by a filter that HDF5 would load from outside.")
    if dataset.get_space().get_simple_extent_type() == h5py.h5s.NULL:
        raise Refused(f"refused: '{item_path}' has no shape.")
    return math.prod(dataset.shape) * dtype.itemsize


def read_all(file: Any) -> None:
    """Read every attribute and every value once, block by block: damage that a look does not meet shows here."""
    stack = [file]
    while stack:
        item = stack.pop()
        for name in item.attrs:
            item.attrs[name]
        if isinstance(item, h5py.Group):
            stack.extend(item[name] for name in item)
        elif item.shape:
            rows = max(_BLOCK // max(item.dtype.itemsize * math.prod(item.shape[1:]), 1), 1)
            for start in range(0, item.shape[0], rows):
                item[start : start + rows]
        else:
            item[()]


def weight_datasets(tree: Any, prefix: str = "") -> Iterator[str]:
    """The names of the datasets in Keras' weight tree, numbers in their order, without an optimizer's."""
    for name in sorted(tree, key=lambda item: (not item.isdigit(), int(item) if item.isdigit() else 0, item)):
        item_path = f"{prefix}{name}"
        if isinstance(tree[name], h5py.Dataset):
            yield item_path
        elif item_path != archive.GROUP and (name != "optimizer" or prefix.endswith("layers/")):
            yield from weight_datasets(tree[name], f"{item_path}/")


def attribute_names(group: Any, name: str) -> list[str]:
    """A list of names kept in an attribute, or in several where one would not hold it."""
    if name in group.attrs:
        found: Any = group.attrs[name]
    else:
        chunks = (f"{name}{index}" for index in range(len(group.attrs)))
        found = [item for chunk in chunks if chunk in group.attrs for item in group.attrs[chunk]]
    return [item.decode() if isinstance(item, bytes) else str(item) for item in found]


def write_names(group: Any, name: str, names: list[str]) -> None:
    """Keep a list of names in an attribute, or in several where one would not hold it."""
    data = [item.encode() for item in names]
    longest = max((len(item) for item in data), default=1)
    step = max(_ATTRIBUTE_LIMIT // longest, 1)
    if len(data) <= step:
        group.attrs[name] = data
        return
    for index, start in enumerate(range(0, len(data), step)):
        group.attrs[f"{name}{index}"] = data[start : start + step]


def legacy_datasets(group: Any) -> dict[str, str]:
    """The datasets in a weight group of the legacy layout, in order, each with the weight's own name."""
    found: dict[str, str] = {}
    for layer in [*attribute_names(group, "layer_names"), "top_level_model_weights"]:
        if layer in group:
            for name in attribute_names(group[layer], "weight_names"):
                found[f"{layer}/{name}"] = name if name not in found.values() else f"{layer}/{name}"
    return found
