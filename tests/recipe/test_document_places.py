"""What `--set` changes in a recipe, where its keys stand in the file, and the recipe with every default written out."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.recipe.test_document import RECIPE, changed, error
from workbench.catalog import Kind
from workbench.catalog.lookup import recipe_file
from workbench.errors import WorkbenchError
from workbench.recipe.document import parse, read, to_yaml


class TestOverrides:
    """`--set key=value`."""

    def recipe(self, *overrides: str, text: str = RECIPE):
        return parse(text, overrides=overrides).recipe

    def test_a_value_is_read_as_yaml(self):
        assert self.recipe("train.epochs=50").train.epochs == 50
        assert self.recipe("train.optimizer.learning_rate=1e-3").train.optimizer.learning_rate == 0.001
        assert self.recipe("save=[a.keras, b.h5]").save == ("a.keras", "b.h5")
        assert [item.use for item in self.recipe("train.metrics=[mae, {use: AUC}]").train.metrics] == [
            "mae",
            "AUC",
        ]

    def test_the_last_one_wins(self):
        assert self.recipe("train.epochs=6", "train.epochs=7").train.epochs == 7

    def test_a_list_is_reached_by_index(self):
        assert self.recipe("model.sequential[0].units=7").model.sequential[0].units == 7
        assert self.recipe("model.sequential.0.units=7").model.sequential[0].units == 7
        assert self.recipe("model.sequential[1]=Add").model.sequential[1].use == "Add"

    def test_keys_that_are_not_there_yet_are_made(self):
        recipe = self.recipe(
            "data.split.test=0.1", "train.loss_weights.a=2", text="kwb: 1\ndata: d\nmodel: M\n"
        )
        assert recipe.data.split.test == 0.1
        assert recipe.train.loss_weights == {"a": 2.0}

    def test_an_empty_section_is_filled(self):
        assert self.recipe("train.epochs=3", text="kwb: 1\ndata: d\nmodel: M\ntrain:\n").train.epochs == 3

    @pytest.mark.parametrize(
        ("override", "find"),
        [
            ("data.path=x", lambda recipe: recipe.data),
            ("model.path=x", lambda recipe: recipe.model),
            ("train.loss.path=x", lambda recipe: recipe.train.loss),
            ("train.optimizer.path=x", lambda recipe: recipe.train.optimizer),
            ("train.callbacks[0].path=x", lambda recipe: recipe.train.callbacks[0]),
            ("train.metrics[0].path=x", lambda recipe: recipe.train.metrics[0]),
        ],
    )
    def test_a_bare_name_takes_arguments(self, override, find):
        text = "kwb: 1\ndata: Thing\nmodel: Thing\ntrain: {optimizer: Thing, loss: Thing, callbacks: [Thing],"
        recipe = self.recipe(override, text=f"{text} metrics: [Thing]}}\n")
        assert find(recipe).use == "Thing"
        assert find(recipe).arguments == {"path": "x"}

    def test_the_default_optimizer_takes_arguments(self):
        optimizer = self.recipe("train.optimizer.learning_rate=0.5", text="kwb: 1\ndata: d\nmodel: M\n").train
        assert optimizer.optimizer.model_dump() == {"use": "Adam", "learning_rate": 0.5}

    @pytest.mark.parametrize(
        ("override", "shown"),
        [
            ("train.epochs", "an override is written as key=value. As in train.epochs=50."),
            ("=3", "an override is written as key=value. As in train.epochs=50."),
            ("[0]=3", "an override is written as key=value. As in train.epochs=50."),
            ("train.epochs=many", "must be a whole number, not 'many'."),
            ("train.epochs=", "must be a whole number, not empty."),
            ("train.epoch=3", "unknown key 'epoch'. Did you mean 'epochs'?"),
            ("trian.epochs=3", "unknown key 'trian'. Did you mean 'train'?"),
            ("train.epochs.x=3", "'train.epochs' is a value: nothing lies below it."),
            ("model.sequential[2].units=7", "'model.sequential' has 2 items, counted from 0."),
            ("model.sequential[-1].units=7", "'model.sequential' has 2 items, counted from 0."),
            ("model.sequential.units=7", "'model.sequential' is a list: give a number, counted from 0."),
            ("train.metrics[0]=mae", "'train.metrics' is no list in the recipe: give it whole. As in train."),
        ],
    )
    def test_a_wrong_one_is_reported_as_it_was_typed(self, override, shown):
        assert error(RECIPE, override).startswith(f"--set {override}: {shown}")

    def test_an_error_elsewhere_keeps_its_line(self):
        assert error(changed("epochs: 5", "epochs: x"), "train.batch_size=3").startswith(
            "r.yaml:12: train.epochs"
        )


class TestPlaces:
    """Where a key stands, for the errors of those who use the recipe."""

    @pytest.mark.parametrize(
        ("key", "place"),
        [
            ("train.epochs", "r.yaml:12: train.epochs"),
            ("model.sequential[1]", "r.yaml:10: model.sequential[1]"),
            ("model.sequential[0].activation", "r.yaml:9: model.sequential[0].activation"),
            ("data.split.validation", "r.yaml:6: data.split.validation"),
            ("train.callbacks[0]", "r.yaml:11: train.callbacks[0]"),
            ("save[0]", "r.yaml: save[0]"),
        ],
    )
    def test_a_key_has_a_line_or_that_of_what_is_around_it(self, key, place):
        assert parse(RECIPE, name="r.yaml").place(key) == place

    def test_what_was_overridden_is_at_its_override(self):
        document = parse(RECIPE, name="r.yaml", overrides=["train.loss={use: Huber, delta: 2}"])
        assert document.place("train.loss.delta") == "--set train.loss={use: Huber, delta: 2}"
        assert document.place("train.epochs") == "r.yaml:12: train.epochs"

    def test_an_error_is_located_if_its_place_is_a_key(self):
        document = parse(RECIPE, name="r.yaml")
        assert (
            str(document.located(WorkbenchError("no.", where="train.loss"))) == "r.yaml:14: train.loss: no."
        )
        assert str(document.located(WorkbenchError("no.", where="t.csv:3"))) == "t.csv:3: no."

    def test_files_are_found_beside_the_recipe_first(self, tmp_path, monkeypatch):
        (tmp_path / "recipes").mkdir()
        (tmp_path / "recipes" / "both.csv").touch()
        (tmp_path / "both.csv").touch()
        (tmp_path / "here.csv").touch()
        monkeypatch.chdir(tmp_path)
        document = parse(RECIPE, folder=Path("recipes"))
        assert document.find("both.csv") == Path("recipes/both.csv")
        assert document.find("here.csv") == Path("here.csv")
        assert document.find("gone.csv") == Path("recipes/gone.csv")
        assert document.find(str(tmp_path / "both.csv")) == tmp_path / "both.csv"


class TestResolved:
    """The recipe with every default written out, as a run's folder keeps it."""

    @pytest.mark.parametrize(
        "text",
        [
            RECIPE,
            "kwb: 1\ndata: d\nmodel: {load: m.keras, trainable: false}\n",
            "kwb: 1\ndata: {use: d, targets: {a: x, b: [y, z]}, scale: {a: minmax}}\nmodel: {use: M, name: 'no'}\n"
            "train: {loss: {a: mse, b: {use: Huber}}, metrics: {a: [mae]}, class_weight: {0: 1, 1: 2.5}}\n",
            "kwb: 1\ndata: d\nmodel:\n  inputs: {x: [null, 3]}\n  layers: {b: {use: A, k: {use: L2, l2: 1e-5}}}\n"
            "  graph: ['y = b(x)']\n  outputs: y\n",
            "kwb: 1\ndata: d\nmodel: {use: M, a: '1e-3', b: 'null', c: '', d: [], e: {}, f: .inf, g: 'x: y'}\n",
        ],
    )
    def test_its_yaml_parses_to_the_same_recipe(self, text):
        document = parse(text)
        again = parse(to_yaml(document.resolved()))
        assert again.recipe == document.recipe

    def test_defaults_are_written_out(self):
        resolved = parse("kwb: 1\ndata: d\nmodel: M\n").resolved()
        assert resolved["train"]["batch_size"] == 32
        assert resolved["train"]["optimizer"] == {"use": "Adam"}
        assert resolved["data"]["split"]["shuffle"] is True

    def test_every_built_in_recipe_comes_back(self, catalog):
        recipes = list(catalog.of_kind(Kind.RECIPE))
        assert len(recipes) >= 5
        for entry in recipes:
            document = read(recipe_file(entry))
            assert parse(to_yaml(document.resolved())).recipe == document.recipe
