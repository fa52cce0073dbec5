"""A real CSV (344 penguins: numbers, categories, missing values) trains, evaluates and predicts."""

from __future__ import annotations

import csv
import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from .conftest import Run, kwb_in

pytestmark = pytest.mark.slow

PENGUINS = Path(__file__).parents[1] / "data" / "files" / "penguins.csv"

RECIPE = """\
kwb: 1
name: penguins
seed: 7
data:
  use: csv
  path: penguins.csv
  targets: [species]
  classes: [species]
  ignore: [year]
  missing: drop
  split: {validation: 0.2, test: 0.2, stratify: true}
  scale: standard
model:
  sequential:
    - {use: MyDense, units: 16, activation: relu}
    - {use: MyDense, units: 3, activation: softmax}
train:
  epochs: 40
  batch_size: 16
  optimizer: {use: Adam, learning_rate: 1.0e-2}
  loss: sparse_categorical_crossentropy
  metrics: [accuracy]
  class_weight: balanced
save: [out/penguins.keras, out/penguins.h5, out/penguins.weights.h5]
"""


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("penguins")
    (folder / "penguins.csv").write_bytes(PENGUINS.read_bytes())
    (folder / "penguins.yaml").write_text(RECIPE)
    return kwb_in(folder, ["--batch", "penguins.yaml", "--json"])


def test_it_trains_well(trained: Run) -> None:
    assert trained.code == 0, trained.err
    (finished,) = trained.of("finished")
    assert finished["evaluation"]["accuracy"] > 0.9
    (shown,) = [r for r in trained.of("message") if "rows" in r["text"]]
    assert "333 rows (11 dropped for missing values)" in shown["text"]


@pytest.mark.parametrize("file", ["out/penguins.keras", "out/penguins.h5"])
def test_evaluating_the_file_on_the_recipe_gives_what_training_reported(trained: Run, file: str) -> None:
    done = kwb_in(trained.folder, ["evaluate", file, "--data", "penguins.yaml", "--json"])
    assert done.code == 0, done.err
    assert json.loads(done.out) == pytest.approx(trained.of("finished")[0]["evaluation"], rel=1e-5)


def test_predictions_name_the_classes(trained: Run) -> None:
    arguments = ["predict", "out/penguins.h5", "--data", "penguins.csv", "--out", "predictions.csv"]
    done = kwb_in(trained.folder, arguments)
    assert done.code == 0, done.err
    with (trained.folder / "predictions.csv").open() as file:
        rows = list(csv.DictReader(file))
    with PENGUINS.open() as file:
        truth = {str(number): row["species"] for number, row in enumerate(csv.DictReader(file), start=1)}
    assert len(truth) - len(rows) == 11, (
        "rows that lack a value have no prediction, and each row says which it is"
    )
    assert np.mean([row["species"] == truth[row["row"]] for row in rows]) > 0.9
    for row in rows[:5]:
        shares = [float(value) for name, value in row.items() if name.startswith("species=")]
        assert sum(shares) == pytest.approx(1.0, abs=1e-5)
        assert float(row["confidence species"]) == max(shares)
    assert all(row["true species"] == truth[row["row"]] for row in rows)
    assert all(row["right species"] == str(int(row["species"] == truth[row["row"]])) for row in rows)


def test_wrong_predictions_come_first_or_alone(trained: Run) -> None:
    arguments = ["predict", "out/penguins.keras", "--data", "penguins.csv"]
    every = json.loads(kwb_in(trained.folder, [*arguments, "--json"]).out)
    wrong = [row for row in every if row["species"] != row["true species"]]
    assert wrong, "a model without errors shows nothing"
    first = kwb_in(trained.folder, [*arguments, "--wrong", "--sort", "error"])
    rows = list(csv.DictReader(first.out.splitlines()))
    expected = sorted(wrong, key=lambda row: -row["confidence species"])
    assert [row["row"] for row in rows] == [str(row["row"]) for row in expected]


def test_without_true_values_there_is_nothing_to_sort_by(trained: Run) -> None:
    lines = [",".join(line.split(",")[1:]) for line in PENGUINS.read_text().splitlines()[:3]]
    (trained.folder / "blind.csv").write_text("\n".join(lines) + "\n")
    done = kwb_in(trained.folder, ["predict", "out/penguins.keras", "--data", "blind.csv", "--wrong"])
    assert done.code == 2
    assert "no true values" in done.err
    assert "no column 'species'" in done.err


