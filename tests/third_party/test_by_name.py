"""A stranger's model class that takes its inputs by name: trained, saved, evaluated in a fresh process."""

from __future__ import annotations

import json

import pytest

MODELS = """
import keras


class Pair(keras.Model):
    def __init__(self, units=4, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.body = keras.layers.Dense(units, activation="relu")
        self.blood = keras.layers.Dense(units, activation="relu")
        self.out = keras.layers.Dense(1)

    def build(self, input_shape):
        self.body.build(input_shape["body"])
        self.blood.build(input_shape["blood"])
        self.out.build((None, 2 * self.units))

    def call(self, inputs):
        both = [self.body(inputs["body"]), self.blood(inputs["blood"])]
        return self.out(keras.ops.concatenate(both, axis=-1))

    def get_config(self):
        return {**super().get_config(), "units": self.units}


class Lost(Pair):
    def call(self, inputs):
        return self.out(inputs["bones"])
"""

RECIPE = """
kwb: 1
seed: 1
data:
  use: diabetes
  inputs: {body: [age, sex, bmi], blood: [bp, s1, s2]}
  split: {validation: 0.2, test: 0.1}
model: {use: MODEL}
train: {epochs: 2, loss: mse}
save: [pair.keras, pair.h5, pair.weights.h5]
"""


@pytest.mark.slow
def test_a_model_class_takes_its_inputs_by_name(kwb, tmp_path):
    (tmp_path / "models.py").write_text(MODELS)
    (tmp_path / "r.yaml").write_text(RECIPE.replace("MODEL", "Pair"))
    done = kwb("--batch", "r.yaml", "--json", "--plugin", "models.py", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["path"] for event in events if event["event"] == "assembled" for row in event["layers"]] == [
        "body", "blood", "out"
    ]  # fmt: skip
    for file in ("pair.keras", "pair.h5"):
        again = kwb(
            "evaluate", file, "--data", "r.yaml", "--json", "--plugin", "models.py", cwd=tmp_path
        )  # fmt: skip
        assert again.returncode == 0, again.stderr
        assert json.loads(again.stdout) == pytest.approx(events[-1]["evaluation"], rel=1e-5)


@pytest.mark.slow
def test_a_name_that_is_not_there_is_reported(kwb, tmp_path):
    (tmp_path / "models.py").write_text(MODELS)
    (tmp_path / "r.yaml").write_text(RECIPE.replace("MODEL", "Lost"))
    done = kwb("--batch", "r.yaml", "--plugin", "models.py", cwd=tmp_path)
    assert done.returncode == 2
    assert "r.yaml:8: model: Lost cannot take an input of shape" in done.stderr
    assert "'bones'" in done.stderr
    assert "Traceback" not in done.stderr
