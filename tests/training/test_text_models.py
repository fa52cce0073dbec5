"""Models of texts: trained from raw rows, saved, and used on raw rows again in another process."""

from __future__ import annotations

import csv
import io
import random
from pathlib import Path

import keras
import numpy as np
import pytest

from tests.conftest import Kwb

MODEL = """
model:
  sequential:
    - {use: Embedding, input_dim: 60, output_dim: 6, mask_zero: true}
    - {use: LSTM, units: 5}
    - {use: Dense, units: 2, activation: softmax}
train: {epochs: 2, loss: sparse_categorical_crossentropy, metrics: [accuracy], watch: none}
"""
DATA = "{use: csv, path: r.csv, targets: [label], classes: [label], text: {review: {tokens: 60, length: 8}}, split: "


def rows(count: int, seed: int) -> list[tuple[str, str]]:
    chosen = random.Random(seed)
    texts = [
        " ".join(f"W{chosen.randrange(80)}," for _ in range(chosen.randint(1, 12))) for _ in range(count)
    ]
    return [(text, "yes" if len(text) % 2 else "no") for text in texts]


def write(path: Path, table: list[tuple[str, str]]) -> None:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([("review", "label"), *table])


@pytest.mark.parametrize(("stream", "suffix"), [("false", "keras"), ("false", "h5"), ("true", "keras")])
def test_predictions_from_raw_rows(stream: str, suffix: str, kwb: Kwb, tmp_path: Path) -> None:
    table = rows(120, 1)
    write(tmp_path / "r.csv", table)
    data = f"data: {DATA}{{validation: 0.2, test: 0.2, shuffle: false}}, stream: {stream}}}"
    (tmp_path / "r.yaml").write_text(f"kwb: 1\nname: texts\n{data}\n{MODEL}\nsave: [m.{suffix}]\n")
    done = kwb("--batch", "r.yaml", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "of those in the test part are unknown" in done.stdout

    # The same by plain Keras: the file, and a layer adapted to the training rows.
    layer = keras.layers.TextVectorization(max_tokens=60, output_sequence_length=8)
    layer.adapt(np.array([text for text, _ in table[:72]], object))
    model = keras.models.load_model(tmp_path / f"m.{suffix}", compile=False)
    new = [*rows(20, 2), ("never seen", "no"), ("?!", "yes")]
    expected = model.predict(np.asarray(layer(np.array([text for text, _ in new], object))), verbose=0)

    write(tmp_path / "new.csv", new)
    done = kwb("predict", f"m.{suffix}", "--data", "new.csv", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    predicted = list(csv.DictReader(io.StringIO(done.stdout)))
    np.testing.assert_allclose([float(row["label=yes"]) for row in predicted], expected[:, 1], atol=1e-6)
    assert [row["true label"] for row in predicted] == [label for _, label in new]
