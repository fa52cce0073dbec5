"""The readers of tables that are no text, by what other packages wrote; the values are those of pandas."""

import bz2
import gzip
import json as notation
import lzma
import sqlite3
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from workbench.catalog.discovery import discover
from workbench.catalog.lookup import Catalog
from workbench.data import apply_to, data_argument, load
from workbench.data.chunks import StreamedSource
from workbench.data.reading.calls import read
from workbench.data.source import Source
from workbench.errors import DataError, FileError, RecipeError, WorkbenchError
from workbench.recipe.schema import Data

ROWS = 50


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return Catalog(discover())


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    random = np.random.default_rng(2)
    frame = pd.DataFrame(
        {"a": random.normal(size=ROWS).round(6), "n": np.arange(ROWS), "k": random.choice(["x", "y"], ROWS)}
    )
    frame.loc[3, "a"] = np.nan
    frame["y"] = frame["a"].fillna(0) * 2
    return frame


def write(frame: pd.DataFrame, file: Path, use: str) -> None:
    match use:
        case "csv":
            text = frame.to_csv(index=False).encode()
            pack = {
                ".gz": gzip.compress,
                ".bz2": bz2.compress,
                ".xz": lzma.compress,
                ".zst": lambda data: pa.Codec("zstd").compress(data).to_pybytes(),
            }
            if file.suffix == ".zip":
                with zipfile.ZipFile(file, "w") as archive:
                    archive.writestr("inside.csv", text)
            else:
                file.write_bytes(pack.get(file.suffix, bytes)(text))
        case "json":
            frame.to_json(file, orient="records", lines=file.suffix == ".jsonl")
        case "excel":
            with pd.ExcelWriter(file) as book:
                pd.DataFrame({"other": [1]}).to_excel(book, sheet_name="Notes", index=False)
                frame.to_excel(book, sheet_name="Prices", index=False, startrow=2)
        case "arrow":
            frame.to_feather(file)
        case "orc":
            frame.to_orc(file)
        case "parquet":
            frame.to_parquet(file)
        case "sqlite":
            database = sqlite3.connect(file)
            frame.to_sql("prices", database, index=False)
            database.close()


KINDS = [
    *(("csv", f"p.csv{packed}") for packed in (".gz", ".bz2", ".xz", ".zst", ".zip")),
    ("csv", "p.txt"),
    ("json", "p.jsonl"),
    ("json", "p.json"),
    ("excel", "p.xlsx"),
    ("arrow", "p.feather"),
    ("orc", "p.orc"),
    ("sqlite", "p.db"),
]


@pytest.mark.parametrize(("use", "name"), KINDS)
def test_a_file_is_read_as_pandas_wrote_it_and_predicts_too(
    catalog, frame, tmp_path: Path, use, name
) -> None:
    file = tmp_path / name
    write(frame, file, use)
    section = {"use": use, "path": str(file)} | ({"sheet": "Prices", "skip": 2} if use == "excel" else {})
    for stream in (False, True):
        source = read(Data.model_validate({**section, "stream": stream}), catalog, tmp_path)
        columns = source.sample().columns if isinstance(source, StreamedSource) else source.columns
        assert list(columns) == list(frame.columns)
        for column in frame:
            expected = frame[column].to_numpy(object if column == "k" else None)
            np.testing.assert_array_equal(columns[column], expected)
    data = Data.model_validate({**section, "targets": "y", "missing": {"inputs": "mean"}})
    prepared = load(data, catalog, folder=tmp_path, seed=0)
    argument = data_argument(str(file), catalog, prepared.preparation)
    part = apply_to(prepared.preparation, argument, catalog, folder=tmp_path, seed=0)
    np.testing.assert_array_equal(part.inputs["features"], prepared.train.inputs["features"])


def test_the_reader_of_the_training_is_asked_first(catalog, tmp_path: Path, frame) -> None:
    folder = tmp_path / "parts"
    folder.mkdir()
    frame.iloc[:20].to_parquet(folder / "1.parquet")
    frame.iloc[20:].to_parquet(folder / "2.parquet")
    data = Data.model_validate(
        {"use": "parquet", "path": str(folder), "targets": "y", "missing": {"inputs": "mean"}}
    )
    prepared = load(data, catalog, folder=tmp_path, seed=0)
    for given in (str(folder), f"{folder}/*.parquet"):
        argument = data_argument(given, catalog, prepared.preparation)
        part = apply_to(prepared.preparation, argument, catalog, folder=tmp_path, seed=0)
        np.testing.assert_array_equal(part.inputs["features"], prepared.train.inputs["features"])
    # A suffix that another reader knows is still its own: the training was of parquet.
    assert data_argument(
        str(tmp_path / "parts/../parts/1.parquet"), catalog, prepared.preparation
    ).use.endswith("parquet")


