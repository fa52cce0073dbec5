"""Checks of an entry's class or function: its registration, its constructor, its configuration."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from typing import Any

import keras

from workbench.catalog import Kind
from workbench.catalog.resolve import package_of
from workbench.check.contract import checks_of
from workbench.check.effects import matters
from workbench.check.results import CheckFailed, CheckWarning, NotApplicable, error_text
from workbench.check.subject import CheckedEntry
from workbench.errors import WorkbenchError, did_you_mean


def expected_failures(subject: CheckedEntry) -> None:
    known = [check.id for check in checks_of(subject.entry.kind)]
    if not subject.entry.expected_failures:
        raise NotApplicable("none is announced")
    for name in subject.entry.expected_failures:
        if name not in known:
            kind = f"{subject.entry.kind} has the checks {', '.join(known)}"
            raise CheckFailed(
                f"expected_failures names '{name}', which is no check of this kind.",
                hint=did_you_mean(name, known) or f"A {kind}.",
            )


def resolves(subject: CheckedEntry) -> None:
    subject.target  # noqa: B018  raises where it cannot be had


def registered_name(subject: CheckedEntry) -> None:
    target = subject.target
    if subject.is_stock:
        raise NotApplicable("it is Keras' own")
    if subject.entry.kind is Kind.MODEL and not subject.is_class:
        raise NotApplicable("a file holds the model that it returns, and not the function")
    if subject.is_class and not hasattr(target, "get_config"):
        raise NotApplicable("it has no get_config, so no file names it")
    name = keras.saving.get_registered_name(target)
    package, _, bare = name.rpartition(">")
    promised = package_of(subject.entry)
    if not package:
        raise CheckFailed("it is not registered with Keras.", hint=f"Register it under '{promised}'.")
    if bare != target.__name__:
        raise CheckFailed(
            f"it is registered as '{name}', under another name than its own, '{target.__name__}'.",
            hint=f"@keras.saving.register_keras_serializable(package='{promised}')",
        )
    if package != promised and not subject.from_file:
        raise CheckFailed(
            f"it is registered as '{name}': a file of it says that '{package}' must be installed, "
            f"and the distribution is '{promised}'.",
            hint=f"@keras.saving.register_keras_serializable(package='{promised}')",
        )


def constructor(subject: CheckedEntry) -> None:
    try:
        subject.make()
    except WorkbenchError as error:
        needed = [name for name in subject.required() if name not in subject.arguments]
        hint = error.hint
        if needed and not subject.from_file:
            hint = f"Let the entry's example give {', '.join(needed)}."
        raise CheckFailed(error.what, hint=hint) from error


def constructor_defaults(subject: CheckedEntry) -> None:
    required = subject.required()
    if required:
        raise NotApplicable(f"it requires {', '.join(required)}")
    try:
        subject.make_with({})
    except WorkbenchError as error:
        raise CheckFailed(
            f"without arguments: {error.what}", hint="Let a required argument have no default."
        ) from error


def config_serializable(subject: CheckedEntry) -> None:
    thing = _configured(subject)
    config = thing.get_config()
    try:
        _as_text(thing)
    except (TypeError, ValueError) as error:
        guilty = [key for key, value in config.items() if not _can_be_text(value)]
        where = f" ({', '.join(guilty)})" if guilty else ""
        raise CheckFailed(
            f"its get_config{where} cannot be written as JSON: {error_text(error)}.",
            hint="Give numbers, texts, lists and dicts; keras.saving.serialize_keras_object helps with objects.",
        ) from error


def config_keeps_arguments(subject: CheckedEntry) -> None:
    thing = _configured(subject)
    if not subject.is_class:
        raise NotApplicable("it is a function, whose arguments are kept beside it")
    own = subject.own_arguments()
    if not own:
        raise NotApplicable("its constructor has no arguments of its own")
    config = thing.get_config()
    text = _as_text(thing)
    others = {name: other for name, _, other in subject.varied()}
    varied = {name: _as_text(other) != text for name, other in others.items()}
    # With a from_config of its own, a class may write its configuration as it likes, if two different layers have
    # different ones.
    free = subject.target.from_config.__func__ is not _base(subject.target).from_config.__func__
    forgotten = {}
    for name, parameter in own.items():
        if name not in config and not varied.get(name) and not free:
            forgotten[name] = f"get_config does not give back '{name}'"
        # Some of the values that replace None may mean None.
        elif varied.get(name) is False and not (name in config and parameter.default is None):
            forgotten[name] = f"get_config does not give back '{name}': with another value it says the same"
    for name, what in forgotten.items():
        # Left at None, it may be another name of an argument that was given, and then takes no value.
        unused = name not in others and own[name].default is None and name not in subject.arguments
        if not unused and (name not in others or matters(subject, others[name])):
            raise CheckFailed(f"{what}.", hint=_hint(name))
    for name, what in forgotten.items():
        raise CheckWarning(f"{what}. Nothing that was compared depends on it.", hint=_hint(name))


def _hint(name: str) -> str:
    return f"Let get_config return {{**super().get_config(), '{name}': self.{name}}}."


def from_config(subject: CheckedEntry) -> None:
    thing = _configured(subject)
    _compare(thing, "")
    if subject.is_class:
        for name, value, other in subject.varied():
            if subject.given(name) is None:
                continue  # the value is a guess, which the constructor did not refuse and may yet not be for it
            _compare(other, f" (made with {name}={value!r})")


def _compare(thing: Any, made: str) -> None:
    # With a from_config of its own, a class may want its configuration as a file has it.
    own = type(thing).from_config.__func__ is not _base(type(thing)).from_config.__func__
    roads: tuple[tuple[str, Callable[[], Any]], ...] = (
        ("from_config(get_config())", lambda: type(thing).from_config(thing.get_config())),
        (
            "Keras' deserialization",
            lambda: keras.saving.deserialize_keras_object(_record(thing)),
        ),
    )
    for road, again in roads[1:] if own else roads:
        try:
            twin = again()
        except Exception as error:
            raise CheckFailed(
                f"{road} fails{made}: {error_text(error)}.",
                hint="__init__ needs each key of get_config as an argument, the base class' (name, dtype, "
                "trainable) through **kwargs.",
            ) from error
        if type(twin) is not type(thing):
            raise CheckFailed(f"{road} returns {type(twin).__name__}{made}.")
        if not _is_same(json.loads(_as_text(thing)), json.loads(_as_text(twin))):
            mine, its = thing.get_config(), twin.get_config()
            other = [key for key in mine if str(mine[key]) != str(its.get(key))]
            raise CheckFailed(
                f"{road} returns another configuration{made}: {', '.join(other) or 'keys differ'}."
            )


def _record(thing: Any) -> Any:
    """A thing as a file holds it. Of one that is not built, Keras would put in shapes that it has not."""
    record = keras.saving.serialize_keras_object(thing)
    if isinstance(record, dict) and not getattr(thing, "built", True):
        record.pop("build_config", None)
    return record


def _configured(subject: CheckedEntry) -> Any:
    """An instance that has a configuration."""
    thing = subject.make()
    if not hasattr(thing, "get_config"):
        raise NotApplicable("it is a function, which has no configuration")
    return thing


def _base(cls: type) -> Any:
    """The class of Keras that a class is made from."""
    return next(b for b in cls.__mro__ if b.__module__.startswith("keras.") and hasattr(b, "from_config"))


def _as_text(thing: Any) -> str:
    """A configuration as the JSON that a file holds."""
    record = keras.saving.serialize_keras_object(thing)
    config = {key: value for key, value in record.items() if key != "build_config"}
    # A name that Keras numbered is no argument.
    inner = config.get("config")
    if isinstance(inner, dict):
        config = {**config, "config": {key: value for key, value in inner.items() if key != "name"}}
    return json.dumps(_without_numbers(config), sort_keys=True)


def _without_numbers(value: Any) -> Any:
    """A configuration with the names of inner things as they are without Keras' numbers."""
    if isinstance(value, dict):
        return {
            key: re.sub(r"_\d+\Z", "", item)
            if key == "name" and isinstance(item, str)
            else _without_numbers(item)
            for key, item in value.items()
        }
    return [_without_numbers(item) for item in value] if isinstance(value, list | tuple) else value


