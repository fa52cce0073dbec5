"""The arguments that a model's `compile()` is called with: those of every model, and its own (`train.compile`)."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from typing import Any

import keras

from workbench.assembly.make import Maker
from workbench.assembly.own_training import has_own
from workbench.catalog import Kind
from workbench.errors import RecipeError, did_you_mean
from workbench.recipe.model_schema import Use
from workbench.recipe.names import kind_of_argument
from workbench.recipe.train_schema import Train

STANDARD = ("optimizer", "loss", "loss_weights", "metrics", "weighted_metrics", "run_eagerly")

_UNKNOWN = re.compile(r"compile\(\) got an unexpected keyword argument '(\w+)'")


def compile_arguments(model: Any, train: Train, standard: Mapping[str, Any], maker: Maker) -> dict[str, Any]:
    """The arguments for this model's `compile()`.

    Args:
        model: the model.
        train: the recipe's section.
        standard: the arguments of every model, made, by name; each is what `train` says, or the default.

    Raises:
        RecipeError: `compile()` has no such argument, lacks one, or is given one twice; or a name is unknown.
    """
    own = has_own(model, "compile")
    accepted, any_name = _parameters(type(model).compile)
    name = type(model).__name__
    for key in train.compile:
        where = f"train.compile.{key}"
        if key in STANDARD and (not own or key in train.model_fields_set):
            raise RecipeError(
                f"'{key}' is given under `train` itself.", where=where, hint=f"Leave {where} out."
            )
        if key not in accepted and not any_name:
            raise _unknown(name, key, accepted, where)
    made = {
        key: _made(value, kind_of_argument(key), f"train.compile.{key}", maker)
        for key, value in train.compile.items()
    }
    if not own:
        return {**standard, **made}
    found = {}
    for key, value in standard.items():
        if key in made:
            continue
        given = key in train.model_fields_set and value is not None and value is not False
        if given and key not in accepted and not any_name and key != "run_eagerly":
            raise _unknown(name, key, accepted, f"train.{key}")
        wanted = given or (key == "optimizer" and _wants_optimizer(accepted, any_name, made))
        if wanted and (key in accepted or any_name):
            found[key] = value
    lacking = [
        key for key, each in accepted.items() if each.default is each.empty and key not in found | made
    ]
    if lacking:
        example = ", ".join(f"{key}: {_example(key)}" for key in lacking)
        raise RecipeError(
            f"{name}.compile() needs {_listed(lacking)}.",
            where="train.compile" if train.compile else "train",
            hint=f"Write it under `train`: `compile: {{{example}}}`.",
        )
    return {**found, **made}


def refused(model: Any, train: Train, error: BaseException) -> RecipeError | None:
    """The error of a `compile()` that hands on what it does not know, and refuses an argument so; None for another."""
    match = _UNKNOWN.search(str(error)) if isinstance(error, TypeError) else None
    if match is None:
        return None
    accepted = {**_parameters(keras.Model.compile)[0], **_parameters(type(model).compile)[0]}
    where = f"train.compile.{match[1]}" if match[1] in train.compile else f"train.{match[1]}"
    return _unknown(type(model).__name__, match[1], accepted, where)


def _parameters(compile: Any) -> tuple[dict[str, inspect.Parameter], bool]:
    """The parameters of a `compile()` by name, and whether it takes others as well."""
    parameters = list(inspect.signature(compile).parameters.values())[1:]
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    named = {each.name: each for each in parameters if each.kind in kinds}
    return named, any(each.kind is each.VAR_KEYWORD for each in parameters)


def _wants_optimizer(accepted: Mapping[str, Any], any_name: bool, made: Mapping[str, Any]) -> bool:
    """True if a `compile()` gets the recipe's default optimizer: it asks for one, and has none of its own."""
    others = any(isinstance(each, keras.optimizers.Optimizer) for each in keras.tree.flatten(made))
    return "optimizer" in accepted or (any_name and not others)


def _made(value: Any, kind: Kind | None, where: str, maker: Maker) -> Any:
    """A value of `train.compile`. A word for a loss, a metric, an optimizer or a schedule is made one: any `compile()`
    can use the object, but not each understands the word."""
    if isinstance(value, list):
        return [_made(item, kind, f"{where}[{at}]", maker) for at, item in enumerate(value)]
    if isinstance(value, Mapping):
        return {key: _made(item, kind, f"{where}.{key}", maker) for key, item in value.items()}
    if kind is None or not isinstance(value, str):
        return maker.value(value, where)
    try:
        return maker.make(kind, Use(use=value), where)
    except RecipeError:
        if kind is Kind.OPTIMIZER:
            raise
        return value  # a word that means something to this class


def _unknown(name: str, key: str, accepted: Mapping[str, Any], where: str) -> RecipeError:
    hint = did_you_mean(key, accepted) or f"Its arguments: {', '.join(accepted) or 'none'}."
    if not where.startswith("train.compile") and accepted:
        hint = f"{hint} Those of its own are written under `train.compile`."
    return RecipeError(f"{name}.compile() has no argument '{key}'.", where=where, hint=hint)


def _example(key: str) -> str:
    kind = kind_of_argument(key)
    return {Kind.OPTIMIZER: "{use: Adam}", Kind.LOSS: "{use: MeanSquaredError}"}.get(kind, "...")  # type: ignore[arg-type]


def _listed(names: list[str]) -> str:
    quoted = [f"'{name}'" for name in names]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} and {quoted[-1]}"