def test_several_files_are_one_table(catalog, tmp_path: Path, frame) -> None:
    for number, rows in enumerate((frame.iloc[:10], frame.iloc[10:30], frame.iloc[30:])):
        rows.to_csv(tmp_path / f"part-{number}.csv", index=False)
    for path in ("part-*.csv", ["part-0.csv", "part-1.csv", "part-2.csv"], ["part-0.csv", "part-[12].csv"]):
        for stream in (False, True):
            source = read(
                Data.model_validate({"use": "csv", "path": path, "stream": stream}), catalog, tmp_path
            )
            if isinstance(source, StreamedSource):
                reader = source.chunks.open()
                found = [reader.read(chunk, ["n"])["n"] for chunk in range(len(source.chunks.rows))]
                assert np.concatenate(found).tolist() == frame["n"].tolist()
            else:
                np.testing.assert_array_equal(source.columns["a"], frame["a"])
            assert source.place(10) == "part-1.csv:2"
            assert source.place(49) == "part-2.csv:21"
    (tmp_path / "part-1.csv").write_text("a,k,numbers,y\n1,x,2,4\n")
    with pytest.raises(DataError, match=r"'part-1\.csv' has no column 'n', which 'part-0\.csv' has"):
        read(Data.model_validate({"use": "csv", "path": "part-*.csv"}), catalog, tmp_path)


