"""kwb_custom as a plugin: what it lists, that listing is light, and that its recipes are recipes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from workbench.catalog import Entry, Kind
from workbench.catalog.discovery import discover
from workbench.catalog.lookup import Catalog, recipe_file
from workbench.catalog.resolve import resolve
from workbench.recipe.document import read
from workbench.recipe.graph import Make, parse_line

CATALOG = Catalog(discover())
OWN = [entry for entry in CATALOG.entries if entry.plugin == "kwb_custom"]
RECIPES = [entry for entry in OWN if entry.kind is Kind.RECIPE]


def test_it_offers_these_layers_models_and_recipes():
    names = {kind: {entry.name for entry in OWN if entry.kind is kind} for kind in Kind}
    assert names[Kind.LAYER] == {"Exponential", "MyDense", "MyMultiLayer", "MyGaussianNoise", "ResidualBlock"}
    assert names[Kind.MODEL] == {
        "ResidualRegressor",
        "ReconstructingRegressor",
        "VariationalAutoencoder",
        "GenerativeAdversarialNetwork",
    }
    assert names[Kind.RECIPE] == {
        "vae",
        "gan",
        "residual-regressor",
        "reconstructing-regressor",
        "custom-stack",
        "multi-inputs",
    }
    multi = CATALOG.find(Kind.LAYER, "MyMultiLayer")
    assert (multi.inputs, multi.outputs) == (2, 3)


def test_listing_and_importing_the_package_leave_keras_alone():
    code = (
        "import sys, kwb_custom, kwb_custom.plugin, kwb_custom.arguments; dir(kwb_custom)\n"
        "assert not {'keras', 'tensorflow', 'numpy'} & sys.modules.keys()\n"
        "try: kwb_custom.Nothing\n"
        "except AttributeError: pass\n"
        "else: raise SystemExit(1)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_package_exports_its_classes():
    import kwb_custom
    from kwb_custom import layers

    assert kwb_custom.MyDense is layers.MyDense
    assert all(getattr(kwb_custom, name) for name in kwb_custom.__all__)


@pytest.mark.parametrize("entry", [e for e in OWN if e.kind is not Kind.RECIPE], ids=lambda entry: entry.name)
def test_every_entry_resolves_and_its_example_works(entry: Entry):
    import keras

    target = resolve(entry)
    if entry.name == "Exponential":
        assert keras.saving.get_registered_name(target) == "kwb>exponential"
        return
    thing = target(**entry.example)
    config = thing.get_config()
    assert {key: config[key] for key in entry.example} == entry.example


def names_used(value: Any) -> Iterator[tuple[Kind, str]]:
    """What a recipe's model names: entries of a stack, a model class, layers made in graph lines."""
    if "use" in value:
        yield Kind.MODEL, value["use"]
    for layer in value.get("sequential", []):
        yield Kind.LAYER, layer["use"]
    for line in value.get("graph", []):
        layer = parse_line(line).value.layer
        assert isinstance(layer, Make)
        yield Kind.LAYER, layer.name


@pytest.mark.parametrize("entry", RECIPES, ids=lambda entry: entry.name)
def test_recipes_read_and_name_what_exists(entry: Entry):
    document = read(recipe_file(entry))
    recipe = document.recipe
    assert recipe.name == entry.name
    assert recipe.save == (f"saved/{entry.name}.keras", f"saved/{entry.name}.h5")
    assert recipe.data.use == ("digits" if entry.name in ("vae", "gan") else "diabetes")
    assert recipe.train.epochs <= 100
    used = list(names_used(document.resolved()["model"]))
    assert used
    for kind, name in used:
        CATALOG.find(kind, name)
