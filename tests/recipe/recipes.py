"""Two recipes that the tests of edits work on, and what they look at."""

from __future__ import annotations

import pytest

from workbench.recipe.editing import Editor

STACK = """\
# Prices.
kwb: 1
data: {use: diabetes, split: {validation: 0.2}}   # kept small

model:
  sequential:
    - {use: MyDense, units: 30, activation: elu}   # wide
    # in training only
    - {use: MyGaussianNoise, stddev: 0.1}
    - Exponential

train:
  loss: mse         # squared
  metrics: [mae]
  callbacks:
    - use: EarlyStopping
      patience: 5   # epochs
"""

GRAPH = """\
kwb: 1
data:
  use: diabetes
  inputs: {left: [a, b], right: [c, d]}
model:
  inputs: {left: [2], right: [2]}
  layers:
    block: {use: ResidualBlock, n_layers: 2, n_neurons: 8}   # shared
  graph:
    # both sides meet
    - total, product, ratio = MyMultiLayer()(left, right)
    - z = Dense(8, activation="relu")(total)   # wide
    - z = block(z)
    - z = block(z)
    - joined = Concatenate()([z, product], axis=-1)
    - price = Dense(1, name="price")(joined)
  outputs: [price]
train: {loss: {price: mse}, metrics: {price: [mae]}}
"""


@pytest.fixture
def stack() -> Editor:
    return Editor(STACK, name="prices.yaml")


@pytest.fixture
def graph() -> Editor:
    return Editor(GRAPH, name="prices.yaml")


def lines(editor: Editor) -> list[str]:
    return editor.get("model.graph")


def comments(text: str) -> list[str]:
    return sorted(line[line.index("#") :].strip() for line in text.splitlines() if "#" in line)
