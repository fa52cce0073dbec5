"""Store which engine was chosen on this machine, so that a recipe gives the same numbers every time.

An engine is chosen by measuring, and XLA rounds differently from TensorFlow: chosen again for each training, the
same recipe would end with other last digits from one run to the next. So a choice is kept in kwb's state folder, one
file for each kind of training step, and the next training of the same step uses it without measuring.

Nothing here ever fails: a file that is missing or broken is a choice not made, and in a folder that cannot be written
every training measures.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import math
import os
import platform
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from workbench import __version__
from workbench.atomic import write_bytes
from workbench.devices.processor import processor_line
from workbench.devices.tensorflow_devices import device_names
from workbench.errors import FileError
from workbench.training.engines.builder import Builder
from workbench.training.engines.data import ArraySource

MOST = 500  # files; of more, those not used for longest go
LONGER = 4  # times: a choice made for a short training holds for others up to so much longer

_NAMES = {"shared_name", "container"}


@dataclass(frozen=True)
class Kept:
    """A choice.

    Attributes:
        engine: its name.
        speeds: what was measured, in steps per second.
        differs: engines that train to other numbers than plain Keras, and how.
        steps: of the training it was made for.
        xla_settled: whether XLA was considered, not left out because that training was short.
        at: the step at which the engine took over from `chunk`; 0 where it ran from the first one on.
        day: when, as 2026-11-26.
    """

    engine: str
    speeds: Mapping[str, float]
    steps: int
    xla_settled: bool
    differs: Mapping[str, str] = field(default_factory=dict)
    at: int = 0
    day: str = field(default_factory=lambda: datetime.date.today().isoformat())

    def holds(self, steps: int) -> bool:
        """True if it suits a training of so many steps. What XLA trains goes on being trained by XLA; what was not
        may gain much where the training is far longer than the one that was measured."""
        return self.engine == "chunk-xla" or "plain" in self.speeds or steps <= LONGER * self.steps


class Choices:
    """The choices kept in a folder, shared by all kwb processes.

    Args:
        folder: made when the first is kept.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, key: str) -> Kept | None:
        """The choice kept for a fingerprint; None where there is none that can be read."""
        path = self._path(key)
        try:
            found = json.loads(path.read_bytes())
            kept = Kept(**found)
            valid = (
                kept.engine in ("plain", "steps", "chunk", "chunk-xla")
                and all(isinstance(speed, float) and math.isfinite(speed) for speed in kept.speeds.values())
                and isinstance(kept.differs, dict)
                and isinstance(kept.steps, int)
                and isinstance(kept.at, int)
                and isinstance(kept.xla_settled, bool)
                and isinstance(kept.day, str)
            )
        except (OSError, ValueError, TypeError, AttributeError, RecursionError):
            return None
        if not valid:
            return None
        with suppress(OSError):
            os.utime(path)  # what is used stays
        return kept

    def keep(self, key: str, kept: Kept) -> None:
        """Keep a choice in place of the one before and of those for longer trainings."""
        with suppress(FileError, OSError):
            self._folder.mkdir(parents=True, exist_ok=True)
            for path in self._folder.glob(f"{longer(key)}*.json"):
                path.unlink(missing_ok=True)
            write_bytes(self._path(key), json.dumps(asdict(kept), indent=1).encode(), flush=False)
            files = sorted(self._folder.glob("*.json"), key=lambda path: path.stat().st_mtime)
            for path in files[:-MOST]:
                path.unlink(missing_ok=True)

    def _path(self, key: str) -> Path:
        return self._folder / f"{key}.json"


def longer(key: str) -> str:
    """The key of a choice for trainings that are too long for the choice kept under `key`."""
    return f"{key}-longer"


def fingerprint(builder: Builder) -> str:
    """What decides which engine is fastest, and whether its numbers are right, as a short text.

    The traced step with its operations and how they are connected, the variables, the batch, the rows, the versions
    and the machine; not how long the training is, nor any name, which Keras counts up within a process.
    """
    source = builder.source
    parts: list[Any] = [
        _Graph(builder.traced.function.graph.as_graph_def()).digest(),
        sorted((tuple(variable.shape), variable.dtype.name) for variable in builder.traced.variables),
        str(keras.tree.flatten(source.signature())),
        source.batch_size,
        source.rows if isinstance(source, ArraySource) else 0,
        builder.most,
        [__version__, keras.__version__, tf.__version__],
        [platform.machine(), processor_line(), os.cpu_count()],
        device_names(),
    ]
    return _digest(parts)


class _Graph:
    """A graph with its functions (the branches and loops in it), as a short text without names."""

    def __init__(self, graph: Any) -> None:
        self._nodes = graph.node
        self._functions = {function.signature.name: function for function in graph.library.function}
        self._digests: dict[str, str] = {}

    def digest(self) -> str:
        """Of each operation its type, its attributes and functions, and all that leads to it."""
        return self._body(self._nodes, [])

    def _function(self, name: str) -> str:
        """A function's digest: which branch of a condition it is decides what the condition does."""
        if name not in self._digests:
            function = self._functions.get(name)
            self._digests[name] = ""  # one that calls itself ends here
            if function is not None:
                arguments = [argument.name for argument in function.signature.input_arg]
                returned = [_source(function.ret[output.name]) for output in function.signature.output_arg]
                self._digests[name] = self._body(function.node_def, arguments, returned)
        return self._digests[name]

    def _body(
        self, nodes: Sequence[Any], arguments: Sequence[str], returned: Sequence[tuple[str, str]] = ()
    ) -> str:
        """The digest of operations; an argument (of a function, or a placeholder) is known by its position."""
        by_name = {node.name: node for node in nodes}
        inputs = {node.name: [_source(text) for text in node.input] for node in nodes}
        digests = {name: f"argument {index}" for index, name in enumerate(arguments)}
        before = {
            name: [source for source, _ in given if source in by_name] for name, given in inputs.items()
        }
        try:
            order = list(TopologicalSorter(before).static_order())
        except CycleError:  # a loop of TensorFlow 1
            order = list(by_name)
        positions = {name: index for index, name in enumerate(by_name) if by_name[name].op == "Placeholder"}
        for name in order:
            given = [(digests.get(source, ""), output) for source, output in inputs[name]]
            data = [each for each in given if each[1] != "^"]
            waited_for = sorted(each for each in given if each[1] == "^")
            digests[name] = _digest([self._operation(by_name[name]), positions.get(name), data, waited_for])
        results = [(digests.get(source, ""), output) for source, output in returned]
        return _digest([sorted(digests.values()), results])

    def _operation(self, node: Any) -> tuple[str, list[tuple[str, str]]]:
        """An operation with what it is given, without names."""
        kept = []
        for name, value in sorted(node.attr.items()):
            if name in _NAMES or name.startswith("_"):
                continue
            match value.WhichOneof("value"):
                case "func":
                    kept.append((name, self._function(value.func.name)))
                case "list" if value.list.func:
                    kept.append((name, " ".join(self._function(each.name) for each in value.list.func)))
                case _:
                    kept.append((name, value.SerializeToString(deterministic=True).hex()))
        return node.op, kept


def _source(text: str) -> tuple[str, str]:
    """The operation that an input names, and which of its outputs; "^" where it is only waited for."""
    if text.startswith("^"):
        return text[1:], "^"
    name, _, output = text.partition(":")
    return name, output


def _digest(parts: Any) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:32]
