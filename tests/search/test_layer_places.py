"""The places where `kwb trial` can put another layer: stacks, shared layers, lines of a graph."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.search.bases import RECIPE
from workbench.catalog.discovery import discover
from workbench.catalog.lookup import Catalog
from workbench.errors import RecipeError
from workbench.recipe.document import Document, parse, to_yaml
from workbench.recipe.graph import parse_line
from workbench.search.layer_places import item_of, places_of
from workbench.search.layer_trial import find_rivals, trial_overrides

GRAPH = {
    "inputs": {"x": [10]},
    "layers": {
        "twice": {"use": "Dense", "units": 4},
        "inner": {"inputs": {"a": [4]}, "graph": ["b = Dense(4, use_bias=False)(a)"], "outputs": "b"},
    },
    "graph": [
        'left = Dense(8, "tanh", kernel_regularizer=L2(0.01))(x)',
        "y = twice(left)",
        "z = inner(y)",
        "y, w = MyMultiLayer()(y, Dropout(0.1)(z))",
        'out = Dense(units=1, name="out")(y)',
    ],
    "outputs": "out",
}
DENSE = [{"name": name} for name in ("units", "activation", "use_bias")]


def document(model: object = GRAPH) -> Document:
    return parse(to_yaml({**RECIPE, "model": model}), name="g.yaml")


def test_every_layer_that_stands_alone_is_found() -> None:
    assert {key: place.item["use"] for key, place in places_of(document()).items()} == {
        "model.layers.twice": "Dense",
        "model.layers.inner.graph[0]": "Dense",
        "model.graph[0]": "Dense",
        "model.graph[3]": "MyMultiLayer",
        "model.graph[4]": "Dense",
    }
    stack = {"sequential": [{"use": "Bidirectional", "layer": {"use": "LSTM", "units": 3}}, "Flatten"]}
    assert list(places_of(document(stack))) == [
        "model.sequential[0]",
        "model.sequential[0].layer",
        "model.sequential[1]",
    ]


def test_a_line_keeps_all_but_its_layer() -> None:
    place = places_of(document())["model.graph[0]"]
    own = place.with_names(place.item, DENSE)
    assert own == {"use": "Dense", "units": 8, "activation": "tanh", "kernel_regularizer": "L2(0.01)"}
    assert (
        place.value(own) == 'left = Dense(units=8, activation="tanh", kernel_regularizer=L2(0.01))(x)'
    )  # what has no form in YAML is as it was
    other = {"use": "Gate", "units": 3, "kernel_regularizer": {"use": "L2", "l2": 0.5}}
    text = place.value(other)
    assert text == "left = Gate(units=3, kernel_regularizer=L2(l2=0.5))(x)"
    assert item_of(text) == other
    assert parse_line(text).targets == ("left",)
    several = places_of(document())["model.graph[3]"]
    assert several.value({"use": "Other"}) == "y, w = Other()(y, Dropout(0.1)(z))"
    assert item_of("Dense") == {"use": "Dense"}
    assert item_of("y = twice(left)") is None
    assert item_of(3) is None


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return Catalog(discover())


def test_the_recipe_of_a_trial_in_a_graph(tmp_path: Path, catalog: Catalog) -> None:
    (tmp_path / "g.yaml").write_text(to_yaml({**RECIPE, "model": GRAPH}))
    dense, other = {"use": "Dense"}, {"use": "MyDense"}
    rivals = find_rivals(other, dense, str(tmp_path / "g.yaml"), catalog, at="model.graph[4]")
    assert (rivals.fixed, rivals.is_own, rivals.second) == (
        1,
        True,
        {"use": "Dense", "units": 1, "name": "out"},
    )
    overrides = trial_overrides(rivals, {"use": "MyDense", "units": 1}, rivals.second, 3)
    found = parse((tmp_path / "g.yaml").read_text(), overrides=overrides).recipe.search
    assert found is not None
    assert found.over == {
        "model.graph[4]": ("out = MyDense(units=1)(y)", 'out = Dense(units=1, name="out")(y)')
    }
    # by itself the first place that has one of the two
    assert find_rivals(other, dense, str(tmp_path / "g.yaml"), catalog).place.key == "model.layers.twice"
    with pytest.raises(RecipeError) as error:
        find_rivals(other, dense, str(tmp_path / "g.yaml"), catalog, at="model.graph[1]")
    assert error.value.hint == "That line calls the shared layer 'twice', which is at model.layers.twice."


@pytest.mark.slow
@pytest.mark.parametrize("place", ["model.graph[0]", "model.layers.inner.graph[0]"])
def test_layers_of_a_graph_are_compared(tmp_path: Path, place: str) -> None:
    graph = {
        **GRAPH,
        "inputs": {"features": [10]},
        "graph": [
            'left = Dense(8, "tanh", kernel_regularizer=L2(0.01))(features)',
            "y = twice(left)",
            "z = inner(y)",
            "out = Dense(units=1)(z)",
        ],
    }
    train = {**RECIPE["train"], "epochs": 2}
    (tmp_path / "g.yaml").write_text(to_yaml({**RECIPE, "model": graph, "train": train}))
    command = [sys.executable, "-c", "from workbench.cli import command; command()", "trial", "MyDense"]
    options = ["g.yaml", "--against", "Dense", "--at", place, "--seeds", "2", "--json"]
    done = subprocess.run([*command, *options], cwd=tmp_path, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert [layer["name"] for layer in found["layers"]] == ["MyDense", "Dense"]
    assert [len(layer["values"]["val_loss"]) for layer in found["layers"]] == [2, 2]
    sizes = [item["units"] for item in found["sizes"]["items"]]
    if place == "model.graph[0]":
        assert sizes == [8, 8]
        assert found["sizes"]["parameters"] == [88 + 36 + 16 + 5] * 2
        return
    # 10 to 8, 8 to 4, then the one that is compared (MyDense has a bias in any case), and its units to 1
    whole, wanted = (
        {units: 88 + 36 + 4 * units + units + units + 1 for units in range(1, 9)},
        88 + 36 + 16 + 5,
    )
    assert sizes == [min(whole, key=lambda units: abs(whole[units] - wanted)), 4]
    assert found["sizes"]["parameters"] == [whole[sizes[0]], wanted]
