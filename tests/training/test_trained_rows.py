"""What is said of rows that a saved model was trained on, and the files that rows are."""

from pathlib import Path

import numpy as np
import pytest

from workbench.catalog.lookup import Catalog
from workbench.recipe.document import parse
from workbench.training.prediction_table import PredictionTable, predict, prediction_table
from workbench.training.saved_model import SavedModel
from workbench.training.session import Session
from workbench.training.trained_rows import TrainedRows, trained_rows

RECIPE = """\
kwb: 1
name: prices
seed: 3
data: {use: csv, path: prices.csv, targets: [price], scale: standard, split: SPLIT}
model: {sequential: [{use: Dense, units: 1}]}
train: {epochs: 1, loss: mse}
save: [model.keras]
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    lines = [f"{n},{n % 7},{3 * n}\n" for n in range(20)]
    (tmp_path / "prices.csv").write_text("size,rooms,price\n" + "".join(lines))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def trained(catalog: Catalog, folder: Path, recipe: str) -> SavedModel:
    runs = folder / "saved" / "runs"
    Session(parse(recipe, folder=folder), catalog, lambda event, line: None, runs_folder=runs).run()
    return SavedModel.open(folder / "model.keras", catalog)


def table_of(saved: SavedModel, catalog: Catalog, data: str) -> tuple[PredictionTable, TrainedRows]:
    found = trained_rows(saved, catalog, data)
    predicted = predict(saved, lambda targets: saved.read(data, catalog, with_targets=targets))
    return prediction_table(saved, predicted, found.parts), found


def test_the_part_of_each_row_of_the_file_that_was_trained_on(catalog, folder) -> None:
    saved = trained(catalog, folder, RECIPE.replace("SPLIT", "{validation: 0.2, test: 0.1}"))
    table, found = table_of(saved, catalog, "prices.csv")
    order = np.random.default_rng(3).permutation(20)
    parts = np.empty(20, dtype=object)
    parts[order[:14]], parts[order[14:18]], parts[order[18:]] = "training", "validation", "test"
    assert table.columns["part"].tolist() == parts[table.columns["row"] - 1].tolist()
    assert list(table.columns)[:2] == ["row", "part"]
    assert found.sentence == "14 of 20 rows were trained on (4 in validation, 2 in test)."
    # the recipe's own data is its test part
    assert "test part of its training" in trained_rows(saved, catalog, "", folder).sentence
    # it is found from another folder as well, since the run says where its recipe was
    (folder / "sub").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder / "sub")
        assert trained_rows(saved, catalog, "../prices.csv").sentence == found.sentence


def test_what_is_not_known_is_said_in_words(catalog, folder) -> None:
    saved = trained(catalog, folder, RECIPE.replace("SPLIT", "{validation: 0.25, shuffle: false}"))
    table, found = table_of(saved, catalog, "prices.csv")
    assert table.columns["part"].tolist() == ["training"] * 15 + ["validation"] * 5
    # another file, and one of the same name in another folder
    text = (folder / "prices.csv").read_text()
    (folder / "new.csv").write_text(text)
    assert trained_rows(saved, catalog, "new.csv") == TrainedRows()
    (folder / "sub").mkdir()
    (folder / "sub" / "prices.csv").write_text(text)
    assert "whether it is the same is not known" in trained_rows(saved, catalog, "sub/prices.csv").sentence
    # the file has changed since
    (folder / "prices.csv").write_text(text.replace("\n2,", "\n200,"))
    table, found = table_of(saved, catalog, "prices.csv")
    assert found.parts is None
    assert "not as it was then" in found.sentence
    assert "part" not in table.columns


def test_without_a_split_every_row_was_trained_on(catalog, folder) -> None:
    saved = trained(catalog, folder, RECIPE.replace("SPLIT", "{validation: 0, test: 0}"))
    assert trained_rows(saved, catalog, "prices.csv") == TrainedRows("every row of this data was trained on.")


def test_files_of_the_parts_are_known_each(catalog, folder) -> None:
    text = (folder / "prices.csv").read_text()
    for name in ("validation", "test"):
        (folder / f"{name}.csv").write_text(text)
    recipe = RECIPE.replace(
        "path: prices.csv", "train: prices.csv, validation: validation.csv, test: test.csv"
    )
    saved = trained(catalog, folder, recipe.replace(", split: SPLIT", ""))
    assert "its rows were trained on" in trained_rows(saved, catalog, "prices.csv").sentence
    for name in ("validation", "test"):
        sentence = trained_rows(saved, catalog, f"{name}.csv").sentence
        assert sentence == f"this is a {name} file of its training; it was not trained on."


TEXTS = """\
kwb: 1
data:
  use: texts
  path: reviews
  text: {text: {tokens: 50, length: 4}}
  split: {validation: 0, test: 0}
  stream: STREAM
model:
  sequential:
    - {use: Embedding, input_dim: 50, output_dim: 2}
    - Flatten
    - {use: Dense, units: 2, activation: softmax}
train: {epochs: 1, loss: sparse_categorical_crossentropy}
save: [model.keras]
"""


@pytest.mark.parametrize("stream", ["false", "true"])
def test_predictions_of_texts_name_their_files(catalog, tmp_path, monkeypatch, stream: str) -> None:
    monkeypatch.chdir(tmp_path)
    for part in ("reviews", "others/train", "others/test"):
        for label in ("bad", "good"):
            (tmp_path / part / label).mkdir(parents=True)
            for number in range(4):
                (tmp_path / part / label / f"{part[-4:]}{number}.txt").write_text(f"{label} {number}")
    saved = trained(catalog, tmp_path, TEXTS.replace("STREAM", stream))
    table, _ = table_of(saved, catalog, "reviews")
    names = {f"reviews/{label}/iews{number}.txt" for label in ("bad", "good") for number in range(4)}
    files = table.columns["file"].tolist()
    assert set(files) == names
    assert [Path(name).parent.name for name in files] == table.columns["true label"].tolist()
    table, _ = table_of(saved, catalog, "others")  # its test part
    assert {Path(name).name for name in table.columns["file"]} == {f"test{number}.txt" for number in range(4)}
    assert '"file":' in table.as_json(table.order()).replace(" ", "")


PICTURES = """\
kwb: 1
data: {use: images, path: shapes, size: 8, split: {validation: 0.25, shuffle: false}}
model: {sequential: [Flatten, {use: Dense, units: 2, activation: softmax}]}
train: {epochs: 1, loss: sparse_categorical_crossentropy}
save: [model.keras]
"""


def test_predictions_of_pictures_name_their_files(catalog, tmp_path, monkeypatch) -> None:
    import tensorflow as tf

    monkeypatch.chdir(tmp_path)
    for label in ("dark", "light"):
        (tmp_path / "shapes" / label).mkdir(parents=True)
        for number in range(4):
            picture = np.full((8, 8, 3), number + 200 * (label == "light"), np.uint8)
            (tmp_path / "shapes" / label / f"{number}.png").write_bytes(tf.io.encode_png(picture).numpy())
    saved = trained(catalog, tmp_path, PICTURES)
    table, found = table_of(saved, catalog, "shapes")
    files = table.columns["file"].tolist()
    assert sorted(files) == sorted(f"{label}/{n}.png" for label in ("dark", "light") for n in range(4))
    assert [Path(name).parent.name for name in files] == table.columns["true label"].tolist()
    assert found.sentence.startswith("6 of 8 rows were trained on")
