"""Training on pictures: held in memory or read from their files, resumed or not, the numbers are the same; augmentation
changes training batches and nothing else."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.conftest import Kwb
from tests.data.pictures import folder
from workbench import events
from workbench.catalog.lookup import Catalog
from workbench.data import load
from workbench.errors import WorkbenchError
from workbench.recipe.document import Document, parse, to_yaml
from workbench.storage.run_folder import RunFolder
from workbench.training import preparing
from workbench.training.checkpoints import newest
from workbench.training.session import Session
from workbench.tui.views.pixels import Pixels
from workbench.worker.kept_data import KeptData
from workbench.worker.pictures import pictures_of

AUGMENT = [
    {"use": "RandomFlip", "mode": "horizontal"},
    {"use": "RandomTranslation", "height_factor": 0.2, "width_factor": 0.2},
    {"use": "RandomBrightness", "factor": 0.2},
]
STACK = [
    {"use": "Rescaling", "scale": 1 / 255},
    {"use": "Conv2D", "filters": 4, "kernel_size": 3, "activation": "relu"},
    {"use": "Flatten"},
    {"use": "Dropout", "rate": 0.2},
    {"use": "Dense", "units": 2, "activation": "softmax"},
]


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return folder(tmp_path_factory.mktemp("pictures") / "p", {"ant": 26, "bee": 24}, varied=True)


def recipe(
    pictures: Path, *, epochs: int = 2, engine: str = "chunk", save: Any = (), **data: Any
) -> Document:
    section = {"use": "images", "path": str(pictures), "size": [12, 10], "augment": AUGMENT}
    content = {
        "kwb": 1,
        "seed": 5,
        "data": {**section, "split": {"validation": 0.2, "test": 0.2}, **data},
        "model": {"sequential": STACK},
        "train": {
            "epochs": epochs, "batch_size": 8, "engine": engine, "loss": "sparse_categorical_crossentropy",
            "metrics": ["accuracy"], "checkpoint_seconds": 0, "watch": "none",
        },
        "save": list(save),
    }  # fmt: skip
    return parse(to_yaml(content), name="r.yaml", folder=pictures.parent)


def trained(
    document: Document, catalog: Catalog, runs: Path, resume: RunFolder | None = None
) -> tuple[RunFolder, events.Finished]:
    found: list[str] = []
    session = Session(
        document,
        catalog,
        lambda event, _: found.append(getattr(event, "folder", "")),
        runs_folder=runs,
        resume=resume,
    )
    finished = session.run()
    return RunFolder(Path(next(filter(None, found)))), finished


def state(run: RunFolder) -> dict[str, np.ndarray]:
    last = newest(run.checkpoints)
    assert last is not None
    return last[2]


def test_in_memory_read_from_files_and_resumed_are_the_same(
    catalog: Catalog, pictures: Path, tmp_path: Path
) -> None:
    whole, expected = trained(recipe(pictures, cache=True), catalog, tmp_path)
    assert np.isfinite(expected.logs["loss"])
    streamed, evaluated = trained(recipe(pictures, cache=False, engine="plain"), catalog, tmp_path)
    begun, _ = trained(recipe(pictures, epochs=1), catalog, tmp_path)
    resumed, again = trained(recipe(pictures, cache=False), catalog, tmp_path, begun)
    assert expected.evaluation == evaluated.evaluation == again.evaluation
    kept = state(whole)
    assert any("Augmenter" in name for name in kept), "where the seeds are is kept"
    for other in (streamed, resumed):
        found = state(other)
        assert found.keys() == kept.keys()
        for name, value in kept.items():
            np.testing.assert_array_equal(found[name], value, name)
    _, other = trained(recipe(pictures, augment=[]), catalog, tmp_path)
    assert other.logs["loss"] != expected.logs["loss"], "it does change what is learned"


def test_layers_change_training_batches_as_keras_does(catalog: Catalog, pictures: Path) -> None:
    prepared_run = preparing.prepare(recipe(pictures, scale="none"), catalog)
    rows = prepared_run.first_rows()
    seen: list[Any] = []
    assert prepared_run.augmenter is not None
    step = prepared_run.augmenter.wrap_step(seen.append)
    step((tf.constant(rows.inputs["image"]), tf.constant(rows.targets["label"])))
    expected = tf.constant(rows.inputs["image"])
    for number, layer in enumerate(AUGMENT):
        arguments = {name: value for name, value in layer.items() if name != "use"}
        expected = getattr(keras.layers, str(layer["use"]))(**arguments, seed=5 + number + 1)(
            expected, training=True
        )
    ((images, labels),) = seen
    np.testing.assert_allclose(images, expected, atol=1e-4)
    assert not np.allclose(images, rows.inputs["image"])
    assert np.array_equal(labels, rows.targets["label"])
    assert prepared_run.augmenter.layers[0] not in prepared_run.model._flatten_layers()


@pytest.mark.parametrize(
    ("augment", "said"),
    [
        ([{"use": "RandomCrop", "height": 4, "width": 4}], "pictures of 4 × 4 × 3 out of 12 × 10 × 3"),
        ([{"use": "RandomFlp"}], "RandomFlp"),
        ([{"use": "Dense", "units": 2}], "pictures of 12 × 10 × 2"),
    ],
)
def test_a_wrong_augmentation_is_refused_at_its_line(
    catalog: Catalog, pictures: Path, augment: list[Any], said: str
) -> None:
    with pytest.raises(WorkbenchError) as caught:
        preparing.prepare(recipe(pictures, augment=augment), catalog)
    assert said in str(caught.value)
    assert "augment[0]" in str(caught.value.where)


def test_predictions_of_new_pictures_name_their_files(
    kwb: Kwb, catalog: Catalog, pictures: Path, tmp_path: Path
) -> None:
    file = tmp_path / "m.keras"
    trained(recipe(pictures, save=[str(file)]), catalog, tmp_path)
    model = keras.saving.load_model(file)
    names = [f"ant/{at:03d}.png" for at in range(26)] + [f"bee/{at:03d}.png" for at in range(24)]
    pixels = [
        np.round(tf.image.resize(tf.io.decode_png((pictures / name).read_bytes()), (12, 10)))
        for name in names
    ]
    expected = model.predict(np.stack(pixels), verbose=0)

    def predicted(data: Path) -> list[dict[str, str]]:
        done = kwb("predict", str(file), "--data", str(data))
        assert done.returncode == 0, done.stderr
        return list(csv.DictReader(io.StringIO(done.stdout)))

    rows = predicted(pictures)
    assert [row["file"] for row in rows] == names
    assert [row["true label"] for row in rows] == ["ant"] * 26 + ["bee"] * 24
    np.testing.assert_allclose([float(row["label=bee"]) for row in rows], expected[:, 1], atol=1e-6)
    confidence = [float(row["confidence label"]) for row in rows]
    np.testing.assert_allclose(confidence, expected.max(axis=1), atol=1e-6)
    (one,) = predicted(pictures / "bee" / "003.png")
    assert one["file"] == "003.png"
    assert one["label"] == ["ant", "bee"][expected[29].argmax()]
    np.testing.assert_allclose(float(one["confidence label"]), expected[29].max(), atol=1e-6)


def test_rows_are_shown_as_pictures_before_and_after_augmentation(catalog: Catalog, pictures: Path) -> None:
    document = recipe(pictures)
    asked = {"part": "train", "start": 2, "count": 3, "most": 28}
    answer = pictures_of(document, catalog, KeptData(), **asked)  # type: ignore[arg-type]
    prepared = load(document.recipe.data, catalog, folder=pictures.parent, seed=5)
    order = np.sort(prepared.train.index)[2:5]
    names = [f"ant/{row:03d}.png" if row < 26 else f"bee/{row - 26:03d}.png" for row in order]
    assert [each["file"] for each in answer["pictures"]] == names
    assert [each["title"] for each in answer["pictures"]] == [name[:3] for name in names]
    assert (answer["total"], answer["parts"]) == (30, ["train", "validation", "test"])
    for each, name in zip(answer["pictures"], names, strict=True):
        pixels = tf.image.resize(tf.io.decode_png((pictures / name).read_bytes()), (12, 10))
        assert np.array_equal(Pixels.from_record(each["picture"]).rows, np.round(pixels))
        assert each["augmented"] != each["picture"]
    other = pictures_of(document, catalog, KeptData(), **{**asked, "part": "test"})  # type: ignore[arg-type]
    assert [each["augmented"] for each in other["pictures"]] == [None] * 3
