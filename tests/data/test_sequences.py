"""Lists of differing length in a column: the arrays of Keras' `pad_sequences`, from training to prediction."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import MinMaxScaler, RobustScaler, StandardScaler

from tests.conftest import Kwb
from workbench.catalog.lookup import Catalog
from workbench.data import Part, load
from workbench.data.loading import load_or_stream
from workbench.errors import WorkbenchError
from workbench.recipe.document import parse, to_yaml
from workbench.recipe.schema import Data
from workbench.training.session import Session


@pytest.fixture
def steps(tmp_path: Path) -> list[list[int]]:
    """80 lists of 0 to 9 numbers, in a parquet file and as JSON lines."""
    random = np.random.default_rng(0)
    found = [random.integers(1, 20, random.integers(0, 10)).tolist() for _ in range(80)]
    y = [float(sum(each)) for each in found]
    pairs = [[[float(n), n / 2] for n in each] for each in found]
    pq.write_table(
        pa.table({"steps": found, "pairs": pairs, "y": y}), tmp_path / "t.parquet", row_group_size=16
    )
    rows = zip(found, pairs, y, strict=True)
    lines = [json.dumps({"steps": own, "pairs": pair, "y": value}) for own, pair, value in rows]
    (tmp_path / "t.jsonl").write_text("\n".join(lines) + "\n")
    return found


def inputs(catalog: Catalog, folder: Path, use: str, **section: Any) -> dict[str, np.ndarray]:
    path = "t.parquet" if use == "parquet" else "t.jsonl"
    data = Data.model_validate({"use": use, "path": path, "targets": ["y"], **section})
    loaded = load_or_stream(data, catalog, folder=folder, seed=0)
    train = loaded.train if isinstance(loaded.train, Part) else loaded.train.read_all()
    return {name: array[np.argsort(train.index)] for name, array in train.inputs.items()}


@pytest.mark.parametrize(("use", "stream"), [("parquet", False), ("parquet", True), ("json", None)])
@pytest.mark.parametrize("side", ["post", "pre"])
def test_they_are_those_of_keras(
    catalog: Catalog, tmp_path: Path, steps: list[list[int]], use: str, stream: bool | None, side: str
) -> None:
    pad = {"steps": {"length": 6, "side": side}, "pairs": {"length": 12, "value": -1, "side": side}}
    more = {} if stream is None else {"stream": stream}
    found = inputs(catalog, tmp_path, use, pad=pad, **more)
    expected = keras.utils.pad_sequences(steps, 6, padding=side, truncating=side)
    assert found["steps"].dtype == np.int32
    assert np.array_equal(found["steps"], expected)
    pairs = [np.array([[n, n / 2] for n in each]).reshape(-1, 2) for each in steps]
    whole = keras.utils.pad_sequences(pairs, 12, "float32", padding=side, truncating=side, value=-1)
    assert np.array_equal(found["pairs"], whole)


def test_what_fills_up_is_not_scaled(catalog: Catalog, tmp_path: Path, steps: list[list[int]]) -> None:
    found = inputs(
        catalog,
        tmp_path,
        "json",
        ignore=["steps"],
        pad={"pairs": {"length": 9, "value": -5}},
        scale="standard",
    )
    numbers = np.array([n for each in steps for n in each], float)
    both = np.stack([numbers, numbers / 2], axis=1)
    pairs = [
        (np.array([[n, n / 2] for n in each]).reshape(-1, 2) - both.mean(axis=0)) / both.std(axis=0)
        for each in steps
    ]
    expected = keras.utils.pad_sequences(pairs, 9, "float64", padding="post", value=-5)
    np.testing.assert_allclose(found["pairs"], expected, atol=1e-6)


def test_a_model_with_a_mask_predicts_from_raw_rows(
    catalog: Catalog, tmp_path: Path, steps: list[list[int]], kwb: Kwb
) -> None:
    content = {
        "kwb": 1,
        "data": {
            "use": "json",
            "path": "t.jsonl",
            "targets": ["y"],
            "ignore": ["pairs"],
            "pad": {"steps": 9},
        },
        "model": {
            "sequential": [
                {"use": "Embedding", "input_dim": 20, "output_dim": 4, "mask_zero": True},
                {"use": "LSTM", "units": 4},
                {"use": "Dense", "units": 1},
            ]
        },
        "train": {"epochs": 2, "loss": "mse", "watch": "none"},
        "save": [str(tmp_path / "m.keras")],
    }
    document = parse(to_yaml(content), name="r.yaml", folder=tmp_path)
    Session(document, catalog, lambda event, line: None, runs_folder=tmp_path / "runs").run()
    done = kwb("predict", "m.keras", "--data", "t.jsonl", "--out", "p.npz", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    model = keras.models.load_model(tmp_path / "m.keras", compile=False)
    # Longer filling changes nothing: the mask leaves it out.
    for length in (9, 15):
        expected = model.predict(keras.utils.pad_sequences(steps, length, padding="post"), verbose=0)
        np.testing.assert_allclose(np.load(tmp_path / "p.npz")["y"], expected, rtol=1e-4, atol=1e-5)


def test_what_is_no_sequence_is_named(catalog: Catalog, tmp_path: Path) -> None:
    def refused(cells: list[Any], **section: Any) -> WorkbenchError:
        lines = [json.dumps({"s": cell, "y": float(at)}) for at, cell in enumerate(cells)]
        (tmp_path / "t.jsonl").write_text("\n".join(lines) + "\n")
        data = {"use": "json", "path": "t.jsonl", "targets": ["y"], "pad": {"s": 3}} | section
        with pytest.raises(WorkbenchError) as caught:
            load(Data.model_validate(data), catalog, folder=tmp_path, seed=0)
        return caught.value

    error = refused([[1], [2, 3]], pad={})
    assert "`pad: {s: 2}` fills them up to the longest" in error.hint
    assert refused([["a"], ["b"]]).what == "column 's' holds ['a'], and no list of numbers."
    error = refused([[[1, 2]], [[1, 2, 3]]])
    assert "lists of 3, and before lists of 2" in error.what
    error = refused([[1, 2], None, [3]])
    assert "array 's' holds no list" in error.what
    assert refused([[1], [2]], pad={"t": 3}).where == "data.pad.t"
    data = {"use": "json", "path": "t.jsonl", "targets": ["y"], "pad": {"s": 3}, "missing": "drop"}
    (tmp_path / "t.jsonl").write_text('{"s": [1, 2], "y": 1}\n{"s": null, "y": 2}\n{"s": [3], "y": 3}\n')
    train = load(Data.model_validate(data), catalog, folder=tmp_path, seed=0).train
    assert train.inputs["s"].tolist() == [[1, 2, 0], [3, 0, 0]]


@pytest.mark.parametrize("scale", ["standard", "minmax", "robust"])
@pytest.mark.parametrize("fill", ["none", "mean", "median"])
def test_places_that_only_fill_up_have_no_part_in_means_and_fills(
    catalog: Catalog, tmp_path: Path, scale: str, fill: str
) -> None:
    """As scikit-learn has it place by place, over the numbers that are there; a place that no list reaches stays."""
    random = np.random.default_rng(5)
    lists = [random.normal(3.0, 2.0, random.integers(1, 4)).round(3) for _ in range(60)]
    if fill != "none":
        for own in lists[::7]:
            own[0] = np.nan
    table = {"s": pa.array([own.tolist() for own in lists]), "y": [float(at) for at in range(60)]}
    pq.write_table(pa.table(table), tmp_path / "t.parquet")
    section = {"pad": {"s": {"length": 5, "value": -7}}, "scale": scale}
    section |= {} if fill == "none" else {"missing": fill}
    found = inputs(catalog, tmp_path, "parquet", **section)["s"]
    scalers = {"standard": StandardScaler, "minmax": MinMaxScaler, "robust": RobustScaler}
    expected = np.full((60, 5), -7.0)
    for place in range(3):
        rows = [row for row, own in enumerate(lists) if len(own) > place]
        values = np.array([[lists[row][place]] for row in rows])
        if fill != "none":
            values = SimpleImputer(strategy=fill).fit_transform(values)
        expected[rows, place] = scalers[scale]().fit_transform(values)[:, 0]
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_what_fills_up_is_a_number(catalog: Catalog, tmp_path: Path) -> None:
    for value in ("nan", "inf"):
        with pytest.raises(ValueError, match="finite"):
            Data.model_validate({"use": "csv", "pad": {"s": {"length": 2, "value": float(value)}}})


def test_one_number_among_lists_is_named(catalog: Catalog, tmp_path: Path) -> None:
    pq.write_table(pa.table({"s": ["a", "b"], "y": [1.0, 2.0]}), tmp_path / "t.parquet")
    data = {"use": "parquet", "path": "t.parquet", "targets": ["y"], "pad": {"s": 3}}
    with pytest.raises(WorkbenchError, match="column 's' holds 'a', and no list of numbers"):
        load(Data.model_validate(data), catalog, folder=tmp_path, seed=0)
    pq.write_table(pa.table({"s": [1.5, 2.5], "y": [1.0, 2.0]}), tmp_path / "t.parquet")
    with pytest.raises(WorkbenchError, match=r"column 's' holds 1\.5, and no list of numbers"):
        load(Data.model_validate(data), catalog, folder=tmp_path, seed=0)
