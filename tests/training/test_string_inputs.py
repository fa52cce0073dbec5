"""Inputs of strings, for layers that look them up: as plain Keras trains them, adapted to the training part."""

from __future__ import annotations

import csv
import io
import random
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.conftest import Kwb
from tests.training.engine_cases import ENGINES
from tests.training.test_reports import assert_close, logs_of
from tests.whole import whole
from workbench.catalog.lookup import Catalog
from workbench.data import loading
from workbench.errors import RecipeError
from workbench.recipe.document import Document, parse
from workbench.training.preparing import prepare

ROWS, TRAIN, VALIDATION = 100, slice(0, 60), slice(60, 80)
CHOSEN = random.Random(4)
CITY = [CHOSEN.choice(["Rome", "Oslo", "007", "NA"]) for _ in range(ROWS - 1)] + ["only here"]
NOTE = [f"A {word}, {CHOSEN.randrange(9)} of {CHOSEN.randrange(9)}!" for word in CITY]
SIZE = [round(CHOSEN.random(), 3) for _ in range(ROWS)]
Y = np.array([len(city) + size for city, size in zip(CITY, SIZE, strict=True)], "float32")

GRAPH = """
model:
  inputs: {city: [1], note: [1], size: [1]}
  layers: {words: {use: TextVectorization, max_tokens: 12, output_sequence_length: 5}}
  graph:
    - c = Flatten()(Embedding(10, 4)(StringLookup()(city)))
    - t = LSTM(3)(Embedding(12, 4, mask_zero=True)(words(note)))
    - y = Dense(1)(Concatenate()(c, t, size))
  outputs: [y]
"""
INPUTS = "inputs: {city: [city], note: [note], size: [size]}"


@pytest.fixture(autouse=True)
def table(tmp_path: Path) -> None:
    with (tmp_path / "t.csv").open("w", newline="") as file:
        csv.writer(file).writerows(
            [("city", "note", "size", "y"), *zip(CITY, NOTE, SIZE, Y.tolist(), strict=True)]
        )


def recipe(
    folder: Path, model: str = GRAPH, data: str = INPUTS, engine: str = "plain", save: str = ""
) -> Document:
    text = f"""
kwb: 1
seed: 3
data: {{use: csv, path: t.csv, targets: [y], {data}, split: {{validation: 0.2, test: 0.2, shuffle: false}}}}
{model}
train: {{engine: {engine}, epochs: 2, batch_size: 10, shuffle: false, watch: none, loss: mse, metrics: [mae]}}
save: [{save}]
"""
    (folder / "r.yaml").write_text(text)
    return parse(text, name="r.yaml", folder=folder)


def strings(values: list[str]) -> Any:
    return tf.constant([[value] for value in values])


def rows(part: slice) -> dict[str, Any]:
    return {
        "city": strings(CITY[part]),
        "note": strings(NOTE[part]),
        "size": np.array(SIZE[part], "float32")[:, None],
    }


@pytest.mark.parametrize("engine", ["auto", *ENGINES] if whole("engines") else ["plain", "chunk"])
def test_every_engine_trains_as_plain_keras(engine: str, tmp_path: Path, catalog: Catalog) -> None:
    model = prepare(recipe(tmp_path), catalog).model
    parts = [
        tf.data.Dataset.from_tensor_slices((rows(part), Y[part][:, None])).batch(10)
        for part in (TRAIN, VALIDATION)
    ]
    wanted = model.fit(parts[0], validation_data=parts[1], epochs=2, verbose=0).history
    assert_close(logs_of(recipe(tmp_path, engine=engine), catalog, tmp_path), wanted)


def test_vocabularies_are_those_of_the_training_part(tmp_path: Path, catalog: Catalog) -> None:
    model = prepare(recipe(tmp_path), catalog).model
    lookup, words = keras.layers.StringLookup(), keras.layers.TextVectorization(max_tokens=12)
    lookup.adapt(strings(CITY[TRAIN]))
    words.adapt(strings(NOTE[TRAIN]))
    found = {
        type(layer).__name__: layer.get_vocabulary()
        for layer in model.layers
        if hasattr(layer, "get_vocabulary")
    }
    assert found == {"StringLookup": lookup.get_vocabulary(), "TextVectorization": words.get_vocabulary()}
    assert "only here" not in found["StringLookup"]
    assert "NA" in found["StringLookup"]  # a text as it is written


