"""Folders of text files: classes are folders, `train` and `test` are parts, each wrong folder has its own message."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from kwb_datasets import text_folder
from tests.conftest import Kwb
from workbench.catalog.lookup import Catalog
from workbench.data import loading
from workbench.data.streaming import Streamed
from workbench.errors import WorkbenchError
from workbench.recipe.schema import Data


def write(folder: Path, files: dict[str, str | bytes]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())


def reviews(folder: str = "", count: int = 12) -> dict[str, str | bytes]:
    made: dict[str, str | bytes] = {}
    for name, word in (("neg", "bad"), ("pos", "good")):
        for number in range(count):
            made[f"{folder}{name}/{number:02}.txt"] = f"a {word} film, number {number} {word}"
    return made


def load(folder: Path, catalog: Catalog, **section: object) -> loading.Prepared | loading.Streamed:
    data = Data.model_validate({"use": "texts", "path": "reviews", "split": {"validation": 0.25}, **section})
    return loading.load_or_stream(data, catalog, folder=folder, seed=1)


@pytest.mark.parametrize("stream", [False, True])
def test_a_folder_for_each_class(
    stream: bool, catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text_folder, "CHUNK_FILES", 5)
    write(
        tmp_path / "reviews",
        {**reviews(), ".DS_Store": b"\0", "pos/.hidden": b"\0", "pos/deep/x.txt": "a good end"},
    )
    prepared = load(tmp_path, catalog, stream=stream, split={"validation": 0.2, "test": 0.2})
    assert isinstance(prepared, Streamed) is stream
    assert prepared.preparation.classes() == {"label": ("neg", "pos")}
    assert prepared.rows_read == 25
    vocabulary = ["<0>", "<1>", *prepared.preparation.inputs[0].vocabulary]
    seen = 0
    for part in (prepared.train, prepared.validation, prepared.test):
        rows = part.read_all() if stream else part
        for tokens, label in zip(rows.inputs["text"], rows.targets["label"], strict=True):
            words = [vocabulary[token] for token in tokens]
            assert ("good" in words, "bad" in words) == ((True, False) if label else (False, True))
        seen += rows.rows
    assert seen == 25


@pytest.mark.parametrize("stream", [False, True])
def test_folders_train_and_test_are_parts(stream: bool, catalog: Catalog, tmp_path: Path) -> None:
    write(tmp_path / "reviews", {**reviews("train/"), **reviews("test/", 3), "README": "about"})
    prepared = load(tmp_path, catalog, stream=stream)
    assert [part.rows for part in (prepared.train, prepared.validation, prepared.test)] == [18, 6, 6]
    if not stream:
        write(tmp_path / "reviews", reviews("val/", 2))
        prepared = load(tmp_path, catalog, split={})
        assert [part.rows for part in (prepared.train, prepared.validation, prepared.test)] == [24, 4, 6]


def test_encodings(catalog: Catalog, tmp_path: Path) -> None:
    files = reviews()
    files["pos/00.txt"] = "ein schöner Film".encode("cp1252")
    write(tmp_path / "reviews", files)
    prepared = load(tmp_path, catalog, encoding="cp1252", split={})
    assert "schöner" in prepared.preparation.inputs[0].vocabulary
    marked = {name: "\ufeff".encode() + str(text).encode() for name, text in reviews().items()}
    write(tmp_path / "reviews", marked)
    assert "a" in load(tmp_path, catalog, split={}).preparation.inputs[0].vocabulary


WRONG: dict[str, tuple[dict[str, str | bytes], dict[str, object], list[str]]] = {
    "another encoding": (
        {"pos/03.txt": "schön".encode("cp1252")},
        {},
        ["reviews/pos/03.txt", "is not written in utf-8: byte 4 is 0xf6", "encoding: cp1252"],
    ),
    "a picture": ({"pos/x.png": b"\x89PNG\0\0"}, {}, ["reviews/pos/x.png", "is no text", "files: '*.txt'"]),
    "an empty file": (
        {"neg/05.txt": " \n"},
        {},
        [
            "reviews/neg/05.txt",
            "column 'text' has no value (blank)",
            "`missing: drop` leaves out 1 of 24 rows",
        ],
    ),
    "a class without files": (
        {"other/.keep": ""},
        {},
        ["the class 'other' has no file", "reviews/other", "folders:"],
    ),
    "one class": ({}, {"folders": ["pos"]}, ["the target 'label' holds one class only, 'pos'"]),
    "a folder that is not there": (
        {},
        {"folders": ["pos", "ned"]},
        ["no folder 'ned'", "Did you mean 'neg'?"],
    ),
    "no such encoding": ({}, {"encoding": "utf-9"}, ["there is no encoding 'utf-9'"]),
    "no files of the name": ({}, {"files": "*.md"}, ["the class 'neg' has no file that is called *.md"]),
    "no such folder": ({}, {"path": "review"}, ["there is no file", "Did you mean 'reviews'?"]),
    "a file": (
        {},
        {"path": "reviews/pos/01.txt"},
        ["/reviews/pos/01.txt' is a file", "a folder for each class"],
    ),
    "no classes": (
        {},
        {"path": "reviews/pos"},
        ["the texts in pos have no classes", "folder of its own"],
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_folders_have_one_clear_message(case: str, catalog: Catalog, tmp_path: Path) -> None:
    files, section, words = WRONG[case]
    write(tmp_path / "reviews", {**reviews(), **files})
    with pytest.raises(WorkbenchError) as raised:
        load(tmp_path, catalog, **section)
    for word in words:
        assert word in str(raised.value)


def test_a_class_of_the_test_part_alone(catalog: Catalog, tmp_path: Path) -> None:
    write(tmp_path / "reviews", {**reviews("train/"), **reviews("test/", 2), "test/bos/1.txt": "text"})
    with pytest.raises(
        WorkbenchError, match=r"reviews/test/bos/1.txt: the class 'bos' is in 'test' and not in 'train'"
    ):
        load(tmp_path, catalog)


def test_predictions_of_files(kwb: Kwb, tmp_path: Path) -> None:
    write(tmp_path / "reviews", reviews(count=30))
    write(tmp_path, {"new/a.txt": "such a good film", "new/b.txt": "bad, bad, bad", "one/pos/c.txt": "good"})
    (tmp_path / "r.yaml").write_text("""
kwb: 1
data: {use: texts, path: reviews, text: {text: {length: 7}}}
model:
  sequential:
    - {use: Embedding, input_dim: 40, output_dim: 4, mask_zero: true}
    - GlobalAveragePooling1D
    - {use: Dense, units: 2, activation: softmax}
train: {epochs: 30, optimizer: {use: Adam, learning_rate: 0.05}, loss: sparse_categorical_crossentropy, watch: none}
save: [m.keras]
""")
    done = kwb("--batch", "r.yaml", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    done = kwb("predict", "m.keras", "--data", "new", cwd=tmp_path)
    assert [row["label"] for row in csv.DictReader(io.StringIO(done.stdout))] == ["pos", "neg"], done.stderr
    done = kwb("predict", "m.keras", "--data", "one", cwd=tmp_path)  # one class alone has true values too
    assert [row["right label"] for row in csv.DictReader(io.StringIO(done.stdout))] == ["1"], done.stderr
