"""What is fitted is fitted on the training rows of a fold, and goes with the saved file; a fold is shown."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_iris
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.impute import SimpleImputer
from sklearn.model_selection import GroupKFold, KFold, StratifiedKFold, TimeSeriesSplit, cross_validate
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from tests.data.folds.conftest import OF, ROWS, SEED, fold
from workbench.data import Prepared, loading
from workbench.errors import WorkbenchError
from workbench.recipe.document import parse


def test_folds_of_a_dataset_of_arrays(prepare) -> None:
    x, y = load_iris(return_X_y=True)
    for number, (train, held) in enumerate(StratifiedKFold(10, shuffle=True, random_state=0).split(x, y)):
        found = prepare(use="iris", split=fold(number, 10, stratify=True), scale="standard")
        scaler = StandardScaler().fit(x[train])
        for part, rows in ((found.train, train), (found.validation, held)):
            assert part.index.tolist() == rows.tolist()
            np.testing.assert_allclose(part.inputs["features"], scaler.transform(x[rows]), atol=1e-5)
            assert next(iter(part.targets.values())).reshape(-1).tolist() == y[rows].tolist()


def test_what_is_fitted_knows_nothing_of_the_fold(prepare) -> None:
    """Leaks are planted: each fold has its own scale, its own category, its own word, and its own gap."""
    splitter = KFold(4, shuffle=True, random_state=0)
    held_by = np.empty(80, int)
    for number, (_, held) in enumerate(splitter.split(held_by)):
        held_by[held] = number
    random = np.random.default_rng(1)
    frame = pd.DataFrame(
        {
            "size": random.normal(size=80) + 100.0 * 10**held_by,
            "age": np.where(random.random(80) < 0.2, np.nan, 1.0 + held_by),
            "zip": np.where(random.random(80) < 0.5, "common", [f"only{number}" for number in held_by]),
            "said": [f"good word{number}" for number in held_by],
            "y": random.normal(size=80) + held_by,
        }
    )
    for number in range(4):
        found = prepare(
            frame.to_csv(index=False),
            targets=["y"],
            split=fold(number, 4),
            scale={"size": "standard"},
            scale_targets="standard",
            missing={"age": "mean"},
            inputs={"x": ["size", "age"], "zip": ["zip"], "said": ["said"]},
            embed=["zip"],
            rare=1,
            text=["said"],
        )
        train = frame[held_by != number]
        size, age = found.preparation.inputs[0].columns
        assert (size.center, size.factor) == pytest.approx((train["size"].mean(), train["size"].std(ddof=0)))
        assert age.fill == pytest.approx(train["age"].mean())
        by_name = {spec.name: spec for spec in found.preparation.inputs}
        assert set(by_name["zip"].column.categories) == set(train["zip"])
        words = set(CountVectorizer().fit(train["said"]).vocabulary_)
        assert set(by_name["said"].vocabulary) == words
        assert f"word{number}" not in words
        learned = found.preparation.for_model(found.train).targets["y"]
        assert (learned.mean(), learned.std()) == pytest.approx((0.0, 1.0), abs=1e-5)


@pytest.mark.parametrize(
    ("split", "splitter"),
    [
        ({}, KFold(OF, shuffle=True, random_state=SEED)),
        ({"stratify": True}, StratifiedKFold(OF, shuffle=True, random_state=SEED)),
        ({"group": "patient"}, GroupKFold(OF)),
        ({"time": "date"}, TimeSeriesSplit(OF)),
    ],
)
def test_scores_are_those_of_cross_validate(prepare, frame, split: dict, splitter) -> None:
    """Imputation, scaling and categories are fitted in each fold, as a pipeline of scikit-learn does it."""
    frame = frame.sort_values("date").reset_index(drop=True)
    random = np.random.default_rng(2)
    frame["b"] = np.where(random.random(ROWS) < 0.1, np.nan, 1000 * frame["a"] + frame["y"])
    frame["sort"] = random.choice(["p", "q"], ROWS)
    columns = ColumnTransformer(
        [
            ("numbers", make_pipeline(SimpleImputer(), StandardScaler()), ["a", "b"]),
            ("categories", OneHotEncoder(), ["sort"]),
        ]
    )
    theirs = cross_validate(
        make_pipeline(columns, KNeighborsClassifier()),
        frame[["a", "b", "sort"]],
        frame["kind"],
        groups=frame["patient"] if "group" in split else None,
        cv=splitter,
    )["test_score"]
    ours = []
    for number in range(OF):
        found = prepare(
            frame.to_csv(index=False),
            seed=SEED,
            targets=["kind"],
            classes=["kind"],
            inputs={"x": ["a", "b", "sort"]},
            scale="standard",
            missing="mean",
            split=fold(number, **split),
        )
        model = KNeighborsClassifier().fit(found.train.inputs["x"], found.train.targets["kind"].reshape(-1))
        held = found.validation
        ours.append(model.score(held.inputs["x"], held.targets["kind"].reshape(-1)))
    assert ours == pytest.approx(theirs)


def test_traps_are_found_in_a_fold(prepare, frame) -> None:
    """Rows that are in the fold and in its training part; patients who are in both."""
    frame["y"] = frame["patient"] + 0.01 * frame["y"]
    table = frame[["a", "patient", "y"]]
    double = pd.concat([table, table.iloc[:60]])
    for split, groups in ((fold(1), True), (fold(1, group="patient"), False)):
        found: Prepared = prepare(double.to_csv(index=False), targets=["y"], ignore=["patient"], split=split)
        said = " ".join(trap.what for trap in found.traps)
        assert ("`split: {group: patient}`" in said) is groups
    found = prepare(double.to_csv(index=False), targets=["y"], split=fold(1))
    assert any("validation" in trap.what and "training" in trap.what for trap in found.traps)


RECIPE = """\
kwb: 1
seed: 3
data:
  use: csv
  path: t.csv
  inputs: {{x: [a]}}
  targets: [y]
  scale: {scale}
  split: {{test: 0.2, fold: {{of: 5, number: {number}}}}}
