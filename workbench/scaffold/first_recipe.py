"""Propose a recipe for data, as *New* does in the app."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from os.path import expanduser, isabs
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.catalog import Kind
from workbench.catalog.folders import MASKS
from workbench.catalog.lookup import Catalog
from workbench.errors import RecipeError, did_you_mean
from workbench.recipe.suggestion.recipe import Facts, Suggestion, suggest
from workbench.recipe.suggestion.text import recipe_text

if TYPE_CHECKING:
    from workbench.recipe.schema import Data


@dataclass(frozen=True)
class Proposal:
    """A recipe for data.

    Attributes:
        name: what it is called, and its file.
        text: the recipe as YAML, its reasons as comments.
        suggestion: the same as plain data.
        targets: the columns that it learns.
    """

    name: str
    text: str
    suggestion: Suggestion

    @property
    def targets(self) -> tuple[str, ...]:
        named = self.suggestion.recipe["data"].get("targets", ())
        return tuple(named)


def propose(text: str, catalog: Catalog, targets: Sequence[str] = ()) -> Proposal:
    """The recipe that is proposed for data.

    Args:
        text: a file, a folder, or a dataset's name.
        catalog: the datasets there are.
        targets: the columns to learn; by default those that are likely.

    Raises:
        WorkbenchError: the data cannot be read, has no such column, or none to learn from.
    """
    from workbench.data.loading import data_argument

    data = data_argument(text, catalog)
    facts = look(data, catalog)
    known = [column.name for column in facts.columns]
    for target in targets:
        if target not in known:
            raise RecipeError(
                f"there is no column '{target}'.",
                where="--target",
                hint=did_you_mean(target, known) or f"The columns are: {', '.join(known[:20])}.",
            )
    name = Path(expanduser(text)).name.split(".")[0] if "path" in data.arguments else data.use.split(":")[-1]
    suggestion = suggest(name, _section(text, data, catalog), facts, list(targets) or None)
    return Proposal(suggestion.recipe["name"], recipe_text(suggestion), suggestion)


def look(data: Data, catalog: Catalog, folder: Path | None = None) -> Facts:
    """The facts about data that a suggestion needs.

    Raises:
        WorkbenchError: it cannot be read.
    """
    from workbench.data.preview import preview
    from workbench.data.reading.calls import read
    from workbench.data.source import Source

    source = read(data, catalog, folder or Path())
    if isinstance(source, Source):
        return Facts.from_record(asdict(preview(source, 1)))
    return Facts.from_record(asdict(replace(preview(source.sample(), 1), rows=source.rows)))


def _section(text: str, data: Data, catalog: Catalog) -> dict[str, Any]:
    """The data section as a person writes it: short names, the path as it was given."""
    entry = catalog.find(Kind.DATASET, data.use, "--data")
    use = entry.name if len(catalog.named(Kind.DATASET, entry.name)) == 1 else data.use
    if "path" not in data.arguments:
        return {"use": use}
    path = Path(expanduser(text))
    section = {"use": use, "path": text if isabs(text) else str(path)}
    if masks := data.arguments.get(MASKS):  # the folder holds one of pictures and one of masks
        section |= {"path": str(path / Path(data.arguments["path"]).name), MASKS: masks}
    return section
