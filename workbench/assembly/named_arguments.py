"""Find what a text among the arguments names: `activation: my_softplus`, `kernel_initializer: MyInitializer`.

Keras looks such names up among its own things, and finds others under their registered names only.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras

from workbench.catalog import Entry, Kind
from workbench.catalog.lookup import Catalog
from workbench.errors import RecipeError, did_you_mean
from workbench.recipe.names import kind_of_argument
from workbench.sentence import short_message

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


def policy(name: str, arguments: Mapping[str, Any], where: str) -> Any:
    """A dtype policy by its class: `dtype: {use: DTypePolicyMap, policy_map: {...}}`.

    Raises:
        RecipeError: Keras has none of that name, or it refuses the arguments.
    """
    known = {
        label: thing
        for label, thing in vars(keras.dtype_policies).items()
        if isinstance(thing, type) and issubclass(thing, keras.dtype_policies.DTypePolicy)
    }
    if name not in known:
        hint = (
            did_you_mean(name, known) or f"There are: {', '.join(known)}; `mixed_bfloat16` is a name of one."
        )
        raise RecipeError(f"there is no dtype policy '{name}'.", where=where, hint=hint)
    try:
        return known[name](**arguments)
    except Exception as error:  # Keras raises what it likes for a name that it does not know
        raise RecipeError(f"{name} refuses its arguments: {short_message(error)}.", where=where) from error


def _keras_knows(kind: Kind, name: str) -> bool:
    try:
        return _GET[kind](name) is not None
    except (ValueError, TypeError):
        return False
