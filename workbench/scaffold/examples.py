"""Ask a child for examples of what a file defines: arguments that make an instance, inputs that it accepts."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from workbench.catalog import Kind
from workbench.children import JsonChild, start_alone, with_path

LIMIT = 240.0  # seconds for one class; importing TensorFlow on a cold disk takes half of it


@dataclass(frozen=True)
class Example:
    """What was found of a class or function.

    Attributes:
        kind: what it is, now that its file has been imported; None where that is not known.
        arguments: those that make an instance; None where none were found.
        error: why not.
        inputs, outputs: how many input and output tensors a call has.
        shape: of its one input of floats, without the batch axis; None where it has another.
        output_axes: how many axes the first output has.
        input_shapes: the shape of its input, where the usual trial of shapes finds one that it is not made for.
    """

    kind: Kind | None = None
    arguments: Mapping[str, Any] | None = None
    error: str = ""
    inputs: int | None = None
    outputs: int | None = None
    shape: tuple[int, ...] | None = None
    output_axes: int = 0
    input_shapes: tuple[tuple[int, ...], ...] = ()


def find_examples(file: Path, names: Sequence[str], path: Sequence[Path]) -> dict[str, Example] | str:
    """Examples by name.

    Args:
        file: the Python file that defines them. A child imports it.
        names: of its classes and functions.
        path: where it finds the packages that are not installed.

    Returns:
        Or, where the file cannot be imported, why.
    """
    found: dict[str, Example] = {}
    waiting = list(names)
    while waiting:
        begun = ""
        with tempfile.TemporaryFile() as log:
            start = partial(start_alone, environment=with_path(path))
            child = JsonChild("workbench.check.examples", [str(file), *waiting], log=log, start=start)
            try:
                while (record := child.receive(LIMIT)) is not None:
                    if "error" in record and "name" not in record:
                        return str(record["error"])
                    if "begin" in record:
                        begun = record["begin"]
                    elif "name" in record:
                        found[record["name"]] = _example(record["found"])
                reason = "it ended the process"
            except TimeoutError:
                reason = f"it took over {LIMIT:g} s"
            finally:
                child.close()
        if not begun:
            return f"the process that imports it: {reason}"
        found.setdefault(begun, Example(error=reason))
        waiting = [name for name in waiting if name not in found]
    return found


def _example(record: Mapping[str, Any] | None) -> Example:
    if record is None:
        return Example()
    shape = record.get("shape")
    return Example(
        None if record["guessed"] else Kind(record["kind"]),
        record.get("arguments"),
        record.get("error", ""),
        record.get("inputs"),
        record.get("outputs"),
        None if shape is None else tuple(shape),
        record.get("output_axes", 0),
        tuple(tuple(each) for each in record.get("input_shapes", ())),
    )
