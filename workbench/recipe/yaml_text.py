"""Read a YAML text: its values, the position of each, and what is wrong with it, all from one pass of the parser."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.constructor import DuplicateKeyError, SafeConstructor
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, SequenceNode
from ruamel.yaml.parser import Parser

from workbench.errors import RecipeError
from workbench.recipe.yaml_nodes import Node, tree_of

MAX_NODES = 100_000  # aliases let a small file name a huge tree
_KEPT = 8  # texts: the one before an edit, those between its steps, the one after it


@dataclass(frozen=True)
class YamlText:
    """A YAML text, read. The values are shared by all who read the same text: nobody changes them.

    Attributes:
        data: the values as plain Python data; None where `error` says why not.
        root: the positions of the values, as a tree; None where there are no data.
        error: what is wrong with the text, "" for nothing.
        hint: what to do about it.
        line: where it is wrong, from 1; None if that is not known.
    """

    data: dict[str, Any] | None = None
    root: Node | None = None
    error: str = ""
    hint: str = ""
    line: int | None = None


@lru_cache(maxsize=_KEPT)
def read_yaml(text: str) -> YamlText:
    """The text's values and their positions, or its error: no text is too broken for this."""
    try:
        value, events = _load(text)
    except DuplicateKeyError as error:
        key = re.search(r'duplicate key "(.*?)" with value', error.problem or "", re.S)
        named = f"the key '{key[1]}'" if key else "a key"
        return YamlText(error=f"{named} stands here a second time.", line=error.problem_mark.line + 1)
    except MarkedYAMLError as error:
        # A quote or bracket that is never closed: where it opens helps more than the end of the file.
        unclosed = "stream" in (error.problem or "")
        mark = (unclosed and error.context_mark) or error.problem_mark or error.context_mark
        problem = (error.problem or error.context or "cannot be read").strip().partition("\n")[0]
        return YamlText(
            error=f"this is not valid YAML: {problem}.",
            hint="Check indentation, quotes and brackets at or above that line.",
            line=mark.line + 1 if mark else None,
        )
    except RecursionError:
        return YamlText(error="this is not valid YAML: it is nested too deeply.")
    except (
        Exception
    ) as error:  # ruamel's constructors raise what they like for tags that do not fit their value
        known = isinstance(error, YAMLError | ValueError)
        reason = str(error).partition("\n")[0] if known else "a tag or an alias does not fit its value"
        return YamlText(error=f"this is not valid YAML: {reason}.")
    if not isinstance(value, dict):
        found = "empty" if value is None else "a list" if isinstance(value, list) else "a single value"
        return YamlText(
            error=f"a recipe is a map with 'kwb: 1', 'data', 'model' and 'train'; this is {found}."
        )
    try:
        data, root = plain(value), tree_of(events, text)
    except RecipeError as error:
        return YamlText(error=error.what, hint=error.hint)
    except RecursionError:
        return YamlText(error="this is not valid YAML: it is nested too deeply.")
    return YamlText(data, root)


def root_of(text: str) -> Node:
    """The positions of a text's values.

    Raises:
        RecipeError: it is not YAML, or no map.
    """
    root = read_yaml(text).root
    if root is None:
        raise RecipeError("the recipe's text is not valid YAML.", hint="Mend the text first, or undo.")
    return root


def yaml_value(text: str) -> Any:
    """A value as YAML reads it: `50` is a number, `[a, b]` a list, `1e-3` a number too."""
    try:
        return plain(_load(text)[0])
    except RecipeError:
        raise
    except Exception:  # as for a recipe's text
        return text


def plain_map(text: str) -> dict[str, Any]:
    """A map that the user typed on one line, without the brackets: `encoding: latin-1, header: false`.

    Raises:
        RecipeError: it is none.
    """
    value = yaml_value("{" + text + "}")
    if (
        not isinstance(value, dict)
        or not all(isinstance(key, str) for key in value)
        or None in value.values()
    ):
        raise RecipeError(
            f"'{text}' is not as in a recipe.", hint='Write `encoding: latin-1`, or `decimal: ","`.'
        )
    return value


def plain(value: Any) -> Any:
    """Values as maps, lists, numbers, texts, true, false and None, so that nothing downstream meets anything else.

    Raises:
        RecipeError: there are too many of them, or a key is no text or number.
    """
    return _plain(value, [MAX_NODES])


def _plain(value: Any, left: list[int]) -> Any:
    left[0] -= 1
    if left[0] < 0:
        raise RecipeError(f"a recipe of over {MAX_NODES:,} values is not read.")
    if isinstance(value, Mapping):
        return {_plain_key(key, left): _plain(item, left) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item, left) for item in value]
    if isinstance(value, bool) or value is None:
        return value
    for kind in (int, float, str):
        if isinstance(value, kind):
            return kind(value)
    return str(value)


def _plain_key(key: Any, left: list[int]) -> Any:
    found = _plain(key, left)
    if isinstance(found, dict | list):  # `? [a, b]`: YAML allows it, Python and a recipe do not
        raise RecipeError(f"a key must be a text, not {found!r}.")
    return found


# --------------------------------------------------------------------------- ruamel


class _Constructor(SafeConstructor):
    """Python values: a date stays the text that it is, and a tag that nobody knows is passed over."""


def _as_written(constructor: SafeConstructor, node: Any) -> Any:
    if isinstance(node, MappingNode):
        return constructor.construct_mapping(node, deep=True)
    if isinstance(node, SequenceNode):
        return constructor.construct_sequence(node, deep=True)
    return constructor.construct_scalar(node)


_Constructor.add_constructor("tag:yaml.org,2002:timestamp", _as_written)
_Constructor.add_constructor(None, _as_written)


def _load(text: str) -> tuple[Any, list[Any]]:
    """The value of a text, and the parser's events that it was made of. Raises what ruamel raises."""
    events: list[Any] = []

    class Recording(Parser):
        """Keeps each event that it hands over."""

        def get_event(self) -> Any:
            event = super().get_event()
            events.append(event)
            return event

    yaml = YAML(typ="safe", pure=True)
    yaml.Parser = Recording
    yaml.Constructor = _Constructor
    return yaml.load(text), events
