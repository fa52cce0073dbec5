"""`python -m workbench.check.examples FILE NAME...`: a process that finds arguments and inputs of what a file defines.

It imports the file, which may crash it. It reports one line of JSON for each name that it begins and one for what it
found; at the end of its standard input it ends, because then its parent is gone.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.catalog import Entry, single_file
from workbench.catalog.discovery import discover
from workbench.catalog.lookup import Catalog
from workbench.children import requests_and_answers
from workbench.process import import_keras, leave_at_once

if TYPE_CHECKING:
    from workbench.check.subject import CheckedEntry


# A sequence, an image: tried where a table fits by chance.
_OTHER_SHAPES = ((6, 8), (8, 8, 3))


def main(arguments: Sequence[str]) -> None:
    """Find examples for the names of the command line."""
    commands, answers = requests_and_answers()
    threading.Thread(target=_end_with, args=(commands,), daemon=True).start()
    path, names = Path(arguments[0]).resolve(), arguments[1:]
    import_keras()
    catalog = Catalog(discover([path], scan=single_file.scan))
    plugin = next(each for each in catalog.plugins if each.distribution == str(path))
    if plugin.error:
        answers.send({"error": plugin.error})
        leave_at_once(0)
    by_name = {entry.name: entry for entry in plugin.entries}
    for name in names:
        answers.send({"begin": name})
        entry = by_name.get(name)
        answers.send({"name": name, "found": None if entry is None else found(entry, catalog)})
    leave_at_once(0)


def found(entry: Entry, catalog: Catalog) -> dict[str, Any]:
    """What makes an instance of an entry of a file, and what it can be called on: the keys are those of
    `scaffold.examples.Example`."""
    from workbench.check.subject import CheckedEntry

    record: dict[str, Any] = {"kind": entry.kind.value, "guessed": entry.guessed}
    subject = CheckedEntry(entry, catalog)
    try:
        arguments = dict(subject.arguments)
        subject.make_with(arguments)
        record["arguments"] = arguments
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # plugin code: SystemExit included
        record["error"] = str(error)
        return record
    call = _call(subject)
    if call is None:  # what the checks say about it, they say better
        return record
    if subject.entry.input_shapes or not call["shape"] or _is_consistent(subject):
        return record | call
    # It takes a table by chance, as a pooling over the second axis does.
    for shape in _OTHER_SHAPES:
        other = replace(entry, example=arguments, input_shapes=(shape,))
        tried = CheckedEntry(other, catalog)
        better = _call(tried)
        if better is not None and better["shape"] and _is_consistent(tried):
            return record | better | {"input_shapes": [list(shape)]}
    return record | call


def _call(subject: CheckedEntry) -> dict[str, Any] | None:
    """What a call of it takes and gives; None where none was found."""
    try:
        inputs = subject.inputs
        outputs = subject.raw_outputs(subject.built)
    except KeyboardInterrupt:
        raise
    except BaseException:  # plugin code: SystemExit included
        return None
    shapes = [list(tensor.shape[1:]) for tensor in inputs.tensors]
    plain = inputs.form == "one" and not inputs.whole_numbers
    return {
        "inputs": inputs.count,
        "outputs": len(outputs),
        "shape": shapes[0] if plain else None,
        "output_axes": len(outputs[0].shape) if outputs else 0,
    }


def _is_consistent(subject: CheckedEntry) -> bool:
    """True if the output has a width, and the shape that `compute_output_shape` says."""
    outputs = subject.raw_outputs(subject.built)
    if any(output.ndim < 2 for output in outputs):
        return False
    try:
        said = subject.built.compute_output_shape(subject.inputs.tensors[0].shape)
    except KeyboardInterrupt:
        raise
    except BaseException:  # plugin code: it may have none, or a broken one
        return True
    return len(outputs) != 1 or tuple(said) == outputs[0].shape


def _end_with(commands: Any) -> None:
    commands.read()
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1:])
