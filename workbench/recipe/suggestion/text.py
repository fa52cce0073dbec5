"""A suggested recipe as YAML."""

from __future__ import annotations

from collections.abc import Mapping
from io import StringIO
from typing import Any

from workbench.recipe.suggestion.recipe import Suggestion


def recipe_text(suggestion: Suggestion) -> str:
    """The suggestion as YAML, with its reasons as comments; layers and other small maps on one line each."""
    from ruamel.yaml import YAML

    yaml = YAML()
    yaml.width = 110
    yaml.indent(mapping=2, sequence=4, offset=2)
    parts = ["\n".join(f"# {reason}" for reason in suggestion.reasons)]
    head = {key: suggestion.recipe[key] for key in ("kwb", "name", "seed")}
    rest = {key: value for key, value in suggestion.recipe.items() if key not in head}
    for section in (head, *({key: value} for key, value in rest.items())):
        stream = StringIO()
        yaml.dump(_laid_out(section, inside_list=False), stream)
        parts.append(stream.getvalue())
    return "\n".join(part for part in parts if part).rstrip() + "\n"


_ON_ONE_LINE = (
    "split",
    "missing",
    "optimizer",
    "save",
    "metrics",
    "targets",
    "classes",
    "ignore",
    "outputs",
    "inputs",
    "numbers",
    "dates",
    "embed",
    "categories",
    "text",
    "windows",
)


def _laid_out(value: Any, *, inside_list: bool) -> Any:
    from ruamel.yaml.comments import CommentedMap, CommentedSeq

    if isinstance(value, Mapping):
        made = CommentedMap()
        for key, item in value.items():
            made[key] = _laid_out(item, inside_list=False)
            if key in _ON_ONE_LINE and isinstance(made[key], CommentedMap | CommentedSeq):
                made[key].fa.set_flow_style()
        if inside_list:
            made.fa.set_flow_style()
        return made
    if isinstance(value, list):
        items = CommentedSeq(_laid_out(item, inside_list=True) for item in value)
        if not any(isinstance(item, dict | str) for item in value):
            items.fa.set_flow_style()
        return items
    return value
