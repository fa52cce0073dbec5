"""The built-in datasets and readers, on real files."""

import bz2
import datetime
import gzip
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kwb_datasets.arrays import npz
from kwb_datasets.downloads import images
from kwb_datasets.parquet import parquet
from kwb_datasets.text import csv
from workbench.catalog.discovery import PluginState, discover
from workbench.catalog.entries import Kind
from workbench.catalog.lookup import Catalog
from workbench.data import Source, load
from workbench.data.reading.calls import read
from workbench.errors import DataError, ExitCode, FileError, RecipeError, WorkbenchError
from workbench.recipe.schema import Data

nan = float("nan")


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., str]:
    def write(content: str | bytes, name: str = "t.csv") -> str:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return str(path)

    return write


def values(source: Source) -> dict[str, list]:
    return {name: array.tolist() for name, array in source.columns.items()}


# The plugin


def test_everything_offered_can_be_found_and_listing_it_imports_nothing_heavy() -> None:
    code = (
        "import sys; from workbench.catalog.discovery import discover; "
        "plugin = next(p for p in discover() if p.name == 'kwb_datasets'); "
        "print(plugin.state, len(plugin.entries) >= 12); "
        "print([m for m in ('keras', 'tensorflow', 'sklearn', 'pyarrow', 'numpy') if m in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.split("\n")[:2] == [f"{PluginState.LOADED} True", "[]"]


@pytest.mark.parametrize(
    ("name", "rows", "inputs", "target", "classes"),
    [
        ("diabetes", 442, {"features": (10,)}, "progression", None),
        ("iris", 150, {"features": (4,)}, "species", ("setosa", "versicolor", "virginica")),
        ("wine", 178, {"features": (13,)}, "grower", ("class_0", "class_1", "class_2")),
        ("breast_cancer", 569, {"features": (30,)}, "diagnosis", ("malignant", "benign")),
        ("digits", 1797, {"image": (8, 8, 1)}, "digit", tuple("0123456789")),
    ],
)
def test_datasets_inside_scikit_learn(name, rows, inputs, target, classes) -> None:
    prepared = load(Data(use=name), Catalog(discover()), folder=Path(), seed=0)
    assert prepared.train.rows == rows
    assert prepared.preparation.input_shapes() == inputs
    assert prepared.preparation.classes() == ({target: classes} if classes else {})
    assert list(prepared.train.targets) == [target]


def test_diabetes_is_in_plain_units_unless_asked_otherwise() -> None:
    catalog = Catalog(discover())
    plain = read(Data(use="diabetes"), catalog, Path())
    scaled = read(Data.model_validate({"use": "diabetes", "scaled": True}), catalog, Path())
    assert plain.columns["age"][0] == 59
    assert abs(scaled.columns["age"]).max() < 0.2
    assert list(plain.columns)[:4] == ["age", "sex", "bmi", "bp"]


def test_digits_are_pixels_from_zero_to_one() -> None:
    image = read(Data(use="digits"), Catalog(discover()), Path()).columns["image"]
    assert (image.min(), image.max(), image.dtype) == (0, 1, np.float32)


def test_column_names_need_no_quotes() -> None:
    catalog = Catalog(discover())
    for name in ("iris", "wine", "breast_cancer"):
        assert all(column.isidentifier() for column in read(Data(use=name), catalog, Path()).columns)


# CSV


def test_csv_types(write) -> None:
    source = csv(write("i,f,t,b,n\n1,1.5,x,true,\n-2,1e-3,NA,false,\n"))
    np.testing.assert_equal(
        values(source),
        {"i": [1, -2], "f": [1.5, 0.001], "t": ["x", None], "b": [True, False], "n": [nan, nan]},
    )


@pytest.mark.parametrize(
    ("content", "options", "expected"),
    [
        ("a;b\n1,5;2\n", {"delimiter": ";", "decimal": ","}, {"a": [1.5], "b": [2]}),
        ("a\tb\n1\t2\n", {"name": "t.tsv"}, {"a": [1], "b": [2]}),
        ("1,2\n3,4\n", {"header": False}, {"column_1": [1, 3], "column_2": [2, 4]}),
        ("1,2\n3,4\n", {"header": ["p", "q"]}, {"p": [1, 3], "q": [2, 4]}),
        ("\ufeffa,b\n1,2\n", {}, {"a": [1], "b": [2]}),
        ("\ufeffa,b\n1,2\n", {"encoding": "utf-8-sig"}, {"a": [1], "b": [2]}),
        ("é\nü\n".encode("latin-1"), {"encoding": "latin-1"}, {"é": ["ü"]}),
        ("a,b\n1,é\n".encode("utf-16"), {"encoding": "utf-16"}, {"a": [1], "b": ["é"]}),
        ("# made by hand\n\na,b\n1,2\n", {"skip": 1}, {"a": [1], "b": [2]}),
        ("a,b\n1,-999\n,x\n", {"missing_values": ["-999"]}, {"a": [1, nan], "b": [None, "x"]}),
        ("a,b,c\n1,2,3\n", {"columns": ["c", "a"]}, {"c": [3], "a": [1]}),
        (" a , b\n1,2\n", {}, {"a": [1], "b": [2]}),
        (",b\n1,2\n", {}, {"column_1": [1], "b": [2]}),
        ('a,b\n1,"x, y\nz"\n', {}, {"a": [1], "b": ["x, y\nz"]}),
        ('"a\nb",c\n\n1,2\n', {}, {"a\nb": [1], "c": [2]}),
        ("a,b\n1,'x,y'\n", {"quote": "'"}, {"a": [1], "b": ["x,y"]}),
        (gzip.compress(b"a,b\n1,2\n", mtime=0), {"name": "t.csv.gz"}, {"a": [1], "b": [2]}),
        ("a,b\r\n1,2\r\n", {}, {"a": [1], "b": [2]}),
        (bz2.compress(b"a,b\n1,2\n"), {"name": "t.csv.bz2"}, {"a": [1], "b": [2]}),
        ("a;b\n1;2\n", {}, {"a": [1], "b": [2]}),
        ("a\tb\n1\t2\n", {}, {"a": [1], "b": [2]}),
        ("a;b\n1,5;2\n", {}, {"a": [1.5], "b": [2]}),
        ("a;b\n1.656,5;2\n", {}, {"a": [1656.5], "b": [2]}),
        ('a,b\n"1,656",9.7\n600,9.8\n', {}, {"a": [1656, 600], "b": [9.7, 9.8]}),
        ('a,b\n"1,656,000",1\n"1,600",2\n', {}, {"a": [1656000, 1600], "b": [1, 2]}),
        (
            'a,b\n"1,656",1\nNA,2\n"-2,000.5",2\n',
            {"thousands": ","},
            {"a": [1656, nan, -2000.5], "b": [1, 2, 2]},
        ),
        # Not said and not certain: left as it is, so that whoever needs a number is asked.
        ('a,b\n"1,656",1\n600,2\n', {}, {"a": ["1,656", "600"], "b": [1, 2]}),
        ('a,b\n"1,656",1\n600,2\n', {"decimal": ","}, {"a": [1.656, 600], "b": [1, 2]}),
    ],
)
def test_csv_as_it_comes(write, content, options, expected) -> None:
    name = options.pop("name", "t.csv")
    np.testing.assert_equal(values(csv(write(content, name), **options)), expected)


def test_csv_rows_are_found_again_by_line(write) -> None:
    source = csv(write('# note\na,b\n1,"x\ny"\n\n2,z\n3,w\n'), skip=1)
    assert [source.place(row) for row in range(3)] == ["t.csv:3", "t.csv:6", "t.csv:7"]
    headless = csv(write("1,2\n\n3,4\n"), header=False)
    assert [headless.place(row) for row in range(2)] == ["t.csv:1", "t.csv:3"]


def test_csv_types_follow_the_whole_column_and_not_its_beginning(write) -> None:
    """Arrow guesses types block by block: a text far down must not be refused or lost."""
    rows = "".join(f"{number},1\n" for number in range(400_000))
    source = csv(write(f"a,b\n{rows}end,1\n"))
    assert source.columns["a"][-1] == "end"
    assert source.columns["a"][0] == "0"
    assert source.columns["b"].dtype == np.int64


@pytest.mark.parametrize(
    ("content", "options", "error", "where", "what"),
    [
        ("", {}, FileError, "data.path", "is empty"),
        ("\n\n", {}, DataError, "t.csv", "no lines"),
        ("a,b\n", {}, DataError, "t.csv", "no rows"),
        ("a;b\n1;2\n", {"delimiter": ","}, RecipeError, "data", 'a semicolon.*`delimiter: ";"`'),
        ("a\tb\n1;2\n", {}, RecipeError, "data", r'a tab.*`delimiter: "\\t"`'),
        ("a,b\n1,2\n", {"delimiter": ";"}, RecipeError, "data", 'a comma.*`delimiter: ","`'),
        ("a,b\n1,2\n3\n", {}, DataError, "t.csv:3", "1 columns, and the table 2"),
        ('a,b\n1,"p\nq"\n3,4,5\n', {}, DataError, "t.csv:4", "3 columns, and the table 2"),
        ("a,a\n1,2\n", {}, DataError, "t.csv", "'a' occurs 2 times"),
        ("a, a\n1,2\n", {}, DataError, "t.csv", "'a' occurs 2 times"),
        ("a,,c\n1,2,3\n", {}, DataError, "t.csv:1", "column 2 has no name"),
        ("é,b\n1,2\n".encode("latin-1"), {}, FileError, "data.path", "not written in utf-8"),
        ("a,b\n1,é\n".encode("latin-1"), {}, FileError, "data.path", "not written in utf-8"),
        ("a,b\n1,2\n".encode("utf-16"), {}, FileError, "data.path", "`encoding: utf-16`"),
        (b"PK\x03\x04\x00\x00\n\n", {}, FileError, "data.path", "no text file"),
        ("a,b\n1,2\n", {"encoding": "utf-9"}, RecipeError, "data.encoding", "no encoding 'utf-9'"),
        ("a,b\n1,2\n", {"header": ["x"]}, RecipeError, "data.header", "1 names are given for 2 columns"),
        ("abc,b\n1,2\n", {"columns": ["abd"]}, RecipeError, "data.columns", "Did you mean 'abc'"),
        (b"\x1f\x8b\x08broken", {"name": "t.csv.gz"}, FileError, "data.path", "cannot be read|not written"),
    ],
)
def test_csv_errors(write, content, options, error, where, what) -> None:
    name = options.pop("name", "t.csv")
    with pytest.raises(error, match=what) as caught:
        csv(write(content, name), **options)
    assert caught.value.where == where


@pytest.mark.parametrize("reader", [csv, npz, parquet])
def test_a_file_that_is_not_there_has_a_near_name(reader, write, tmp_path: Path) -> None:
    write("x", "prices.bin")
    with pytest.raises(RecipeError, match=r"Did you mean 'prices\.bin'") as error:
        reader(str(tmp_path / "price.bin"))
    assert error.value.where == "data.path"
    with pytest.raises(RecipeError, match="no folder"):
        reader(str(tmp_path / "nowhere" / "price.bin"))


@pytest.mark.parametrize("reader", [csv, npz, parquet])
def test_a_folder_is_no_file(reader, tmp_path: Path) -> None:
    with pytest.raises(FileError, match="folder") as error:
        reader(str(tmp_path))
    assert error.value.exit_code == ExitCode.FILE


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(write) -> None:
    path = write("a,b\n1,2\n")
    Path(path).chmod(0)
    with pytest.raises(FileError, match="may not be read"):
        csv(path)


# Parquet


def test_parquet_types(tmp_path: Path) -> None:
    table = pa.table(
        {
            "i": pa.array([1, None, 3]),
            "t": pa.array(["a", None, "b"]).dictionary_encode(),
            "b": pa.array([True, None, False]),
            "d": pa.array(["1.5", "2.5", None]).cast(pa.decimal128(5, 2)),
            "x": pa.array([[[1.0, 2.0]], [[3.0, 4.0]], [[5.0, 6.0]]]),
            "f": pa.FixedSizeListArray.from_arrays(pa.array(range(6)), 2),
        }
    )
    path = tmp_path / "t.parquet"
    pq.write_table(table, path, row_group_size=2)
    np.testing.assert_equal(
        values(parquet(str(path))),
        {
            "i": [1, nan, 3],
            "t": ["a", None, "b"],
            "b": [True, None, False],
            "d": [1.5, 2.5, nan],
            "x": [[[1, 2]], [[3, 4]], [[5, 6]]],
            "f": [[0, 1], [2, 3], [4, 5]],
        },
    )
    assert list(parquet(str(path), columns=["f", "i"]).columns) == ["f", "i"]


def test_a_folder_of_parquet_files_is_one_table(tmp_path: Path) -> None:
    for part in range(3):
        pq.write_table(pa.table({"a": [part]}), tmp_path / f"part-{part}.parquet")
    assert values(parquet(str(tmp_path))) == {"a": [0, 1, 2]}


@pytest.mark.parametrize(
    ("column", "what"),
    [
        (pa.array([datetime.date(2020, 1, 1)] * 2), "dates"),
        (pa.array([datetime.time(1, 2)] * 2), "dates"),
        (pa.array([[1.0], [1.0, 2.0]]), "do not form an array"),
        (pa.array([{"a": 1}] * 2), "dict values"),
        (pa.array([b"x"] * 2), "bytes"),
        (pa.array([2**60, 1]), "1152921504606846976"),
    ],
)
def test_parquet_columns_no_model_can_use(tmp_path: Path, column: pa.Array, what: str) -> None:
    pq.write_table(pa.table({"c": column, "x": [1, 2], "y": [1, 2]}), tmp_path / "t.parquet")
    section = {"use": "parquet", "path": "t.parquet", "targets": "y"}
    catalog = Catalog(discover())
    with pytest.raises(DataError, match=what):
        load(Data.model_validate(section), catalog, folder=tmp_path, seed=0)
    load(Data.model_validate({**section, "ignore": "c"}), catalog, folder=tmp_path, seed=0)


def test_parquet_errors(write, tmp_path: Path) -> None:
    with pytest.raises(FileError, match="no readable Parquet file"):
        parquet(write("a,b\n1,2\n", "t.parquet"))
    pq.write_table(pa.Table.from_arrays([pa.array([1])] * 2, names=["a", "a"]), tmp_path / "twice.parquet")
    with pytest.raises(DataError, match="'a' occurs 2 times"):
        parquet(str(tmp_path / "twice.parquet"))
    pq.write_table(pa.table({"price": [1]}), tmp_path / "one.parquet")
    with pytest.raises(RecipeError, match="Did you mean 'price'"):
        parquet(str(tmp_path / "one.parquet"), columns=["prize"])


# npz


def test_npz_arrays_by_name(tmp_path: Path) -> None:
    path = tmp_path / "t.npz"
    np.savez(path, x=np.ones((2, 3)), y=[1, 2], version=7)
    assert list(npz(str(path)).columns) == ["x", "y"]
    assert list(npz(str(path), columns=["y"]).columns) == ["y"]


def test_npz_with_its_own_test_part(tmp_path: Path) -> None:
    path = tmp_path / "t.npz"
    np.savez(path, x=np.ones((2, 3)), xt=np.zeros((1, 3)))
    source = npz(str(path), test={"x": "xt"})
    assert list(source.columns) == ["x"]
    assert source.test["x"].shape == (1, 3)


def test_npz_errors(write, tmp_path: Path) -> None:
    np.savez(tmp_path / "objects.npz", x=np.array([{"run": "me"}], dtype=object), y=[1])
    with pytest.raises(FileError, match=r"'x' holds pickled Python objects.*refused"):
        npz(str(tmp_path / "objects.npz"))
    assert list(npz(str(tmp_path / "objects.npz"), columns=["y"]).columns) == ["y"]
    np.save(tmp_path / "single.npz.npy", np.ones(3))
    with pytest.raises(FileError, match="a single numpy array"):
        npz(str(tmp_path / "single.npz.npy"))
    with pytest.raises(FileError, match="no readable"):
        npz(write("a,b\n", "text.npz"))
    np.savez(tmp_path / "whole.npz", images=np.arange(1000))
    whole = (tmp_path / "whole.npz").read_bytes()
    with pytest.raises(FileError, match="no readable"):
        npz(write(whole[: len(whole) // 2], "torn.npz"))
    damaged = bytearray(whole)
    damaged[2000:2008] = b"damaged!"
    with pytest.raises(FileError, match="'images' is damaged"):
        npz(write(bytes(damaged), "damaged.npz"))
    with pytest.raises(RecipeError, match="Did you mean 'images'") as error:
        npz(str(tmp_path / "whole.npz"), columns=["image"])
    assert error.value.where == "data.columns"
    with pytest.raises(RecipeError, match="no array 'test'") as error:
        npz(str(tmp_path / "whole.npz"), test={"images": "test"})
    assert error.value.where == "data.test.images"
    np.savez(tmp_path / "empty.npz")
    with pytest.raises(WorkbenchError, match="no array"):
        npz(str(tmp_path / "empty.npz"))


# Downloads


def test_images_are_pixels_with_channels_and_a_test_part() -> None:
    train = np.full((3, 4, 4), 255, np.uint8), np.array([[0], [1], [0]], np.uint8)
    test = np.zeros((2, 4, 4), np.uint8), np.array([1, 1], np.uint8)
    source = images(train, test, target="digit", classes=("a", "b"), origin="mnist")
    assert source.columns["image"].shape == (3, 4, 4, 1)
    assert source.columns["image"].max() == 1
    assert source.columns["digit"].tolist() == [0, 1, 0]
    assert source.test["image"].shape == (2, 4, 4, 1)


def _download(name: str, keras_home: Path, proxy: str) -> subprocess.CompletedProcess[str]:
    code = f"""
import time, kwb_datasets.downloads as downloads
from workbench.errors import DataError
downloads._SILENCE = 1.0
import keras
started = time.monotonic()
try:
    source = downloads.{name}()
except DataError as error:
    print(error)
else:
    print(source.columns['image'].shape, source.test['image'].shape, source.classes['article'][9])
print(time.monotonic() - started < 30)
"""
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "KERAS_HOME": str(keras_home), "https_proxy": proxy, "no_proxy": ""},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )


@pytest.fixture
def silent_server() -> Iterator[str]:
    """A host that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken: list[socket.socket] = []

        def take() -> None:
            try:
                while True:
                    taken.append(server.accept()[0])
            except OSError:
                pass

        threading.Thread(target=take, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        for connection in taken:
            connection.close()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mnist", "california_housing", "cifar10"])
def test_offline_a_download_says_what_is_missing_and_what_to_do(name: str, tmp_path: Path) -> None:
    result = _download(name, tmp_path, "http://127.0.0.1:9")
    error, in_time = result.stdout.splitlines()
    assert in_time == "True"
    assert f"data.use: '{name}' is not at hand: there is no file {tmp_path}/datasets/" in error
    assert "Connect to" in error


@pytest.mark.slow
def test_a_network_that_is_silent_does_not_hang(silent_server: str, tmp_path: Path) -> None:
    error, in_time = _download("mnist", tmp_path, silent_server).stdout.splitlines()
    assert "timed out" in error
    assert in_time == "True"


@pytest.mark.slow
def test_what_keras_has_kept_needs_no_network(tmp_path: Path) -> None:
    folder = tmp_path / "datasets" / "fashion-mnist"
    folder.mkdir(parents=True)
    for part, rows in (("train", 6), ("t10k", 2)):
        labels = bytes(8) + bytes(range(rows))
        pixels = bytes(16) + bytes(rows * 28 * 28)
        (folder / f"{part}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(labels))
        (folder / f"{part}-images-idx3-ubyte.gz").write_bytes(gzip.compress(pixels))
    result = _download("fashion_mnist", tmp_path, "http://127.0.0.1:9")
    assert result.stdout.splitlines()[0] == "(6, 28, 28, 1) (2, 28, 28, 1) Ankle boot"


def test_every_entry_leads_to_a_function() -> None:
    from workbench.catalog.resolve import resolve

    entries = [entry for entry in Catalog(discover()).of_kind(Kind.DATASET) if entry.plugin == "kwb_datasets"]
    assert all(callable(resolve(entry)) and entry.summary for entry in entries)
