"""The columns of a saved model's predictions."""

import numpy as np

from workbench.recipe.document import parse
from workbench.training.prediction_table import predict, prediction_table
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
