"""Check the shapes that Keras passes to `build`: tuples, with None for an axis of unknown length."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Shape = tuple[int | None, ...]


def width(owner: str, input_shape: Sequence[Any]) -> int:
    """The length of the last axis of one input, `(batch, ..., width)`.

    Raises:
        ValueError: there are several inputs, no axis beside the batch, or a last axis of unknown length.
    """
    if is_several(input_shape):
        raise ValueError(
            f"{owner} expects 1 input. Received {len(input_shape)}, of shapes {_listed(input_shape)}."
        )
    shape = tuple(input_shape)
    if len(shape) < 2 or shape[-1] is None:
        raise ValueError(
            f"{owner} expects an input of shape (batch, ..., width) with a known width. Received shape {shape}."
        )
    return shape[-1]


def pair(owner: str, input_shape: Sequence[Any]) -> tuple[Shape, Shape]:
    """The two shapes of a layer with two inputs.

    Raises:
        ValueError: there is one input, or more than two.
    """
    if not is_several(input_shape):
        raise ValueError(
            f"{owner} expects 2 inputs, as a list of two tensors. Received 1, of shape {tuple(input_shape)}. "
            "A layer in a Sequential stack gets 1: use a functional model (a graph)."
        )
    if len(input_shape) != 2:
        raise ValueError(
            f"{owner} expects 2 inputs, as a list of two tensors. Received {len(input_shape)}, "
            f"of shapes {_listed(input_shape)}."
        )
    first, second = input_shape
    return tuple(first), tuple(second)


def broadcast(owner: str, first: Shape, second: Shape) -> Shape:
    """The shape of an element-wise operation on two tensors, by NumPy's rules.

    Raises:
        ValueError: two axes differ and neither is 1.
    """
    rank = max(len(first), len(second))
    axes: list[int | None] = []
    for a, b in zip((1,) * (rank - len(first)) + first, (1,) * (rank - len(second)) + second, strict=True):
        if a == b or b == 1:
            axes.append(a)
        elif a == 1:
            axes.append(b)
        elif a is None or b is None:
            axes.append(b if a is None else a)
        else:
            raise ValueError(
                f"{owner} expects two inputs of the same shape. "
                f"Received shapes {first} and {second}: {a} is not {b}."
            )
    return tuple(axes)


def is_several(input_shape: Sequence[Any]) -> bool:
    """True for the shapes of several inputs, False for the shape of one."""
    return any(isinstance(part, Sequence) for part in input_shape)


def _listed(input_shape: Sequence[Any]) -> str:
    return ", ".join(str(tuple(shape)) for shape in input_shape)
