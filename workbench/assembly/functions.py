"""Use a registered function as what its kind needs: a layer, a model, a loss."""

from __future__ import annotations

import inspect
import re
from typing import Any

from workbench.catalog import Entry, Kind

# An argument that is called so holds a function as it is, and not a layer made of it.
_FUNCTION = re.compile(r"(^|_)(activation|function|func|fn|schedule)\Z")


def from_function(entry: Entry, function: Any, args: list[Any], kwargs: dict[str, Any], argument: str) -> Any:
    """What a recipe gets for a function that a plugin registered.

    A model is what the function returns. A layer becomes a Lambda around the function, which is safe to save: the
    file holds the function's registered name and no code.

    Args:
        argument: the name of the argument that it is for; empty where it is none.

    Raises:
        TypeError: it is given arguments that it cannot have, or returns no model.
    """
    if entry.kind is Kind.MODEL:
        return _model(entry, function, args, kwargs)
    if entry.kind is not Kind.LAYER or (_FUNCTION.search(argument) and not args and not kwargs):
        if args or kwargs:
            raise TypeError(f"{entry.name} is a function and has no arguments in a recipe")
        return function
    import keras

    own = ("name", "dtype", "trainable")
    inspect.signature(function).bind(None, *args, **{k: v for k, v in kwargs.items() if k not in own})
    names = list(inspect.signature(function).parameters)[1:]
    arguments = dict(zip(names, args, strict=False)) | {k: v for k, v in kwargs.items() if k not in own}
    rest = {key: kwargs[key] for key in ("dtype", "trainable") if key in kwargs}
    name = kwargs.get("name") or numbered(_snake(entry.name))
    return keras.layers.Lambda(function, arguments=arguments, name=name, **rest)


def _model(entry: Entry, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
    import keras

    parameters = inspect.signature(function).parameters
    # What any layer of a recipe can be given, the function need not know.
    any_name = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values())
    rest = {key: kwargs[key] for key in ("name", "trainable") if key in kwargs and key not in parameters}
    if any_name:
        rest.pop("name", None)
    made = function(*args, **{key: value for key, value in kwargs.items() if key not in rest})
    if not isinstance(made, keras.Model):
        raise TypeError(f"{entry.name} returns {type(made).__name__}, and not a keras.Model")
    for key, value in rest.items():
        setattr(made, key, value)
    return made


def _snake(name: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() and i else c.lower() for i, c in enumerate(name))


def numbered(prefix: str) -> str:
    """Keras' own numbering of layer names: exponential, exponential_1, ..."""
    import keras

    count = keras.backend.get_uid(prefix)
    return prefix if count == 1 else f"{prefix}_{count - 1}"
