"""Datasets of plugins that are Arrow tables, frames of other packages, or come in batches: read once."""

from pathlib import Path

import numpy as np
import pytest

from workbench.data import loading
from workbench.data.chunks import StreamedSource
from workbench.data.reading import batches
from workbench.data.reading.calls import read
from workbench.data.source import Source
from workbench.data.streamed_part import StreamedPart
from workbench.errors import DataError
from workbench.recipe.schema import Data

FRAMES = {
    "pandas": "import pandas as pd\ndef theirs(): return pd.DataFrame(COLUMNS)",
    "polars": "import polars as pl\ndef theirs(): return pl.DataFrame(COLUMNS)",
    "pyarrow": "import pyarrow as pa\ndef theirs(): return pa.table(COLUMNS)",
    "duckdb": """
import duckdb
def theirs():
    return duckdb.sql("SELECT * FROM (VALUES (1.5::DOUBLE, 'x', 1), (NULL, NULL, 2)) AS t(a, k, n)")
""",
}


@pytest.mark.parametrize("package", FRAMES)
def test_frames_of_any_package(stranger, tmp_path: Path, package: str) -> None:
    pytest.importorskip(package)
    code = "COLUMNS = {'a': [1.5, None], 'k': ['x', None], 'n': [1, 2]}\n" + FRAMES[package]
    source = read(Data(use="theirs"), stranger(code), tmp_path)
    assert isinstance(source, Source)
    assert source.origin == "theirs"
    np.testing.assert_array_equal(source.columns["a"], [1.5, np.nan])
    assert source.columns["k"].tolist() == ["x", None]
    assert source.columns["n"].tolist() == [1, 2]


