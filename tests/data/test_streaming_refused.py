"""Data that cannot be streamed, or changes meanwhile, is reported as in memory; files larger than memory."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.data.test_streaming import ROWS, assert_equal, both, columns, small_chunks, write
from workbench.data import loading
from workbench.errors import DataError, RecipeError, WorkbenchError
from workbench.recipe.schema import Data

__all__ = ["both", "small_chunks"]


@pytest.mark.parametrize(
    ("kind", "change", "section", "where", "what"),
    [
        ("csv", (700, "a", ""), {}, "t.csv:702", "'a' has no value"),
        ("csv", (700, "a", "oops"), {}, "t.csv:702", "should hold numbers, and holds the text 'oops'"),
        ("parquet", (700, "a", None), {}, "t.parquet, row 701", "'a' has no value"),
        ("parquet", (999, "a", 1e300), {}, "t.parquet, row 1000", "too large for a 32-bit"),
        ("csv", None, {"targets": "yy"}, "data.targets", "Did you mean"),
        ("csv", None, {"classes": (), "targets": "k"}, "t.csv:2", "holds texts"),
        ("parquet", None, {"split": {"test": 0.0001}}, "data.split.test", "without a row"),
        ("parquet", None, {"split": {"test": 0.1, "stratify": "k"}}, "data.split.stratify", "'only here' in 1"),
        ("csv", (5, "k", ""), {"ignore": "k", "split": {"test": 0.1, "stratify": "k"}}, "t.csv:7", "'k', to strat"),
    ],
)  # fmt: skip
def test_errors_are_reported_as_in_memory(catalog, tmp_path, kind, change, section, where, what) -> None:
    given = write(tmp_path, kind)
    if change:
        row, name, value = change
        if kind == "csv":
            lines = (tmp_path / "t.csv").read_text().splitlines()
            fields = lines[row + 1].split(",")
            fields[list(columns()).index(name)] = value
            lines[row + 1] = ",".join(fields)
            (tmp_path / "t.csv").write_text("\n".join(lines) + "\n")
        else:
            table = columns()
            table[name][row] = value
            pq.write_table(pa.table(table), tmp_path / "t.parquet", row_group_size=300)
    data = Data.model_validate({**given, **section, "stream": True})
    with pytest.raises(WorkbenchError, match=what) as error:
        loading.load_or_stream(data, catalog, folder=tmp_path, seed=0).train.read_all()
    assert error.value.where == where


def test_types_that_change_far_down_a_text_file(both, tmp_path: Path) -> None:
    numbers = "".join(f"{row},{row},x,true,2020-01-01,{row % 2}\n" for row in range(ROWS))
    (tmp_path / "t.csv").write_text(f"i,f,t,b,d,y\n{numbers}5,2.5,,false,2020-01-02,1\n")
    section = {"use": "csv", "path": "t.csv", "targets": "y", "missing": "mean"}
    with pytest.raises(DataError, match="'d' holds dates"):
        both(section)
    memory, stream = both({**section, "ignore": "d"})
    assert_equal(memory.train, stream.train.read_all())


def test_a_malformed_line_of_a_text_file(catalog, tmp_path: Path) -> None:
    write(tmp_path, "csv")
    text = (tmp_path / "t.csv").read_text().splitlines()
    text[800] += ",more"
    (tmp_path / "t.csv").write_text("\n".join(text))
    data = Data.model_validate({"use": "csv", "path": "t.csv", "targets": "y", "stream": True})
    with pytest.raises(DataError, match="6 columns, and the table 5") as error:
        loading.load_or_stream(data, catalog, folder=tmp_path, seed=0)
    assert error.value.where == "t.csv:801"


def test_decimal_commas_and_columns_in_a_stream(both, tmp_path: Path) -> None:
    lines = "".join(f"{row},5;{row};x{row};1\n" for row in range(ROWS))
    (tmp_path / "t.csv").write_text(f"a;b;c;y\n{lines}")
    memory, stream = both(
        {
            "use": "csv",
            "path": "t.csv",
            "targets": "y",
            "delimiter": ";",
            "decimal": ",",
            "columns": ["y", "a"],
        }
    )
    assert_equal(memory.train, stream.train.read_all())
    assert stream.train.head(2).inputs["features"].tolist() == [[0.5], [1.5]]


def test_data_that_changes_between_epochs_is_noticed(catalog, tmp_path: Path) -> None:
    section = {**write(tmp_path, "parquet", gaps=True), "missing": "drop", "stream": True}
    stream = loading.load_or_stream(Data.model_validate(section), catalog, folder=tmp_path, seed=0)
    write(tmp_path, "parquet")
    with pytest.raises(WorkbenchError, match="changed"):
        stream.train.read_all()


def test_arrays_that_cannot_be_streamed(catalog, tmp_path: Path) -> None:
    np.savez(tmp_path / "t.npz", x=np.asfortranarray(np.ones((5, 2))), y=np.ones(5))
    data = Data.model_validate({"use": "npz", "path": "t.npz", "targets": "y", "stream": True})
    with pytest.raises(DataError, match="column by column"):
        loading.load_or_stream(data, catalog, folder=tmp_path, seed=0)
    np.savez(tmp_path / "t.npz", x=np.ones((5, 2)), y=np.ones(4))
    with pytest.raises(DataError, match="'x' has 5 rows and 'y' has 4"):
        loading.load_or_stream(data, catalog, folder=tmp_path, seed=0)
    np.savez(tmp_path / "t.npz", x=np.array([{}], dtype=object), y=np.ones(1))
    with pytest.raises(WorkbenchError, match="pickled"):
        loading.load_or_stream(data, catalog, folder=tmp_path, seed=0)


def test_parquet_files_that_differ(catalog, tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    pq.write_table(pa.table({"a": [1], "y": [1]}), tmp_path / "p" / "1.parquet")
    pq.write_table(pa.table({"a": [1.5], "y": [1]}), tmp_path / "p" / "2.parquet")
    data = Data.model_validate({"use": "parquet", "path": "p", "targets": "y", "stream": True})
    with pytest.raises(WorkbenchError, match="other columns or types"):
        loading.load_or_stream(data, catalog, folder=tmp_path, seed=0)


def test_stream_is_a_yes_a_no_or_auto(catalog, tmp_path: Path) -> None:
    section = {**write(tmp_path, "csv"), "stream": "perhaps"}
    with pytest.raises(RecipeError, match="'stream' of 'csv' cannot be 'perhaps'"):
        loading.load_or_stream(Data.model_validate(section), catalog, folder=tmp_path, seed=0)


_MEASURED = """
import resource, sys
from pathlib import Path
from workbench.catalog.discovery import discover
from workbench.catalog.lookup import Catalog
from workbench.data.loading import load_or_stream
from workbench.recipe.schema import Data
import numpy, psutil, pyarrow.parquet
resource.setrlimit(resource.RLIMIT_AS, (psutil.Process().memory_info().vms + 700 * 2**20,) * 2)
section = Data.model_validate({"use": sys.argv[1], "path": sys.argv[2], "targets": "y", "scale": "standard"})
loaded = load_or_stream(section, Catalog(discover()), folder=Path("/"), seed=0)
rows = sum(batch.rows for batch in loaded.train.batches(256, seed=0))
print(type(loaded).__name__, rows)
"""


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["parquet", "npz"])
def test_a_file_larger_than_the_memory_allowed_streams_by_itself(kind: str, tmp_path: Path) -> None:
    rows, width = 1_000_000, 100  # 800 MB, in one row group
    path = tmp_path / f"t.{kind}"
    x = np.random.default_rng(0).random((10_000, width))
    if kind == "parquet":
        table = pa.table({f"c{at}": x[:, at] for at in range(width)} | {"y": x[:, 0]})
        with pq.ParquetWriter(path, table.schema, compression="none", use_dictionary=False) as writer:
            writer.write_table(pa.concat_tables([table] * 100), row_group_size=rows)
    else:
        np.savez(path, x=np.tile(x, (100, 1)), y=np.tile(x[:, 0], 100))
    result = subprocess.run(
        [sys.executable, "-c", _MEASURED, kind, str(path)], capture_output=True, text=True, timeout=500
    )
    assert result.stdout.split() == ["Streamed", str(rows)], result.stderr[-2000:]


_LIMITED = """
import resource, sys
from kwb_datasets.arrays import npz
from kwb_datasets.text import csv
from workbench.errors import FileError
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
for reader in (csv, npz):
    try:
        reader(sys.argv[1] + "/t." + reader.__name__, stream=True)
    except FileError as error:
        print(error.where, error)
"""


def test_a_full_disk_is_reported_in_plain_words(tmp_path: Path) -> None:
    """A limit on the size of files stands for the disk: the working copy meets it in the same place."""
    numbers = np.random.default_rng(0).random((40_000, 2))
    (tmp_path / "t.csv").write_text("a,b\n" + "".join(f"{a},{b}\n" for a, b in numbers))
    np.savez_compressed(tmp_path / "t.npz", x=numbers)
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache")}
    result = subprocess.run(
        [sys.executable, "-c", _LIMITED, str(tmp_path)],
        capture_output=True,
        text=True,
        env=environment,
        check=True,
    )
    assert result.stdout.count("data.path: there is no room in") == 2
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]