model: {{sequential: [{layers}]}}
train: {{epochs: 2, loss: mse}}
save: [m.keras]
"""


DENSE = "{use: Dense, units: 1}"


@pytest.mark.slow
@pytest.mark.parametrize(("scale", "layers"), [("standard", DENSE), ("none", f"Normalization, {DENSE}")])
def test_a_saved_file_predicts_with_what_was_fitted_on_its_folds(
    kwb, frame, tmp_path: Path, scale: str, layers: str
) -> None:
    import keras

    frame["a"] = np.exp(3 * frame["a"])
    frame.to_csv(tmp_path / "t.csv", index=False)
    (tmp_path / "r.yaml").write_text(RECIPE.format(number=2, scale=scale, layers=layers))
    kwb("--batch", "r.yaml", cwd=tmp_path)
    test = np.sort(np.random.default_rng(SEED).permutation(ROWS)[-round(0.2 * ROWS) :])
    rest = np.setdiff1d(np.arange(ROWS), test)
    train, _ = list(KFold(5, shuffle=True, random_state=SEED).split(rest))[2]
    scaler = StandardScaler().fit(frame[["a"]].iloc[rest[train]])
    kernel, bias = keras.models.load_model(tmp_path / "m.keras").layers[-1].get_weights()
    right = scaler.transform(frame[["a"]]) @ kernel + bias
    kwb("predict", "m.keras", "--data", "t.csv", "--out", "p.csv", cwd=tmp_path)
    np.testing.assert_allclose(pd.read_csv(tmp_path / "p.csv")["y"], right[:, 0], rtol=1e-4, atol=1e-5)
    found = json.loads(kwb("evaluate", "m.keras", "--data", "r.yaml", "--json", cwd=tmp_path).stdout)
    error = frame["y"].to_numpy()[test] - right[test, 0]
    assert found["loss"] == pytest.approx((error**2).mean(), rel=1e-4)


@pytest.mark.slow
def test_kwb_data_shows_the_parts_of_the_fold(kwb, frame, tmp_path: Path) -> None:
    frame.to_csv(tmp_path / "t.csv", index=False)
    (tmp_path / "r.yaml").write_text(
        RECIPE.format(number=0, scale="none", layers=DENSE).replace("test: 0.2, ", "")
    )
    found = json.loads(kwb("data", "r.yaml", "--json", cwd=tmp_path).stdout)
    assert found["fold"] == {"of": 5, "number": 0}
    assert found["parts"] == {"train": 162, "validation": 41}
    assert "parts of fold 0 of 5: train 162, validation 41 rows" in kwb("data", "r.yaml", cwd=tmp_path).stdout


def test_an_error_of_the_data_has_the_line_of_the_fold(catalog, frame, tmp_path: Path) -> None:
    frame.to_csv(tmp_path / "t.csv", index=False)
    text = RECIPE.format(number=300, scale="none", layers=DENSE).replace("of: 5", "of: 301")
    document = parse(text, name="r.yaml", folder=tmp_path)
    with pytest.raises(WorkbenchError) as caught:
        loading.load(document.recipe.data, catalog, folder=tmp_path, seed=3)
    assert str(document.located(caught.value)).startswith("r.yaml:9: data.split.fold: 162 rows cannot be")
