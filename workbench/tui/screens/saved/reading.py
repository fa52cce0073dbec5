"""The requests of the Saved screen to the process that reads files of unknown origin: see
`workbench.storage.reader_process`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from workbench.errors import FileError
from workbench.storage.inspect import FileLayerRow, Inspection, inspect_file, read_weight
from workbench.storage.reader_process import serve

MOST_ROWS = 3_000  # layers, weights; more than anybody looks through
BINS = 240
_BLOCK = 1 << 20  # values looked at in one go
_FARTHEST = 8e307  # the difference of two values must not overflow


def look(request: Mapping[str, Any]) -> dict[str, Any]:
    """The content of a file; `installed` are the distributions there are. See `facts.FileFacts`."""
    found = inspect_file(request["file"], request.get("installed", ()))
    return {
        "format": found.format,
        "keras_version": found.keras_version,
        "model": _layer(found.model) if found.model else None,
        "layers": [_layer(row) for row in found.layers[:MOST_ROWS]],
        "layer_count": len(found.layers),
        "weights": [[row.path, list(row.shape), row.dtype] for row in found.weights[:MOST_ROWS]],
        "weight_count": len(found.weights),
        "parameters": found.parameters,
        "optimizer": _optimizer(found),
        "needs": [[need.registered, need.distribution, need.installed] for need in found.needs],
        "refusal": found.refusal,
        "notes": _notes(found.kwb) if found.kwb else None,
    }


def _layer(row: FileLayerRow) -> list[str]:
    return [row.name, row.layer_class, row.registered]


def _optimizer(found: Inspection) -> list[str] | None:
    if found.optimizer is None:
        return None
    config = found.optimizer["config"]
    rate = config.get("learning_rate") if isinstance(config, dict) else None
    return [str(found.optimizer["class"]), f"{rate:g}" if isinstance(rate, float | int) else ""]


def _notes(notes: Mapping[str, Any]) -> dict[str, Any]:
    """The part of kwb's notes that is shown. They come from a file, so nothing in them is certain."""
    recipe = notes.get("recipe")
    recipe = recipe if isinstance(recipe, dict) else {}
    data = recipe.get("data")
    preparation = notes.get("preparation")
    preparation = preparation if isinstance(preparation, dict) else {}
    return {
        "kwb": _text(notes.get("kwb")),
        "recipe": _text(recipe.get("name")),
        "data": _text(data.get("use")) if isinstance(data, dict) else "",
        "run": _text(notes.get("run")),
        "epoch": _text(notes.get("epoch")),
        "inputs": _names(preparation.get("inputs")),
        "targets": _names(preparation.get("targets")),
    }


def _text(value: Any) -> str:
    return str(value)[:200] if isinstance(value, str | int) else ""


def _names(specs: Any) -> list[str]:
    rows = [spec for spec in specs if isinstance(spec, dict)] if isinstance(specs, list) else []
    return [_text(spec.get("name")) for spec in rows[:20]]


def weight(request: Mapping[str, Any]) -> dict[str, Any]:
    """The distribution of one weight: see `facts.Distribution`."""
    values = read_weight(request["file"], request["weight"])
    if values.dtype.kind not in "biuf":
        raise FileError(f"'{request['weight']}' holds {values.dtype}, which is no number.")
    return distribution(values)


def distribution(values: np.ndarray) -> dict[str, Any]:
    """Counts of values between even edges, and what a mean does not show. All that is not finite is counted apart."""
    flat = values.reshape(-1)
    blocks = [flat[start : start + _BLOCK] for start in range(0, flat.size, _BLOCK)]
    finite, nan, zeros, total, squares = 0, 0, 0, 0.0, 0.0
    low, high = float("inf"), float("-inf")
    for block in map(_as_floats, blocks):
        good = block[np.isfinite(block)]
        finite += good.size
        nan += int(np.isnan(block).sum())
        zeros += int((block == 0).sum())
        if good.size:
            low, high = min(low, float(good.min())), max(high, float(good.max()))
            total += float(good.sum())
    mean = total / finite if finite else 0.0
    left, right = max(low, -_FARTHEST), min(high, _FARTHEST)
    counts = np.zeros(BINS, np.int64)
    for block in map(_as_floats, blocks):
        good = block[np.isfinite(block)]
        with np.errstate(over="ignore"):
            squares += float(((good - mean) ** 2).sum())
        if right > left:
            counts += np.histogram(good.clip(left, right), BINS, (left, right))[0]
    if finite and not right > left:
        counts[BINS // 2] = finite
    return {
        "size": flat.size,
        "finite": finite,
        "nan": nan,
        "infinite": flat.size - finite - nan,
        "zeros": zeros,
        "low": low if finite else 0.0,
        "high": high if finite else 0.0,
        "mean": mean,
        "deviation": (squares / finite) ** 0.5 if finite else 0.0,
        "edges": [left, right] if finite else [],
        "counts": counts.tolist() if finite else [],
    }


def _as_floats(block: np.ndarray) -> np.ndarray:
    return block.astype(np.float64)


def recipe(request: Mapping[str, Any]) -> dict[str, str]:
    """The recipe kept in a file, without what is a default anyway: {text, name, run}."""
    from pydantic import ValidationError

    from workbench.recipe.document import MAX_BYTES, to_yaml
    from workbench.recipe.schema import Recipe

    notes = inspect_file(request["file"]).kwb or {}
    kept = notes.get("recipe")
    if not isinstance(kept, dict):
        raise FileError("keeps no recipe.", where=request["file"])
    try:
        model = Recipe.model_validate(kept)
    except ValidationError as error:
        raise FileError(
            f"the recipe that it keeps cannot be used: {error.errors()[0]['msg']}.", where=request["file"]
        ) from None
    text = to_yaml(_shortened(model.model_dump(mode="json", exclude_defaults=True)))
    if len(text) > MAX_BYTES:
        raise FileError(f"the recipe that it keeps is of over {MAX_BYTES // 1000} KB.", where=request["file"])
    return {"text": text, "name": model.name, "run": _text(notes.get("run"))}


def _shortened(value: Any, key: str = "") -> Any:
    """`{use: mae}` as `mae`: a name without arguments stands for itself."""
    if isinstance(value, dict):
        if key and set(value) == {"use"}:
            return value["use"]
        return {name: _shortened(item, name) for name, item in value.items()}
    if isinstance(value, list):
        return [_shortened(item, key) for item in value]
    return value


REQUESTS: dict[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
    "look": look,
    "weight": weight,
    "recipe": recipe,
}


if __name__ == "__main__":
    serve(REQUESTS)
