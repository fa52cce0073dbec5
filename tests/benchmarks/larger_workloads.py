"""Larger trainings: their models and their data, as a Keras expert feeds them and as kwb does.

Nothing of kwb is imported but where it reads: its memory is no part of what the expert's training takes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers

if TYPE_CHECKING:
    from workbench.data.preparation import Part
    from workbench.training.engines import Arrays, Stream


SEED = 0
COLUMNS = 8
WORDS = 1_000_000
PICTURE = 32
CLASSES = 10


@dataclass(frozen=True)
class LargerWorkload:
    """One training.

    Attributes:
        rows: how many there are.
        write: makes its files in a folder; other rows are drawn where they are used.
        model: the model, compiled with these arguments.
        dataset: the rows as an expert reads them: cached where they fit into memory, shuffled, prefetched.
        rows_of_kwb: the rows as kwb reads them, and some inputs.
    """

    summary: str
    rows: int
    batch_size: int
    epochs: int
    model: Callable[..., keras.Model]
    dataset: Callable[[Path, int], tf.data.Dataset]
    rows_of_kwb: Callable[[Path, int], tuple[Arrays | Stream, Any]]
    write: Callable[[Path, int], None] = lambda folder, rows: None


def _compiled(model: keras.Model, loss: str, **more: Any) -> keras.Model:
    model.compile(keras.optimizers.Adam(1e-3), loss, **more)
    return model


def transformer(**more: Any) -> keras.Model:
    """One block: attention of four heads, and two dense layers, each normalized and added."""
    keras.utils.set_random_seed(SEED)
    inputs = keras.Input((128, 128))
    z = layers.LayerNormalization()(inputs + layers.MultiHeadAttention(4, 32)(inputs, inputs))
    inner = layers.Dense(128)(layers.Dense(512, activation="gelu")(z))
    z = layers.GlobalAveragePooling1D()(layers.LayerNormalization()(z + inner))
    return _compiled(keras.Model(inputs, layers.Dense(1)(z)), "mse", **more)


def resnet20(**more: Any) -> keras.Model:
    """He and others, 2015: three groups of three blocks, of 16, 32 and 64 filters."""
    keras.utils.set_random_seed(SEED)

    def convolved(z: Any, filters: int, strides: int = 1) -> Any:
        z = layers.Conv2D(filters, 3, strides, padding="same", use_bias=False)(z)
        return layers.BatchNormalization()(z)

    inputs = keras.Input((PICTURE, PICTURE, 3))
    z = layers.ReLU()(convolved(layers.Rescaling(1 / 255)(inputs), 16))
    for group, filters in enumerate((16, 32, 64)):
        for block in range(3):
            strides = 2 if group and not block else 1
            own = convolved(layers.ReLU()(convolved(z, filters, strides)), filters)
            straight = layers.Conv2D(filters, 1, 2, use_bias=False)(z) if strides == 2 else z
            z = layers.ReLU()(own + straight)
    outputs = layers.Dense(CLASSES, activation="softmax")(layers.GlobalAveragePooling2D()(z))
    return _compiled(keras.Model(inputs, outputs), "sparse_categorical_crossentropy", **more)


def embedding(**more: Any) -> keras.Model:
    """A million words of 32 numbers."""
    keras.utils.set_random_seed(SEED)
    words = layers.Embedding(WORDS, 32)
    stack = [words, layers.GlobalAveragePooling1D(), layers.Dense(32, activation="relu"), layers.Dense(1)]
    return _compiled(keras.Sequential([layers.Input((20,), dtype="int32"), *stack]), "mse", **more)


def table(**more: Any) -> keras.Model:
    keras.utils.set_random_seed(SEED)
    hidden = [layers.Dense(64, activation="relu"), layers.Dense(64, activation="relu")]
    return _compiled(keras.Sequential([layers.Input((COLUMNS,)), *hidden, layers.Dense(1)]), "mse", **more)


def _sequences(rows: int) -> tuple[np.ndarray, np.ndarray]:
    x = np.random.default_rng(SEED).normal(size=(rows, 128, 128)).astype("float32")
    return x, x[:, :, 0].mean(axis=1, keepdims=True)


def _words(rows: int) -> tuple[np.ndarray, np.ndarray]:
    x = np.random.default_rng(SEED).integers(0, WORDS, (rows, 20)).astype("int32")
    return x, (x[:, :1] % 2).astype("float32")


def _held(
    drawn: Callable[[int], tuple[np.ndarray, np.ndarray]], batch_size: int
) -> tuple[Callable[[Path, int], tf.data.Dataset], Callable[[Path, int], tuple[Arrays, Any]]]:
    """Rows in memory, for both."""

    def dataset(folder: Path, rows: int) -> tf.data.Dataset:
        data = tf.data.Dataset.from_tensor_slices(drawn(rows)).cache().shuffle(rows, SEED)
        return data.batch(batch_size).prefetch(tf.data.AUTOTUNE)

    def arrays(folder: Path, rows: int) -> tuple[Arrays, Any]:
        from workbench.training.engines import Arrays

        x, y = drawn(rows)
        return Arrays(x, y), x

    return dataset, arrays


def _write_pictures(folder: Path, rows: int) -> None:
    random = np.random.default_rng(SEED)
    for number in range(rows):
        pixels = random.integers(0, 255, (PICTURE, PICTURE, 3), dtype=np.uint8)
        path = folder / f"class{number % CLASSES}" / f"{number:06d}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(tf.io.encode_jpeg(pixels).numpy())


def _pictures(folder: Path, rows: int) -> tf.data.Dataset:
    data = keras.utils.image_dataset_from_directory(
        folder, image_size=(PICTURE, PICTURE), batch_size=None, shuffle=False, verbose=False
    )
    data = data.take(rows).cache().shuffle(rows, SEED).batch(RESNET_BATCH)
    return data.prefetch(tf.data.AUTOTUNE)


def _write_table(folder: Path, rows: int) -> None:
    import pyarrow as pa
    import pyarrow.csv

    random = np.random.default_rng(SEED)
    path, at_once = folder / "t.csv", 500_000
    writer = None
    for start in range(0, rows, at_once):
        x = random.normal(size=(min(at_once, rows - start), COLUMNS)).round(4)
        columns = {f"x{at}": x[:, at] for at in range(COLUMNS)}
        block = pa.table({**columns, "y": (x[:, 0] * x[:, 1] + x[:, 2]).round(4)})
        writer = writer or pyarrow.csv.CSVWriter(path, block.schema)
        writer.write_table(block)
    if writer is not None:
        writer.close()


def _lines(folder: Path, rows: int) -> tf.data.Dataset:
    """A csv file, not held in memory: lines, shuffled in a window, parsed a batch at a time by several threads."""

    def parsed(lines: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        columns = tf.io.decode_csv(lines, [0.0] * (COLUMNS + 1))
        return tf.stack(columns[:-1], axis=1), columns[-1][:, None]

    lines = tf.data.TextLineDataset(str(folder / "t.csv"), buffer_size=8 << 20).skip(1).take(rows)
    shuffled = lines.shuffle(100_000, SEED).batch(TABLE_BATCH)
    return shuffled.map(parsed, num_parallel_calls=tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE)


def _read_by_kwb(section: dict[str, Any], batch_size: int, folder: Path) -> tuple[Arrays | Stream, Any]:
    from workbench.catalog.discovery import discover
    from workbench.catalog.lookup import Catalog
    from workbench.data.loading import load_or_stream
    from workbench.recipe.schema import Data
    from workbench.training.engines import Arrays
    from workbench.training.feeding import feed
    from workbench.training.preparing import head

    prepared = load_or_stream(Data.model_validate(section), Catalog(discover()), folder=folder, seed=SEED)

    def arrays(part: Part) -> Arrays:
        return Arrays(next(iter(part.inputs.values())), next(iter(part.targets.values())))

    first = head(prepared, 2)
    return feed(prepared.train, arrays, batch_size, seed=SEED), np.asarray(next(iter(first.inputs.values())))


def _pictures_of_kwb(folder: Path, rows: int) -> tuple[Arrays | Stream, Any]:
    size = [PICTURE, PICTURE]
    section = {"use": "images", "path": str(folder), "size": size}
    return _read_by_kwb(section, RESNET_BATCH, folder)


def _table_of_kwb(folder: Path, rows: int) -> tuple[Arrays | Stream, Any]:
    section = {"use": "csv", "path": str(folder / "t.csv"), "targets": ["y"], "stream": True}
    return _read_by_kwb(section, TABLE_BATCH, folder)


RESNET_BATCH, TABLE_BATCH = 64, 1024

LARGER = {
    "transformer": LargerWorkload(
        "a transformer block, 128 × 128, 640 rows", 640, 32, 40, transformer, *_held(_sequences, 32)
    ),
    "resnet": LargerWorkload(
        "ResNet-20 on 32 × 32 pictures of a folder, 1,280 files",
        1_280, RESNET_BATCH, 4, resnet20, _pictures, _pictures_of_kwb, _write_pictures,
    ),
    "embedding": LargerWorkload(
        "an embedding of 1,000,000 rows, 5,120 rows of 20 words",
        5_120, 256, 4, embedding, *_held(_words, 256),
    ),
    "table": LargerWorkload(
        "a csv file of 10,000,000 rows × 8, read as a stream",
        10_000_000, TABLE_BATCH, 2, table, _lines, _table_of_kwb, _write_table,
    ),
}  # fmt: skip
