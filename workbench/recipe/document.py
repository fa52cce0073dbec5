"""A recipe file: YAML with its line numbers, `--set` overrides, and errors that name file, line and key."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from os.path import exists, expanduser
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.constructor import DuplicateKeyError
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from workbench.errors import RecipeError, WorkbenchError
from workbench.recipe.errors import explain
from workbench.recipe.schema import Recipe, Train

MAX_BYTES = 200_000  # ruamel reads some 40,000 a second at worst
MAX_NODES = 100_000  # aliases let a small file name a huge tree

Key = tuple[str | int, ...]


@dataclass(frozen=True)
class Document:
    """A validated recipe with the text it came from.

    Attributes:
        recipe: what is wanted.
        name: what to call the file in messages.
        folder: what paths to read are relative to.
        tree: ruamel's tree, which knows lines and comments.
        overrides: the `--set` assignments that were applied.
    """

    recipe: Recipe
    name: str
    folder: Path
    tree: CommentedMap
    overrides: tuple[str, ...] = ()

    def place(self, key: str) -> str:
        """`price.yaml:14: model.sequential[2]` for `model.sequential[2]`."""
        return _place(self.name, self.tree, split_key(key), self.overrides)

    def located(self, error: WorkbenchError) -> WorkbenchError:
        """The error with file and line, if its place is a key of this recipe."""
        first = re.split(r"[.\[]", error.where, maxsplit=1)[0]
        return error.at(self.place(error.where)) if first in Recipe.model_fields else error

    def resolved(self) -> dict[str, Any]:
        """The recipe as plain data with every default written out."""
        plain: dict[str, Any] = _plain(self.recipe.model_dump(), _Budget(self.name))
        return plain

    def find(self, path: str) -> Path:
        """A file to read that the recipe names: beside the recipe's file, else in the current folder."""
        wanted = Path(expanduser(path))
        beside = self.folder / wanted
        return beside if exists(beside) or not exists(wanted) else wanted


def read(path: Path, overrides: Sequence[str] = ()) -> Document:
    """Read a recipe file.

    Args:
        path: the file.
        overrides: assignments such as `train.epochs=50`.

    Raises:
        RecipeError: the file is missing, is not YAML, or is not a recipe.
    """
    text = read_text(path)
    return parse(text, name=str(path), folder=path.parent, overrides=overrides)


def read_text(path: Path) -> str:
    """The text of a recipe file, whatever it says.

    Raises:
        RecipeError: the file is missing, too large, or no text.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise RecipeError(f"a recipe of over {MAX_BYTES // 1000} KB is not read.", where=str(path))
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise RecipeError("there is no such recipe file.", where=str(path)) from None
    except UnicodeDecodeError:
        raise RecipeError("this is not a text file in UTF-8.", where=str(path)) from None
    except OSError as error:
        raise RecipeError(f"cannot read it: {error.strerror}.", where=str(path)) from None


def parse(
    text: str, *, name: str = "recipe", folder: Path = Path(), overrides: Sequence[str] = ()
) -> Document:
    """Validate a recipe's text. See `read`."""
    tree = _tree(text, name)
    data = _plain(tree, _Budget(name))
    for assignment in overrides:
        _override(data, assignment)
    try:
        recipe = Recipe.model_validate(data)
    except ValidationError as errors:
        key, what, hint = explain(errors)
        raise RecipeError(what, where=_place(name, tree, key, overrides), hint=hint) from None
    return Document(recipe, name, folder, tree, tuple(overrides))


def to_yaml(data: Mapping[str, Any]) -> str:
    """Plain data as YAML text."""
    yaml = YAML()
    yaml.width = 120
    yaml.representer.ignore_aliases = lambda _: True
    stream = StringIO()
    yaml.dump(dict(data), stream)
    return stream.getvalue()


def yaml_value(text: str) -> Any:
    """A value as YAML reads it: `50` is a number, `[a, b]` a list, `1e-3` a number too."""
    try:
        return _plain(YAML(typ="rt").load(text), _Budget("value"))
    except WorkbenchError:
        raise
    except Exception:  # as for a recipe's text
        return text


def split_key(key: str) -> Key:
    """`model.sequential[2].units` in its parts."""
    parts = re.findall(r"\[(\d+)\]|([^.\[\]]+)", key)
    return tuple(int(index) if index else name for index, name in parts)


def _tree(text: str, name: str) -> CommentedMap:
    try:
        tree = YAML(typ="rt").load(text)
    except DuplicateKeyError as error:
        line = error.problem_mark.line + 1
        key = re.search(r'duplicate key "(.*?)" with value', error.problem or "", re.S)
        named = f"the key '{key[1]}'" if key else "a key"
        raise RecipeError(f"{named} stands here a second time.", where=f"{name}:{line}") from None
    except MarkedYAMLError as error:
        # A quote or bracket that is never closed: where it opens helps more than the end of the file.
        unclosed = "stream" in (error.problem or "")
        mark = (unclosed and error.context_mark) or error.problem_mark or error.context_mark
        place = f"{name}:{mark.line + 1}" if mark else name
        problem = (error.problem or error.context or "cannot be read").strip().partition("\n")[0]
        raise RecipeError(
            f"this is not valid YAML: {problem}.",
            where=place,
            hint="Check indentation, quotes and brackets at or above that line.",
        ) from None
    except RecursionError:
        raise RecipeError("this is not valid YAML: it is nested too deeply.", where=name) from None
    except (
        Exception
    ) as error:  # ruamel's constructors raise what they like for tags that do not fit their value
        known = isinstance(error, YAMLError | ValueError)
        reason = str(error).partition("\n")[0] if known else "a tag or an alias does not fit its value"
        raise RecipeError(f"this is not valid YAML: {reason}.", where=name) from None
    if not isinstance(tree, CommentedMap):
        found = "empty" if tree is None else "a list" if isinstance(tree, CommentedSeq) else "a single value"
        raise RecipeError(
            f"a recipe is a map with 'kwb: 1', 'data', 'model' and 'train'; this is {found}.", where=name
        )
    return tree


