"""The layers, the loss and the settings of training in a suggested recipe."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from workbench.recipe.columns import ColumnFacts
from workbench.recipe.model_schema import OF_DATA
from workbench.recipe.suggestion import pictures as suggest_pictures
from workbench.recipe.suggestion.columns import embedding_layers

FEW, MANY = 5_000, 50_000  # rows


def suggested_model(
    rows: int,
    inputs: Sequence[ColumnFacts],
    learned: Sequence[ColumnFacts],
    classes: Mapping[str, int],
    reasons: list[str],
) -> dict[str, Any]:
    """A stack where there is one input and one target, else a graph that joins and divides."""
    alone = {variable_name(column.name): column for column in inputs if column.own_shape}
    embedded = [column for column in inputs if column.is_embedded(rows)]
    table = [column for column in inputs if not column.own_shape and column not in embedded]
    if not embedded and len(alone) + bool(table) <= 1 and len(learned) <= 1:
        own = next(iter(alone.values()), None)
        body = _body(rows, None, len(table), reasons) if own is None else _own_body(rows, own, reasons)
        return {"sequential": [*body, *_head(learned, classes, reasons)]}
    shapes: dict[str, list[int]] = {name: list(column.own_shape) for name, column in alone.items()}
    if table:
        shapes = {"features": [_width(table)], **shapes}
    lines: list[str] = []
    ends = []

    def add(variable: str, layers: Sequence[Mapping[str, Any]], start: str) -> str:
        for layer in layers:
            lines.append(f"{variable} = {graph_call(layer)}({variable if _made(lines, variable) else start})")
        return variable

    for name, sizes in shapes.items():
        if not (embedded and name == "features"):
            own = alone.get(name)
            body = _body(rows, tuple(sizes), sizes[0], []) if own is None else _own_body(rows, own, reasons)
            ends.append(add(f"{name}_in", body, name))
    if embedded:  # a category acts together with the other columns: they go through the same layers
        columns = ["features"] if table else []
        for column in embedded:
            name = variable_name(column.name)
            shapes[name] = [1]
            columns.append(add(f"{name}_in", embedding_layers(column), name))
        start = "columns" if len(columns) > 1 else columns[0]
        if len(columns) > 1:
            lines.append(f"columns = Concatenate()({', '.join(columns)})")
        ends.insert(0, add("table", _body(rows, None, _width(table) + len(embedded), reasons), start))
    joined = ends[0]
    if len(ends) > 1:
        joined = "joined"
        lines.append(f"joined = Concatenate()({', '.join(ends)})")
    outputs = []
    for column in learned:
        layers = _head([column], classes, [])
        output = variable_name(column.name)
        output = f"{output}_out" if output in shapes or output in (joined, *ends) else output
        for number, layer in enumerate(layers):
            last = number == len(layers) - 1
            named = layer | {"name": output} if last else layer
            lines.append(f"{output} = {graph_call(named)}({joined if number == 0 else output})")
        outputs.append(output)
    reasons.append(
        "Several inputs or targets: a graph joins the first and has an end for each of the second."
    )
    return {"inputs": dict.fromkeys(shapes, OF_DATA), "graph": lines, "outputs": outputs}


def _own_body(rows: int, column: ColumnFacts, reasons: list[str]) -> list[dict[str, Any]]:
    """The layers behind an input of its own.

    A text gets filters that look for words beside each other, anywhere. Unlike a mean that leaves the filling out, that
    gives numbers for a text without words too.
    """
    if column.kind == suggest_pictures.PICTURE:
        return suggest_pictures.body(column.shape, reasons)
    if not column.text:
        return _body(rows, column.shape, 0, reasons)
    reasons.append(
        f"'{column.name}': vectors for words, filters over three of them, and the strongest trace of each."
    )
    return [
        {"use": "Embedding", "input_dim": column.text["tokens"], "output_dim": 32},
        {"use": "Conv1D", "filters": 64, "kernel_size": 3, "padding": "same", "activation": "relu"},
        {"use": "GlobalMaxPooling1D"},
        {"use": "Dropout", "rate": 0.25},
    ]


def _body(rows: int, shape: tuple[int, ...] | None, columns: int, reasons: list[str]) -> list[dict[str, Any]]:
    """The layers before the last one; `shape` is an array's, None for a table of so many columns."""
    if shape is not None and len(shape) == 3 and shape[-1] <= 4 and min(shape[:2]) >= 6:
        reasons.append("Arrays of height, width and channels are taken for pictures: two convolutions.")
        return [
            {"use": "Conv2D", "filters": 16, "kernel_size": 3, "activation": "relu"},
            {"use": "Conv2D", "filters": 32, "kernel_size": 3, "activation": "relu"},
            {"use": "MaxPooling2D"},
            {"use": "Flatten"},
            {"use": "Dropout", "rate": 0.25},
        ]
    if shape is not None and len(shape) > 1:
        return [{"use": "Flatten"}, _dense(128), _dense(64)]
    width = 64 if (shape[0] if shape else columns) >= 8 else 32
    if rows >= FEW:
        return [_dense(width), _dense(width // 2)]
    reasons.append("Few rows are learned by heart soon: dropout keeps the layers from it.")
    return [_dense(width), _dropout(), _dense(width // 2), _dropout()]


def _dropout() -> dict[str, Any]:
    return {"use": "Dropout", "rate": 0.2}


def _dense(units: int) -> dict[str, Any]:
    return {"use": "Dense", "units": units, "activation": "relu"}


def _head(
    learned: Sequence[ColumnFacts], classes: Mapping[str, int], reasons: list[str]
) -> list[dict[str, Any]]:
    if not learned:
        return [{"use": "Dense", "units": 1}]
    column = learned[0]
    if count := classes.get(column.name):
        reasons.append(f"'{column.name}' has {count} classes: a probability for each, so softmax.")
        return [{"use": "Dense", "units": count, "activation": "softmax"}]
    if len(column.shape) > 1:
        size = math.prod(column.shape)
        return [
            {"use": "Flatten"},
            {"use": "Dense", "units": size},
            {"use": "Reshape", "target_shape": list(column.shape)},
        ]
    reasons.append(f"'{column.name}' is a number: a last layer without activation, and the squared error.")
    return [{"use": "Dense", "units": column.shape[0] if column.shape else 1}]


def suggested_training(
    rows: int, learned: Sequence[ColumnFacts], classes: Mapping[str, int], *, monitor: str = "val_loss"
) -> dict[str, Any]:
    """Epochs without number, but a stop: of few rows an epoch is short, and a model that is right for them takes many.

    Measured on public tables of 60 to 20,000 rows, beside linear models: fewer epochs, or less patience, end too soon.
    """
    epochs, batch, patience = (200, 32, 20) if rows < FEW else (60, 64, 10) if rows < MANY else (20, 128, 5)
    losses = {
        column.name: "sparse_categorical_crossentropy" if column.name in classes else "mse"
        for column in learned
    }
    metrics = {column.name: "accuracy" if column.name in classes else "mae" for column in learned}
    train: dict[str, Any] = {
        "epochs": epochs,
        "batch_size": batch,
        "optimizer": {"use": "Adam", "learning_rate": 1e-3},
    }
    if len(learned) == 1:
        train["loss"] = losses[learned[0].name]
        train["metrics"] = [metrics[learned[0].name]]
    elif learned:
        train["loss"] = {variable_name(name): loss for name, loss in losses.items()}
        train["metrics"] = {variable_name(name): [metric] for name, metric in metrics.items()}
    train["callbacks"] = [
        {"use": "EarlyStopping", "monitor": monitor, "patience": patience, "restore_best_weights": True}
    ]
    return train


def _width(table: Sequence[ColumnFacts]) -> int:
    """How wide a table's input is: a number a column, and one for each category of a text column."""
    return sum(column.width for column in table)


def graph_call(layer: Mapping[str, Any]) -> str:
    """A layer as a graph line makes it."""
    arguments = ", ".join(f"{name}={value!r}" for name, value in layer.items() if name != "use")
    return f"{layer['use']}({arguments})".replace("'", '"')


def _made(lines: Iterable[str], variable: str) -> bool:
    return any(line.startswith(f"{variable} =") for line in lines)


def variable_name(name: str) -> str:
    """A column's name as one that a graph line can use."""
    variable = re.sub(r"\W+", "_", name).strip("_").lower() or "value"
    return f"_{variable}" if variable[0].isdigit() else variable
