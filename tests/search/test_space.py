"""What a search tries, and the errors of a `search` that cannot be: with file and line, before anything starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.search.bases import base, recipe, search
from workbench.catalog.lookup import Catalog
from workbench.errors import RecipeError
from workbench.recipe.document import parse
from workbench.search.journal import Journal
from workbench.search.opening import begin, open_search, recipe_of
from workbench.search.space import check_space, grid, settings_to_try
from workbench.search.state import Repetition, Trial, TrialState, new_trial

HEAD = "kwb: 1\ndata: diabetes\nmodel: {sequential: [{use: Dense, units: 1}]}\ntrain: {loss: mse, optimizer: Adam}\n"


@pytest.mark.parametrize(
    ("over", "message"),
    [
        (
            "train.epoch: [1, 2]",
            "r.yaml:7: search.over.train.epoch: 1: unknown key 'epoch'. Did you mean 'epochs'?",
        ),
        (
            "model.sequential[3].units: [1]",
            "r.yaml:7: search.over.model.sequential[3].units: 1: 'model.sequential' has 1 ",
        ),
        (
            "train.batch_size: {from: 64, to: 16}",
            "r.yaml:7: search.over.train.batch_size: `from` (64) is not below",
        ),
        (
            "train.batch_size: [16, many]",
            "r.yaml:7: search.over.train.batch_size: many: must be a whole number",
        ),
        (
            "train.batch_size: {from: 0, to: 16}",
            "r.yaml:7: search.over.train.batch_size: must be greater than or equal to 1",
        ),
        (
            "train.batch_size: {from: 1, to: 9, by: 2}",
            "r.yaml:7: search.over.train.batch_size.by: unknown key 'by'.",
        ),
        ("train.batch_size: 16", "r.yaml:7: search.over.train.batch_size: is a list of values, or a"),
        (
            "train.loss: [mse, msee]",
            "r.yaml:7: search.over.train.loss: msee: no loss 'msee'. Did you mean 'mse'",
        ),
        (
            "model.sequential[0]: [{use: Dens, units: 1}]",
            "r.yaml:7: search.over.model.sequential[0]: {use: Dens, units: 1",
        ),
        (
            "a: {from: 0.0, to: 1.0, log: true}",
            "r.yaml:7: search.over.a: a range with `log: true` begins above 0, not",
        ),
        (
            "a: {from: 1, to: 9, log: true, step: 1}",
            "r.yaml:7: search.over.a: `step` and `log` do not go together",
        ),
    ],
)
def test_an_error_names_the_line(catalog: Catalog, tmp_path: Path, over: str, message: str) -> None:
    (tmp_path / "r.yaml").write_text(f"{HEAD}search:\n  over:\n    {over}\n")
    with pytest.raises(RecipeError) as raised:
        open_search(str(tmp_path / "r.yaml"), catalog, root=tmp_path / "searches")
    assert str(raised.value).removeprefix(f"{tmp_path}/").startswith(message)
    assert not (tmp_path / "searches").exists()


@pytest.mark.parametrize(
    ("goal", "name", "sign"),
    [
        ("val_loss", "val_loss", 1),
        ("val_mae", "val_mae", 1),
        ("val_price_rmse", "val_price_rmse", 1),
        ("val_accuracy", "val_accuracy", -1),
        ("binary_accuracy", "binary_accuracy", -1),
        ("{maximize: val_skill}", "val_skill", -1),
        ("{minimize: val_accuracy}", "val_accuracy", 1),
    ],
)
def test_which_value_is_better(goal: str, name: str, sign: int) -> None:
    found = parse(f"{HEAD}search: {{over: {{seed: [1]}}, goal: {goal}}}\n").recipe.search
    assert found is not None
    assert (found.goal.name, found.goal.sign) == (name, sign)


@pytest.mark.parametrize("goal", ["val_skill", "{minimize: a, maximize: b}", "{}"])
def test_a_goal_that_does_not_say_which_is_better(goal: str) -> None:
    with pytest.raises(RecipeError, match="minimize"):
        parse(f"{HEAD}search: {{over: {{seed: [1]}}, goal: {goal}}}\n")


def test_a_grid_is_every_combination() -> None:
    over = {"train.batch_size": {"from": 16, "to": 48, "step": 16}, "train.loss": ["mse", "mae"]}
    found = grid(search(over=over, method="grid"))
    batch_sizes = [each["train.batch_size"] for each in found]
    assert batch_sizes == [16, 16, 32, 32, 48, 48]
    assert [each["train.loss"] for each in found] == ["mse", "mae"] * 3
    shares = grid(search(over={"train.optimizer.learning_rate": {"from": 0.1, "to": 0.4, "step": 0.1}}))
    assert [round(each["train.optimizer.learning_rate"], 9) for each in shares] == [0.1, 0.2, 0.3, 0.4]
    whole = grid(search(over={"seed": {"from": 1, "to": 4}}))
    assert [each["seed"] for each in whole] == [1, 2, 3, 4]
    with pytest.raises(
        RecipeError, match=r"small.yaml:\d+: search.over.train.optimizer.learning_rate: a grid needs"
    ):
        grid(search(method="grid"))


def test_few_settings_have_each_value_once(catalog: Catalog) -> None:
    made = search(over={"seed": [1, 2, 3], "train.batch_size": {"from": 8, "to": 64}})
    check_space(made, catalog)
    found = list(settings_to_try(made))
    assert {each["seed"] for each in found} == {1, 2, 3}
    assert {each["train.batch_size"] for each in found} == {8, 64}


def test_the_recipe_of_a_trial_is_the_recipe_with_its_values() -> None:
    over = {"model.sequential[1]": [{"use": "GaussianNoise", "stddev": 0.2}], "train.epochs": [2]}
    made = base(search={"over": over}, repeat={"seeds": 3}, save=["saved/small.keras"])
    settings = {key: values[0] for key, values in over.items()}
    document = made.trial(7, settings, 2)
    plain = document.resolved()
    assert plain["model"]["sequential"][1] == {"use": "GaussianNoise", "stddev": 0.2}
    assert (plain["name"], plain["seed"], plain["train"]["epochs"]) == ("small-t7-2", 5, 2)
    assert made.trial(7, {**settings, "seed": 100}, 2).recipe.seed == 102
    assert plain["save"] == []  # the recipe's own files are not for each trial to replace
    assert "search" not in plain
    assert "repeat" not in plain


def test_the_best_recipe_keeps_comments() -> None:
    text = recipe(search={"over": {"train.optimizer.learning_rate": [0.5], "train.batch_size": [8]}})
    text = text.replace("optimizer:", "optimizer: Adam\n  metrics:  # what I look at\n    - mae\n  x:", 1)
    text = text[: text.index("  x:")] + text[text.index("  loss: mse") :]
    document = parse(text, overrides=["seed=77", "search.trials=5"])
    made = base()
    trial = Trial(
        0,
        {"train.optimizer.learning_rate": 0.5, "train.batch_size": 8},
        (Repetition(TrialState.DONE, value=1.0),),
    )
    made = type(made)(text, document, document.recipe.search, None)
    best = recipe_of(made, trial)
    assert "# what I look at" in best
    found = parse(best).recipe
    assert found.search is None
    assert found.seed == 77  # as the search was begun
    assert found.train.batch_size == 8
    assert found.train.optimizer.arguments == {"learning_rate": 0.5}


def test_a_search_goes_on_only_as_what_it_was(catalog: Catalog, tmp_path: Path) -> None:
    file, root = tmp_path / "r.yaml", tmp_path / "searches"

    def opened(**changes: object) -> None:
        more = {"over": {"train.batch_size": [8, 16]}, "method": "grid", "trials": 2}
        file.write_text(recipe(**{"search": more, **changes}))
        begin(open_search(str(file), catalog, root=root))

    opened(seed=8)
    opened()  # nothing was trained: it is this one now
    journal = Journal(root / "small" / "journal.jsonl")
    journal.update(lambda _: [new_trial({"train.batch_size": 8}, 1)])
    opened(
        train={
            "epochs": 50,
            "loss": "mse",
            "optimizer": {"use": "Adam", "learning_rate": 0.01},
            "engine": "chunk",
        }
    )
    with pytest.raises(RecipeError, match="'small' was begun with another seed"):
        opened(seed=4)
    with pytest.raises(RecipeError, match=r"begun with another search\.over"):
        opened(search={"over": {"train.batch_size": [8]}, "method": "grid"})
    assert open_search("small", catalog, root=root).base.document.recipe.train.epochs == 50
    assert open_search("small", catalog, root=root, overrides=["search.trials=1"]).base.search.trials == 1  # type: ignore[union-attr]
    with pytest.raises(RecipeError, match="there is no search and no recipe 'smal'"):
        open_search("smal", catalog, root=root)
