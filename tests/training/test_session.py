"""A training as a whole, in this process."""

from __future__ import annotations

import keras
import pytest

from workbench import events
from workbench.recipe.document import parse
from workbench.training.session import Session

RECIPE = """
kwb: 1
name: again
data: {use: diabetes, split: {validation: 0.2}}
model: {load: plain.keras}
train: {epochs: 1, loss: mse, engine: plain}
"""


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_what_a_loaded_file_lacks_is_reported(catalog, tmp_path):
    def my_own_loss(y, p):
        return keras.ops.mean(keras.ops.square(y - p))

    model = keras.Sequential([keras.Input((10,)), keras.layers.Dense(1)])
    model.compile("adam", my_own_loss)
    model.save(tmp_path / "plain.keras")
    heard = []
    session = Session(
        parse(RECIPE, folder=tmp_path),
        catalog,
        lambda event, line: heard.append(event),
        runs_folder=tmp_path / "runs",
    )
    assert session.run().status == "done"
    (shown,) = [
        event.text for event in heard if isinstance(event, events.Message) and event.level == "warning"
    ]
    assert shown.startswith(f"model: {tmp_path / 'plain.keras'}: ")
    assert "my_own_loss" in shown
