"""Describe a constructor's arguments for a form: type, default, bounds, choices, documentation."""

from __future__ import annotations

import inspect
import re
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any, Literal, Union

from workbench.assembly.errors import accepted_arguments
from workbench.catalog import Entry, Kind

# Every layer has these; a form shows them last.
COMMON = ("name", "dtype", "trainable")
_HIDDEN = ("autocast", "activity_regularizer", "args", "kwargs")


def describe(entry: Entry, target: Any) -> dict[str, Any]:
    """An entry's documentation and arguments, in JSON's types.

    Each argument has `name`, `required`, `default`, `type` (number, integer, boolean, text, choice, list or yaml) and
    `documentation`; where they are known also `choices`, `minimum`, `maximum`, `above`, `below` (both exclusive),
    `optional` (None is allowed), `suggestions` (words that fit, among others) and `guessed`: the type comes from the
    default or the documentation, and something else may be right as well.
    """
    documentation = inspect.getdoc(target) or ""
    init = target.__init__ if inspect.isclass(target) else target
    hints = _hints(init)
    texts = _argument_texts(documentation)
    own = inspect.signature(init).parameters
    accepted = {
        name: p
        for name, p in _accepted(entry, target).items()
        # What a base class demands and the class does not pass on as its own, the class itself fills in.
        if name not in _HIDDEN and (name in own or p.default is not p.empty)
    }
    ordered = [*(n for n in accepted if n not in COMMON), *(n for n in COMMON if n in accepted)]
    parameters = [_argument(name, accepted[name], hints.get(name), texts.get(name, "")) for name in ordered]
    return {
        "kind": entry.kind.value,
        "name": entry.name,
        "plugin": entry.plugin,
        "summary": entry.summary,
        "documentation": documentation,
        "example": dict(entry.example),
        "parameters": parameters,
    }


def _accepted(entry: Entry, target: Any) -> Mapping[str, inspect.Parameter]:
    # A layer's function has its tensor as the first argument; a dataset's has none.
    return _own_arguments(target) if entry.kind is Kind.DATASET else accepted_arguments(entry.kind, target)


def _own_arguments(function: Any) -> dict[str, inspect.Parameter]:
    plain = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return {
        name: p
        for name, p in inspect.signature(function).parameters.items()
        # What kwb itself gives (see `workbench.data.kinds`) is nothing to ask for.
        if p.kind in plain and getattr(p.annotation, "__name__", p.annotation) != "ColumnKinds"
    }


def _argument(name: str, parameter: inspect.Parameter, hint: Any, text: str) -> dict[str, Any]:
    required = parameter.default is parameter.empty
    default = None if required else _plain(parameter.default)
    record = {"name": name, "required": required, "default": default, "documentation": text}
    if words := _suggestions(name, text):
        record["suggestions"] = words
    if hint is not None and hint is not Any:
        return record | _from_hint(hint)
    if name in COMMON:
        return record | {"type": "boolean" if name == "trainable" else "text", "optional": True}
    return record | _from_default(default, text) | {"guessed": True}


def _suggestions(name: str, text: str) -> list[str]:
    """Words that may stand here: the activations Keras knows, or those that the documentation quotes."""
    if name.endswith("activation"):
        import keras

        known = (each for each in dir(keras.activations) if not each.startswith("_"))
        return [each for each in known if each not in ("deserialize", "get", "serialize")]
    return list(dict.fromkeys(re.findall(r'"([A-Za-z_][\w-]*)"', text)))


def _hints(function: Any) -> Mapping[str, Any]:
    """Type hints, or none where they cannot be read (a name imported for type checkers only)."""
    try:
        return typing.get_type_hints(function, include_extras=True)
    except Exception:  # a plugin's annotations may hold anything
        return {}


def _from_hint(hint: Any) -> dict[str, Any]:
    bounds: dict[str, Any] = {}
    if typing.get_origin(hint) is typing.Annotated:
        hint, *extras = typing.get_args(hint)
        for extra in extras:
            bounds |= _bounds(extra)
    origin = typing.get_origin(hint)
    if origin in (Union, types.UnionType):
        options = [option for option in typing.get_args(hint) if not _beyond_yaml(option)]
        if len(options) == 1:
            return _from_hint(options[0]) | bounds | {"optional": True}
        return {"type": "yaml"}
    if origin is Literal:
        return {"type": "choice", "choices": list(typing.get_args(hint))}
    simple = {bool: "boolean", int: "integer", float: "number", str: "text"}.get(hint)
    if simple is None:
        is_list = origin in (list, tuple) or hint in (list, tuple)
        return {"type": "list" if is_list else "yaml"}
    return {"type": simple, **bounds}


def _beyond_yaml(option: Any) -> bool:
    """True for values that a recipe cannot contain, or that need no field: a function, and None."""
    return option is type(None) or Callable in (option, typing.get_origin(option))


def _bounds(extra: Any) -> dict[str, Any]:
    """Bounds from `annotated_types` marks (Ge, Gt, Le, Lt) or from anything that has their fields."""
    names = (("ge", "minimum"), ("gt", "above"), ("le", "maximum"), ("lt", "below"))
    return {label: getattr(extra, field) for field, label in names if getattr(extra, field, None) is not None}


def _from_default(default: Any, text: str) -> dict[str, Any]:
    """Keras itself has no type hints: its defaults help, and the first words of its documentation."""
    for kind, label in ((bool, "boolean"), (int, "integer"), (float, "number"), (str, "text")):
        if isinstance(default, kind):
            return {"type": label}
    if isinstance(default, list):
        return {"type": "list"}
    words = re.match(r"(?:(positive|optional|an?|\(optional\)) )*(\w+)\b(?! or [^N`]|/| and)", text, re.I)
    return {"type": _WORDS.get(words[2].lower(), "yaml") if words else "yaml"}


_WORDS = {
    **dict.fromkeys(("int", "integer"), "integer"),
    "float": "number",
    **dict.fromkeys(("bool", "boolean"), "boolean"),
    **dict.fromkeys(("str", "string"), "text"),
}


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return None


def _argument_texts(documentation: str) -> dict[str, str]:
    """The paragraphs under `Args:`, by argument."""
    _, found, rest = documentation.partition("Args:\n")
    if not found:
        return {}
    section = re.split(r"\n\S", rest, maxsplit=1)[0]
    texts: dict[str, str] = {}
    current = ""
    indent = None
    for line in section.splitlines():
        stripped = line.lstrip()
        depth = len(line) - len(stripped)
        if stripped and indent is None:
            indent = depth
        head = re.match(r"\*{0,2}(\w+)(?: \([^)]*\))?:\s*(.*)", stripped) if depth == indent else None
        if head:
            current = head[1]
            texts[current] = head[2]
        elif current and stripped:
            texts[current] += f" {stripped}"
    return texts
