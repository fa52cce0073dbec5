"""Make a run's receipt while it trains: what goes in, and hashes of the weights on the way.

What goes in costs some milliseconds. A state of the weights is looked at before the first step, behind it, at the end
of the first epoch and at the end of all; in between only as far as that takes less than a hundredth of the time.
"""

from __future__ import annotations

import base64
import hashlib
import os
import platform
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from workbench.catalog.entries import Entry
from workbench.catalog.lookup import Catalog
from workbench.catalog.single_file import imported_beside
from workbench.data import row_hashes
from workbench.data.loading import Rows, Streamed
from workbench.data.preparation import Part
from workbench.data.row_hashes import RowHashes
from workbench.data.windows import WindowedPart
from workbench.devices.processor import processor_line
from workbench.devices.tensorflow_devices import device_names
from workbench.recipe.document import Document
from workbench.recipe.model_schema import Load
from workbench.recipe.names import used_entries
from workbench.storage.digests import sha256_if_there
from workbench.storage.layer_paths import variables_by_path
from workbench.storage.receipts import Position, ReceiptLog
from workbench.training.control import Control
from workbench.training.environment import package_versions
from workbench.training.preparing import PreparedRun
from workbench.training.progress import Progress

SHARE = 0.01  # of the time since training began, that looking at weights may take
SPACING = 1.1  # times: how much later than the one before a state is looked at, of a long training

# Libraries whose version says what is in them; their files are not looked at.
_BY_VERSION = frozenset({"keras", "tensorflow", "numpy", "sklearn", "scipy"})
_SETTINGS = (
    "TF_ENABLE_ONEDNN_OPTS",
    "TF_DETERMINISTIC_OPS",
    "XLA_FLAGS",
    "TF_XLA_FLAGS",
    "TF_NUM_INTRAOP_THREADS",
)

# Callbacks that write files and have no part in what is learned.
WRITERS = (
    keras.callbacks.ModelCheckpoint,
    keras.callbacks.BackupAndRestore,
    keras.callbacks.CSVLogger,
    keras.callbacks.TensorBoard,
    keras.callbacks.RemoteMonitor,
)


@dataclass(frozen=True)
class Retraining:
    """How a run is trained once more, to compare.

    Attributes:
        engine: the engine that it had.
        streamed: whether its rows were streamed.
        positions: where its weights were looked at.
        report: called with each record of the receipt.
    """

    engine: str
    streamed: bool | None
    positions: frozenset[Position]
    report: Callable[[Mapping[str, Any]], None]


