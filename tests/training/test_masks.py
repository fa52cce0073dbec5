"""Masks as targets: a class for each pixel. Right values are those of a plain tf.data pipeline and plain Keras."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.conftest import Kwb
from tests.data.pictures import picture
from workbench import events
from workbench.catalog.lookup import Catalog
from workbench.data import Prepared, load
from workbench.errors import WorkbenchError
from workbench.recipe.document import Document, parse, to_yaml
from workbench.recipe.schema import Data
from workbench.storage.event_stream import read_events
from workbench.storage.run_folder import RunFolder
from workbench.training import preparing
from workbench.training.session import Session

SIZE = (16, 12)
U_NET = {
    "inputs": {"image": "data"},
    "graph": [
        "x = Rescaling(scale=0.00392156862745098)(image)",
        'a = Conv2D(filters=8, kernel_size=3, padding="same", activation="relu")(x)',
        "b = MaxPooling2D()(a)",
        'b = Conv2D(filters=16, kernel_size=3, padding="same", activation="relu")(b)',
        "b = UpSampling2D()(b)",
        "c = Concatenate()(a, b)",
        'out = Conv2D(filters=3, kernel_size=1, activation="softmax", name="out")(c)',
    ],
    "outputs": ["out"],
}


def made(folder: Path, count: int = 12, *, values: tuple[Any, ...] = (0, 1, 2)) -> Path:
    """Pictures of several sizes with a bright block whose place and colour is in the mask, and a table of both."""
    rng = np.random.default_rng(0)
    rows = []
    for at in range(count):
        height, width = 20 + at % 3 * 6, 18 + at % 2 * 8
        pixels = rng.integers(0, 60, (height, width, 3), dtype=np.uint8)
        mask = np.full((height, width, np.size(values[0])), values[0], np.uint8)
        top, left, kind = rng.integers(2, height - 9), rng.integers(2, width - 9), 1 + at % (len(values) - 1)
        pixels[top : top + 8, left : left + 8, kind % 3] += 180
        mask[top : top + 8, left : left + 8] = values[kind]
        picture(folder / "images" / f"{at:02d}.png", pixels)
        picture(folder / "masks" / f"{at:02d}.png", mask)
        rows.append(f"images/{at:02d}.png,masks/{at:02d}.png,{at}")
    (folder / "table.csv").write_text("\n".join(["picture,mask,number", *rows]) + "\n")
    return folder


def read(catalog: Catalog, path: Path, **section: Any) -> Prepared:
    return load(
        Data.model_validate({"use": "images", "path": str(path), "size": list(SIZE), **section}),
        catalog,
        folder=path.parent,
        seed=3,
    )


def by_hand(folder: Path, **options: bool) -> np.ndarray:
    """All masks by Keras' own utility, without a mean of pixels."""
    colour = (
        "rgb" if tf.io.decode_png((folder / "masks" / "00.png").read_bytes()).shape[-1] == 3 else "grayscale"
    )
    dataset = keras.utils.image_dataset_from_directory(
        str(folder / "masks"),
        labels=None,
        shuffle=False,
        image_size=SIZE,
        color_mode=colour,
        interpolation="nearest",
        verbose=False,
        **options,
    )
    return np.concatenate(list(dataset.as_numpy_iterator()))


@pytest.mark.parametrize(
    ("resize", "options"),
    [("stretch", {}), ("crop", {"crop_to_aspect_ratio": True}), ("pad", {"pad_to_aspect_ratio": True})],
)
@pytest.mark.parametrize("cache", [True, False])
def test_masks_are_those_of_a_plain_pipeline(
    catalog: Catalog, tmp_path: Path, resize: str, options: dict[str, bool], cache: bool
) -> None:
    made(tmp_path)
    expected = by_hand(tmp_path, **options)
    table = read(
        catalog,
        tmp_path / "table.csv",
        file="picture",
        masks="mask",
        resize=resize,
        cache=cache,
        ignore=["number"],
    )
    folder = read(catalog, tmp_path / "images", masks="masks", resize=resize, cache=cache)
    assert set(np.unique(expected)) == {0, 1, 2}
    for prepared in (table, folder):
        assert list(prepared.train.inputs) == ["image"]
        (mask,) = prepared.train.targets.values()
        assert np.array_equal(np.asarray(mask), expected)