def test_codes_that_are_numbers_in_one_file_stay_codes(catalog, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("region,y\n01,1\n02,2\n")
    (tmp_path / "b.csv").write_text("region,y\n2A,3\n,4\n")
    source = read(Data.model_validate({"use": "csv", "path": ["a.csv", "b.csv"]}), catalog, tmp_path)
    assert isinstance(source, Source)
    assert source.columns["region"].tolist() == ["01", "02", "2A", None]
    assert source.columns["y"].tolist() == [1, 2, 3, 4]


def test_comment_lines_are_passed_over(catalog, tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_text("# made by X\n# 1, 2\na,b\n1,2\n# a note, here, too\n3,4\n")
    for stream in (False, True):
        source = read(
            Data.model_validate({"use": "csv", "path": "c.csv", "stream": stream}), catalog, tmp_path
        )
        columns = source.sample().columns if isinstance(source, StreamedSource) else source.columns
        assert {name: values.tolist() for name, values in columns.items()} == {"a": [1, 3], "b": [2, 4]}
        assert source.options == {"comment": "#"}
        assert source.place(1) == "c.csv:6"
    (tmp_path / "c.csv").write_text("#a,b\n1,2\n")
    assert list(read(Data(use="csv", path="c.csv"), catalog, tmp_path).columns) == ["#a", "b"]
    (tmp_path / "c.csv").write_text("a,b\n1,2\n# a note, here, too\n")
    with pytest.raises(DataError, match='`comment: "#"`'):
        read(Data(use="csv", path="c.csv"), catalog, tmp_path)


def test_json_in_its_other_forms(catalog, tmp_path: Path) -> None:
    def columns(text: str) -> dict:
        (tmp_path / "t.json").write_text(text)
        source = read(Data(use="json", path="t.json"), catalog, tmp_path)
        return {name: values.tolist() for name, values in source.columns.items()}

    assert columns('{"a": [1, 2], "b": ["x", "y"]}') == {"a": [1, 2], "b": ["x", "y"]}
    assert columns('{"a": {"0": 1, "1": 2}}') == {"a": [1, 2]}
    assert columns('{"count": 2, "rows": [{"a": 1}, {"a": 2}], "x": {}}'.replace(', "x": {}', "")) != {}
    assert columns('{"a": 1, "at": {"town": "x"}}\n\n{"a": 2.5, "at": {"town": "y"}}\n') == {
        "a": [1, 2.5],
        "at.town": ["x", "y"],
    }


def wrong(catalog: Catalog, folder: Path, **section: object) -> WorkbenchError:
    with pytest.raises(WorkbenchError) as caught:
        read(Data.model_validate(section), catalog, folder)
    return caught.value


@pytest.mark.parametrize(
    ("use", "name"),
    [
        ("excel", "p.xlsx"),
        ("arrow", "p.feather"),
        ("orc", "p.orc"),
        ("sqlite", "p.db"),
        ("json", "p.jsonl"),
        ("parquet", "p.pq"),
    ],
)
@pytest.mark.parametrize("other", ["csv", "parquet", "npz", "json"])
def test_what_a_file_holds_is_seen_before_a_wrong_reader_reads_it(
    catalog, frame, tmp_path, use, name, other
) -> None:
    if use == other:
        return
    write(frame, tmp_path / name, use)
    error = wrong(catalog, tmp_path, use=other, path=name)
    assert isinstance(error, FileError)
    assert error.where == "data.use"
    assert f"`use: {use}`" in error.hint


def test_files_that_no_reader_reads(catalog, tmp_path: Path) -> None:
    for content, what in (
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "old (.xls) or encrypted Excel file"),
        (b"<!DOCTYPE html><html></html>", "a web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "Git LFS pointer"),
        (b"\x80\x04\x95abc", "pickle"),
    ):
        (tmp_path / "p").write_bytes(content)
        for use in ("csv", "excel", "json"):
            error = wrong(catalog, tmp_path, use=use, path="p")
            assert what in error.what
            assert error.hint
    with zipfile.ZipFile(tmp_path / "two.zip", "w") as archive:
        archive.writestr("a.csv", "a\n1\n")
        archive.writestr("b.csv", "b\n1\n")
    assert "holds 2 files (a.csv, b.csv)" in wrong(catalog, tmp_path, use="csv", path="two.zip").what
    (tmp_path / "cut.csv.gz").write_bytes(gzip.compress(b"a,b\n" + b"1,2\n" * 9999)[:-20])
    assert "cannot be read" in wrong(catalog, tmp_path, use="csv", path="cut.csv.gz").what


def test_errors_in_json_name_the_line(catalog, tmp_path: Path) -> None:
    for text, what in (
        ('{"a": 1}\n{"a": 2\n', "this line is no JSON"),
        ('{"a": 1}\n{"a": "x"}\n', "column 'a' mixes numbers and texts: 'x'"),
        ('{"a": 1}\n[2]\n', "no record with named values"),
    ):
        (tmp_path / "t.jsonl").write_text(text)
        error = wrong(catalog, tmp_path, use="json", path="t.jsonl")
        assert what in error.what
        assert error.where == "t.jsonl:2"
    (tmp_path / "t.json").write_text(notation.dumps([1, 2]))
    assert "no records" in wrong(catalog, tmp_path, use="json", path="t.json").what


def test_errors_in_workbooks(catalog, tmp_path: Path, frame) -> None:
    mixed = frame.astype({"a": object})
    mixed.loc[7, "a"] = "many"
    mixed.to_excel(tmp_path / "m.xlsx", index=False)
    error = wrong(catalog, tmp_path, use="excel", path="m.xlsx")
    assert "column 'a' mixes numbers and texts" in error.what
    assert error.where == "m.xlsx, sheet 'Sheet1', row 9"
    mixed.loc[7, "a"] = "n/a"  # a word for no value
    mixed.to_excel(tmp_path / "m.xlsx", index=False)
    source = read(Data(use="excel", path="m.xlsx"), catalog, tmp_path)
    assert np.flatnonzero(np.isnan(source.columns["a"])).tolist() == [3, 7]
    error = wrong(catalog, tmp_path, use="excel", path="m.xlsx", sheet="Sheet2")
    assert error.hint == "Did you mean 'Sheet1'?"


def test_a_query_of_an_sqlite_file_only_reads(catalog, tmp_path: Path, frame) -> None:
    write(frame, tmp_path / "p.db", "sqlite")
    before = (tmp_path / "p.db").read_bytes()
    query = "SELECT a AS height, n * 2 AS twice FROM prices WHERE n < 10"
    source = read(Data(use="sqlite", path="p.db", query=query), catalog, tmp_path)
    assert source.columns["twice"].tolist() == list(range(0, 20, 2))
    for bad in (
        "DELETE FROM prices",
        "ATTACH 'x.db' AS x",
        "SELECT 1; DROP TABLE prices",
        "PRAGMA user_version = 3",
    ):
        error = wrong(catalog, tmp_path, use="sqlite", path="p.db", query=bad)
        assert isinstance(error, RecipeError)
        assert error.where == "data.query"
        assert "may only read" in error.what
    assert (
        "no such column"
        in wrong(catalog, tmp_path, use="sqlite", path="p.db", query="SELECT z FROM prices").what
    )
    assert "Did you mean 'prices'" in wrong(catalog, tmp_path, use="sqlite", path="p.db", table="price").hint
    assert (tmp_path / "p.db").read_bytes() == before
    assert not list(tmp_path.glob("x.db*"))


def test_tfrecords(catalog, tmp_path: Path, frame) -> None:
    tf = pytest.importorskip("tensorflow")

    def example(row: int, several: int = 2) -> bytes:
        feature = {
            "a": tf.train.Feature(float_list=tf.train.FloatList(value=[row / 4])),
            "ids": tf.train.Feature(int64_list=tf.train.Int64List(value=[row] * several)),
            "k": tf.train.Feature(bytes_list=tf.train.BytesList(value=[b"xy"[row % 2 :][:1]])),
        }
        return tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString()

    for name, options in (("t.tfrecord", ""), ("t.tfrecord.gz", "GZIP")):
        with tf.io.TFRecordWriter(str(tmp_path / name), options) as writer:
            for row in range(20):
                writer.write(example(row))
        for stream in (False, True):
            source = read(Data(use="tfrecord", path=name, stream=stream), catalog, tmp_path)
            columns = source.sample().columns if isinstance(source, StreamedSource) else source.columns
            assert columns["a"].tolist() == [row / 4 for row in range(20)]
            assert columns["ids"].tolist() == [[row, row] for row in range(20)]
            assert columns["k"].tolist() == ["x", "y"] * 10
    with tf.io.TFRecordWriter(str(tmp_path / "odd.tfrecord")) as writer:
        writer.write(example(0))
        writer.write(example(1, several=3))
    error = wrong(catalog, tmp_path, use="tfrecord", path="odd.tfrecord")
    assert "'ids'" in error.what
    assert error.where == "odd.tfrecord, record 2"
    (tmp_path / "cut.tfrecord").write_bytes((tmp_path / "t.tfrecord").read_bytes()[:-9])
    assert "damaged" in wrong(catalog, tmp_path, use="tfrecord", path="cut.tfrecord").what


def test_hugging_face_datasets_bring_their_parts(catalog, tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    classes = datasets.ClassLabel(names=["no", "yes"])
    features = datasets.Features({"a": datasets.Value("float32"), "label": classes})

    def part(start: int, rows: int):
        values = {"a": [float(start + row) for row in range(rows)], "label": [row % 2 for row in range(rows)]}
        return datasets.Dataset.from_dict(values, features=features)

    parts = {"test": part(100, 4), "train": part(0, 10), "validation": part(50, 6)}
    datasets.DatasetDict(parts).save_to_disk(str(tmp_path / "hf"))
    for stream in (False, True):
        data = Data.model_validate({"use": "hf_dataset", "path": "hf", "targets": "label", "stream": stream})
        from workbench.data.loading import load_or_stream

        loaded = load_or_stream(data, catalog, folder=tmp_path, seed=0)
        assert (loaded.train.rows, loaded.validation.rows, loaded.test.rows) == (10, 6, 4)
        assert loaded.preparation.classes() == {"label": ("no", "yes")}
        assert loaded.test.head(1).inputs["features"][0, 0] == 100 if stream else True


def test_rows_that_are_only_declared(catalog, tmp_path: Path, frame) -> None:
    """2^31 rows in a header of a few bytes: refused without room for them being made."""
    with zipfile.ZipFile(tmp_path / "t.npz", "w") as archive:
        header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (2147483648,), }"
        head = b"\x93NUMPY\x01\x00" + (len(header) + 1).to_bytes(2, "little") + header + b"\n"
        archive.writestr("x.npy", head + bytes(80))
    assert "array 'x' is damaged" in wrong(catalog, tmp_path, use="npz", path="t.npz", stream=False).what
    source = read(Data.model_validate({"use": "npz", "path": "t.npz", "stream": True}), catalog, tmp_path)
    with pytest.raises(FileError, match="array 'x' ends too early"):
        source.sample()
    frame.to_excel(
        tmp_path / "t.xlsx", index=False
    )  # a sheet that says that it has all rows that Excel can have
    with zipfile.ZipFile(tmp_path / "t.xlsx") as old, zipfile.ZipFile(tmp_path / "huge.xlsx", "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name.endswith("sheet1.xml"):
                start = content.index(b'<dimension ref="') + len(b'<dimension ref="')
                content = content[:start] + b"A1:XFD1048576" + content[content.index(b'"', start) :]
            new.writestr(name, content)
    assert len(read(Data(use="excel", path="huge.xlsx"), catalog, tmp_path).columns["n"]) == ROWS