# 250 rows: `a` counts them, `image` is (3, 2) of it, `y` its double.
BATCHES = {
    "tf.data": """
import tensorflow as tf
def theirs():
    a = tf.range(250, dtype=tf.float32)
    image = tf.tile(a[:, None, None], [1, 3, 2])
    return tf.data.Dataset.from_tensor_slices(({"a": a, "image": image}, {"y": 2 * a})).batch(32)
""",
    "tf.data, a row an element": """
import tensorflow as tf
def theirs():
    a = tf.range(250, dtype=tf.float32)
    image = tf.tile(a[:, None, None], [1, 3, 2])
    return tf.data.Dataset.from_tensor_slices(({"a": a, "image": image}, {"y": 2 * a}))
""",
    "PyDataset": """
import keras, numpy as np
class Batches(keras.utils.PyDataset):
    def __len__(self): return 8
    def __getitem__(self, at):
        a = np.arange(at * 32, min(at * 32 + 32, 250), dtype="float32")
        return {"a": a, "image": np.tile(a[:, None, None], (1, 3, 2))}, {"y": 2 * a}
def theirs(): return Batches()
""",
    "generator": """
import numpy as np
def theirs():
    for start in range(0, 250, 32):
        a = np.arange(start, min(start + 32, 250), dtype="float32")
        yield {"a": a, "image": np.tile(a[:, None, None], (1, 3, 2)), "y": 2 * a}
""",
    "generator of rows": """
import numpy as np
def theirs():
    for a in range(250):
        yield {"a": np.float32(a), "image": np.full((3, 2), a, "float32")}, {"y": np.float32(2 * a)}
""",
    "grain": """
import grain.python as grain, numpy as np
def theirs():
    def row(a): return {"a": np.float32(a), "image": np.full((3, 2), a, "float32"), "y": np.float32(2 * a)}
    return grain.MapDataset.range(250).map(row).batch(32)
""",
}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("kind", BATCHES)
def test_batches_are_read_once_with_every_row(
    stranger, tmp_path, monkeypatch, kind: str, stream: bool
) -> None:
    if kind == "grain":
        pytest.importorskip("grain")
    if stream:
        monkeypatch.setattr("workbench.data.reading.working_copy.should_stream", lambda *_: True)
        monkeypatch.setattr("workbench.data.reading.working_copy.CHUNK_BYTES", 2000)
    catalog = stranger(BATCHES[kind])
    section = Data.model_validate(
        {"use": "theirs", "targets": "y", "split": {"test": 0.2}, "scale": "standard"}
    )
    assert isinstance(read(section, catalog, tmp_path), StreamedSource if stream else Source)
    loaded = loading.load_or_stream(section, catalog, folder=tmp_path, seed=1)
    assert loaded.preparation.input_shapes() == {"features": (1,), "image": (3, 2)}
    train = loaded.train.read_all() if isinstance(loaded.train, StreamedPart) else loaded.train
    assert (train.rows, loaded.test.rows) == (200, 50)
    np.testing.assert_array_equal(train.targets["y"][:, 0], 2.0 * train.index)
    own = (train.index - train.index.mean()) / train.index.std()
    np.testing.assert_allclose(train.inputs["features"][:, 0], own, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(train.inputs["image"][:, 2, 1], own, rtol=1e-5, atol=1e-6)
    if stream:  # an epoch has an order of its own, the same again, and can be entered at any step
        part = loaded.train
        epoch = [batch.index.tolist() for batch in part.batches(32, epoch=3, seed=5)]
        assert [batch.index.tolist() for batch in part.batches(32, epoch=3, step=4, seed=5)] == epoch[4:]
        assert sorted(row for batch in epoch for row in batch) == sorted(train.index.tolist())


ENDLESS = {
    "tf.data": "import tensorflow as tf\ndef theirs(): return tf.data.Dataset.from_tensors({'x': [1.0]}).repeat()",
    "PyDataset": "import keras, numpy as np\nclass D(keras.utils.PyDataset):\n"
    "    num_batches = None\n    def __getitem__(self, at): return {'x': np.full(7, at)}\ndef theirs(): return D()",
    "generator": "import numpy as np\ndef theirs():\n    while True: yield {'x': np.zeros((64, 4096))}",
}


@pytest.mark.parametrize("kind", ENDLESS)
def test_what_has_no_end_is_refused_and_taken_in_part(stranger, tmp_path, monkeypatch, kind: str) -> None:
    catalog = stranger(ENDLESS[kind])
    source = read(Data(use="theirs", rows=100), catalog, tmp_path)
    assert len(source.columns["x"]) == 100
    monkeypatch.setattr(batches, "_CHECKED_BYTES", 2**62 if kind != "generator" else 2**20)
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 0}))
    with pytest.raises(DataError, match=r"has no end|more come, and there is no room") as caught:
        read(Data(use="theirs"), catalog, tmp_path)
    assert "`rows: 100000`" in caught.value.hint
    assert ".take(n)" in caught.value.hint


@pytest.mark.parametrize(
    ("code", "what"),
    [
        ("yield ({'x': [1]}, {'y': [2]}, [0.5])", "gives 3 things an element"),
        (
            "yield {'x': np.zeros((2, 3))}; yield {'x': np.zeros((2, 4))}",
            r"rows of the shape \(4,\), and of \(3,\)",
        ),
        ("yield {'x': [1, 2]}; yield {'z': [1, 2]}", "it has the arrays z, and the first had x"),
        ("yield {'x': [1, 2]}; yield {'x': ['a', 'b']}", "'x' is string, and int64 in the first batch"),
        ("yield ({'x': [1]}, {'x': [2]})", "'x' is among the inputs and among the targets"),
        ("yield from ()", "there are no rows"),
        (
            "yield {'x': [1]}; raise ValueError('an unlucky number')",
            "'theirs' failed: ValueError: an unlucky number",
        ),
    ],
)
def test_batches_that_do_not_fit_together(stranger, tmp_path: Path, code: str, what: str) -> None:
    with pytest.raises(DataError, match=what):
        read(Data(use="theirs"), stranger(f"import numpy as np\ndef theirs():\n    {code}\n"), tmp_path)
