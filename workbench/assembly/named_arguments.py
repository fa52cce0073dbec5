"""Find what a text among the arguments names: `activation: my_softplus`, `kernel_initializer: MyInitializer`.

Keras looks such names up among its own things, and finds others under their registered names only.
"""

from __future__ import annotations

from typing import Any

import keras

from workbench.catalog import Entry, Kind
from workbench.catalog.lookup import Catalog
from workbench.recipe.names import kind_of_argument

_GET: dict[Kind, Any] = {
    Kind.INITIALIZER: keras.initializers.get,
    Kind.REGULARIZER: keras.regularizers.get,
    Kind.CONSTRAINT: keras.constraints.get,
    Kind.LAYER: keras.activations.get,
    Kind.LOSS: keras.losses.get,
    Kind.METRIC: keras.metrics.get,
    Kind.OPTIMIZER: keras.optimizers.get,
}


def object_named(catalog: Catalog, name: str, argument: str) -> Entry | None:
    """The entry to make for a text; None where the text is the value, as for names that Keras knows.

    A name of a file that was given on the command line goes before Keras' own.

    Args:
        argument: the argument that the text is given for.
    """
    kind = kind_of_argument(argument)
    if kind not in _GET:
        return None
    entries = [entry for entry in catalog.named(kind, name) if not entry.target.startswith("keras.")]
    files = [entry for entry in entries if entry.from_file]
    if len(files) == 1:
        return files[0]
    return entries[0] if len(entries) == 1 and not _keras_knows(kind, name) else None


def _keras_knows(kind: Kind, name: str) -> bool:
    try:
        return _GET[kind](name) is not None
    except (ValueError, TypeError):
        return False
