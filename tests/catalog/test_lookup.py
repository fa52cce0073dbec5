"""Finding an entry by the name a recipe uses."""

from __future__ import annotations

from typing import Any

import pytest

from workbench.catalog import Entry, Kind
from workbench.catalog.discovery import Plugin, PluginState
from workbench.catalog.lookup import Catalog, recipe_file
from workbench.errors import RecipeError


def plugin(name: str, *entries: tuple[Kind, str], aliases: tuple[str, ...] = (), **state: Any) -> Plugin:
    made = tuple(
        Entry(kind, entry, f"{name}.things:{entry}", plugin=name, aliases=aliases) for kind, entry in entries
    )
    return Plugin(name, f"{name}-dist", "1.0", **{"state": PluginState.LOADED} | state, entries=made)


ACME = plugin("acme", (Kind.LAYER, "Gate"), (Kind.MODEL, "Net"), (Kind.DATASET, "ramps"))
RIVAL = plugin("rival", (Kind.LAYER, "Gate"), (Kind.MODEL, "Tower"))
BROKEN = plugin("broken", state=PluginState.ERROR, error="no")


def error(catalog: Catalog, kind: Kind, name: str, where: str = "") -> str:
    with pytest.raises(RecipeError) as caught:
        catalog.find(kind, name, where)
    return str(caught.value)


def test_a_name_or_its_qualified_form_is_found():
    catalog = Catalog((ACME,))
    assert catalog.find(Kind.LAYER, "Gate") is catalog.find(Kind.LAYER, "acme.Gate") is ACME.entries[0]


def test_a_model_can_stand_where_a_layer_is_wanted_and_not_the_other_way_round():
    catalog = Catalog((ACME,))
    assert catalog.find(Kind.LAYER, "Net").kind is Kind.MODEL
    assert error(catalog, Kind.MODEL, "Gate") == "no model 'Gate'. 'Gate' is a layer (acme), not a model."
    assert [entry.name for entry in catalog.of_kind(Kind.LAYER)] == ["Gate", "Net"]


def test_the_nearest_name_is_reported_with_its_plugin():
    catalog = Catalog((ACME, RIVAL))
    shown = error(catalog, Kind.MODEL, "tover", "model")
    assert shown == "model: no model 'tover'. Did you mean 'Tower' (rival)?"


def test_a_name_of_another_kind_is_reported_rather_than_a_near_one(catalog):
    shown = error(catalog, Kind.LAYER, "mse", "model.sequential[0]")
    assert shown == "model.sequential[0]: no layer 'mse'. 'mse' is a loss (kwb_keras), not a layer."
    assert "'Adam' is an optimizer (kwb_keras), not a callback." in error(catalog, Kind.CALLBACK, "Adam")


def test_where_nothing_is_near_the_plugins_that_did_not_load_are_named():
    shown = error(Catalog((ACME, BROKEN)), Kind.LAYER, "Xyzzy")
    assert "`kwb catalog` lists what there is. Not loaded: broken (see `kwb plugins`)." in shown
    assert "Not loaded" not in error(Catalog((ACME,)), Kind.LAYER, "Xyzzy")


def test_a_name_of_two_plugins_is_refused_naming_both():
    catalog = Catalog((ACME, RIVAL))
    shown = error(catalog, Kind.LAYER, "Gate", "model")
    assert shown == "model: several plugins offer a layer 'Gate'. Write 'acme.Gate' or 'rival.Gate'."
    assert catalog.find(Kind.LAYER, "rival.Gate").plugin == "rival"


def test_one_plugins_layer_and_anothers_model_of_one_name_are_refused_where_a_layer_is_wanted():
    catalog = Catalog((ACME, plugin("third", (Kind.MODEL, "Gate"))))
    assert "Write 'acme.Gate' or 'third.Gate'." in error(catalog, Kind.LAYER, "Gate")
    assert catalog.find(Kind.MODEL, "Gate").plugin == "third"


