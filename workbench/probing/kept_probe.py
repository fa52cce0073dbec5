"""Keep what a probe has seen in a file, and compare another one with it: what an edit of the code has changed."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from workbench.atomic import write_bytes
from workbench.errors import FileError
from workbench.probing.edit_report import EditedPart, EditReport, OutputDifference
from workbench.probing.layer_capture import Captured
from workbench.probing.summaries import as_array
from workbench.storage.layer_paths import labelled_layers, weights_by_path

FORMAT = 1
_LONGEST = 60  # characters of a value


@dataclass(frozen=True)
class KeptProbe:
    """What a probe has seen.

    Attributes:
        layers: the class of each layer, by path.
        configs: the configuration of each layer as JSON, by path.
        weights: before the step, by path.
        outputs: of each call of a layer, the first one, by path.
        loss: on the batch; None where there is none.
        seconds: of a step; None where it was not measured.
    """

    layers: Mapping[str, str] = field(default_factory=dict)
    configs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    weights: Mapping[str, np.ndarray] = field(default_factory=dict)
    outputs: Mapping[str, np.ndarray] = field(default_factory=dict)
    loss: float | None = None
    seconds: float | None = None

    @classmethod
    def of(
        cls, model: Any, captured: Captured, loss: float | None, seconds: float | None = None
    ) -> KeptProbe:
        """What a step of a model has shown."""
        layers = {path: layer for path, layer in labelled_layers(model).items() if layer is not model}
        return cls(
            {path: type(layer).__name__ for path, layer in layers.items()},
            {path: _config(layer) for path, layer in layers.items()},
            captured.weights,
            {use.path: as_array(next(iter(use.outputs.values()))) for use in captured.uses if use.outputs},
            loss,
            seconds,
        )

    def write(self, path: Path) -> None:
        """Write it to a file.

        Raises:
            FileError: it cannot be written.
        """
        plain = {
            "format": FORMAT,
            "layers": dict(self.layers),
            "configs": dict(self.configs),
            "loss": self.loss,
            "seconds": self.seconds,
            "weights": list(self.weights),
            "outputs": list(self.outputs),
        }
        arrays: dict[str, Any] = {f"weight{at}": array for at, array in enumerate(self.weights.values())}
        arrays |= {f"output{at}": array for at, array in enumerate(self.outputs.values())}
        buffer = io.BytesIO()
        np.savez(buffer, description=np.frombuffer(json.dumps(plain).encode(), np.uint8), **arrays)
        write_bytes(path, buffer.getvalue())

    @classmethod
    def read(cls, path: Path) -> KeptProbe:
        """Read such a file.

        Raises:
            FileError: it is none.
        """
        try:
            with np.load(path, allow_pickle=False) as found:
                plain = json.loads(found["description"].tobytes())
                if plain["format"] != FORMAT:
                    raise ValueError("it is of another version of kwb")
                weights = {name: found[f"weight{at}"] for at, name in enumerate(plain["weights"])}
                outputs = {name: found[f"output{at}"] for at, name in enumerate(plain["outputs"])}
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise FileError(
                f"is no file that `kwb probe --keep` has written: {error}.", where=str(path)
            ) from error
        return cls(plain["layers"], plain["configs"], weights, outputs, plain["loss"], plain["seconds"])

    def give_weights(self, model: Any) -> None:
        """Give a model the weights of the same path and shape."""
        for path, weight in weights_by_path(model).items():
            value = self.weights.get(path)
            if value is not None and tuple(value.shape) == tuple(weight.shape):
                weight.assign(value)


def compare(before: KeptProbe, after: KeptProbe) -> EditReport:
    """What has changed from one to the other."""
    loss = (before.loss, after.loss)
    seconds = (before.seconds, after.seconds)
    return EditReport(
        tuple(_changes(before.layers, after.layers)),
        tuple(_arguments(before, after)),
        tuple(_changes(_shapes(before.weights), _shapes(after.weights))),
        tuple(_differences(before.outputs, after.outputs)),
        (loss[0], loss[1]) if loss[0] is not None and loss[1] is not None else None,
        (_count(before.weights), _count(after.weights)),
        (_size(before.outputs), _size(after.outputs)),
        (seconds[0], seconds[1]) if seconds[0] is not None and seconds[1] is not None else None,
    )


def _changes(before: Mapping[str, str], after: Mapping[str, str], prefix: str = "") -> Iterable[EditedPart]:
    for name, value in before.items():
        if name not in after:
            yield EditedPart("removed", prefix + name, value)
        elif after[name] != value:
            yield EditedPart("changed", prefix + name, value, after[name])
    for name, value in after.items():
        if name not in before:
            yield EditedPart("added", prefix + name, "", value)


def _arguments(before: KeptProbe, after: KeptProbe) -> Iterable[EditedPart]:
    for path, config in before.configs.items():
        if path in after.configs:
            one, other = (
                {key: _short(value) for key, value in each.items()} for each in (config, after.configs[path])
            )
            yield from _changes(one, other, f"{path}.")


def _differences(
    before: Mapping[str, np.ndarray], after: Mapping[str, np.ndarray]
) -> Iterable[OutputDifference]:
    for path, now in after.items():
        was = before.get(path)
        if was is None:
            continue
        if was.shape != now.shape:
            yield OutputDifference(path, shapes=f"{was.shape} → {now.shape}")
        elif not np.array_equal(was, now, equal_nan=True):
            one, other = was.astype(np.float64), now.astype(np.float64)
            with np.errstate(invalid="ignore"):
                distance = np.where(
                    (one == other) | (np.isnan(one) & np.isnan(other)), 0.0, np.abs(other - one)
                )
            size = float(np.nanmax(np.abs(one), initial=0.0)) or 1.0
            largest = float(np.max(distance))
            yield OutputDifference(path, largest, largest / size, float((distance != 0).mean()))


def _config(layer: Any) -> dict[str, Any]:
    """The configuration as JSON, without its name, which Keras may number, and without the layers in it."""
    try:
        config = layer.get_config()
    except Exception:  # a layer's own code; `kwb check` says what is wrong with it
        return {}
    kept = {name: value for name, value in config.items() if name not in ("name", "layers", "build_config")}
    found: dict[str, Any] = json.loads(json.dumps(kept, default=str, sort_keys=True))
    return found


def _shapes(weights: Mapping[str, np.ndarray]) -> dict[str, str]:
    return {path: f"{array.dtype} {array.shape}" for path, array in weights.items()}


def _count(weights: Mapping[str, np.ndarray]) -> int:
    return sum(array.size for array in weights.values())


def _size(outputs: Mapping[str, np.ndarray]) -> int:
    return sum(array.nbytes for array in outputs.values())


def _short(value: Any) -> str:
    text = json.dumps(value, sort_keys=True)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
