"""The columns of a saved model's predictions."""

import io
import json

import numpy as np
import pandas as pd
import pytest

from workbench.recipe.document import parse
from workbench.training import prediction_table as module
from workbench.training.prediction_table import PredictionTable, predict, prediction_table
from workbench.training.saved_model import SavedModel
from workbench.training.session import Session

RECIPE = """\
kwb: 1
seed: 1
data:
  use: csv
  path: tags.csv
  targets: {tags: [tags], age: [age]}
  several: {tags: "|"}
  split: {validation: 0.2, shuffle: false}
model:
  inputs: {features: [1]}
  graph:
    - tags = Dense(2, activation="sigmoid")(features)
    - age = Dense(1)(features)
  outputs: [tags, age]
train:
  epochs: 1
  loss: {tags: binary_crossentropy, age: mse}
save: [model.keras]
"""


def test_a_label_called_like_a_target_or_the_row_has_columns_of_its_own(
    catalog, tmp_path, monkeypatch
) -> None:
    tags = ["age", "row", "age|row", "row", "age"]
    lines = [f"{n},{tags[n % 5]},{30 + n}\n" for n in range(20)]
    (tmp_path / "tags.csv").write_text("x,tags,age\n" + "".join(lines))
    monkeypatch.chdir(tmp_path)
    recipe = parse(RECIPE, folder=tmp_path)
    Session(recipe, catalog, lambda event, line: None, runs_folder=tmp_path / "runs").run()
    saved = SavedModel.open(tmp_path / "model.keras", catalog)
    table = prediction_table(
        saved, predict(saved, lambda _: saved.read("tags.csv", catalog, with_targets=True))
    )
    columns = table.columns
    assert list(columns) == [
        *(
            "row",
            "true tags.age",
            "tags.age",
            "error tags.age",
            "true tags.row",
            "tags.row",
            "error tags.row",
        ),
        *("true age", "age", "error age"),
    ]
    assert columns["true tags.age"].tolist() == [1, 0, 1, 0, 1] * 4
    assert columns["true tags.row"].tolist() == [0, 1, 1, 1, 0] * 4
    assert columns["true age"].tolist() == [30 + n for n in range(20)]
    output = saved.model.predict(np.arange(20, dtype="float32")[:, None], verbose=0)
    labels, age = (output["tags"], output["age"]) if isinstance(output, dict) else output
    np.testing.assert_allclose(columns["tags.age"], labels[:, 0], rtol=1e-5)
    np.testing.assert_allclose(columns["age"], age[:, 0], rtol=1e-5)
    np.testing.assert_allclose(columns["error tags.row"], labels[:, 1] - columns["true tags.row"], rtol=1e-5)
    assert [judged.name for judged in table.judged] == ["tags.age", "tags.row", "age"]


@pytest.mark.parametrize("block", [1, 3, 5, 100])
def test_csv_and_json_hold_every_row_in_its_order_however_many_are_written_at_once(
    monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    monkeypatch.setattr(module, "BLOCK", block)
    columns = {
        "row": np.array([1, 2, 3, 4, 5]),
        "name": np.array(["a", 'b"', "c,d", "", "e"], dtype=object),
        "true y": np.array([0.5, np.nan, 1.5, -2.0, 1e-7], np.float32),
        "y": np.array([0.25, np.nan, 1e20, -2.0, 0.1], np.float32),
        "right y": np.array([True, False, True, True, False]),
    }
    kinds = {"row": "row", "name": "beside", "true y": "true", "y": "predicted", "right y": "right"}
    table = PredictionTable(columns, kinds)
    order = np.array([4, 0, 3, 1, 2])
    found = pd.read_csv(io.StringIO(table.as_csv(order)), keep_default_na=False)
    assert found["row"].tolist() == [5, 1, 4, 2, 3]
    assert found["name"].tolist() == ["e", "a", "", 'b"', "c,d"]
    assert found["right y"].tolist() == [0, 1, 1, 0, 1]
    assert found["true y"].tolist()[3] == "", "not known yet"
    wanted = columns["y"][order].astype(np.float64)
    np.testing.assert_array_equal(found["y"].astype(float), wanted)
    rows = json.loads(table.as_json(order))
    assert [row["row"] for row in rows] == [5, 1, 4, 2, 3]
    assert [row["right y"] for row in rows] == [False, True, True, False, True]
    assert rows[3]["true y"] is None
    assert rows[2]["y"] == -2.0
    assert table.as_csv(order[:0]).splitlines() == ["row,name,true y,y,right y"]
    assert json.loads(table.as_json(order[:0])) == []