def test_black_and_white_is_0_and_1_and_values_can_be_said(catalog: Catalog, tmp_path: Path) -> None:
    folder = made(tmp_path / "white", values=(0, 255))
    prepared = read(catalog, folder / "images", masks="masks")
    assert np.array_equal(np.asarray(prepared.train.targets["mask"]), by_hand(folder) / 255)
    assert "0, 255" in prepared.remarks[0]
    folder = made(tmp_path / "gray", values=(0, 128, 255))
    prepared = read(catalog, folder / "images", masks="masks", mask_values=[0, 255, 128])
    gray = by_hand(folder)
    assert np.array_equal(
        np.asarray(prepared.train.targets["mask"]), np.select([gray == 255, gray == 128], [1, 2])
    )
    colours = ((0, 0, 0), (128, 0, 0), (0, 128, 0))
    folder = made(tmp_path / "colours", values=colours)
    prepared = read(catalog, folder / "images", masks="masks", mask_values=[list(each) for each in colours])
    hand = by_hand(folder)
    expected = np.select([hand[..., 0] == 128, hand[..., 1] == 128], [1, 2])[..., None]
    assert np.array_equal(np.asarray(prepared.train.targets["mask"]), expected)


def test_what_is_no_mask_is_named(catalog: Catalog, tmp_path: Path) -> None:
    def refused(name: str, **section: Any) -> WorkbenchError:
        with pytest.raises(WorkbenchError) as caught:
            read(catalog, tmp_path / name / "images", masks="masks", **section)
        return caught.value

    made(tmp_path / "colours", values=((0, 0, 0), (128, 0, 0)))
    error = refused("colours")
    assert "colours" in error.what
    assert "mask_values: [[0, 0, 0], [128, 0, 0]]" in error.hint
    made(tmp_path / "other", values=(0, 1, 2))
    error = refused("other", mask_values=[0, 1, 7])
    assert error.what == "the mask holds 2, which stands for no class."
    assert error.where == "01.png"
    (tmp_path / "other" / "masks" / "03.png").unlink()
    error = refused("other")
    assert error.where == "03.png"
    assert "has no mask in" in error.what
    made(tmp_path / "sizes", values=(0, 1))
    picture(tmp_path / "sizes" / "masks" / "00.png", np.zeros((5, 5, 1), np.uint8))
    for at in range(12):
        picture(tmp_path / "sizes" / "images" / f"{at:02d}.png", np.zeros((20, 18, 3), np.uint8))
    error = refused("sizes", size=None)
    assert "this mask is 5 × 5 (height × width), and the pictures are 20 × 18" in error.what
    made(tmp_path / "cut", values=(0, 1))
    (tmp_path / "cut" / "masks" / "04.png").write_bytes(b"\x89PNG and nothing else")
    assert refused("cut").where == "04.png"
    prepared = read(catalog, tmp_path / "cut" / "images", masks="masks", broken="skip")
    images: Any = prepared.train.inputs["image"]
    assert "04.png" not in list(images.names())
    assert prepared.train.rows == 11
    with pytest.raises(WorkbenchError, match="there is no folder"):
        read(catalog, tmp_path / "cut" / "images", masks="nowhere")
    with pytest.raises(WorkbenchError, match="there is no column 'masc'"):
        read(catalog, tmp_path / "cut" / "table.csv", file="picture", masks="masc")


def recipe(path: Path, **changes: Any) -> Document:
    content = {
        "kwb": 1,
        "seed": 5,
        "data": {
            "use": "images", "path": str(path / "table.csv"), "file": "picture", "masks": "mask", "size": list(SIZE),
            "ignore": ["number"], "split": {"validation": 0.25}, **changes.pop("data", {}),
        },
        "model": U_NET,
        "train": {
            "epochs": 2, "batch_size": 4, "engine": "plain", "loss": "sparse_categorical_crossentropy",
            "metrics": ["accuracy"], "watch": "none", **changes,
        },
        "save": [str(path / "unet.keras")],
    }  # fmt: skip
    return parse(to_yaml(content), name="r.yaml", folder=path)


