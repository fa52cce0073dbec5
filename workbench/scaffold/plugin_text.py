"""The texts of a project that depend on what was moved into it: its light module, its README, its recipe."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from string import Template
from typing import Any

from workbench.catalog import Entry, Kind
from workbench.scaffold.writing import Names

_README = Path(__file__).with_name("moved") / "README.md.in"


@dataclass(frozen=True)
class MovedEntry:
    """An entry of the new plugin.

    Attributes:
        kind, name, summary: see `catalog.Entry`.
        module: the module that defines it.
        where: the place in the file that it is from.
        required: the arguments that need a value and have none in `example`.
        example: arguments that make an instance.
        inputs, outputs: how many input and output tensors a call has.
        shape: of its one input, where a recipe can feed it; see `examples.Example`.
        output_axes: of its output.
        input_shapes: see `catalog.Entry`.
        failures: the checks that fail, each with what is wrong.
    """

    kind: Kind
    name: str
    module: str
    summary: str
    where: str
    required: tuple[str, ...] = ()
    example: Mapping[str, Any] = field(default_factory=dict)
    inputs: int | None = 1
    outputs: int | None = 1
    shape: tuple[int, ...] | None = None
    output_axes: int = 0
    input_shapes: tuple[tuple[int, ...], ...] = ()
    failures: Mapping[str, str] = field(default_factory=dict)

    def entry(self, names: Names) -> Entry:
        """The same as the catalog will have it."""
        target = f"{names.package}.{self.module}:{self.name}"
        return Entry(self.kind, self.name, target, plugin=names.package, distribution=names.distribution)

    def as_record(self) -> dict[str, Any]:
        """The row that `--json` prints."""
        return {
            "kind": self.kind.value,
            "name": self.name,
            "where": self.where,
            "example": dict(self.example),
            "no_value_for": list(self.required),
            "expected_failures": dict(self.failures),
        }


def plugin_text(names: Names, entries: Sequence[MovedEntry], *, recipe: bool) -> str:
    """The light module."""
    lines = [
        '"""What there is, as strings. It runs at every start of kwb: no keras is imported here."""',
        "",
        "from workbench.plugin import hookimpl",
        "",
        "KWB_API = 1  # the version of the plugin interface that this module is written for",
    ]
    for kind in Kind:
        own = [entry for entry in entries if entry.kind is kind]
        if own:
            lines += ["", "", "@hookimpl", f"def kwb_register_{kind.plural}(registry):"]
            for entry in own:
                lines += _added(names, entry)
    if recipe:
        lines += ["", "", "@hookimpl", "def kwb_register_recipes(registry):", "    registry.add("]
        target = f"{names.package}:recipes/{names.distribution}.yaml"
        values = (names.distribution, target)
        lines += [f"        {_literal(value)}," for value in values]
        lines += [
            '        summary="A first recipe, on the diabetes data.",',
            '        tags=["regression"],',
            "    )",
        ]
    return "\n".join(lines) + "\n"


def readme_text(
    names: Names, entries: Sequence[MovedEntry], moved_from: Sequence[tuple[str, str]], to_do: Sequence[str]
) -> str:
    """The README of a project that code was moved into.

    Args:
        moved_from: each file, and the module that its code went to.
    """
    several = len(moved_from) > 1
    modules = [
        f"| `src/{names.package}/{module}.py` | the code that was moved{f' from `{file}`' if several else ''} |"
        for file, module in moved_from
    ]
    rows = [f"| `{entry.name}` | {entry.kind} | {entry.summary.replace('|', '/')} |" for entry in entries]
    return Template(_README.read_text(encoding="utf-8")).substitute(
        distribution=names.distribution,
        package=names.package,
        files=", ".join(f"`{file}`" for file, _ in moved_from),
        modules="\n".join(modules),
        entries="\n".join(rows),
        to_do="\n".join(f"- {text}." for text in to_do) or "Nothing is left to do.",
    )


def recipe_layers(entry: MovedEntry, names: Names) -> list[dict[str, Any]] | None:
    """The layers of a recipe with an entry in their middle, for a table of numbers; None where it does not fit in."""
    plain = entry.kind is Kind.LAYER and entry.inputs == 1 and entry.outputs == 1
    if not plain or entry.shape is None or not entry.output_axes:
        return None
    size = math.prod(entry.shape)
    if not 0 < size <= 4096:
        return None
    layers: list[dict[str, Any]] = [{"use": "Dense", "units": size, "activation": "relu"}]
    if len(entry.shape) != 1:
        layers.append({"use": "Reshape", "target_shape": list(entry.shape)})
    layers.append({"use": f"{names.package}.{entry.name}", **entry.example})
    if entry.output_axes != 2:
        layers.append({"use": "Flatten"})
    return [*layers, {"use": "Dense", "units": 1}]


def recipe_text(names: Names, layers: Sequence[Mapping[str, Any]]) -> str:
    """The recipe. Its layers are written as JSON, which YAML reads."""
    rows = "\n".join(f"    - {json.dumps(layer)}" for layer in layers)
    return f"""kwb: 1
name: {names.distribution}
seed: 42
data:
  use: diabetes
  split: {{validation: 0.2, test: 0.1}}
  scale: standard
model:
  sequential:
{rows}
train:
  epochs: 30
  optimizer: {{use: Adam, learning_rate: 1.0e-2}}
  loss: mse
  metrics: [mae]
save: [saved/{names.distribution}.keras]
"""


def by_reason(failures: Mapping[str, str]) -> dict[str, list[str]]:
    """The checks that fail in one and the same way, by what is wrong."""
    found: dict[str, list[str]] = {}
    for check, reason in failures.items():
        found.setdefault(reason, []).append(check)
    return found


def _added(names: Names, entry: MovedEntry) -> list[str]:
    lines = ["    registry.add("]
    lines.append(f"        {_literal(entry.name)},")
    lines.append(f"        {_literal(f'{names.package}.{entry.module}:{entry.name}')},")
    if entry.summary:
        lines.append(f"        summary={_literal(entry.summary)},")
    if entry.required:
        lines.append(
            f"        # TODO: kwb found no value for {', '.join(entry.required)}. Say what makes an instance:"
        )
        lines.append(
            f"        # example={{{', '.join(f'{_literal(name)}: ...' for name in entry.required)}}},"
        )
    if entry.example:
        lines.append(f"        example={_literal(dict(entry.example))},")
    if entry.input_shapes:
        lines.append(f"        input_shapes={_literal(entry.input_shapes)},")
    if entry.kind is Kind.LAYER:
        for name, value in (("inputs", entry.inputs), ("outputs", entry.outputs)):
            if value != 1:
                lines.append(f"        {name}={value},")
    if entry.failures:
        lines.append("        # TODO: mend these, and take each one out of here when its check passes.")
        lines.append("        expected_failures={")
        for reason, checks in by_reason(entry.failures).items():
            text = _literal(f"TODO: {reason}")
            if len(checks) == 1:
                lines.append(f"            {_literal(checks[0])}: {text},")
            else:
                lines += [
                    "            **dict.fromkeys(",
                    f"                {_literal(' '.join(checks))}.split(),",
                ]
                lines += [f"                {text},", "            ),"]
        lines.append("        },")
    return [*lines, "    )"]


def _literal(value: Any) -> str:
    """A value as Python code with double quotes."""
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{_literal(key)}: {_literal(item)}' for key, item in value.items())}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_literal, value))}]"
    return repr(value)
