"""Decode and resize pictures in parallel with tf.data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from kwb_datasets.image_decoding import (
    MaskValues,
    Resize,
    as_written,
    mask_decoder,
    native,
    picture_decoder,
)
from kwb_datasets.masks import mask_error
from workbench.plugin import DataError, FileError, import_keras

import_keras()  # quietly
import tensorflow as tf  # noqa: E402

# Looked at to find out which size and how many channels pictures have.
_LOOKED_AT = 64
_LONGEST = 96
_MOST_COUNTED = 2_000  # masks that are read from their files to count classes
_BATCH_BYTES = 4 * 2**20  # read at once where all are looked at


@dataclass
class ImageFiles:
    """Pictures as rows of 8-bit numbers; see `workbench.data.lazy.RowReader`.

    Attributes:
        paths: the files.
        names: what messages and predictions call them.
        size: height and width.
        channels: 1 or 3.
        resize: how a picture of another shape becomes one of this; None refuses it.
        values: for masks, what stands for their classes; None for pictures.
        held: all pictures, once they are read.
    """

    paths: Sequence[str]
    names: Sequence[str]
    size: tuple[int, int]
    channels: int
    resize: Resize | None = "stretch"
    values: MaskValues | None = None
    held: np.ndarray | None = None
    _tensor: Any = field(default=None, repr=False)

    @property
    def shape(self) -> tuple[int, ...]:
        return (*self.size, self.channels)

    @property
    def classes(self) -> int:
        """Of masks, how many classes their pixels have: as many as values, or up to the largest number that is seen."""
        if self.values is None:
            return 0
        if self.values:
            return len(self.values)
        rows = np.arange(len(self.paths))[: None if self.held is not None else _MOST_COUNTED]
        return 1 + max((int(block.max()) for block in self.blocks(rows, _LOOKED_AT)), default=0)

    def __len__(self) -> int:
        return len(self.paths)

    def name(self, row: int) -> str:
        """A picture's file."""
        return self.names[row]

    def blocks(self, rows: np.ndarray, size: int) -> Iterator[np.ndarray]:
        """Pictures (size, height, width, channels) uint8, the next ones decoded while some are used.

        Raises:
            FileError: one cannot be decoded. DataError: one has another size, and may not be resized.
        """
        if self.held is not None:
            for start in range(0, len(rows), size):
                yield self.held[rows[start : start + size]]
            return
        pictures = self._pictures(rows).batch(size, num_parallel_calls=1, deterministic=True).prefetch(2)
        start = 0
        try:
            for block in pictures.as_numpy_iterator():
                yield block
                start += size
        except tf.errors.OpError:
            for row in rows[start : start + 4 * size]:
                if (error := self.error(int(row))) is not None:
                    raise error from None
            raise

    def _pictures(self, rows: np.ndarray) -> tf.data.Dataset:
        if self._tensor is None:
            self._tensor = tf.constant(list(self.paths), tf.string)
        paths, decode = self._tensor, self.decode
        return tf.data.Dataset.from_tensor_slices(rows).map(
            as_written(lambda row: decode(paths[row])),
            num_parallel_calls=tf.data.AUTOTUNE,
            deterministic=True,
        )

    def unreadable(self, into: np.ndarray | None = None) -> list[int]:
        """The pictures that cannot be decoded. Reads all of them, and writes them into an array if one is given."""
        rows = np.arange(len(self.paths))
        paths, decode = tf.constant(list(self.paths), tf.string), self.decode
        numbered = (
            tf.data.Dataset.from_tensor_slices(rows)
            .map(as_written(lambda row: (row, decode(paths[row]))), num_parallel_calls=tf.data.AUTOTUNE)
            .ignore_errors()
            .batch(max(1, min(64, _BATCH_BYTES // (self.size[0] * self.size[1] * self.channels))))
            .prefetch(2)
        )
        missing = np.ones(len(rows), dtype=bool)
        for places, block in numbered.as_numpy_iterator():
            missing[places] = False
            if into is not None:
                into[places] = block
        return np.flatnonzero(missing).tolist()

    def error(self, row: int) -> DataError | FileError | None:
        """Why a picture cannot be used, or None."""
        path, name = self.paths[row], self.names[row]
        try:
            with open(path, "rb") as file:
                start = file.read(16)
            if not start:
                return FileError("the file is empty: it is no picture.", where=name)
            picture = native(tf.io.read_file(path))
        except OSError as error:
            return FileError(f"cannot be read: {error.strerror}.", where=name)
        except tf.errors.OpError as error:
            return FileError(f"is no readable picture: {_reason(start, error)}.", where=name)
        if (
            self.values is not None
            and (problem := mask_error(picture.numpy(), self.values, name)) is not None
        ):
            return problem
        if self.resize is None and tuple(picture.shape[:2]) != self.size:
            return self._other_size(tuple(picture.shape[:2]), name)
        try:
            self.decode(tf.constant(path))
        except tf.errors.OpError as error:
            return FileError(f"is no readable picture: {_reason(start, error)}.", where=name)
        return None

    def _other_size(self, size: tuple[int, ...], name: str) -> DataError:
        if self.values is not None:
            return DataError(
                f"this mask is {size[0]} × {size[1]} (height × width), and the pictures are {self.size[0]} × "
                f"{self.size[1]}.",
                where=name,
                hint="With `size` both are resized.",
            )
        wide, common = max(self.size), f"[{self.size[0]}, {self.size[1]}]"
        small = common if wide <= _LONGEST else "[64, 64]"
        return DataError(
            f"the pictures differ in size: this one is {size[0]} × {size[1]} (height × width), "
            f"'{self.names[0]}' is {self.size[0]} × {self.size[1]}.",
            where=name,
            hint=f"Say which size all shall have: `size: {small}`.",
        )

    @property
    def decode(self) -> Any:
        """From a path to a picture (height, width, channels) uint8: a function for a graph, traced once."""
        if self.values is not None:
            return mask_decoder(self.size, self.resize, self.values)
        return picture_decoder(self.size, self.channels, self.resize)


def first_size(paths: Sequence[str]) -> tuple[int, int] | None:
    """Height and width of the first picture that can be decoded; None where none of the first ones can."""
    for path in paths[:_LOOKED_AT]:
        try:
            height, width = native(tf.io.read_file(path)).shape[:2]
        except (OSError, tf.errors.OpError):
            continue
        return int(height), int(width)
    return None


def likely_form(paths: Sequence[str]) -> tuple[tuple[int, int], int] | None:
    """A size and a number of channels that suit pictures, from a look at some of them; None where none can be decoded.

    Pictures of one size of up to 96 pixels keep it. Others become at most 96 pixels long, nearly square ones squares.
    """
    step = max(1, len(paths) // _LOOKED_AT)
    sizes: list[tuple[int, int]] = []
    gray = True
    for path in paths[::step][:_LOOKED_AT]:
        try:
            picture = native(tf.io.read_file(path)).numpy()
        except (OSError, tf.errors.OpError):
            continue
        sizes.append(picture.shape[:2])
        gray = gray and (
            picture.shape[-1] < 3 or bool(np.ptp(picture[..., :3].astype(int), axis=-1).max() == 0)
        )
    if not sizes:
        return None
    channels = 1 if gray else 3
    height, width = (int(np.median([size[at] for size in sizes])) for at in (0, 1))
    longest = max(height, width)
    if longest <= _LONGEST and len(set(sizes)) == 1:
        return (height, width), channels
    ratio = float(np.median([size[0] / size[1] for size in sizes]))
    long = min(longest, _LONGEST)
    long = max(8, long - long % 8)
    if 0.7 <= ratio <= 1.4:
        long = 64 if long > 64 else long
        return (long, long), channels
    short = max(8, round(long * min(ratio, 1 / ratio) / 8) * 8)
    return ((short, long) if ratio < 1 else (long, short)), channels


def _reason(start: bytes, error: tf.errors.OpError) -> str:
    """Why a picture cannot be decoded, in a few words."""
    kinds = {b"\xff\xd8": "JPEG", b"\x89P": "PNG", b"BM": "BMP", b"GI": "GIF", b"RI": "WebP"}
    kind = kinds.get(start[:2])
    if kind is None:
        shown = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in start[:8])
        return f"it begins with '{shown}', as no picture does that can be read here"
    return f"its {kind} data is damaged or cut off"
