"""Augmentation: random layers that change the pictures of each training batch, and are no part of the model.

They run inside the training step, so that every engine draws the same numbers, and neither validation nor evaluation
nor a saved file knows of them. Their seeds are kept in checkpoints as the state of a callback.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import tree

from workbench.assembly.make import Maker
from workbench.catalog import Kind
from workbench.catalog.lookup import Catalog
from workbench.catalog.resolve import resolve
from workbench.errors import RecipeError
from workbench.recipe.model_schema import Use
from workbench.sentence import short_message
from workbench.training.engines.programs import Step

_KEY = "data.augment"
_AXES = 4  # rows, height, width, channels


class Augmenter(keras.callbacks.Callback):
    """Changes the pictures of training batches. A callback, so that checkpoints keep where its seeds are.

    Args:
        layers: in the order in which they are applied.
    """

    def __init__(self, layers: Sequence[Any]) -> None:
        super().__init__()
        self.layers = list(layers)

    def wrap_step(self, step: Step) -> Step:
        """The step on changed pictures; all else of a batch stays as it is.

        Targets of a picture's height and width (masks) are turned and shifted as the picture is.
        """

        def augmented(data: Any) -> Any:
            x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
            inputs, targets = tree.flatten(x), tree.flatten(y)
            for at, array in enumerate(inputs):
                if not is_picture(array):
                    continue
                masks = [at for at, target in enumerate(targets) if is_mask_of(target, array)]
                inputs[at], changed = self.with_masks(array, [targets[mask] for mask in masks])
                for mask, new in zip(masks, changed, strict=True):
                    targets[mask] = new
            x, y = tree.pack_sequence_as(x, inputs), tree.pack_sequence_as(y, targets)
            return step(keras.utils.pack_x_y_sample_weight(x, y, sample_weight))

        return augmented

    def __call__(self, pictures: Any) -> Any:
        """Pictures (rows, height, width, channels) with the layers applied, of the same type."""
        return self.with_masks(pictures, [])[0]

    def with_masks(self, pictures: Any, masks: Sequence[Any]) -> tuple[Any, list[Any]]:
        """Pictures, and masks (rows, height, width, numbers) of them, with the layers applied, of the same types."""
        result, changed = tf.convert_to_tensor(pictures), [tf.cast(mask, tf.float32) for mask in masks]
        for layer in self.layers:
            training = {"training": True} if _knows_training(layer) else {}
            if changed and hasattr(layer, "transform_segmentation_masks"):
                joined = {"images": result, "segmentation_masks": tf.concat(changed, axis=-1)}
                both = layer(joined, **training)
                result = both["images"]
                changed = tf.split(both["segmentation_masks"], [mask.shape[-1] for mask in changed], axis=-1)
            else:
                result = layer(result, **training)
        return tf.cast(result, pictures.dtype), [
            tf.cast(new, mask.dtype) for new, mask in zip(changed, masks, strict=True)
        ]


def is_picture(array: Any) -> bool:
    """True for the rows of an input of height, width and channels."""
    return len(array.shape) == _AXES and array.shape[-1] in (1, 3, 4)


def is_mask_of(target: Any, picture: Any) -> bool:
    """True for a target with numbers for each pixel of a picture: classes, or another picture."""
    return len(target.shape) == _AXES and tuple(target.shape[1:3]) == tuple(picture.shape[1:3])


def make_augmenter(
    items: Sequence[Use], maker: Maker, seed: int, inputs: Any, targets: Any = ()
) -> Augmenter | None:
    """The augmentation of a recipe; None where it has none.

    Args:
        items: `data.augment`.
        maker: makes the layers.
        seed: the recipe's; a layer without a seed of its own gets one from it.
        inputs: some rows of the inputs, in any structure, to try the layers on.
        targets: of the targets.

    Raises:
        RecipeError: no input is a picture, or a layer fails or changes the size of a picture.
    """
    if not items:
        return None
    pictures = [array[:2] for array in tree.flatten(inputs) if is_picture(array)]
    if not pictures:
        raise RecipeError(
            "no input is a picture of height, width and channels, so there is nothing to augment.", where=_KEY
        )
    layers = []
    for index, item in enumerate(items):
        where = f"{_KEY}[{index}]"
        layer = maker.make(Kind.LAYER, _seeded(item, maker, seed + index + 1, where), where)
        _try(layer, pictures, where)
        if any(is_mask_of(target, each) for target in tree.flatten(targets) for each in pictures):
            _check_masks(layer, where)
        layers.append(layer)
    return Augmenter(layers)


def augmenter_alone(items: Sequence[Use], catalog: Catalog, seed: int, rows: Any) -> Augmenter:
    """The augmentation of a recipe without its model, to look at what it does to rows of an input."""

    def no_file(*_: Any) -> Any:
        raise RecipeError("a layer of the augmentation is made without files.", where=_KEY)

    maker = Maker(catalog, no_file, no_file, no_file, lambda *_: None)
    augmenter = make_augmenter(items, maker, seed, [rows])
    assert augmenter is not None
    return augmenter


def _seeded(item: Use, maker: Maker, seed: int, where: str) -> Use:
    parameters = inspect.signature(resolve(maker.entry(Kind.LAYER, item, where))).parameters
    if "seed" not in parameters or item.arguments.get("seed") is not None:
        return item
    return Use.model_validate({**item.model_dump(), "seed": seed % 2**31})


def _try(layer: Any, pictures: Sequence[np.ndarray], where: str) -> None:
    """Run a layer once; its seed is then as before."""
    name = type(layer).__name__
    for rows in pictures:
        try:
            before = [(variable, keras.ops.convert_to_numpy(variable)) for variable in layer.variables]
            result = Augmenter([layer])(tf.convert_to_tensor(rows, tf.float32))
            for variable, value in before:
                variable.assign(value)
        except Exception as error:  # the layer's own code
            raise RecipeError(
                f"{name} cannot change these pictures: {short_message(error)}.", where=where
            ) from error
        if tuple(result.shape) != rows.shape:
            raise RecipeError(
                f"{name} makes pictures of {_shape(result)} out of {_shape(rows)}; augmented pictures keep their size.",
                where=where,
                hint="A layer that changes the size belongs into the model.",
            )


def _check_masks(layer: Any, where: str) -> None:
    """Refuse a layer of someone's own that may move pixels and leave their masks where they are. Of Keras' layers, all
    that move pixels move masks too."""
    if hasattr(layer, "transform_segmentation_masks") or type(layer).__module__.startswith("keras."):
        return
    raise RecipeError(
        f"{type(layer).__name__} changes pictures and not their masks: it has no transform_segmentation_masks.",
        where=where,
        hint="Derive it from Keras' BaseImagePreprocessingLayer, or use layers such as RandomFlip.",
    )


def _shape(array: Any) -> str:
    return " × ".join(str(size) for size in array.shape[1:])


def _knows_training(layer: Any) -> bool:
    return "training" in inspect.signature(layer.call).parameters
