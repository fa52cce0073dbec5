"""Decode a picture or a mask and bring it to a size, as functions for a graph of tf.data."""

from __future__ import annotations

from functools import cache
from typing import Any, Literal

from workbench.plugin import import_keras

import_keras()  # quietly
import tensorflow as tf  # noqa: E402

Resize = Literal["stretch", "crop", "pad"]
Colour = tuple[int, int, int]
MaskValues = tuple[int, ...] | tuple[Colour, ...]
"""The gray values or the colours that stand for the classes 0, 1, 2 ... of masks; () where pixels are the classes."""


@cache
def picture_decoder(size: tuple[int, int], channels: int, resize: Resize | None) -> Any:
    shape = (*size, channels)

    def resized(picture: tf.Tensor) -> tf.Tensor:
        if resize == "pad":
            result = tf.image.resize_with_pad(picture, *size)
        else:
            result = tf.image.resize(_cut(picture, *size) if resize == "crop" else picture, size)
        return tf.cast(tf.clip_by_value(tf.round(result), 0, 255), tf.uint8)

    def decode(path: tf.Tensor) -> tf.Tensor:
        picture = _with_channels(tf.io.read_file(path), channels)
        if resize is None:
            return tf.ensure_shape(picture, shape)
        now = tf.shape(picture)
        same = tf.logical_and(now[0] == size[0], now[1] == size[1])
        return tf.ensure_shape(tf.cond(same, lambda: picture, lambda: resized(picture)), shape)

    function = tf.function(decode, autograph=False, input_signature=[tf.TensorSpec((), tf.string)])
    return function.get_concrete_function()


@cache
def mask_decoder(size: tuple[int, int], resize: Resize | None, values: MaskValues) -> Any:
    """From a path to a mask (height, width, 1) of class numbers uint8: no pixel is a mean of others."""

    def resized(mask: tf.Tensor) -> tf.Tensor:
        if resize == "pad":
            return tf.image.resize_with_pad(mask, *size, method="nearest")
        return tf.image.resize(_cut(mask, *size) if resize == "crop" else mask, size, method="nearest")

    def decode(path: tf.Tensor) -> tf.Tensor:
        mask = _classes(native(tf.io.read_file(path)), values)
        return tf.ensure_shape(mask if resize is None else resized(mask), (*size, 1))

    function = tf.function(decode, autograph=False, input_signature=[tf.TensorSpec((), tf.string)])
    return function.get_concrete_function()


def _classes(mask: tf.Tensor, values: MaskValues) -> tf.Tensor:
    """Fails at a pixel that has none of the values."""
    first = mask[..., :1]
    colours = tf.cond(tf.shape(mask)[-1] < 3, lambda: tf.repeat(first, 3, axis=-1), lambda: mask[..., :3])
    if values and isinstance(values[0], tuple):
        found = tf.fill(tf.shape(first), -1)
        for number, colour in enumerate(values):
            same = tf.reduce_all(colours == tf.constant(colour, tf.uint8), axis=-1, keepdims=True)
            found = tf.where(same, number, found)
    else:
        gray = tf.reduce_all(colours == first)
        with tf.control_dependencies([tf.debugging.Assert(gray, ["colours"])]):
            found = tf.gather(tf.constant(gray_classes(values)), tf.cast(first, tf.int32))
    with tf.control_dependencies([tf.debugging.Assert(tf.reduce_all(found >= 0), ["values"])]):
        return tf.ensure_shape(tf.cast(found, tf.uint8), (None, None, 1))


def gray_classes(values: MaskValues) -> list[int]:
    """The class of each gray value, -1 for none. Of two, each pixel is the nearer one: edges may be blurred."""
    if len(values) == 2:
        low, high = values
        return [int(abs(gray - high) <= abs(gray - low)) for gray in range(256)]  # type: ignore[operator]
    known = {value: number for number, value in enumerate(values or range(256))}
    return [known.get(gray, -1) for gray in range(256)]


# Nothing here needs AutoGraph, which is slow.
as_written = tf.autograph.experimental.do_not_convert


def _cut(picture: tf.Tensor, height: int, width: int) -> tf.Tensor:
    """The largest part in the middle with the wanted ratio of height and width, as Keras cuts it."""
    shape = tf.shape(picture)
    high = tf.maximum(
        tf.minimum(shape[0], tf.cast(tf.cast(shape[1] * height, tf.float32) / width, tf.int32)), 1
    )
    wide = tf.maximum(
        tf.minimum(shape[1], tf.cast(tf.cast(shape[0] * width, tf.float32) / height, tf.int32)), 1
    )
    top, left = (shape[0] - high) // 2, (shape[1] - wide) // 2
    return picture[top : top + high, left : left + wide]


def native(data: tf.Tensor) -> tf.Tensor:
    """A picture with the channels that it has, uint8; of moving pictures the first."""
    return tf.io.decode_image(data, channels=0, expand_animations=False)


def _with_channels(data: tf.Tensor, channels: int) -> tf.Tensor:
    """Formats that cannot be decoded with so many channels are converted afterwards."""
    start = tf.strings.substr(data, 0, 2)
    other = tf.logical_or(start == b"BM", start == b"GI")
    return tf.cond(
        other,
        lambda: _converted(native(data), channels),
        lambda: tf.io.decode_image(data, channels=channels, expand_animations=False),
    )


def _converted(picture: tf.Tensor, channels: int) -> tf.Tensor:
    picture = picture[..., : 3 if channels == 3 else 4]
    gray = tf.shape(picture)[-1] < 3
    if channels == 3:
        return tf.cond(gray, lambda: tf.repeat(picture[..., :1], 3, axis=-1), lambda: picture)
    return tf.cond(
        gray,
        lambda: picture[..., :1],
        lambda: tf.image.rgb_to_grayscale(tf.ensure_shape(picture[..., :3], (None, None, 3))),
    )