def _is_same(mine: Any, its: Any, automatic: str = "") -> bool:
    """True if two configurations say the same. A name that Keras gave to an inner thing may be another.

    Args:
        mine, its: as `_as_text` has them.
        automatic: the class of the thing that they are of, after which Keras names it.
    """
    if isinstance(mine, dict) and isinstance(its, dict):
        cls = mine.get("class_name")
        return mine.keys() == its.keys() and all(
            _is_same(value, its[key], str(cls) if cls and key == "config" else "")
            or (key == "name" and bool(automatic) and str(value).replace("_", "") == automatic.lower())
            or (key == "name" and "trainable" in mine)  # the name of an inner layer
            for key, value in mine.items()
        )
    if isinstance(mine, str) and isinstance(its, dict):
        return _is_named(its, mine)
    if isinstance(mine, list) and isinstance(its, list):
        return len(mine) == len(its) and all(map(_is_same, mine, its))
    return json.dumps(mine) == json.dumps(its)  # where NaN is NaN


def _is_named(record: dict[str, Any], name: str) -> bool:
    """True if a record is that of what Keras has under a name, such as `glorot_uniform`."""
    get = getattr(sys.modules.get(str(record.get("module"))), "get", None)
    if get is None or get not in _GETS:
        return False
    try:
        return bool(json.loads(json.dumps(keras.saving.serialize_keras_object(get(name)))) == record)
    except (TypeError, ValueError):
        return False


# How Keras finds a thing by its name.
_GETS = (
    keras.activations.get,
    keras.constraints.get,
    keras.initializers.get,
    keras.losses.get,
    keras.metrics.get,
    keras.optimizers.get,
    keras.regularizers.get,
)


def _can_be_text(value: Any) -> bool:
    try:
        json.dumps(keras.saving.serialize_keras_object(value))
    except (TypeError, ValueError):
        return False
    return True


CHECKS = {
    "expected_failures": expected_failures,
    "resolves": resolves,
    "registered_name": registered_name,
    "constructor": constructor,
    "constructor_defaults": constructor_defaults,
    "config_serializable": config_serializable,
    "config_keeps_arguments": config_keeps_arguments,
    "from_config": from_config,
}