def trained(document: Document, catalog: Catalog, runs: Path) -> tuple[RunFolder, Any]:
    found: list[str] = []
    session = Session(
        document, catalog, lambda event, _: found.append(getattr(event, "folder", "")), runs_folder=runs
    )
    finished = session.run()
    return RunFolder(Path(next(filter(None, found)))), finished


def weights(run: RunFolder) -> list[np.ndarray]:
    model = keras.models.load_model(run.path / "model.keras", compile=False)
    return [np.asarray(each) for each in model.get_weights()]


def test_a_small_u_net_learns_the_same_from_memory_and_from_files(
    catalog: Catalog, tmp_path: Path, kwb: Kwb
) -> None:
    folder = made(tmp_path, 16)
    augment = [
        {"use": "RandomFlip", "mode": "horizontal_and_vertical"},
        {"use": "RandomBrightness", "factor": 0.1},
    ]
    runs = [
        trained(
            recipe(folder, epochs=6, data={"cache": cache, "augment": augment}),
            catalog,
            tmp_path / f"runs{cache}",
        )
        for cache in (True, False)
    ]
    for one, other in zip(*(weights(run) for run, _ in runs), strict=True):
        assert np.array_equal(one, other)
    found = [event for event, _, _ in read_events(runs[0][0].events)]
    losses = [event.logs["loss"] for event in found if isinstance(event, events.Epoch)]
    assert losses[-1] < 0.8 * losses[0]

    done = kwb(
        "predict",
        str(folder / "unet.keras"),
        "--data",
        str(folder / "images"),
        "--out",
        "masks.npz",
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    arrays = np.load(tmp_path / "masks.npz", allow_pickle=False)
    assert arrays["file"].tolist() == [f"{at:02d}.png" for at in range(16)]
    files = [(folder / "images" / f"{at:02d}.png").read_bytes() for at in range(16)]
    resized = [tf.image.resize(tf.io.decode_png(file), SIZE).numpy() for file in files]
    pixels = np.round(np.stack(resized))
    model = keras.models.load_model(folder / "unet.keras", compile=False)
    np.testing.assert_allclose(arrays["mask"], model.predict(pixels, verbose=0), atol=1e-6)
    done = kwb(
        "evaluate", str(folder / "unet.keras"), "--data", str(folder / "table.csv"), "--json", cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    right = arrays["mask"].argmax(axis=-1) == by_hand(folder)[..., 0]
    assert json.loads(done.stdout)["accuracy"] == pytest.approx(right.mean(), abs=1e-6)


def test_masks_are_turned_with_their_pictures(catalog: Catalog, tmp_path: Path) -> None:
    """After flips and shifts, the bright pixels are still where the mask says."""
    folder = made(tmp_path, 12, values=(0, 1))
    shift = {"height_factor": 0.25, "width_factor": 0.25, "fill_mode": "constant", "interpolation": "nearest"}
    augment = [{"use": "RandomFlip", "mode": "horizontal"}, {"use": "RandomTranslation", **shift}]
    document = recipe(
        folder, data={"augment": augment, "resize": "crop"}, loss="sparse_categorical_crossentropy"
    )
    prepared = preparing.prepare(document, catalog)
    assert prepared.augmenter is not None
    part = prepared.prepared.train.take(slice(0, 8)).in_memory()
    seen: list[Any] = []
    step = prepared.augmenter.wrap_step(lambda batch: seen.append(batch))
    step((part.inputs["image"], part.targets["mask"]))
    ((pictures, masks),) = seen
    assert not np.array_equal(np.asarray(masks), part.targets["mask"])
    bright = np.asarray(pictures).max(axis=-1) > 150
    share = (bright == (np.asarray(masks)[..., 0] == 1)).mean()
    assert share > 0.97
