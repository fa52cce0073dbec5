"""Give each layer of a model a unique name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from workbench.errors import RecipeError

# TensorFlow's own rule; it shows only when training begins.
_SCOPE = re.compile(r"[A-Za-z0-9.][A-Za-z0-9_.>-]*")


def check_outputs(names: Sequence[str], where: str) -> None:
    """Refuse the name of an output that TensorFlow cannot have: of several outputs each has a loss called by it.

    Raises:
        RecipeError: naming the output.
    """
    for name in names if len(names) > 1 else ():
        if not _SCOPE.fullmatch(name):
            raise RecipeError(
                f"TensorFlow accepts no output with the name '{name}'.",
                where=where,
                hint="Letters a-z, digits, '_', '-' and '.' make a name; it begins with a letter or a digit. "
                "`data.targets: {price: [...]}` gives the columns of a target another name.",
            )


class LayerNames:
    """The names taken so far in one model.

    Args:
        inputs: the names of the inputs, which Keras counts among the layers'.
    """

    def __init__(self, inputs: Iterable[str]) -> None:
        self._inputs = frozenset(inputs)
        self._taken: set[str] = set(inputs)

    def take(self, layer: Any, *, given: bool, where: str) -> None:
        """Enter a new layer, before it is built.

        Args:
            given: the recipe names it. One that Keras numbered itself is renamed where its name is taken:
                Keras does not know the recipe's own names.

        Raises:
            RecipeError: the recipe gives the name to two layers, or TensorFlow cannot have it.
        """
        if given and not _SCOPE.fullmatch(layer.name):
            raise RecipeError(
                f"TensorFlow accepts no layer with the name '{layer.name}'.",
                where=where,
                hint="Letters a-z, digits, '_', '-' and '.' make a name; it begins with a letter or a digit.",
            )
        if layer.name in self._taken:
            if given:
                owner = "an input" if layer.name in self._inputs else "another layer"
                raise RecipeError(
                    f"'{layer.name}' is the name of {owner} already.",
                    where=where,
                    hint="Each layer of a model has a name of its own.",
                )
            layer.name = self._free(layer.name)
        self._taken.add(layer.name)

    def _free(self, name: str) -> str:
        stem, _, number = name.rpartition("_")
        base, count = (stem, int(number)) if stem and number.isdigit() else (name, 0)
        while name in self._taken:
            count += 1
            name = f"{base}_{count}"
        return name
