"""Missing values and unknown categories, by column, as pandas and scikit-learn treat them by hand."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from workbench.catalog.lookup import Catalog
from workbench.data import Preparation, apply_to, data_argument
from workbench.data.loading import load_or_stream
from workbench.errors import DataError, RecipeError
from workbench.recipe.schema import Data

SECTION = {
    "use": "csv",
    "path": "t.csv",
    "targets": "y",
    "missing": {
        "inputs": "mean",
        "targets": "drop",
        "b": {"fill": "median", "indicator": True},
        "c": "most_frequent",
        "d": -1,
        "deck": "none",
        "port": "most_frequent",
    },
    "split": {"test": 0.25},
}


def table(folder: Path) -> Any:
    """400 rows with gaps in every column."""
    import pandas

    random = np.random.default_rng(3)
    frame = pandas.DataFrame({name: random.normal(5, 3, 400) for name in "abd"})
    frame["c"] = random.integers(0, 5, 400).astype(float)
    frame["deck"] = random.choice(list("ABC"), 400)
    frame["port"] = random.choice(["Q", "S", "S"], 400)
    frame["y"] = random.normal(size=400)
    for at, name in enumerate(["a", "b", "c", "d", "deck", "port", "y"]):
        frame.loc[random.choice(400, 30 + at, replace=False), name] = None
    frame.to_csv(folder / "t.csv", index=False)
    return pandas.read_csv(folder / "t.csv")


@pytest.mark.parametrize("scale", ["standard", "minmax", "robust"])
@pytest.mark.parametrize("stream", [False, True])
def test_gaps_are_filled_and_scaled_as_scikit_learn_does_it(
    catalog: Catalog, tmp_path: Path, stream: bool, scale: str
) -> None:
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, RobustScaler, StandardScaler

    frame = table(tmp_path)
    data = Data.model_validate({**SECTION, "stream": stream, "scale": scale})
    loaded = load_or_stream(data, catalog, folder=tmp_path, seed=0)
    train = loaded.train.read_all() if stream else loaded.train
    scaler = {"standard": StandardScaler, "minmax": MinMaxScaler, "robust": RobustScaler}[scale]
    by_hand = ColumnTransformer(
        [
            ("a", make_pipeline(SimpleImputer(strategy="mean"), scaler()), ["a"]),
            ("b", make_pipeline(SimpleImputer(strategy="median"), scaler()), ["b"]),
            ("b_missing", make_pipeline(SimpleImputer(strategy="constant", fill_value=1.0)), ["b_missing"]),
            ("d", make_pipeline(SimpleImputer(strategy="constant", fill_value=-1.0), scaler()), ["d"]),
            ("c", make_pipeline(SimpleImputer(strategy="most_frequent"), scaler()), ["c"]),
            ("deck", OneHotEncoder(categories=[["A", "B", "C", "none"]], sparse_output=False), ["deck"]),
            (
                "port",
                make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder(sparse_output=False)),
                ["port"],
            ),
        ]
    )
    frame["b_missing"] = frame["b"].isna().astype(float)
    frame["deck"] = frame["deck"].fillna("none")
    by_hand.fit(frame.loc[train.index])
    kept = Preparation.from_record(json.loads(json.dumps(loaded.preparation.as_record())))
    (tmp_path / "new.csv").write_bytes((tmp_path / "t.csv").read_bytes())
    new = data_argument(str(tmp_path / "new.csv"), catalog, kept)
    fresh = apply_to(kept, new, catalog, folder=tmp_path, seed=0, with_targets=False)
    assert fresh.rows == 400
    for part in (train, fresh):
        wanted = by_hand.transform(frame.loc[part.index])
        np.testing.assert_allclose(part.inputs["features"], wanted, atol=1e-6)
    assert loaded.preparation.inputs[0].feature_names[:3] == ("a", "b", "b is missing")


def test_what_cannot_stand_for_a_missing_value_is_refused(prepare: Callable[..., Any]) -> None:
    rows = "a,k,y\n" + "".join(f"{n if n % 5 else ''},{'uv'[n % 2]},{n}\n" for n in range(40))
    with pytest.raises(DataError, match="'none' cannot stand for a missing value of 'a'"):
        prepare(rows, targets="y", missing={"a": "none"})
    with pytest.raises(ValueError, match="'mode' is no policy; 'most_frequent' is one"):
        prepare(rows, targets="y", missing={"a": "mode"})
    with pytest.raises(RecipeError, match="'y' is no input") as target:
        prepare(rows, targets="y", missing={"y": "mean", "a": 0})
    assert target.value.where == "data.missing.y"
    with pytest.raises(RecipeError, match="no column 'input'") as slip:
        prepare(rows, targets="y", missing={"input": "mean"})
    assert "'inputs'" in slip.value.hint
    with pytest.raises(DataError, match="'a' has no value"):
        prepare(rows, targets="y", missing={"inputs": "mean", "a": "error"})
    indicated = prepare(rows, targets="y", missing={"inputs": "mean", "indicator": True}).preparation
    assert indicated.inputs[0].feature_names == ("a", "a is missing", "k=u", "k=v")


@pytest.mark.parametrize("stream", [False, True])
def test_padding_counts_for_no_scaling_and_stays(catalog: Catalog, tmp_path: Path, stream: bool) -> None:
    random = np.random.default_rng(1)
    x = random.normal(7, 3, (60, 9, 2)).astype(np.float32)
    lengths = random.integers(2, 10, 60)
    padded = np.arange(9) >= lengths[:, None]
    x[padded] = 0
    x[0, 0, 0] = 0  # one number of a step is no padding
    np.savez(tmp_path / "s.npz", x=x, y=np.arange(60.0))
    section = {"use": "npz", "path": "s.npz", "stream": stream, "targets": "y", "scale": "standard"}
    data = Data.model_validate({**section, "padding": {"x": 0}})
    preparation = load_or_stream(data, catalog, folder=tmp_path, seed=0).preparation
    part = apply_to(preparation, data, catalog, folder=tmp_path, seed=0, part="all")
    steps = x[~padded].astype(np.float64)
    wanted = np.where(padded[..., None], 0, (x - steps.mean(axis=0)) / steps.std(axis=0))
    np.testing.assert_allclose(part.inputs["x"], wanted[part.index], atol=1e-6)
    with pytest.raises(RecipeError, match="holds no sequences"):
        load_or_stream(data.model_copy(update={"padding": {"y": 0}}), catalog, folder=tmp_path, seed=0)


FILMS = ["Drama, Comedy", "Drama", "", "Action,Drama", "Comedy, Action", "War"] * 12


@pytest.mark.parametrize("stream", [False, True])
def test_several_labels_in_a_cell_are_those_of_multi_label_binarizer(
    catalog: Catalog, tmp_path: Path, stream: bool
) -> None:
    from sklearn.preprocessing import MultiLabelBinarizer

    def write(name: str, films: list[str]) -> Path:
        rows = [f'"{film}",{number},"{film}"' for number, film in enumerate(films)]
        (tmp_path / name).write_text("\n".join(["genre,n,tags", *rows]) + "\n")
        return tmp_path / name

    write("t.csv", FILMS)
    section = {"use": "csv", "path": "t.csv", "stream": stream, "targets": "tags"}
    data = Data.model_validate({**section, "several": {"genre": ",", "tags": ", "}, "ignore": "n"})
    preparation = load_or_stream(data, catalog, folder=tmp_path, seed=0).preparation
    preparation = Preparation.from_record(json.loads(json.dumps(preparation.as_record())))
    part = apply_to(preparation, data, catalog, folder=tmp_path, seed=0, part="all")
    films = [[label.strip() for label in film.split(",") if label] for film in FILMS]
    wanted = MultiLabelBinarizer().fit_transform(films)
    np.testing.assert_array_equal(part.inputs["features"], wanted[part.index])
    assert preparation.inputs[0].feature_names[0] == "genre=Action"
    tags = [[label for label in film.split(", ") if label] for film in FILMS]
    binarizer = MultiLabelBinarizer().fit(tags)
    np.testing.assert_array_equal(part.targets["tags"], binarizer.transform(tags)[part.index])
    assert preparation.targets[0].columns == tuple(binarizer.classes_)

    new = data_argument(str(write("new.csv", ["Drama", "Noir, Drama", "Noir"])), catalog, preparation)
    with pytest.raises(
        DataError, match="the label 'Noir', which the training data did not have; 2 of 3"
    ) as error:
        apply_to(preparation, new, catalog, folder=tmp_path, seed=0, with_targets=False)
    assert error.value.where == "new.csv:3"
    data = Data.model_validate({**data.model_dump(exclude_unset=True), "unknown": {"genre": "other"}})
    preparation = load_or_stream(data, catalog, folder=tmp_path, seed=0).preparation
    part = apply_to(preparation, new, catalog, folder=tmp_path, seed=0, with_targets=False)
    assert part.inputs["features"][np.argsort(part.index)].sum(axis=1).tolist() == [1, 1, 0]


CARRIERS = ["AA"] * 60 + ["BB"] * 50 + ["CC"] * 3 + ["DD"] + ["EE"]


def carriers(folder: Path, name: str, values: list[str]) -> Path:
    file = folder / name
    file.write_text("carrier,y\n" + "".join(f"{value},{n}\n" for n, value in enumerate(values)))
    return file


@pytest.mark.parametrize("stream", [False, True])
def test_unknown_categories_are_one_more_category_as_in_scikit_learn(
    catalog: Catalog, tmp_path: Path, stream: bool
) -> None:
    from sklearn.preprocessing import OneHotEncoder

    carriers(tmp_path, "t.csv", CARRIERS)
    section = {"use": "csv", "path": "t.csv", "targets": "y", "stream": stream}
    data = Data.model_validate({**section, "unknown": "other"})
    loaded = load_or_stream(data, catalog, folder=tmp_path, seed=0)
    preparation = Preparation.from_record(json.loads(json.dumps(loaded.preparation.as_record())))
    encoder = OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=2, sparse_output=False)
    encoder.fit(np.array(CARRIERS)[:, None])
    new = ["AA", "ZZ", "CC", "DD", "BB"]
    file = carriers(tmp_path, "new.csv", new)
    part = apply_to(
        preparation, data_argument(str(file), catalog, preparation), catalog, folder=tmp_path, seed=0
    )
    np.testing.assert_array_equal(part.inputs["features"], encoder.transform(np.array(new)[:, None]))
    assert preparation.inputs[0].feature_names[-1] == "carrier of another kind"
    # Where no category was rare in training, nothing was learnt of others: they are none of the known.
    data = Data.model_validate({**section, "unknown": {"carrier": "other"}, "rare": 1})
    preparation = load_or_stream(data, catalog, folder=tmp_path, seed=0).preparation
    part = apply_to(
        preparation, data_argument(str(file), catalog, preparation), catalog, folder=tmp_path, seed=0
    )
    assert part.inputs["features"].sum(axis=1).tolist() == [1, 0, 1, 1, 1]


@pytest.mark.parametrize("stream", [False, True])
def test_unknown_categories_are_refused_with_their_number_or_dropped(
    catalog: Catalog, tmp_path: Path, stream: bool
) -> None:
    carriers(tmp_path, "t.csv", CARRIERS)
    new = carriers(tmp_path, "new.csv", ["AA", "ZZ", "CC", "YY", "BB"])
    section = {"use": "csv", "path": "t.csv", "targets": "y", "stream": stream}
    preparation = load_or_stream(Data.model_validate(section), catalog, folder=tmp_path, seed=0).preparation
    read = data_argument(str(new), catalog, preparation)
    with pytest.raises(DataError, match=r"'ZZ', a category .* In 2 of 5 rows") as error:
        apply_to(preparation, read, catalog, folder=tmp_path, seed=0)
    assert error.value.where == "new.csv:3"
    assert "`unknown: other`" in error.value.hint
    data = Data.model_validate({**section, "unknown": "drop"})
    preparation = load_or_stream(data, catalog, folder=tmp_path, seed=0).preparation
    part = apply_to(preparation, read, catalog, folder=tmp_path, seed=0)
    assert part.index.tolist() == [0, 2, 4]
    assert len(preparation.inputs[0].columns[0].categories) == 5