def test_another_way_of_writing_the_file_is_found_out(trained: Run) -> None:
    """Semicolons and decimal commas in the new file, none in the training's."""
    text = PENGUINS.read_text().replace(",", ";").replace(".", ",")
    (trained.folder / "semi.csv.gz").write_bytes(gzip.compress(text.encode()))
    wanted = kwb_in(trained.folder, ["predict", "out/penguins.keras", "--data", "penguins.csv"]).out
    done = kwb_in(trained.folder, ["predict", "out/penguins.keras", "--data", "semi.csv.gz"])
    assert done.code == 0, done.err
    # of the training's own file it is known which part each row was in
    known = list(csv.DictReader(wanted.splitlines()))
    assert {row.pop("part") for row in known} == {"training", "validation", "test"}
    assert list(csv.DictReader(done.out.splitlines())) == known


def test_what_a_new_file_lacks_is_said_and_not_how_to_read_it(trained: Run) -> None:
    """The training said what stands between its columns; the new file has something else there, and a column less."""
    lines = PENGUINS.read_text().splitlines()
    (trained.folder / "marked.csv").write_text("\n".join(line.replace(",", ";") for line in lines) + "\n")
    recipe = RECIPE.replace("penguins.csv", 'marked.csv\n  delimiter: ";"').replace("epochs: 40", "epochs: 1")
    (trained.folder / "marked.yaml").write_text(recipe)
    assert kwb_in(trained.folder, ["--batch", "marked.yaml", "--set", "save=[out/marked.keras]"]).code == 0
    done = kwb_in(trained.folder, ["predict", "out/marked.keras", "--data", "penguins.csv"])
    assert done.code == 0, done.err
    header = lines[0].split(",")
    lacking = next(name for name in header if name.startswith("flipper"))
    at = header.index(lacking)
    short = [",".join(line.split(",")[:at] + line.split(",")[at + 1 :]) for line in lines]
    (trained.folder / "short.csv").write_text("\n".join(short) + "\n")
    done = kwb_in(trained.folder, ["predict", "out/marked.keras", "--data", "short.csv"])
    assert f"no column '{lacking}'" in done.err
    assert "delimiter" not in done.err


def test_an_output_of_another_encoding_loses_nothing(trained: Run) -> None:
    text = PENGUINS.read_text().replace("species", "\u7a2e\u985e", 1)
    (trained.folder / "names.csv").write_text(text)
    (trained.folder / "names.yaml").write_text(
        RECIPE.replace("[species]", "[\u7a2e\u985e]")
        .replace("penguins.csv", "names.csv")
        .replace("epochs: 40", "epochs: 1")
    )
    assert kwb_in(trained.folder, ["--batch", "names.yaml", "--set", "save=[out/names.keras]"]).code == 0
    arguments = ["predict", "out/names.keras", "--data", "names.csv"]
    done = kwb_in(trained.folder, arguments, env={"PYTHONIOENCODING": "latin-1"})
    assert done.code == 0, done.err
    assert done.out.startswith("row,part,true \\u7a2e\\u985e,\\u7a2e\\u985e,right")


def test_an_unknown_category_is_named(trained: Run) -> None:
    lines = PENGUINS.read_text().splitlines()[:6]
    (trained.folder / "new.csv").write_text(
        "\n".join([*lines[:2], lines[2].replace("Torgersen", "Atlantis")]) + "\n"
    )
    done = kwb_in(trained.folder, ["predict", "out/penguins.keras", "--data", "new.csv"])
    assert done.code == 2
    assert "new.csv:3" in done.err
    assert "'island'" in done.err
    assert "'Atlantis'" in done.err
    assert "Torgersen" in done.err


def test_inspecting_needs_no_keras_and_tells_what_is_inside(trained: Run) -> None:
    done = kwb_in(trained.folder, ["inspect", "out/penguins.keras", "--json"])
    found = json.loads(done.out)
    assert found["format"] == ".keras"
    assert found["model"]["class"] == "Sequential"
    assert {"registered": "kwb>MyDense", "distribution": "kwb", "installed": True} in found["needs"]
    features = 4 + 3 + 2  # four measures, three islands, two sexes
    assert found["parameters"] == features * 16 + 16 + 16 * 3 + 3


def test_the_same_data_read_as_a_stream_trains_as_well(trained: Run) -> None:
    overrides = [
        "--set",
        "data.stream=true",
        "--set",
        "save=[out/streamed.keras]",
        "--set",
        "data.split.stratify=false",
    ]
    done = kwb_in(trained.folder, ["--batch", "penguins.yaml", "--json", *overrides])
    assert done.code == 0, done.err
    assert any(r["text"].startswith("streaming ") for r in done.of("message"))
    assert done.of("finished")[0]["evaluation"]["accuracy"] > 0.9
