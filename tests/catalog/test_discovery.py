"""Finding plugins: each is isolated, and comes in whole or not at all."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from workbench.catalog.discovery import Plugin, PluginState, discover
from workbench.errors import WorkbenchError


def found(name: str) -> Plugin:
    plugins = {plugin.name: plugin for plugin in discover()}
    assert plugins["kwb_custom"].state is PluginState.LOADED  # whatever the other one does
    return plugins[name]


def test_a_plugin_is_found_through_its_entry_point(plugin, offering):
    plugin("acme", offering("layers", "'Gate', 'acme.layers:Gate', summary='A gate.', inputs=2"))
    acme = found("acme")
    assert (acme.state, acme.error, acme.warning) == (PluginState.LOADED, "", "")
    assert (acme.distribution, acme.version) == ("acme-dist", "1.0")
    (gate,) = acme.entries
    assert (gate.qualified_name, gate.target, gate.inputs, gate.outputs) == (
        "acme.Gate",
        "acme.layers:Gate",
        2,
        1,
    )
    assert (gate.plugin, gate.distribution, gate.version) == ("acme", "acme-dist", "1.0")


def test_plugins_come_in_the_order_of_their_names(plugin):
    plugin("zeta", "")
    plugin("alpha", "")
    assert [each.name for each in discover()] == ["alpha", "kwb_custom", "kwb_datasets", "kwb_keras", "zeta"]


@pytest.mark.parametrize(
    ("source", "error"),
    [
        ("import nothing_of_that_name", "ModuleNotFoundError importing 'acme_plugin': No module named"),
        ("def f(:", "SyntaxError importing 'acme_plugin': invalid syntax"),
        ("raise SystemExit(5)", "called sys.exit(5) importing 'acme_plugin'"),
        ("raise GeneratorExit", "GeneratorExit importing 'acme_plugin'"),
        ("@hookimpl\ndef kwb_register_layers(registry):\n    1 / 0", "ZeroDivisionError in a hook: division"),
        ("@hookimpl\ndef kwb_register_layers(registry):\n    exit(1)", "called sys.exit(1) in a hook"),
        ("@hookimpl\ndef kwb_register_layers(wrong):\n    pass", "PluginValidationError in a hook: "),
    ],
)
def test_a_plugin_that_fails_is_listed_with_its_error(plugin, source, error):
    plugin("acme", source)
    acme = found("acme")
    assert (acme.state, acme.entries) == (PluginState.ERROR, ())
    assert acme.error.startswith(error)
    assert "\n" not in acme.error
    assert "Traceback" in acme.details


def test_ctrl_c_is_the_users_and_goes_through(plugin):
    plugin("acme", "raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        discover()


@pytest.mark.parametrize(
    ("header", "error"),
    [
        ("KWB_API = 2\n", "is written for plugin interface 2; this kwb has 1"),
        ("KWB_API = '1'\n", "is written for plugin interface '1'; this kwb has 1"),
        ("", "has no KWB_API; a plugin module holds `KWB_API = 1`"),
    ],
)
def test_another_version_of_the_interface_is_incompatible(plugin, header, error):
    plugin("acme", "", header=header)
    acme = found("acme")
    assert (acme.state, acme.error) == (PluginState.INCOMPATIBLE, error)


def test_an_entry_point_without_a_module_is_an_error(distribution):
    distribution("acme-dist", {}, {"acme": "acme_plugin_nowhere"})
    assert found("acme").error.startswith("ModuleNotFoundError importing 'acme_plugin_nowhere'")


def test_an_entry_point_may_name_an_object(distribution):
    source = "from workbench.catalog import hookimpl\nclass offers:\n    KWB_API = 1\n"
    distribution("acme-dist", {"acme_objects.py": source}, {"acme": "acme_objects:offers"})
    assert found("acme").state is PluginState.LOADED


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("kwb_register_layer", "Did you mean 'kwb_register_layers'?"),
        ("kwb_register_losess", "Did you mean 'kwb_register_losses'?"),
        ("kwb_load", "The hooks are: "),
    ],
)
def test_a_misspelt_hook_is_an_error_not_silence(plugin, name, hint):
    plugin("acme", f"@hookimpl\ndef {name}(registry):\n    pass\n")
    acme = found("acme")
    assert acme.state is PluginState.ERROR
    assert acme.error.startswith(f"acme: there is no hook '{name}'. ")
    assert hint in acme.error


def test_a_hook_without_its_mark_is_an_error_not_silence(plugin):
    plugin("acme", "def kwb_register_layers(registry):\n    registry.add('Gate', 'acme.layers:Gate')\n")
    acme = found("acme")
    assert acme.error.startswith("acme: 'kwb_register_layers' is not marked as a hook.")
    assert "@hookimpl" in acme.error


def test_other_names_that_begin_with_kwb_are_the_plugins_own_business(plugin):
    plugin("acme", "import kwb_custom\nkwb_version = 3\ndef kwb_helper(): pass\n")
    assert found("acme").state is PluginState.LOADED


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (
            "'Gate', 'acme.layers.Gate'",
            "the target 'acme.layers.Gate' is not of the form 'package.module:Name'.",
        ),
        ("'Gate', 'acme layers:Gate'", "the target 'acme layers:Gate' is not of the form"),
        ("'Gate', 'acme.layers:Gate()'", "the target 'acme.layers:Gate()' is not of the form"),
        ("'Gate', print", "is not of the form 'package.module:Name'."),
        ("'', 'acme.layers:Gate'", "a name is letters, digits, '_' and '-', and begins with a letter."),
        ("'my gate', 'acme.layers:Gate'", "a name is letters, digits"),
        ("'a.Gate', 'acme.layers:Gate'", "a name is letters, digits"),
        ("3, 'acme.layers:Gate'", "a name is letters, digits"),
        ("'Gate', 'acme.layers:Gate', tags='gating'", "tags is a list of texts, not 'gating'."),
        ("'Gate', 'acme.layers:Gate', aliases='g'", "aliases is a list of texts, not 'g'."),
        ("'Gate', 'acme.layers:Gate', input_shapes=[8]", "input_shapes is a list of shapes, one for each"),
        (
            "'Gate', 'acme.layers:Gate', expected_failures={'xla': ''}",
            "the expected failure of 'xla' has no reason.",
        ),
        ("'Gate', 'acme.layers:Gate', colour='red'", "TypeError in a hook: "),
    ],
)
def test_a_malformed_registration_is_an_error(plugin, offering, call, error):
    plugin("acme", offering("layers", call))
    acme = found("acme")
    assert acme.state is PluginState.ERROR
    assert error in acme.error


def test_a_recipes_target_is_a_yaml_file(plugin, offering):
    plugin("acme", offering("recipes", "'r', 'acme.recipes:r'"))
    assert "is not of the form 'package:file.yaml'." in found("acme").error


def test_a_name_registered_twice_is_an_error(plugin, offering):
    plugin("acme", offering("layers", "'Gate', 'acme.layers:Gate'", "'Gate', 'acme.layers:Other'"))
    assert found("acme").error == "acme: layer 'Gate': this plugin registers the name twice."


def test_a_name_may_stand_for_things_of_several_kinds(plugin, offering):
    plugin(
        "acme", offering("losses", "'Ring', 'acme:Ring'") + offering("metrics", "'Ring', 'acme:RingMetric'")
    )
    assert [entry.kind for entry in found("acme").entries] == ["loss", "metric"]


def test_registration_is_all_or_nothing(plugin, offering):
    plugin(
        "acme",
        offering("layers", "'Gate', 'acme.layers:Gate'")
        + offering("models", "'Net', 'acme.models:Net'")
        + offering("recipes", "'r', 'not a recipe'"),
    )
    assert found("acme").entries == ()


def test_a_blocked_plugin_is_not_imported(plugin):
    plugin("acme", "raise SystemExit")
    (acme,) = [each for each in discover(blocked=["acme"]) if each.name == "acme"]
    assert (acme.state, acme.error, acme.distribution) == (PluginState.BLOCKED, "", "acme-dist")


def test_blocking_what_is_not_there_is_refused():
    with pytest.raises(WorkbenchError, match=r"there is no plugin 'kwb_kers'.*Did you mean 'kwb_keras'"):
        discover(blocked=["kwb_kers"])


def test_of_two_plugins_of_one_name_the_second_is_not_used(distribution, offering):
    header = "from workbench.catalog import hookimpl\nKWB_API = 1\n"
    for name in ("first", "second"):
        source = header + offering("layers", f"'{name.title()}', 'x:{name.title()}'")
        distribution(f"{name}-dist", {f"{name}_plugin.py": source}, {"acme": f"{name}_plugin"})
    both = [each for each in discover() if each.name == "acme"]
    assert sorted(each.state for each in both) == ["error", "loaded"]
    loaded, refused = both
    assert len(loaded.entries) == 1
    assert refused.entries == ()
    assert refused.error == f"the distribution '{loaded.distribution}' has a plugin of this name already"


def test_a_plugin_file_is_listed_after_the_installed_ones_and_once(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text("")
    plugins = discover([file, tmp_path / "." / "mine.py", tmp_path / "no.py"], scan=lambda path: ())
    assert [(each.name, each.state) for each in plugins[-2:]] == [("mine", "loaded"), ("no", "error")]
    assert plugins[-1].error == f"no such file: {tmp_path / 'no.py'}"


def test_a_plugin_that_prints_does_not_reach_standard_output(plugin, offering, capsys):
    plugin("acme", "print('hello')\n" + offering("layers", "'Gate', 'acme.layers:Gate'"))
    acme = found("acme")
    assert capsys.readouterr().out == ""
    assert acme.warning == "prints when listed: 'hello'"
    assert len(acme.entries) == 1


def test_listing_imports_neither_keras_nor_what_the_entries_name(distribution, offering, tmp_path):
    """Laziness, in a process of its own: this one may have imported keras long ago."""
    header = "from workbench.catalog import hookimpl\nKWB_API = 1\n"
    site = distribution(
        "lazy-dist",
        {
            "lazy/__init__.py": "",
            "lazy/plugin.py": header + offering("layers", "'Gate', 'lazy.heavy:Gate'"),
            "lazy/heavy.py": "raise RuntimeError('imported too early')\n",
        },
        {"lazy": "lazy.plugin"},
    )
    code = (
        "import sys\n"
        f"sys.path.insert(0, {str(site)!r})\n"
        "from workbench.catalog import Kind\n"
        "from workbench.catalog.discovery import discover\n"
        "from workbench.catalog.lookup import Catalog, recipe_file\n"
        "catalog = Catalog(discover())\n"
        "assert catalog.find(Kind.LAYER, 'Gate').plugin == 'lazy'\n"
        "assert catalog.find(Kind.LAYER, 'Dense').plugin == 'kwb_keras'\n"
        "assert recipe_file(catalog.find(Kind.RECIPE, 'digits')).is_file()\n"
        "heavy = {'keras', 'tensorflow', 'numpy', 'sklearn', 'lazy.heavy', 'kwb_custom.layers'}\n"
        "assert not heavy & sys.modules.keys(), heavy & sys.modules.keys()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=Path.cwd())
    assert done.returncode == 0, done.stderr