def what_goes_in(prepared_run: PreparedRun, catalog: Catalog) -> dict[str, Any]:
    """All that decides what a training learns, as hashes and plain values."""
    document, prepared = prepared_run.document, prepared_run.prepared
    entries = used_entries(document, catalog)
    parts = {"training": prepared.train, "validation": prepared.validation, "test": prepared.test}
    preparation = prepared.preparation.model_dump_json().encode()
    values = {name: _hex(row_hashes.of_part(part)) for name, part in parts.items() if isinstance(part, Part)}
    return {
        "streamed": isinstance(prepared, Streamed),
        "steps": -(-prepared.train.rows // document.recipe.train.batch_size),
        "data": {which: _of_rows(hashes) for which, hashes in prepared.hashes.items()},
        "parts": {name: _order(part) for name, part in parts.items() if part is not None},
        "preparation": {"data": hashlib.sha256(preparation).hexdigest()[:16], **values},
        "plugins": plugin_files(entries),
        "files": {str(path): digest for path, digest in files_of_model(document)},
        "recipe": document.resolved(),
        "versions": package_versions(entries),
        "settings": {name: os.environ[name] for name in _SETTINGS if name in os.environ},
        "machine": {
            "processor": processor_line(),
            "platform": platform.machine(),
            "number of cores": os.cpu_count(),
            "devices": device_names(),
        },
    }


def _of_rows(hashes: RowHashes) -> dict[str, Any]:
    short = (hashes.blocks >> np.uint64(32)).astype("<u4")
    return {
        "rows": hashes.rows,
        "columns": {name: _hex(value) for name, value in hashes.columns.items()},
        "block_rows": hashes.block_rows,
        "blocks": base64.b64encode(short.tobytes()).decode(),
        "parts": base64.b64encode(hashes.parts.tobytes()).decode(),
    }


def _hex(value: int) -> str:
    return f"{value:016x}"


def _order(part: Rows) -> str:
    """A hash of which rows a part has, in their order."""
    index = part.index if isinstance(part, Part | WindowedPart) else np.array(part.counts)
    return _hex(row_hashes.digest(index))


def plugin_files(entries: list[Entry]) -> dict[str, dict[str, str]]:
    """The hash of each file of a plugin in use that this process has imported."""
    found: dict[str, dict[str, str]] = {}
    for entry in entries:
        files = found.setdefault(entry.plugin, {})
        for name, path in _sources(entry):
            if name not in files:
                files[name] = sha256_if_there(path)
    return {plugin: files for plugin, files in found.items() if files}


def _sources(entry: Entry) -> Iterator[tuple[str, Path]]:
    if entry.from_file:
        own = Path(entry.distribution)
        for path in imported_beside(own):
            yield str(path.relative_to(own.resolve().parent)), path
        return
    package = entry.target.partition(":")[0].partition(".")[0]
    if package in _BY_VERSION:
        return
    for name, module in sorted(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if name.partition(".")[0] == package and isinstance(file, str) and file.endswith(".py"):
            yield "/".join([*name.split(".")[:-1], Path(file).name]), Path(file)


def files_of_model(document: Document) -> Iterator[tuple[str, str]]:
    """Files that the model begins with."""
    recipe = document.recipe
    named = [recipe.model.load] if isinstance(recipe.model, Load) else []
    named += [recipe.weights] if isinstance(recipe.weights, str) else []
    for name in named:
        yield name, sha256_if_there(document.find(name))


class WeightHashes(keras.callbacks.Callback):
    """Looks at the weights on the way. Must come after the recipe's callbacks, to see what they did.

    Args:
        log: where the hashes go.
        progress: knows where the training is.
        control: what is asked of the training.
        wanted: the positions to look at; None where time decides.
        start: where training begins, or goes on.
    """

    every_batch = False

    def __init__(
        self,
        log: ReceiptLog,
        progress: Progress,
        control: Control,
        wanted: frozenset[Position] | None,
        start: Position,
    ) -> None:
        super().__init__()
        self._log = log
        self._progress = progress
        self._control = control
        self._wanted = wanted
        self._start = start
        self._last = start
        self._epoch = start[0]
        self._by_hand = False

    def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        self._variables = variables_by_path(self.model)
        self._began = time.perf_counter()
        self._spent = 0.0
        if self._start == (0, 0):
            self._look(self._start)

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        position = (self._epoch, batch + 1)
        if self._progress.rate_set and not self._by_hand:
            self._by_hand = True
            self._log.by_hand(position)
        if self._wanted is not None:
            due = position in self._wanted
        elif position == (0, 1) or self._control.stop_requested:
            due = True
        else:  # more seldom, the later it is in the first epoch; in others not at all
            due = self._epoch == 0 and position[1] >= 2 * self._last[1] and self._affordable()
        if due:
            self._look(position)

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        if self._control.stop_requested and not self._progress.stopped_between_epochs:
            return  # in the middle of it, as `Keeper`
        position = (epoch + 1, 0)
        if self._wanted is not None:
            due = position in self._wanted
        elif epoch == 0 or epoch + 1 == self.params["epochs"] or self.model.stop_training:
            due = True
        else:
            due = epoch + 1 >= SPACING * self._last[0] and self._affordable()
        if due:
            self._look(position)

    def _affordable(self) -> bool:
        return self._spent <= SHARE * (time.perf_counter() - self._began)

    def _look(self, position: Position) -> None:
        began = time.perf_counter()
        hashes = {}
        for path, variable in self._variables.items():
            value = np.asarray(keras.ops.convert_to_numpy(variable))
            hashes[path] = _hex(row_hashes.digest(value))
        self._log.state(position, hashes)
        self._last = position
        self._spent += time.perf_counter() - began
