"""Pictures made for tests: files of any size in folders of classes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tensorflow as tf


def picture(path: Path, pixels: np.ndarray) -> Path:
    """Write pixels (height, width, channels) as the kind of file that the name says."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix in (".jpg", ".jpeg"):
        data = tf.io.encode_jpeg(pixels, quality=95)
    else:
        data = tf.io.encode_png(pixels)
    path.write_bytes(data.numpy())
    return path


def folder(
    path: Path,
    classes: dict[str, int],
    *,
    size: tuple[int, int] = (12, 10),
    channels: int = 3,
    suffix: str = ".png",
    varied: bool = False,
    seed: int = 0,
) -> Path:
    """So many pictures of each class, with a bright stripe where the class has it; `varied` have several sizes."""
    rng = np.random.default_rng(seed)
    for number, (name, count) in enumerate(classes.items()):
        for at in range(count):
            height, width = (size[0] + at % 3 * 4, size[1] + at % 2 * 6) if varied else size
            pixels = rng.integers(0, 90, (height, width, channels), dtype=np.uint8)
            pixels[number * 3 : number * 3 + 3] += 150
            picture(path / name / f"{at:03d}{suffix}", pixels)
    return path
