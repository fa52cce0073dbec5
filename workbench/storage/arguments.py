"""Which arguments of a class's constructor a reload loses.

A class may store nothing under an argument's name, report other keys than it has arguments, or turn an argument that
was left at None into the value it stands for. So an argument counts as lost only where it was given, the reloaded
class was given another value, and its configuration does not make up for that.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from workbench.keras_private import made_with

_PLAIN = (str, int, float, bool, type(None))
_OF_EVERY_LAYER = frozenset({"name", "dtype", "trainable", "autocast", "activity_regularizer", "input_shape"})
_ABSENT = object()  # no plain value, nothing to compare
_NOTHING = object()  # no value at all: the class cannot be made again


@dataclass(frozen=True)
class LostArgument:
    """An argument that a reloaded layer has another value of.

    Attributes:
        owner: the layer's class.
        path: the layer's path; empty for the model itself.
        value, again: in the model, and after reloading.
        forgotten: `get_config` does not give it back at all.
        replaced: `get_config` gives back something that the layer was not given: it may stand for this argument.
    """

    owner: str
    path: str
    name: str
    value: Any
    again: Any
    forgotten: bool
    replaced: bool = False

    @property
    def reason(self) -> str:
        """`Gate.get_config ('gate') does not give back 'units'`."""
        at = f" ('{self.path}')" if self.path else ""
        if self.forgotten:
            return f"{self.owner}.get_config{at} does not give back '{self.name}'"
        return f"{self.owner}{at}: the argument '{self.name}' does not come back"

    @property
    def hint(self) -> str:
        """What to write."""
        return f"Let get_config return {{**super().get_config(), '{self.name}': self.{self.name}}}."


def lost_arguments(layer: Any, again: Any, path: str) -> Iterator[LostArgument]:
    """The arguments that were given to a layer and that the reloaded one was not given alike."""
    config, config_again = _config(layer), _config(again)
    for name, default in _parameters(layer):
        value, its = _argument(layer, name, default), _argument(again, name, default)
        if value is _ABSENT or its is _ABSENT or _same(value, its) or not _was_given(layer, name, default):
            continue
        reported, its_report = _plain(config.get(name, _ABSENT)), _plain(config_again.get(name, _ABSENT))
        if reported is not _ABSENT and _same(reported, its_report) and _same_attribute(layer, again, name):
            continue  # what it reports is what the argument stands for
        forgotten = name not in config
        yield LostArgument(
            type(layer).__name__, path, name, value, its, forgotten, _reports_more(layer, config)
        )


def likely_lost(layer: Any, path: str) -> Iterator[LostArgument]:
    """The arguments that a layer was given and its configuration does not give back, for one that fails to reload."""
    config = _config(layer)
    for name, default in _parameters(layer):
        value = _argument(layer, name, default)
        its = _plain(config[name]) if name in config else default
        if value is _ABSENT or its is _ABSENT or _same(value, its) or not _was_given(layer, name, default):
            continue
        yield LostArgument(type(layer).__name__, path, name, value, its, forgotten=True)


def code_of_config(layer: Any) -> str:
    """What to add to the class of a layer that cannot say how it was made; empty for one that can."""
    names = [name for name, _ in _parameters(layer)]
    if not names:
        return ""
    try:
        layer.get_config()
        return ""
    except NotImplementedError:
        pass  # what Keras raises where an argument is no plain value
    except Exception:  # of a get_config that the author wrote
        return ""
    given = ", ".join(f"'{name}': self.{name}" for name in names)
    objects = [name for name in names if _plain(getattr(layer, name, None)) is _ABSENT]
    back = ", ".join(f"'{name}': keras.saving.deserialize_keras_object(config['{name}'])" for name in objects)
    code = f"def get_config(self): return {{**super().get_config(), {given}}}"
    if back:
        code += f"; @classmethod def from_config(cls, config): return cls(**{{**config, {back}}})"
    takes_all = any(
        p.kind is p.VAR_KEYWORD for p in inspect.signature(type(layer).__init__).parameters.values()
    )
    rest = "" if takes_all else " Let __init__ take **kwargs, and pass them on: super().__init__(**kwargs)."
    return f"Add to {type(layer).__name__}: {code}.{rest}"


def _parameters(layer: Any) -> Iterator[tuple[str, Any]]:
    """The constructor's own arguments with their defaults; none for a class of Keras."""
    if type(layer).__module__.startswith("keras."):
        return
    for name, parameter in list(inspect.signature(type(layer).__init__).parameters.items())[1:]:
        named = parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
        if named and name not in _OF_EVERY_LAYER:
            yield name, _NOTHING if parameter.default is parameter.empty else parameter.default


def _config(layer: Any) -> dict[str, Any]:
    try:
        return dict(layer.get_config())
    except Exception:  # Keras raises for a class without one; any other may raise anything
        return {}


def _noted(layer: Any) -> dict[str, Any] | None:
    """The arguments that Keras saw given to the constructor; None where one of them was no plain value."""
    # Keras' own, for a get_config that nobody wrote. It does not look at a model's arguments.
    noted = None if isinstance(layer, keras.Model) else made_with(layer)
    return None if noted is None else dict(noted)


def _argument(layer: Any, name: str, default: Any) -> Any:
    """A plain value that the layer was made with: what Keras noted, or else its attribute of that name."""
    noted = _noted(layer)
    if noted is not None:
        return _plain(noted.get(name, default))
    return _plain(getattr(layer, name, _ABSENT))


def _was_given(layer: Any, name: str, default: Any) -> bool:
    noted = _noted(layer)
    if noted is not None:
        return name in noted and not _same(noted[name], default)
    return not _same(_plain(getattr(layer, name, _ABSENT)), default)


def _reports_more(layer: Any, config: dict[str, Any]) -> bool:
    """True if a configuration has a key that no argument was given for."""
    given = {name for name, default in _parameters(layer) if _was_given(layer, name, default)}
    defaults = dict(_parameters(layer))
    return any(
        name not in given and not _same(_plain(value), defaults.get(name, _NOTHING))
        for name, value in config.items()
        if name not in _OF_EVERY_LAYER
    )


def _same_attribute(layer: Any, again: Any, name: str) -> bool:
    mine, its = _plain(getattr(layer, name, _ABSENT)), _plain(getattr(again, name, _ABSENT))
    return mine is its or (mine is not _ABSENT and its is not _ABSENT and _same(mine, its))


def _plain(value: Any) -> Any:
    value = value.item() if isinstance(value, np.generic) else value
    if isinstance(value, list | tuple) and all(isinstance(item, _PLAIN) for item in value):
        return list(value)
    return value if isinstance(value, _PLAIN) or value is _NOTHING else _ABSENT


def _same(mine: Any, its: Any) -> bool:
    mine, its = (list(item) if isinstance(item, tuple) else item for item in (mine, its))
    if mine is its or not isinstance(mine, (*_PLAIN, list)) or not isinstance(its, (*_PLAIN, list)):
        return mine is its
    return bool(mine == its) or (mine != mine and its != its)
