"""The maker of a recipe's objects, which can build a model that is written out inside another thing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from workbench.assembly.graph import build_graph
from workbench.assembly.make import LoadModel, Maker, OnBuilt
from workbench.assembly.stack import build_inner_stack
from workbench.catalog.lookup import Catalog
from workbench.recipe.model_schema import Graph, Sequential


def maker_of(
    catalog: Catalog,
    find: Callable[[str], Path],
    load_model: LoadModel,
    on_built: OnBuilt = lambda key, layer, result: None,
) -> Maker:
    """A maker.

    Args:
        catalog, find, load_model: see `Maker`.
        on_built: called for each layer that is, or that is inside of, an argument of another thing.
    """

    def build(maker: Maker, spec: Sequential | Graph, where: str, name: str | None) -> Any:
        if isinstance(spec, Sequential):
            return build_inner_stack(spec, maker, where, name, on_built)
        return build_graph(spec, None, maker, name, on_built, where)

    return Maker(catalog, find, load_model, build, on_built)
