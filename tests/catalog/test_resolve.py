"""From an entry's string to its class: imports, kinds, and registration with Keras."""

from __future__ import annotations

import keras
import pytest

from workbench.catalog import Entry, Kind
from workbench.catalog.discovery import discover
from workbench.catalog.lookup import Catalog
from workbench.catalog.resolve import Resolver, resolve
from workbench.errors import WorkbenchError

LAYERS = """
import keras

class Gate(keras.layers.Layer):
    def call(self, inputs):
        return inputs

@keras.saving.register_keras_serializable(package="its-own")
class Named(keras.layers.Layer):
    def call(self, inputs):
        return inputs

def halve(inputs):
    return inputs / 2

number = 3
"""


@pytest.fixture
def entry(distribution):
    """`entry(kind, target, ...)`: an entry of a plugin whose module `things` holds some layers."""
    distribution("acme-dist", {"things.py": LAYERS, "bad_things.py": "raise SystemExit(2)"}, {})

    def make(kind: Kind, target: str, **rest) -> Entry:
        return Entry(kind, "Thing", target, **{"plugin": "acme", "distribution": "acme-dist"} | rest)

    return make


def error(entry: Entry) -> str:
    with pytest.raises(WorkbenchError) as caught:
        resolve(entry)
    return str(caught.value)


def test_a_class_its_author_did_not_register_is_registered_under_the_distribution(entry):
    it = entry(Kind.LAYER, "things:Gate")
    cls = resolve(it)
    assert cls.__name__ == "Gate"
    assert keras.saving.get_registered_name(cls) == "acme-dist>Gate"
    assert keras.saving.get_registered_object("acme-dist>Gate") is cls
    assert resolve(it) is cls


def test_a_registered_class_keeps_its_name(entry):
    cls = resolve(entry(Kind.LAYER, "things:Named"))
    assert keras.saving.get_registered_name(cls) == "its-own>Named"


def test_a_function_can_be_a_layer_and_is_registered_too(entry):
    it = entry(Kind.LAYER, "things:halve")
    assert keras.saving.get_registered_name(resolve(it)) == "acme-dist>halve"


def test_old_registered_names_lead_to_the_class(entry):
    it = entry(Kind.LAYER, "things:Gate", saved_as=("acme-old>Gate",))
    assert keras.saving.get_registered_object("acme-old>Gate") is None
    cls = resolve(it)
    assert keras.saving.get_registered_object("acme-old>Gate") is cls


def test_an_old_name_that_is_another_class_is_refused(entry):
    resolve(entry(Kind.LAYER, "things:Named"))
    shown = error(entry(Kind.LAYER, "things:Gate", saved_as=("its-own>Named",)))
    assert "two classes are registered with Keras as 'its-own>Named'" in shown


@pytest.mark.parametrize(
    ("kind", "target", "shown"),
    [
        (Kind.MODEL, "things:Gate", "not a keras.Model subclass or a function that returns one."),
        (Kind.OPTIMIZER, "things:halve", "not a keras.Optimizer subclass."),
        (Kind.LAYER, "things:number", "is 3, not a keras.Layer subclass or a function."),
        (Kind.LOSS, "keras.metrics:MeanSquaredError", "not a keras.Loss subclass or a function."),
        (Kind.METRIC, "keras.losses:MeanSquaredError", "not a keras.Metric subclass or a function."),
        (Kind.OPTIMIZER, "things:Gate", "not a keras.Optimizer subclass."),
        (Kind.SCHEDULE, "things:Gate", "not a keras.LearningRateSchedule subclass or a function."),
        (Kind.CALLBACK, "things:halve", "not a keras.Callback subclass."),
        (Kind.INITIALIZER, "things:Gate", "not a keras.Initializer subclass or a function."),
        (Kind.REGULARIZER, "things:Gate", "not a keras.Regularizer subclass or a function."),
        (Kind.CONSTRAINT, "things:Gate", "not a keras.Constraint subclass or a function."),
    ],
)
def test_a_target_of_another_kind_is_refused(entry, kind, target, shown):
    assert error(entry(kind, target)).endswith(shown)


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind is not Kind.RECIPE])
def test_stock_keras_is_what_its_entries_say(catalog, kind):
    stock = [each for each in catalog.entries if each.kind is kind and each.plugin == "kwb_keras"]
    assert all(resolve(each).__name__ for each in stock)
    assert stock or kind in (Kind.MODEL, Kind.DATASET)


def test_a_missing_attribute_is_reported(entry):
    shown = error(entry(Kind.LAYER, "things:Nowhere"))
    assert shown == "plugin 'acme', layer 'Thing': 'things' has no 'Nowhere'."


def test_an_import_that_fails_is_reported_as_the_plugins_error(entry):
    shown = error(entry(Kind.LAYER, "no_module_of_that_name:Gate"))
    assert "importing 'no_module_of_that_name' failed: ModuleNotFoundError" in shown
    assert "The error is the plugin's" in shown
    assert "failed: SystemExit: 2" in error(entry(Kind.LAYER, "bad_things:Gate"))


class TestResolver:
    """From registered names, as saved files hold them, to classes."""

    def test_it_finds_a_class_by_its_registered_name(self, catalog):
        from kwb_custom.layers import MyDense

        assert Resolver(catalog).resolve_registered("kwb>MyDense") is MyDense

    def test_it_imports_only_the_likely_plugin(self, plugin, offering):
        plugin("acme", offering("layers", "'Gate', 'acme_gate:Gate'"), acme_gate=LAYERS)
        plugin("rival", offering("layers", "'Bad', 'rival_bad:Bad'"), rival_bad="raise SystemExit")
        resolver = Resolver(Catalog(discover()))
        assert resolver.resolve_registered("acme-dist>Gate").__module__ == "acme_gate"

    def test_what_no_plugin_has_is_none_whatever_their_errors(self, plugin, offering):
        plugin("rival", offering("layers", "'Bad', 'rival_worse:Bad'"), rival_worse="raise SystemExit")
        assert Resolver(Catalog(discover())).resolve_registered("gone>Layer") is None

    def test_all_registered_names_are_reported(self, catalog):
        names = Resolver(catalog).registered_names()
        assert {"kwb>MyDense", "kwb>ResidualRegressor", "kwb>exponential"} <= names


IMPOSTOR = """
import keras

@keras.saving.register_keras_serializable(package="its-own")
class Named(keras.layers.Layer):
    pass

class Innocent(keras.layers.Layer):
    pass
"""


def test_a_module_whose_class_takes_anothers_registered_name_stays_refused(entry, distribution):
    distribution("rival-dist", {"impostors.py": IMPOSTOR}, {})
    first = resolve(entry(Kind.LAYER, "things:Named"))
    impostor = entry(Kind.LAYER, "impostors:Named")
    shown = error(impostor)
    assert "registered with Keras as 'its-own>Named': things.Named and impostors.Named" in shown
    assert error(impostor) == shown
    assert "its-own>Named" in error(entry(Kind.LAYER, "impostors:Innocent"))
    assert keras.saving.get_registered_object("its-own>Named") is first
