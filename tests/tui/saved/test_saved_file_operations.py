"""Listing, names, renaming, deleting, and recipes from files: without the app."""

from __future__ import annotations

import os

import pytest

from workbench.errors import FileError
from workbench.tui.screens.saved import file_operations, listing, retrain


def touch(path, age: int = 0):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * 10)
    os.utime(path, (1_760_000_000 - age, 1_760_000_000 - age))
    return path


def test_model_files_are_listed_newest_first_from_all_folders_below(tmp_path) -> None:
    saved = tmp_path / "saved"
    old, new = touch(saved / "old.h5", 50), touch(saved / "a" / "b" / "new.weights.h5", 1)
    run = touch(saved / "runs" / "price-1" / "model.keras", 20)
    elsewhere = touch(tmp_path / "downloads" / "x.hdf5", 30)
    for other in (
        saved / "notes.txt",
        saved / ".price.tmp-12ab34cd-1-ff.keras",  # a save in progress
        saved / "runs" / "price-1" / "checkpoints" / "000001" / "stray.h5",
    ):
        touch(other)
    (saved / "folder.keras").mkdir()
    (saved / "loop").symlink_to(saved)
    (saved / "gone.keras").symlink_to(tmp_path / "nowhere")
    files = listing.list_saved([saved], [elsewhere, tmp_path / "deleted.h5", old])
    assert [file.path for file in files] == [new, run, elsewhere, old]
    assert [file.format for file in files] == [".weights.h5", ".keras", ".h5", ".h5"]


def test_a_folder_that_is_not_there_lists_nothing(tmp_path) -> None:
    assert listing.list_saved([tmp_path / "saved"]) == []


def test_the_filter_takes_every_word(tmp_path) -> None:
    files = listing.list_saved([tmp_path]) or [
        listing.SavedFile(tmp_path / "saved" / name, 1, 0.0)
        for name in ("price.keras", "price.h5", "runs/Price-2/model.keras")
    ]
    found = listing.chosen(files, "keras PRICE", tmp_path)
    assert [listing.short_name(file.path, tmp_path) for file in found] == [
        "price.keras",
        "runs/Price-2/model.keras",
    ]


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("other.keras", ""),
        ("price.keras", ""),
        ("", "a name is needed"),
        (".hidden.keras", "hidden"),
        ("a/b.keras", "without folders"),
        ("other.h5", "let it end in .keras"),
        ("taken.keras", "there is one"),
        ("a\x1bb.keras", "cannot be printed"),
        ("a" * 300 + ".keras", "too long"),
    ],
)
def test_new_names(tmp_path, name: str, error: str) -> None:
    path = touch(tmp_path / "price.keras")
    touch(tmp_path / "taken.keras")
    shown = file_operations.name_error(path, name)
    assert shown == "" if not error else error in shown


def test_rename_and_delete(tmp_path) -> None:
    path = touch(tmp_path / "price.keras")
    moved = file_operations.rename(path, "rent.keras")
    assert moved.read_bytes() == b"x" * 10
    assert not path.exists()
    with pytest.raises(FileError, match=r"let it end in \.keras"):
        file_operations.rename(moved, "rent.h5")
    file_operations.delete(moved)
    assert not moved.exists()
    with pytest.raises(FileError, match="cannot be deleted: no such file"):
        file_operations.delete(moved)


def test_a_copy_goes_to_another_place_in_one_of_the_formats(tmp_path) -> None:
    path = touch(tmp_path / "saved" / "price.keras")
    assert file_operations.another_format(path).name == "price.h5"
    touch(tmp_path / "saved" / "price.h5")
    assert file_operations.another_format(path).name == "price-2.h5"
    assert file_operations.copy_error(path, "saved/price.weights.h5", tmp_path) == ""
    assert "itself" in file_operations.copy_error(path, "saved/../saved/price.keras", tmp_path)
    assert "end in" in file_operations.copy_error(path, "price.onnx", tmp_path)
    assert "needed" in file_operations.copy_error(path, " ", tmp_path)


KEPT = """\
kwb: 1
name: price
data: {use: csv, path: prices.csv, targets: [price]}
model: {use: ResidualRegressor, output_dim: 1}
weights: start.weights.h5
train: {epochs: 5, loss: mse}
save: [saved/price.keras, saved/price.weights.h5]
"""


def test_going_on_from_a_model_overwrites_nothing_and_can_be_undone(tmp_path) -> None:
    editor = retrain.continued(KEPT, "price", tmp_path, "saved/price.keras", weights_only=False)
    assert editor.error is None
    assert editor.get("model") == {"load": "saved/price.keras"}
    assert editor.get("weights") is None
    assert editor.get("name") == "price-continued"
    assert editor.get("save") == ["saved/price-continued.keras", "saved/price-continued.weights.h5"]
    assert editor.dirty
    while editor.undo():
        pass
    assert editor.text == KEPT


def test_going_on_from_weights_keeps_the_model(tmp_path) -> None:
    editor = retrain.continued(KEPT, "price", tmp_path, "saved/price.weights.h5", weights_only=True)
    assert editor.error is None
    assert editor.get("model") == {"use": "ResidualRegressor", "output_dim": 1}
    assert editor.get("weights") == "saved/price.weights.h5"


def test_names_count_on() -> None:
    assert retrain.next_name("price") == "price-continued"
    assert retrain.next_name("price-continued") == "price-continued-2"
    assert retrain.next_name("price-continued-9") == "price-continued-10"


def test_a_layer_line_is_a_line_of_a_stack(tmp_path) -> None:
    from workbench.recipe.document import parse

    line = retrain.layer_line("saved/odd name, [1]: x.keras")
    text = f"kwb: 1\ndata: diabetes\nmodel:\n  sequential:\n    {line}\n"
    (layer,) = parse(text).recipe.model.sequential
    assert layer.load == "saved/odd name, [1]: x.keras"


def test_the_folder_of_a_recipe_is_that_of_its_run(tmp_path) -> None:
    run = tmp_path / "runs" / "price-1"
    run.mkdir(parents=True)
    (run / "environment.json").write_text('{"recipe_folder": "/somewhere"}')
    assert str(retrain.recipe_folder(tmp_path / "runs", "price-1", tmp_path)) == "/somewhere"
    for stranger in ("", "gone", "../runs/price-1", "/"):
        assert retrain.recipe_folder(tmp_path / "runs", stranger, tmp_path) == tmp_path
