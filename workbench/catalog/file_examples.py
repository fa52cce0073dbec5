"""Examples and input shapes that a plugin file gives for its classes: `KWB_EXAMPLES` and `KWB_INPUT_SHAPES`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any

from workbench.catalog.entries import Entry
from workbench.errors import WorkbenchError, did_you_mean


def with_examples(module: ModuleType, path: Path, entries: Sequence[Entry]) -> Iterator[Entry]:
    """Entries with what the file says of them: arguments in `KWB_EXAMPLES`, shapes in `KWB_INPUT_SHAPES`, by name.

    Raises:
        WorkbenchError: one of them is no dict, or names what the file does not offer.
    """
    examples, shapes = (_table(module, path, name, entries) for name in ("KWB_EXAMPLES", "KWB_INPUT_SHAPES"))
    for entry in entries:
        example = examples.get(entry.name, {})
        try:
            example = json.loads(json.dumps({**example}))
        except (TypeError, ValueError):
            hint = "Give numbers, texts, lists and dicts; {'use': 'Dense', 'units': 4} stands for a layer."
            raise WorkbenchError(
                f"KWB_EXAMPLES['{entry.name}'] is no dict of arguments as a recipe holds them.",
                where=str(path),
                hint=hint,
            ) from None
        try:
            tensors = tuple(tuple(int(size) for size in shape) for shape in shapes.get(entry.name, ()))
        except (TypeError, ValueError):
            hint = (
                f'KWB_INPUT_SHAPES = {{"{entry.name}": [[28, 28, 1]]}}: a list of shapes, one for each input.'
            )
            raise WorkbenchError(
                f"KWB_INPUT_SHAPES['{entry.name}'] is no list of shapes.", where=str(path), hint=hint
            ) from None
        yield replace(entry, example=MappingProxyType(example), input_shapes=tensors)


def _table(module: ModuleType, path: Path, name: str, entries: Sequence[Entry]) -> Mapping[str, Any]:
    table = getattr(module, name, {})
    if not isinstance(table, Mapping):
        raise WorkbenchError(f"{name} is no dict by class name.", where=str(path))
    names = [entry.name for entry in entries]
    for each in table:
        if each not in names:
            raise WorkbenchError(
                f"{name} names '{each}', which the file does not offer.",
                where=str(path),
                hint=did_you_mean(str(each), names),
            )
    return table
