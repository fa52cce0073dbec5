"""Turn exceptions of Keras and of plugins into one clear sentence for the user."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping, Sequence
from typing import Any

from workbench.catalog import Entry, Kind
from workbench.errors import RecipeError, did_you_mean
from workbench.sentence import short_message

_MISSING = re.compile(r"missing a required argument: '(\w+)'")
_UNKNOWN = re.compile(r"got an unexpected keyword argument '(\w+)'")


def shape_text(shape: Any) -> str:
    """`(batch, 8)` for a tensor's shape; structures of shapes keep their form."""
    if isinstance(shape, Mapping):
        return "{" + ", ".join(f"{name}: {shape_text(item)}" for name, item in shape.items()) + "}"
    if isinstance(shape, list | tuple) and any(isinstance(item, list | tuple | Mapping) for item in shape):
        return ", ".join(shape_text(item) for item in shape)
    first, *rest = shape or (None,)
    return (
        "("
        + ", ".join(
            ["batch" if first is None else str(first), *(("any" if n is None else str(n)) for n in rest)]
        )
        + ")"
    )


def accepted_arguments(kind: Kind, target: Any) -> dict[str, inspect.Parameter]:
    """The arguments of a constructor (or of a function), those passed through `**kwargs` included."""
    if not inspect.isclass(target):
        if kind not in (Kind.LAYER, Kind.MODEL):
            return {}  # a recipe gives such a function as it is
        plain = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
        own = [(name, p) for name, p in inspect.signature(target).parameters.items() if p.kind in plain]
        return dict(own[_tensors_first(kind) :])
    found: dict[str, inspect.Parameter] = {}
    for cls in target.__mro__:
        init = vars(cls).get("__init__")
        if init is None or cls is object:
            continue
        parameters = list(inspect.signature(init).parameters.values())[1:]
        for parameter in parameters:
            if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
                found.setdefault(parameter.name, parameter)
        if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
            break
    return found


def _tensors_first(kind: Kind) -> int:
    """How many arguments of a function are not the recipe's: the tensor that a layer is called on."""
    return 0 if kind is Kind.MODEL else 1


def _by_position(kind: Kind, target: Any) -> list[str] | None:
    """The positional arguments of a constructor (or a function); None for any number."""
    function = target.__init__ if inspect.isclass(target) else target
    parameters = list(inspect.signature(function).parameters.values())
    if any(parameter.kind is parameter.VAR_POSITIONAL for parameter in parameters):
        return None
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    names = [parameter.name for parameter in parameters if parameter.kind in kinds]
    return names[1 if inspect.isclass(target) else _tensors_first(kind) :]


def _takes_any(target: Any) -> bool:
    """True for a function with `**kwargs`; where those of a class end is known."""
    parameters = () if inspect.isclass(target) else inspect.signature(target).parameters.values()
    return any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters)


def construction_error(
    entry: Entry, target: Any, positional: int, given: Mapping[str, Any], error: BaseException, where: str
) -> RecipeError:
    """The reason why making an object failed: an unknown argument, a missing one, or a value that it refuses."""
    accepted = accepted_arguments(entry.kind, target)
    own = [name for name in accepted if name not in ("name", "dtype", "trainable", "autocast")]
    for name in given:
        if name not in accepted and not _takes_any(target):
            hint = did_you_mean(name, accepted) or f"Its arguments: {', '.join(own) or 'none'}."
            return RecipeError(f"{entry.name} has no argument '{name}'.", where=where, hint=hint)
    missing = [
        name
        for index, (name, parameter) in enumerate(accepted.items())
        if parameter.default is parameter.empty and name not in given and index >= positional
    ]
    if missing:
        names = ", ".join(f"'{name}'" for name in missing)
        example = ", ".join(f"{name}: {entry.example[name]}" for name in missing if name in entry.example)
        hint = f"For example {{use: {entry.name}, {example}}}." if example else ""
        return RecipeError(f"{entry.name} needs the argument {names}.", where=where, hint=hint)
    by_position = _by_position(entry.kind, target)
    if isinstance(error, TypeError) and by_position is not None and positional > len(by_position):
        what = f"{entry.name} accepts at most {len(by_position)} of its arguments by position; {positional} are given."
        return RecipeError(
            what, where=where, hint=f"They are: {', '.join(by_position)}." if by_position else ""
        )
    twice = [name for name in (by_position or ())[:positional] if name in given]
    if twice:
        return RecipeError(f"{entry.name} is given the argument '{twice[0]}' twice.", where=where)
    of_zoo = entry.target.startswith("keras.applications:") and given.get("weights", "") is not None
    hint = (
        "`weights: null` begins with random weights; else Keras loads them from the internet."
        if of_zoo
        else ""
    )
    return RecipeError(f"{entry.name} refuses its arguments: {short_message(error)}.", where=where, hint=hint)


def call_error(name: str, shapes: Any, error: BaseException, where: str) -> RecipeError:
    """The error of a layer that does not accept its inputs, with both shapes."""
    # The words of `inspect.Signature.bind`, with which Keras matches a call with the layer's own `call`.
    if isinstance(error, TypeError) and (missing := _MISSING.fullmatch(str(error))):
        return RecipeError(f"{name} is called without its argument '{missing[1]}'.", where=where)
    if isinstance(error, TypeError) and (unknown := _UNKNOWN.fullmatch(str(error))):
        return RecipeError(f"{name} is called with '{unknown[1]}', which it does not take.", where=where)
    hint = ""
    if "batch size must be static" in str(error).replace("\n", " "):
        hint = "`train.static_batch: true` builds the model for batches of just `batch_size` rows."
    several = isinstance(shapes, list) and all(isinstance(shape, list | tuple) for shape in shapes)
    given = (
        "inputs of shapes " + " and ".join(map(shape_text, shapes))
        if several
        else f"an input of shape {shape_text(shapes)}"
    )
    return RecipeError(f"{name} cannot take {given}: {short_message(error)}.", where=where, hint=hint)


def arity_error(entry: Entry, given: int, where: str, *, in_stack: bool) -> RecipeError:
    """A layer with several inputs got fewer or more."""
    if in_stack:
        what = f"{entry.name} expects {entry.inputs} inputs; a layer in a stack gets 1."
        return RecipeError(
            what, where=where, hint="Write the model as a graph ('graph:' instead of 'sequential:')."
        )
    what = f"{entry.name} expects {_inputs(entry.inputs)}; {given} {'is' if given == 1 else 'are'} given."
    return RecipeError(what, where=where)


def model_arity_error(entry: Entry, names: Sequence[str]) -> RecipeError:
    """A model class with several inputs got data with fewer or more."""
    return RecipeError(
        f"{entry.name} expects {_inputs(entry.inputs)}; the data has {len(names)} ({', '.join(names)}).",
        where="model",
        hint="Name its inputs with their columns: `data.inputs`.",
    )


def _inputs(count: int | None) -> str:
    return "1 input" if count == 1 else f"{count} inputs"