@pytest.mark.parametrize("suffix", ["keras", "h5"])
def test_predictions_from_strings(suffix: str, tmp_path: Path, kwb: Kwb) -> None:
    recipe(tmp_path, save=f"m.{suffix}")
    done = kwb("--batch", "r.yaml", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    warned = "plain Keras reads an .h5 file without the vocabulary of" in done.stdout
    assert warned is (suffix == "h5")
    done = kwb("predict", f"m.{suffix}", "--data", "t.csv", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    predicted = [float(row["y"]) for row in csv.DictReader(io.StringIO(done.stdout))]
    path = (
        tmp_path / "m.keras"
        if suffix == "keras"
        else next((tmp_path / "saved" / "runs").glob("*/model.keras"))
    )
    plain = keras.models.load_model(path, compile=False)
    np.testing.assert_allclose(predicted, plain.predict(rows(slice(None)), verbose=0)[:, 0], atol=1e-6)


@pytest.mark.parametrize(
    ("stack", "data", "expected"),
    [
        (
            "StringLookup, {use: Embedding, input_dim: 9, output_dim: 2}, Flatten",
            "inputs: {city: [city]}",
            (1,),
        ),
        (
            "{use: TextVectorization, output_sequence_length: 4}, {use: Rescaling, scale: 0.1}",
            "ignore: [city, size]",
            (1,),
        ),
        ("{use: StringLookup, output_mode: multi_hot}", "inputs: {x: [city]}", (1,)),
        ("{use: Hashing, num_bins: 5, output_mode: one_hot}", "strings: [city], ignore: [note, size]", (1,)),
        ("{use: StringLookup, output_mode: multi_hot}", "inputs: {x: [city, note]}", (2,)),
    ],
)
def test_a_stack_that_begins_with_strings(
    stack: str, data: str, expected: tuple[int, ...], tmp_path: Path, catalog: Catalog
) -> None:
    model = f"model: {{sequential: [{stack}, {{use: Dense, units: 1}}]}}"
    document = recipe(tmp_path, model, data)
    prepared = loading.load(document.recipe.data, catalog, folder=tmp_path, seed=3)
    assert set(prepared.preparation.input_dtypes().values()) == {"string"}
    assert set(prepared.preparation.input_shapes().values()) == {expected}
    assert logs_of(document, catalog, tmp_path)["loss"][1] < 100


def test_two_columns_are_crossed(tmp_path: Path, catalog: Catalog) -> None:
    model = """
model:
  inputs: {city: [1], note: [1]}
  graph:
    - x = HashedCrossing(8, output_mode="one_hot")(city, note)
    - y = Dense(1)(x)
  outputs: [y]
"""
    document = recipe(tmp_path, model, "strings: [city, note], ignore: [size]")
    found = prepare(document, catalog).model
    layer = keras.layers.HashedCrossing(8, output_mode="one_hot")
    crossed = keras.Function(found.inputs, found.layers[-2].output)
    given = {"city": strings(CITY), "note": strings(NOTE)}
    expected = layer((given["city"], given["note"]))
    np.testing.assert_array_equal(crossed([given["city"], given["note"]]), expected)
    assert logs_of(document, catalog, tmp_path)["loss"][1] < 100


def test_strings_are_not_joined_with_numbers(tmp_path: Path, catalog: Catalog) -> None:
    hashed = """
model:
  inputs: {city: [2]}
  graph: [h = Hashing(5)(city), y = Dense(1)(h)]
  outputs: [y]
"""
    document = recipe(tmp_path, hashed, "inputs: {city: [city, size]}, strings: [city], ignore: [note]")
    with pytest.raises(RecipeError, match="'city' stays text and cannot be joined with numbers"):
        loading.load(document.recipe.data, catalog, folder=tmp_path, seed=3)
