"""Write the values of `--set` assignments into the text of a recipe, its comments kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from workbench.recipe.document import join_key, split_key
from workbench.recipe.editing import Editor
from workbench.recipe.yaml_text import yaml_value


def values_of(assignments: Sequence[str]) -> dict[str, Any]:
    """`train.epochs=50` as a key and a value, of each."""
    given = dict(assignment.split("=", 1) for assignment in assignments)
    return {key.strip(): yaml_value(text) for key, text in given.items()}


def assign(editor: Editor, values: Mapping[str, Any]) -> None:
    """Set values by their keys. `optimizer: Adam` becomes `{use: Adam}` where a key lies below it.

    Raises:
        RecipeError: a value can only be written by hand.
    """
    for key, value in values.items():
        steps = split_key(key)
        for end in range(1, len(steps)):
            above = join_key(steps[:end])
            if isinstance(name := editor.get(above), str):
                editor.set(above, {"use": name})
        editor.set(key, value)
