"""Write values as YAML text: on one line inside other values, on several lines for whole sections."""

from __future__ import annotations

from collections.abc import Mapping
from io import StringIO
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.scalarstring import SingleQuotedScalarString

# What a recipe shows as one item a line, however short.
_LONG = frozenset({"sequential", "graph", "layers"})


def one_line(value: Any, *, inside_brackets: bool = True) -> str:
    """A value on one line: `{use: MyDense, units: 30}`.

    Args:
        value: plain data.
        inside_brackets: quote so that it may also stand inside `[...]` and `{...}`; a text that does not can
            hold commas unquoted.
    """
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_scalar(key)}: {one_line(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(one_line, value)) + "]"
    return _scalar(value, inside_brackets=inside_brackets)


def block(value: Mapping[str, Any], indent: int) -> str:
    """A map over several lines, without the indentation of the first."""
    lines: list[str] = []
    space = " " * indent
    for key, item in value.items():
        name = one_line(key)
        if key in _LONG and isinstance(item, list) and item:
            lines.append(f"{space}{name}:")
            lines += [f"{space}  - {one_line(each, inside_brackets=False)}" for each in item]
        elif key in _LONG and isinstance(item, Mapping) and item:
            lines += [f"{space}{name}:", f"{space}  {block(item, indent + 2)}"]
        else:
            lines.append(f"{space}{name}: {one_line(item, inside_brackets=False)}")
    return "\n".join(lines).lstrip()


def _scalar(value: Any, *, inside_brackets: bool = True) -> str:
    if value is None:
        return "null"
    if isinstance(value, str) and value[:1] in ("?", ":"):
        value = SingleQuotedScalarString(value)  # ruamel would leave it unquoted, and read a map's key
    yaml = YAML()
    yaml.width = 1_000_000
    yaml.default_flow_style = inside_brackets
    stream = StringIO()
    yaml.dump([value], stream)
    text = stream.getvalue().rstrip("\n")
    return text[1:-1] if inside_brackets else text[2:]
