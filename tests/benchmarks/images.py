"""Images per second from a folder: kwb beside `image_dataset_from_directory` and `fit`, in processes of their own.

    python -m tests.benchmarks.images [FILES] [EPOCHS]

Counted from the start of reading the folder to the end of the last epoch, with the same model, batch size and epochs.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

SIZE = 32
CLASSES = 4
BATCH = 64

STACK = """
    keras.layers.Rescaling(1 / 255),
    keras.layers.Conv2D(8, 3, activation="relu"),
    keras.layers.MaxPooling2D(),
    keras.layers.Flatten(),
    keras.layers.Dense(4, activation="softmax"),
"""
STOCK = f"""
import sys, time
from workbench.process import import_keras
import_keras()
import keras
folder, epochs = sys.argv[1], int(sys.argv[2])
begun = time.perf_counter()
data = keras.utils.image_dataset_from_directory(
    folder, image_size=({SIZE}, {SIZE}), batch_size={BATCH}, seed=1, verbose=False
).prefetch(2)
model = keras.Sequential([{STACK}])
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(data, epochs=epochs, verbose=0)
print(time.perf_counter() - begun)
"""
OURS = """
import sys, time, tempfile
from pathlib import Path
from workbench.process import import_keras
import_keras()
from workbench.catalog.discovery import discover
from workbench.catalog.lookup import Catalog
from workbench.recipe.document import read
from workbench.training.session import Session
begun = time.perf_counter()
ended = []
def heard(event, line):
    if type(event).__name__ == "Epoch":
        ended.append(time.perf_counter())
with tempfile.TemporaryDirectory() as runs:
    Session(read(Path(sys.argv[1])), Catalog(discover()), heard, runs_folder=Path(runs)).run()
print(ended[-1] - begun)
"""


def write(folder: Path, files: int) -> None:
    """Make pictures in folders of classes."""
    import numpy as np
    import tensorflow as tf

    random = np.random.default_rng(0)
    for number in range(files):
        pixels = random.integers(0, 255, (SIZE, SIZE, 3), dtype=np.uint8)
        path = folder / f"class{number % CLASSES}" / f"{number:06d}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(tf.io.encode_jpeg(pixels).numpy())


def recipe(folder: Path, epochs: int, cache: str) -> str:
    """The same training as a recipe."""
    return f"""
kwb: 1
data: {{use: images, path: {folder}, size: [{SIZE}, {SIZE}], cache: {cache}}}
model:
  sequential:
    - {{use: Rescaling, scale: 0.00392156862745098}}
    - {{use: Conv2D, filters: 8, kernel_size: 3, activation: relu}}
    - MaxPooling2D
    - Flatten
    - {{use: Dense, units: {CLASSES}, activation: softmax}}
train: {{epochs: {epochs}, batch_size: {BATCH}, loss: sparse_categorical_crossentropy, metrics: [accuracy]}}
"""


def _seconds(code: str, *arguments: str) -> float:
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True
    )
    return float(done.stdout.split()[-1])


def main() -> None:
    """Measure, and print images per second and their ratios to plain Keras."""
    files, epochs = (int(text) for text in [*sys.argv[1:], "20000", "3"][:2])
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "pictures"
        write(folder, files)
        found: dict[str, float] = {}
        for cache in ("auto", "false"):
            path = Path(temporary) / f"{cache}.yaml"
            path.write_text(recipe(folder, epochs, cache))
            found[f"kwb, cache: {cache}"] = files * epochs / _seconds(OURS, str(path))
        found["image_dataset_from_directory + fit"] = (
            files * epochs / _seconds(STOCK, str(folder), str(epochs))
        )
    stock = found["image_dataset_from_directory + fit"]
    print(
        json.dumps({name: [round(speed), round(speed / stock, 2)] for name, speed in found.items()}, indent=1)
    )


if __name__ == "__main__":
    main()
