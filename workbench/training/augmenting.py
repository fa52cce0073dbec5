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
        """The step on changed pictures; all else of a batch stays as it is."""

        def augmented(data: Any) -> Any:
            x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
            x = tree.map_structure(lambda array: self(array) if is_picture(array) else array, x)
            return step(keras.utils.pack_x_y_sample_weight(x, y, sample_weight))

        return augmented

    def __call__(self, pictures: Any) -> Any:
        """Pictures (rows, height, width, channels) with the layers applied, of the same type."""
        result = pictures
        for layer in self.layers:
            result = layer(result, training=True) if _knows_training(layer) else layer(result)
        return tf.cast(result, pictures.dtype)


def is_picture(array: Any) -> bool:
    """True for the rows of an input of height, width and channels."""
    return len(array.shape) == _AXES and array.shape[-1] in (1, 3, 4)


def make_augmenter(items: Sequence[Use], maker: Maker, seed: int, inputs: Any) -> Augmenter | None:
    """The augmentation of a recipe; None where it has none.

    Args:
        items: `data.augment`.
        maker: makes the layers.
        seed: the recipe's; a layer without a seed of its own gets one from it.
        inputs: some rows of the inputs, in any structure, to try the layers on.

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


def _shape(array: Any) -> str:
    return " × ".join(str(size) for size in array.shape[1:])


def _knows_training(layer: Any) -> bool:
    return "training" in inspect.signature(layer.call).parameters
