"""A recipe file: YAML with its line numbers, `--set` overrides, and errors that name file, line and key."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from io import StringIO
from os.path import exists, expanduser
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from ruamel.yaml import YAML

from workbench.errors import RecipeError, WorkbenchError
from workbench.recipe.errors import explain
from workbench.recipe.schema import Recipe
from workbench.recipe.train_schema import Train
from workbench.recipe.yaml_nodes import Key, Node
from workbench.recipe.yaml_text import plain, read_yaml, yaml_value

MAX_BYTES = 200_000  # ruamel reads some 40,000 a second at worst


@dataclass(frozen=True)
class Document:
    """A validated recipe with the text it came from.

    Attributes:
        recipe: what is wanted.
        name: what to call the file in messages.
        folder: what paths to read are relative to.
        root: the positions of its values in the text.
        overrides: the `--set` assignments that were applied.
    """

    recipe: Recipe
    name: str
    folder: Path
    root: Node
    overrides: tuple[str, ...] = ()

    def place(self, key: str) -> str:
        """`price.yaml:14: model.sequential[2]` for `model.sequential[2]`."""
        return self.place_of(split_key(key))

    def place_of(self, key: Key) -> str:
        """As `place`, for the parts of a key, which may have dots of their own."""
        return _place(self.name, self.root, key, self.overrides)

    def located(self, error: WorkbenchError) -> WorkbenchError:
        """The error with file and line, if its place is a key of this recipe."""
        first = re.split(r"[.\[]", error.where, maxsplit=1)[0]
        return error.at(self.place(error.where)) if first in Recipe.model_fields else error

    def resolved(self) -> dict[str, Any]:
        """The recipe as plain data with every default written out."""
        found: dict[str, Any] = plain(self.recipe.model_dump())
        return found

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
    read = read_yaml(text)
    if read.data is None or read.root is None:
        raise RecipeError(read.error, where=f"{name}:{read.line}" if read.line else name, hint=read.hint)
    data = deepcopy(read.data)  # the text's is kept; a data source may change the lists that it is given
    for assignment in overrides:
        _override(data, assignment)
    try:
        recipe = Recipe.model_validate(data)
    except ValidationError as errors:
        key, what, hint = explain(errors)
        raise RecipeError(what, where=_place(name, read.root, key, overrides), hint=hint) from None
    return Document(recipe, name, folder, read.root, tuple(overrides))


def to_yaml(data: Mapping[str, Any]) -> str:
    """Plain data as YAML text."""
    yaml = YAML()
    yaml.width = 120
    yaml.representer.ignore_aliases = lambda _: True
    stream = StringIO()
    yaml.dump(dict(data), stream)
    return stream.getvalue()


def split_key(key: str) -> Key:
    """`model.sequential[2].units` in its parts."""
    parts = re.findall(r"\[(\d+)\]|([^.\[\]]+)", key)
    return tuple(int(index) if index else name for index, name in parts)


# Where a thing's bare name may stand for a map with `use`.
_NAMED = (
    ("data",),
    ("data", "augment"),
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


def _place(name: str, root: Node, key: Key, overrides: Sequence[str]) -> str:
    dotted = join_key(key)
    for assignment in reversed(overrides):
        given = split_key(assignment.partition("=")[0].strip())
        # It set the key, or something around it; or made the map that the key is the name of.
        if key and (key[: len(given)] == given or (given[: len(key)] == key and not _holds_map(root, key))):
            return f"--set {assignment}"
    line = root.line_of(key)
    place = f"{name}:{line}" if line else name
    return f"{place}: {dotted}" if dotted else place


def _holds_map(root: Node, key: Key) -> bool:
    """True if the file itself has a map (or a list) at that key."""
    node = root.at(key)
    return node is not None and node.kind in ("map", "list")


def join_key(key: Key) -> str:
    """The parts of a key as `model.sequential[2].units`."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in key)
    return text.removeprefix(".")