class _Budget:
    def __init__(self, name: str) -> None:
        self.name = name
        self.left = MAX_NODES

    def spend(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise RecipeError(f"a recipe of over {MAX_NODES:,} values is not read.", where=self.name)


def _plain(value: Any, budget: _Budget) -> Any:
    """ruamel's own number and string types as Python's, so that nothing downstream meets them."""
    budget.spend()
    if isinstance(value, Mapping):
        return {_plain_key(key, budget): _plain(item, budget) for key, item in value.items()}
    if isinstance(value, list | tuple | CommentedSeq):
        return [_plain(item, budget) for item in value]
    if isinstance(value, bool) or value is None:
        return value
    for kind in (int, float, str):
        if isinstance(value, kind):
            return kind(value)
    return str(value)


def _plain_key(key: Any, budget: _Budget) -> Any:
    plain = _plain(key, budget)
    if isinstance(plain, dict | list):  # `? [a, b]`: YAML allows it, Python and a recipe do not
        raise RecipeError(f"a key must be a text, not {plain!r}.", where=budget.name)
    return plain


# Where a thing's bare name may stand for a map with `use`.
_NAMED = (
    ("data",),
    ("model",),
    *(("train", key) for key in ("optimizer", "loss", "metrics", "weighted_metrics", "callbacks")),
)


def _override(data: dict[str, Any], assignment: str) -> None:
    """Apply `a.b=value`; the value is read as YAML."""
    where = f"--set {assignment}"
    key, equals, text = assignment.partition("=")
    parts = split_key(key.strip())
    if not equals or not parts or isinstance(parts[0], int):
        raise RecipeError("an override is written as key=value.", where=where, hint="As in train.epochs=50.")
    at: Any = data
    for i, part in enumerate(parts):
        here, above = join_key(parts[: i + 1]), join_key(parts[:i])
        step: Any = part
        if isinstance(at, list):
            step = _index(at, part, where, above)
        elif not isinstance(at, dict):
            raise RecipeError(f"'{above}' is a value: nothing lies below it.", where=where)
        elif isinstance(part, int):
            hint = f"As in {above}=[...]."
            raise RecipeError(f"'{above}' is no list in the recipe: give it whole.", where=where, hint=hint)
        if i == len(parts) - 1:
            at[step] = yaml_value(text)
            return
        below = at[step] if isinstance(at, list) else at.get(step)
        if below is None:
            at[step] = {"use": Train().optimizer.use} if here == "train.optimizer" else {}
        elif isinstance(below, str) and any(parts[: len(named)] == named for named in _NAMED):
            at[step] = {"use": below}
        at = at[step]


def _index(at: list[Any], part: str | int, where: str, above: str) -> int:
    try:
        index = int(part)
    except ValueError:
        raise RecipeError(f"'{above}' is a list: give a number, counted from 0.", where=where) from None
    if not 0 <= index < len(at):
        raise RecipeError(f"'{above}' has {len(at)} items, counted from 0.", where=where)
    return index


def _place(name: str, tree: CommentedMap, key: Key, overrides: Sequence[str]) -> str:
    dotted = join_key(key)
    for assignment in reversed(overrides):
        given = split_key(assignment.partition("=")[0].strip())
        # It set the key, or something around it; or made the map that the key is the name of.
        if key and (key[: len(given)] == given or (given[: len(key)] == key and not _holds_map(tree, key))):
            return f"--set {assignment}"
    line = _line(tree, key)
    place = f"{name}:{line}" if line else name
    return f"{place}: {dotted}" if dotted else place


def _holds_map(tree: Any, key: Key) -> bool:
    """True if the file itself has a map (or a list) at that key."""
    for part in key:
        try:
            tree = tree[part]
        except (KeyError, IndexError, TypeError):
            return False
    return isinstance(tree, Mapping | CommentedSeq)


def join_key(key: Key) -> str:
    """The parts of a key as `model.sequential[2].units`."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in key)
    return text.removeprefix(".")


def _line(tree: CommentedMap, key: Key) -> int | None:
    """The line (from 1) of a key, or of the nearest key above it."""
    at: Any = tree
    line: int | None = None
    for part in key:
        try:
            if isinstance(at, CommentedMap):
                position = at.lc.key(part)
            elif isinstance(at, CommentedSeq):
                position = at.lc.item(part)
            else:
                break
            at = at[part]
        except (KeyError, IndexError, TypeError):
            break
        if position is not None:
            line = position[0] + 1
    return line
