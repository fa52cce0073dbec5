"""A plugin project with moved code, before it is written."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from workbench.scaffold.module_text import Module
from workbench.scaffold.plugin_text import MovedEntry, plugin_text, recipe_text
from workbench.scaffold.writing import Names


@dataclass(frozen=True)
class ProjectDraft:
    """A project before it is written.

    Attributes:
        names: of the plugin.
        modules: of its package, the one with the moved code first.
        entries: what it offers.
        layers: of its first recipe; without any there is no recipe.
        to_do: what its owner has to look at.
    """

    names: Names
    modules: tuple[Module, ...]
    entries: tuple[MovedEntry, ...]
    layers: tuple[dict[str, Any], ...] = ()
    to_do: tuple[str, ...] = ()

    def package(self) -> dict[Path, str]:
        """The files of its package."""
        folder = Path(self.names.package)
        texts = {folder / "__init__.py": '"""Layers for kwb."""\n'}
        texts[folder / "plugin.py"] = plugin_text(self.names, self.entries, recipe=bool(self.layers))
        for module in self.modules:
            texts[folder / f"{module.name}.py"] = module.text
        if self.layers:
            texts[folder / "recipes" / f"{self.names.distribution}.yaml"] = recipe_text(
                self.names, self.layers
            )
        return texts

    def with_to_do(self, texts: Iterable[str]) -> ProjectDraft:
        """The same with more to look at."""
        return replace(self, to_do=tuple(dict.fromkeys([*self.to_do, *texts])))
