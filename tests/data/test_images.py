"""Folders and tables of pictures: the pixels are those of Keras' own utility, and a file that is wrong is named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.data.pictures import folder, picture
from workbench.catalog.lookup import Catalog
from workbench.data import Prepared, load
from workbench.errors import WorkbenchError
from workbench.recipe.schema import Data
from workbench.scaffold.first_recipe import propose


def read(catalog: Catalog, path: Path, **section: Any) -> Prepared:
    section = {"use": "images", "path": str(path), **section}
    return load(Data.model_validate(section), catalog, folder=path.parent, seed=3)


def refused(catalog: Catalog, path: Path, **section: Any) -> WorkbenchError:
    with pytest.raises(WorkbenchError) as caught:
        read(catalog, path, **section)
    return caught.value


def stock(
    path: Path, size: tuple[int, int], channels: int = 3, **options: Any
) -> tuple[np.ndarray, np.ndarray]:
    """Pictures and class numbers by plain Keras, in the order of the files."""
    dataset = keras.utils.image_dataset_from_directory(
        str(path),
        shuffle=False,
        image_size=size,
        color_mode="rgb" if channels == 3 else "grayscale",
        verbose=False,
        **options,
    )
    batches = list(dataset.as_numpy_iterator())
    return np.concatenate([x for x, _ in batches]), np.concatenate([y for _, y in batches])


@pytest.mark.parametrize(
    ("resize", "options"),
    [("stretch", {}), ("crop", {"crop_to_aspect_ratio": True}), ("pad", {"pad_to_aspect_ratio": True})],
)
@pytest.mark.parametrize("channels", [1, 3])
def test_pixels_and_classes_are_those_of_keras(
    catalog: Catalog, tmp_path: Path, resize: str, options: dict[str, bool], channels: int
) -> None:
    path = folder(
        tmp_path / "p", {"ant": 6, "bee": 5}, varied=True, suffix=".jpg" if channels == 3 else ".png"
    )
    expected, labels = stock(path, (9, 8), channels, **options)
    for cache in (True, False):
        prepared = read(catalog, path, size=[9, 8], channels=channels, resize=resize, cache=cache)
        # Pixels are kept as whole numbers, which rounds what resizing makes of them.
        np.testing.assert_allclose(np.asarray(prepared.train.inputs["image"]), expected, atol=0.501)
        assert np.array_equal(np.asarray(prepared.train.inputs["image"]), np.round(expected)), (
            "rounded, not cut off"
        )
        assert np.array_equal(prepared.train.targets["label"], labels)
        assert prepared.preparation.classes() == {"label": ("ant", "bee")}


def test_without_a_size_pictures_stay_as_they_are(catalog: Catalog, tmp_path: Path) -> None:
    path = folder(tmp_path / "p", {"ant": 3, "bee": 3})
    expected, _ = stock(path, (12, 10))
    assert np.array_equal(np.asarray(read(catalog, path).train.inputs["image"]), expected)


def test_scaling_is_fitted_on_the_training_part(catalog: Catalog, tmp_path: Path) -> None:
    path = folder(tmp_path / "p", {"ant": 9, "bee": 9})
    for cache in (True, False):
        prepared = read(catalog, path, scale="standard", split={"test": 0.3}, cache=cache)
        pixels, _ = stock(path, (12, 10))
        rows = pixels[prepared.train.index].astype(np.float64)
        center, factor = rows.mean(axis=(0, 1, 2)), rows.std(axis=(0, 1, 2))
        assert prepared.test is not None
        expected = (pixels[prepared.test.index] - center) / factor
        np.testing.assert_allclose(np.asarray(prepared.test.inputs["image"]), expected, rtol=1e-4, atol=1e-5)


def test_folders_of_parts_are_the_parts(catalog: Catalog, tmp_path: Path) -> None:
    path = tmp_path / "p"
    for seed, (part, count) in enumerate({"train": 5, "val": 3, "test": 2}.items()):
        folder(path / part, {"ant": count, "bee": count}, seed=seed)
    prepared = read(catalog, path, split={"validation": 0.5, "test": 0.5 - 1e-9})
    for name, part in (("train", prepared.train), ("val", prepared.validation), ("test", prepared.test)):
        assert part is not None
        assert np.array_equal(np.asarray(part.inputs["image"]), stock(path / name, (12, 10))[0])


def test_a_table_names_files_and_targets(catalog: Catalog, tmp_path: Path) -> None:
    folder(tmp_path / "p", {"a": 4})
    rows = "\n".join(f"{at:03d}.png,{at * 1.5},{at % 2},{(at + 1) % 2}" for at in (2, 0, 3, 1))
    table = tmp_path / "p" / "labels.csv"
    table.write_text(f"name,weight,wet,cold\n{rows}\n")
    prepared = read(catalog, table, folder="a", targets={"weight": ["weight"], "kinds": ["wet", "cold"]})
    pixels = [tf.io.decode_png((tmp_path / "p" / "a" / f"{at:03d}.png").read_bytes()) for at in (2, 0, 3, 1)]
    assert np.array_equal(np.asarray(prepared.train.inputs["image"]), np.stack(pixels))
    assert prepared.train.targets["weight"][:, 0].tolist() == [3.0, 0.0, 4.5, 1.5]
    assert prepared.train.targets["kinds"].tolist() == [[0, 1], [0, 1], [1, 0], [1, 0]]
    table.write_text(table.read_text() + "gone.png,1,1,1\n")
    error = refused(catalog, table, folder="a", targets=["weight"])
    assert "gone.png" in error.what
    assert error.where == "labels.csv:6"


def broken(path: Path) -> Path:
    """A folder with a picture that is cut off."""
    folder(path, {"ant": 4, "bee": 4}, suffix=".jpg", size=(40, 40))
    whole = (path / "bee" / "002.jpg").read_bytes()
    (path / "bee" / "002.jpg").write_bytes(whole[: len(whole) // 2])
    return path


def test_what_is_no_picture_is_named(catalog: Catalog, tmp_path: Path) -> None:
    path = broken(tmp_path / "p")
    error = refused(catalog, path)
    assert error.where == "bee/002.jpg"
    assert "JPEG data is damaged" in error.what
    assert "broken: skip" in error.hint
    (path / "ant" / "000.jpg").write_bytes(b"")
    error = refused(catalog, path)
    assert error.where == "ant/000.jpg"
    assert "empty" in error.what
    assert "2 of 8 pictures" in error.what
    (path / "ant" / "000.jpg").write_text("<html>not found</html>")
    for cache in (True, False):
        error = refused(catalog, path, cache=cache)
        assert error.where == "ant/000.jpg"
        assert "begins with '<html>no'" in error.what


@pytest.mark.parametrize("cache", [True, False])
def test_broken_pictures_may_be_left_out_and_are_counted(
    catalog: Catalog, tmp_path: Path, cache: bool
) -> None:
    prepared = read(catalog, broken(tmp_path / "p"), broken="skip", cache=cache)
    assert prepared.train.rows == 7
    assert prepared.train.targets["label"].tolist() == [0, 0, 0, 0, 1, 1, 1]
    assert prepared.remarks == ("1 of 8 pictures cannot be decoded and are left out: 'bee/002.jpg'.",)
    images: Any = prepared.train.inputs["image"]
    assert list(images.names())[4:] == ["bee/000.jpg", "bee/001.jpg", "bee/003.jpg"]
    assert np.asarray(images).shape == (7, 40, 40, 3)


def test_one_that_breaks_later_is_named_when_it_is_read(catalog: Catalog, tmp_path: Path) -> None:
    path = folder(tmp_path / "p", {"ant": 4, "bee": 4})
    images = read(catalog, path, cache=False).train.inputs["image"]
    (path / "bee" / "001.png").write_bytes(b"\x89PNG and nothing else")
    with pytest.raises(WorkbenchError, match="PNG data is damaged") as caught:
        np.asarray(images)
    assert caught.value.where == "bee/001.png"


def test_folders_that_cannot_be_learned_from(catalog: Catalog, tmp_path: Path) -> None:
    flat = tmp_path / "flat"
    folder(tmp_path, {"flat": 3})
    assert "no folders of classes" in refused(catalog, flat).what
    assert read(catalog, flat, targets=[]).train.rows == 3
    one = folder(tmp_path / "one", {"ant": 3})
    assert "one class only, 'ant'" in refused(catalog, one).what
    (one / "bee").mkdir()
    error = refused(catalog, one)
    assert error.what == "the class 'bee' has no picture."
    assert error.where.endswith("one/bee")
    (tmp_path / "none").mkdir()
    (tmp_path / "none" / "a.txt").write_text("a")
    assert "holds no picture among its 1 files" in refused(catalog, tmp_path / "none").what
    assert "no folder" in refused(catalog, tmp_path / "nowhere" / "x").what
    varied = folder(tmp_path / "varied", {"ant": 3, "bee": 3}, varied=True)
    error = refused(catalog, varied)
    assert "differ in size: this one is 16 × 16" in error.what
    assert "size: [12, 10]" in error.hint


def test_what_is_hidden_is_no_class(catalog: Catalog, tmp_path: Path) -> None:
    path = folder(tmp_path / "p", {"ant": 3, "bee": 3})
    folder(path, {".ipynb_checkpoints": 2})
    (path / "bee" / "Thumbs.db").write_bytes(b"x")
    picture(path / "bee" / "more" / "x.png", np.zeros((12, 10, 3), np.uint8))
    prepared = read(catalog, path)
    assert prepared.preparation.classes() == {"label": ("ant", "bee")}
    assert prepared.train.rows == 7


def test_a_proposal_chooses_size_channels_layers_and_augmentation(catalog: Catalog, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for name in ("ant", "bee"):
        for at in range(6):
            gray = rng.integers(0, 255, (100 + at, 140 + at, 1), dtype=np.uint8)
            picture(tmp_path / "gray" / name / f"{at}.png", np.repeat(gray, 3, axis=-1))
    folder(tmp_path / "colour", {"ant": 3, "bee": 3}, size=(48, 48))
    recipe = propose(str(tmp_path / "gray"), catalog).suggestion.recipe
    data, layers = recipe["data"], recipe["model"]["sequential"]
    assert (data["use"], data["size"], data["channels"]) == ("images", [64, 64], 1)
    assert [layer["use"] for layer in data["augment"]] == ["RandomTranslation", "RandomRotation"]
    assert "targets" not in data
    assert "scale" not in data
    assert layers[0] == {"use": "Rescaling", "scale": 1 / 255}
    assert [layer["filters"] for layer in layers if layer["use"] == "Conv2D"] == [32, 64, 128]
    assert layers[-1] == {"use": "Dense", "units": 2, "activation": "softmax"}
    recipe = propose(str(tmp_path / "colour"), catalog).suggestion.recipe
    assert (recipe["data"]["size"], recipe["data"]["channels"]) == ([48, 48], 3)
    assert recipe["data"]["augment"][0] == {"use": "RandomFlip", "mode": "horizontal"}
    prepared = load(Data.model_validate(recipe["data"]), catalog, folder=tmp_path, seed=3)
    # A saved model reads new pictures in the form that was chosen.
    assert prepared.preparation.reader is not None
    assert prepared.preparation.reader.arguments["size"] in ([48, 48], (48, 48))
    auto = read(catalog, tmp_path / "gray", size="auto", channels="auto")
    assert auto.preparation.reader is not None
    assert auto.preparation.reader.arguments["size"] == [64, 64]
