"""A stranger's distributions, installed with pip: what kwb lists of them, and what the broken ones harm."""

from __future__ import annotations

import json
from typing import Any

import pytest

OURS = ["kwb_custom", "kwb_datasets", "kwb_keras"]


@pytest.fixture(scope="module")
def plugins(kwb, installed) -> dict[str, dict[str, Any]]:
    """`kwb plugins --json` with a good and a broken distribution installed, by plugin."""
    done = kwb("plugins", "--json", path=[installed("acme-layers"), installed("broken-plugins")])
    assert done.returncode == 0, done.stderr
    return {row["plugin"]: row for row in json.loads(done.stdout)}


def test_every_plugin_is_listed_with_its_state(plugins):
    states = {name: row["state"] for name, row in plugins.items()}
    assert states == {
        "acme": "loaded",
        "broken_exit": "error",
        "broken_hook": "error",
        "broken_import": "error",
        "broken_version": "incompatible",
        "loud": "loaded",
        "slow": "loaded",
        **dict.fromkeys(OURS, "loaded"),
    }


@pytest.mark.parametrize(
    ("plugin", "error"),
    [
        ("broken_import", "ModuleNotFoundError importing 'imports_plugin': No module named 'a_module_that_"),
        ("broken_exit", "called sys.exit('no licence found') importing 'exits_plugin'"),
        ("broken_hook", "ZeroDivisionError in a hook: counting my layers failed"),
        ("broken_version", "is written for plugin interface 99; this kwb has 1"),
    ],
)
def test_a_broken_plugin_says_what_is_wrong_and_offers_nothing(plugins, plugin, error):
    row = plugins[plugin]
    assert row["error"].startswith(error)
    assert row["entries"] == []
    assert (row["distribution"], row["version"]) == ("broken-plugins", "0.0.1")


def test_a_plugin_that_prints_or_imports_keras_works_and_is_warned_about(plugins):
    assert plugins["loud"]["warning"] == "prints when listed: 'Thank you for choosing Loud!'"
    assert "imports keras, tensorflow when listed" in plugins["slow"]["warning"]
    assert [entry["name"] for entry in plugins["loud"]["entries"]] == ["Loud"]
    assert [entry["name"] for entry in plugins["slow"]["entries"]] == ["Slow"]


def test_the_others_are_unharmed(plugins, kwb):
    alone = {row["plugin"]: row for row in json.loads(kwb("plugins", "--json").stdout)}
    assert list(alone) == OURS
    assert {name: plugins[name] for name in OURS} == alone
    assert len(plugins["acme"]["entries"]) == 7
    assert all(row["error"] is None and row["warning"] is None for row in alone.values())


def test_the_catalog_shows_a_strangers_entries_like_our_own(kwb, installed):
    done = kwb("catalog", "--json", path=[installed("acme-layers")])
    rows = [row for row in json.loads(done.stdout) if row["plugin"] == "acme"]
    assert [(row["kind"], row["name"]) for row in rows] == [
        ("layer", "Gate"),
        ("layer", "Halve"),
        ("layer", "Mix"),
        ("model", "GatedRegressor"),
        ("model", "TwoSided"),
        ("dataset", "ramps"),
        ("recipe", "gated"),
    ]
    assert rows[0] == {
        "kind": "layer",
        "name": "Gate",
        "plugin": "acme",
        "distribution": "acme-layers",
        "target": "acme_layers.layers:Gate",
        "summary": "Lets each feature through by a learned share.",
        "inputs": 1,
        "outputs": 1,
        "tags": ["gating"],
    }
    assert (rows[2]["inputs"], rows[2]["outputs"]) == (2, 1)


def test_no_plugin_leaves_one_out(kwb, installed):
    path = [installed("acme-layers")]
    rows = json.loads(kwb("plugins", "--json", "--no-plugin", "acme", path=path).stdout)
    (acme,) = [row for row in rows if row["plugin"] == "acme"]
    assert (acme["state"], acme["entries"], acme["error"]) == ("blocked", [], None)
    assert "Gate" in kwb("catalog", "gating", path=path).stdout
    assert kwb("catalog", "gating", "--no-plugin", "acme", path=path).stdout == "Nothing matches 'gating'.\n"


def test_no_plugin_refuses_a_name_that_is_no_plugins(kwb, installed):
    done = kwb("plugins", "--no-plugin", "acne", path=[installed("acme-layers")])
    assert done.returncode == 2
    assert done.stderr == "kwb: --no-plugin: there is no plugin 'acne'. Did you mean 'acme'?\n"