def test_a_plugins_own_layer_goes_before_its_model_of_the_same_name():
    catalog = Catalog((plugin("acme", (Kind.MODEL, "Gate"), (Kind.LAYER, "Gate")),))
    assert catalog.find(Kind.LAYER, "Gate").kind is Kind.LAYER


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("rival.Net", "Did you mean 'acme.Net'?"),
        ("gone.Net", "The plugin 'gone' is not installed (see `kwb plugins`). Did you mean 'acme.Net'?"),
        ("gone.Other", "The plugin 'gone' is not installed (see `kwb plugins`)."),
        ("broken.Other", "The plugin 'broken' is not loaded (see `kwb plugins`)."),
    ],
)
def test_a_qualified_name_that_is_not_there_says_which_half_is_wrong(name, hint):
    assert error(Catalog((ACME, RIVAL, BROKEN)), Kind.MODEL, name) == f"no model '{name}'. {hint}"


@pytest.mark.parametrize(
    ("kind", "alias", "name"),
    [
        (Kind.LOSS, "mse", "MeanSquaredError"),
        (Kind.LOSS, "mean_squared_error", "MeanSquaredError"),
        (Kind.METRIC, "mae", "MeanAbsoluteError"),
        (Kind.OPTIMIZER, "adam", "Adam"),
        (Kind.INITIALIZER, "he_normal", "HeNormal"),
    ],
)
def test_keras_own_short_names_work(catalog, kind, alias, name):
    assert catalog.find(kind, alias).name == name


def test_a_near_alias_is_reported_too(catalog):
    assert "Did you mean 'mse' (kwb_keras)?" in error(catalog, Kind.LOSS, "msse")


def test_a_loss_can_stand_where_a_metric_is_wanted(catalog):
    assert catalog.find(Kind.METRIC, "Huber").kind is Kind.LOSS
    assert catalog.find(Kind.METRIC, "MeanSquaredError").kind is Kind.METRIC


def test_find_any_takes_the_first_kind_that_has_the_name(catalog):
    assert catalog.find_any([Kind.LAYER, Kind.LOSS], "MeanSquaredError").kind is Kind.LOSS
    assert catalog.find_any([Kind.METRIC, Kind.LOSS], "MeanSquaredError").kind is Kind.METRIC
    assert catalog.find_any([Kind.REGULARIZER], "l2").name == "L2"


def test_find_any_tells_the_nearest_name_of_all_its_kinds(catalog):
    with pytest.raises(RecipeError) as caught:
        catalog.find_any([Kind.LAYER, Kind.SCHEDULE], "ExponentalDecay", "train.optimizer.learning_rate")
    assert str(caught.value) == (
        "train.optimizer.learning_rate: nothing that can stand here is called 'ExponentalDecay'. "
        "Did you mean 'ExponentialDecay' (kwb_keras)?"
    )


def test_a_recipes_file_is_found_without_importing_its_package(catalog, plugin_package):
    assert recipe_file(catalog.find(Kind.RECIPE, "custom-stack")).name == "custom-stack.yaml"
    entry = Entry(Kind.RECIPE, "r", f"{plugin_package}:recipes/r.yaml", plugin="acme")
    assert recipe_file(entry).read_text() == "kwb: 1\n"


@pytest.mark.parametrize("target", ["{package}:recipes/gone.yaml", "no_such_package:recipes/r.yaml"])
def test_a_recipe_that_its_plugin_does_not_hold_is_reported(plugin_package, target):
    target = target.format(package=plugin_package)
    with pytest.raises(RecipeError, match="plugin 'acme' has no file"):
        recipe_file(Entry(Kind.RECIPE, "r", target, plugin="acme"))


@pytest.fixture
def plugin_package(tmp_path, monkeypatch) -> str:
    """A package with a recipe, which raises when it is imported."""
    package = tmp_path / "never_imported"
    (package / "recipes").mkdir(parents=True)
    (package / "__init__.py").write_text("raise RuntimeError\n")
    (package / "recipes" / "r.yaml").write_text("kwb: 1\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    return package.name
