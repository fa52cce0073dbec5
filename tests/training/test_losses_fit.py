"""A loss that does not fit its output or its target is reported before training, with what to write instead."""

from __future__ import annotations

import pytest

from workbench.errors import RecipeError
from workbench.recipe.document import parse
from workbench.training.preparing import prepare

FLAT = "[Flatten, {use: Dense, units: 10, activation: softmax}]"
IMAGES = "[{use: Dense, units: 10, activation: softmax}]"


def dense(units, activation="linear"):
    return f"[{{use: Dense, units: {units}, activation: {activation}}}]"


def warnings(catalog, data, layers, loss):
    text = f"kwb: 1\ndata: {{use: {data}}}\nmodel: {{sequential: {layers}}}\ntrain: {{loss: {loss}}}\n"
    return [str(warning) for warning in prepare(parse(text, name="r.yaml"), catalog).warnings]


@pytest.mark.parametrize(
    ("data", "layers", "loss", "what", "hint"),
    [
        ("digits", FLAT, "categorical_crossentropy",
         "categorical_crossentropy expects a column for each class; the target is one class number per row.",
         "Use sparse_categorical_crossentropy."),
        ("digits", FLAT, "mse",
         "mean_squared_error expects one number per row for this target; the output has 10 units.",
         "Use sparse_categorical_crossentropy."),
        ("digits", IMAGES, "sparse_categorical_crossentropy",
         "the output has the shape (batch, 8, 8, 10), the target one class a row.",
         "Flatten, or pool, before the last layers."),
        ("iris", dense(2, "softmax"), "{use: SparseCategoricalCrossentropy}",
         "the target has 3 classes, the output 2 units.", "Give the last layer 3 units."),
        ("breast_cancer", dense(1, "sigmoid"), "sparse_categorical_crossentropy",
         "the target has 2 classes, the output 1 unit.",
         "Give the last layer 2 units, or 1 unit with binary_crossentropy."),
        ("breast_cancer", dense(2, "sigmoid"), "binary_crossentropy",
         "binary_crossentropy expects one number per row for this target; the output has 2 units.",
         "Give the last layer 1 unit, or use sparse_categorical_crossentropy."),
        ("iris", dense(1, "sigmoid"), "binary_crossentropy",
         "binary_crossentropy is for two classes, the target has 3.",
         "Use sparse_categorical_crossentropy, and 3 units in the last layer."),
        ("diabetes", dense(3), "mse", "the output has the shape (batch, 3), the target (batch, 1).",
         "Give the last layer 1 unit."),
        ("diabetes", dense(3), "{use: Huber, delta: 2.0}",
         "the output has the shape (batch, 3), the target (batch, 1).",
         "Give the last layer 1 unit."),
    ],
)  # fmt: skip
def test_what_cannot_be_trained_is_refused(catalog, data, layers, loss, what, hint):
    with pytest.raises(RecipeError) as error:
        warnings(catalog, data, layers, loss)
    assert (error.value.where, error.value.what, error.value.hint) == ("r.yaml:4: train.loss", what, hint)


DEEP = "{sequential: [{use: Dense, units: 64, activation: relu}, {use: Dense, units: 32}, {use: Dense, units: 1}]}"
CSV = "kwb: 1\ndata: {{use: csv, path: '{path}', targets: y}}\nmodel: {model}\ntrain: {{loss: {loss}}}\n"


@pytest.mark.parametrize(
    ("scale", "model", "loss", "said"),
    [
        (100_000, "{sequential: [{use: Dense, units: 1}]}", "mse", True),
        (100_000, "{sequential: [{use: Dense, units: 1}]}", "mae", True),
        (1, "{sequential: [{use: Dense, units: 1}]}", "mse", False),
        (100_000, "{sequential: [{use: Dense, units: 1, activation: exponential}]}", "mse", False),
        (100_000, "{sequential: [{use: Dense, units: 1}]}", "mape", False),
        (200, DEEP, "mse", True),  # 20 steps
        (200, DEEP, "mse, epochs: 300", False),  # 600 steps
        (200, "{sequential: [{use: Dense, units: 1}]}", "mse, epochs: 300", True),
    ],
)
def test_a_target_far_from_where_a_network_begins_is_warned_of(catalog, tmp_path, scale, model, loss, said):
    rows = "".join(f"{n},{(1 + n % 7) * scale}\n" for n in range(50))
    (tmp_path / "t.csv").write_text(f"x,y\n{rows}")
    document = parse(CSV.format(path=tmp_path / "t.csv", model=model, loss=loss), name="r.yaml")
    found = [str(warning) for warning in prepare(document, catalog).warnings]
    mean = scale * sum(1 + n % 7 for n in range(50)) / 50
    shown = f"train.loss: the values of 'y' are around {mean:,.0f}, and a new network begins near 0"
    assert [each.startswith(shown) for each in found] == ([True] if said else [])


def test_with_several_outputs_the_one_at_error_is_named(catalog):
    text = """
kwb: 1
data: {use: diabetes, targets: {price: [progression], again: [s1]}, inputs: {x: [age, bmi]}}
model:
  graph: ["price = Dense(1)(x)", "again = Dense(4)(x)"]
  inputs: {x: [2]}
  outputs: [price, again]
train: {loss: {price: mse, again: mae}}
"""
    with pytest.raises(RecipeError, match="the output has the shape") as error:
        prepare(parse(text, name="r.yaml"), catalog)
    assert error.value.where.endswith("train.loss.again")


@pytest.mark.parametrize(
    ("data", "layers", "loss"),
    [
        ("breast_cancer", dense(1), "binary_crossentropy"),
        ("iris", dense(3), "sparse_categorical_crossentropy"),
        ("iris", "[{use: MyDense, units: 3}]", "sparse_categorical_crossentropy"),
        ("iris", dense(3, "softmax"), "{use: SparseCategoricalCrossentropy, from_logits: true}"),
    ],
)
def test_logits_taken_for_probabilities_and_the_reverse_are_reported(catalog, data, layers, loss):
    (shown,) = warnings(catalog, data, layers, loss)
    assert shown.startswith("train.loss: ")
    assert "from_logits: true" in shown


@pytest.mark.parametrize(
    ("data", "layers", "loss"),
    [
        ("iris", dense(3, "softmax"), "sparse_categorical_crossentropy"),
        ("iris", dense(5, "softmax"), "sparse_categorical_crossentropy"),  # room for more
        ("iris", dense(3), "{use: SparseCategoricalCrossentropy, from_logits: true}"),
        ("iris", "[{use: Dense, units: 3}, Softmax]", "sparse_categorical_crossentropy"),
        ("iris", dense(1), "mse"),  # class numbers may be predicted as numbers
        ("breast_cancer", dense(1, "sigmoid"), "binary_crossentropy"),
        ("breast_cancer", dense(2, "softmax"), "sparse_categorical_crossentropy"),
        ("diabetes, scale_targets: standard", dense(1), "mse"),
        ("diabetes, scale_targets: standard", dense(1), "{use: Huber, delta: 2.0}"),
    ],
)  # fmt: skip
def test_what_fits_is_let_pass(catalog, data, layers, loss):
    assert warnings(catalog, data, layers, loss) == []
