"""Models that train by methods of their own: as plain `fit` trains them, on every engine; saved, reloaded, resumed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from tests.training.engine_cases import ENGINES
from tests.training.self_trained import BATCH, CASES, Case, Penalized, X, Y, with_these
from tests.training.test_equivalence import WHOLE
from workbench import events
from workbench.catalog.lookup import Catalog
from workbench.errors import FileError, RecipeError
from workbench.recipe.document import parse, to_yaml
from workbench.storage.run_folder import RunFolder
from workbench.training.preparing import prepare
from workbench.training.saved_model import SavedModel
from workbench.training.session import Session

EPOCHS = 3
EVERY_DAY = {
    "rivals": ("plain", "chunk"),
    "penalized": ("chunk-xla",),
    "rebuilder": ("chunk",),
    "taught": ("plain",),
}


def recipe(folder: Path, case: Case, data: Mapping[str, Any] | None = None, **train: Any) -> Any:
    arrays = {"x": case.x} | ({} if case.y is None else {"y": case.y})
    np.savez(folder / "data.npz", **arrays)
    content = {
        "kwb": 1,
        "name": "own",
        "seed": 5,
        "data": {
            "use": "npz",
            "path": "data.npz",
            "targets": [] if case.y is None else ["y"],
            **(data or {}),
        },
        "model": case.model,
        "train": {
            "epochs": EPOCHS,
            "batch_size": BATCH,
            "shuffle": False,
            "engine": "plain",
            **case.train,
            **train,
        },
    }
    return parse(to_yaml(content), name="r.yaml", folder=folder)


def run(document: Any, catalog: Catalog, folder: Path, resume: Any = None) -> tuple[RunFolder, list[Any]]:
    heard: list[Any] = []
    take = lambda event, line: heard.append(event)  # noqa: E731
    Session(document, catalog, take, runs_folder=folder / "runs", resume=resume).run()
    started = next(event for event in heard if isinstance(event, events.RunStarted))
    return RunFolder(Path(started.folder)), heard


def logs(heard: list[Any]) -> list[dict[str, float]]:
    return [dict(event.logs) for event in heard if isinstance(event, events.Epoch)]


@pytest.fixture(scope="module")
def mine(catalog: Catalog) -> Catalog:
    return with_these(catalog)


@pytest.fixture(scope="module")
def stock() -> Any:
    """The logs of plain Keras, each training once."""
    known: dict[str, Any] = {}

    def of(name: str) -> Any:
        if name not in known:
            case = CASES[name]
            keras.utils.clear_session()
            keras.utils.set_random_seed(5)
            model = case.make()
            model.compile(**case.compile())
            history = model.fit(
                case.x, case.y, batch_size=BATCH, epochs=EPOCHS, shuffle=False, verbose=0
            ).history
            known[name] = [
                dict(zip(history, values, strict=True)) for values in zip(*history.values(), strict=True)
            ]
        return known[name]

    return of


@pytest.mark.parametrize(
    ("name", "engine"),
    [(name, engine) for name in CASES for engine in (ENGINES if WHOLE else EVERY_DAY.get(name, ("steps",)))],
)
def test_as_plain_fit(name: str, engine: str, mine: Catalog, stock: Any, tmp_path: Path) -> None:
    case = CASES[name]
    _, heard = run(recipe(tmp_path, case, engine=engine), mine, tmp_path)
    (chosen,) = [event for event in heard if isinstance(event, events.EngineChosen)]
    if engine == "chunk-xla" and case.random:  # it says so, or cannot be compiled at all
        assert chosen.engine == "plain" or "random numbers" in chosen.differs[engine]
        return
    assert chosen.engine == engine
    for mine_, wanted in zip(logs(heard), stock(name), strict=True):
        assert mine_ == pytest.approx(wanted, rel=1e-5, abs=1e-7)


REBUILDER = CASES["rebuilder"]
PARTS = {"encoder": {"use": "Dense", "units": 2}, "decoder": {"use": "Dense", "units": 6}}


def test_two_optimizers_go_on_exactly(mine: Catalog, tmp_path: Path) -> None:
    rivals = CASES["rivals"]
    _, whole = run(recipe(tmp_path, rivals, epochs=4, engine="chunk"), mine, tmp_path / "whole")
    folder, first = run(recipe(tmp_path, rivals, epochs=2, engine="chunk"), mine, tmp_path)
    _, second = run(recipe(tmp_path, rivals, epochs=4, engine="chunk"), mine, tmp_path, folder)
    assert logs(first) + logs(second) == logs(whole)
    assert not [
        event for event in second if isinstance(event, events.Message) and "not as it was" in event.text
    ]
    (last,) = [event for event in whole if isinstance(event, events.Epoch)][-1:]
    assert last.learning_rates == pytest.approx({"d_optimizer": 0.01, "g_optimizer": 0.05})


def test_a_model_without_call_is_saved_and_does_not_predict(mine: Catalog, tmp_path: Path) -> None:
    folder, heard = run(recipe(tmp_path, CASES["penalized"]), mine, tmp_path)
    (saved,) = [event for event in heard if isinstance(event, events.Saved)]
    assert saved.path == str(folder.model)
    assert [
        event.text for event in heard if isinstance(event, events.Message) and event.level == "warning"
    ] == [
        f"{folder.model}: loaded uncompiled: its class has a compile() of its own, and no compile_from_config()"
    ]
    again, plain = (
        SavedModel.open(folder.model, mine),
        keras.saving.load_model(folder.model, {"Penalized": Penalized}),
    )
    for one, other in zip(again.model.weights, plain.weights, strict=True):
        np.testing.assert_array_equal(one, other)
    rows = again.read(str(tmp_path / "data.npz"), mine, with_targets=False)
    with pytest.raises(FileError, match=r"Penalized makes no predictions: it has no call\(\)"):
        again.predict(rows)
    with pytest.raises(FileError, match="neither a call"):
        again.evaluate(rows)


def test_a_file_is_evaluated_with_the_compile_of_its_recipe(mine: Catalog, tmp_path: Path) -> None:
    """`Taught` reloads uncompiled; what it is compiled with is in the recipe that the file keeps."""
    document = recipe(tmp_path, CASES["taught"], data={"split": {"test": 0.25}})
    folder, heard = run(document, mine, tmp_path)
    (finished,) = [event for event in heard if isinstance(event, events.Finished)]
    saved = SavedModel.open(folder.model, mine)
    assert saved.evaluate(saved.read_own(tmp_path, mine, with_targets=True)) == pytest.approx(
        finished.evaluation, rel=1e-5
    )


def test_a_test_step_and_a_predict_step_of_its_own(mine: Catalog, tmp_path: Path) -> None:
    document = recipe(tmp_path, REBUILDER, data={"split": {"validation": 0.25}})
    folder, heard = run(document, mine, tmp_path)
    assert set(logs(heard)[-1]) == {"loss", "val_loss"}
    saved = SavedModel.open(folder.model, mine)
    rows = saved.read(str(tmp_path / "data.npz"), mine, with_targets=False)
    wanted = saved.model.encoder(rows.inputs["x"])
    found = saved.predict(rows)
    np.testing.assert_allclose(found["code"], wanted, rtol=1e-5)
    np.testing.assert_allclose(found["again"], saved.model.decoder(wanted), rtol=1e-5)
    assert saved.evaluate(rows)["loss"] == pytest.approx(float(saved.model._loss(rows.inputs["x"])), rel=1e-5)


def test_inputs_by_name(mine: Catalog, tmp_path: Path) -> None:
    np.savez(tmp_path / "two.npz", left=X, right=X)
    model = {"use": "ByName", **PARTS}
    data = {"path": "two.npz", "inputs": {"left": "left", "right": "right"}}
    _, heard = run(recipe(tmp_path, replace(REBUILDER, model=model), data=data), mine, tmp_path)
    _, wanted = run(recipe(tmp_path, REBUILDER), mine, tmp_path)
    assert logs(heard) == pytest.approx(logs(wanted))


@pytest.mark.parametrize("model", ["Eager", {"use": "EagerStep", **PARTS}])
def test_what_can_only_be_run_eagerly(model: Any, mine: Catalog, tmp_path: Path) -> None:
    case = Case(
        model, {"run_eagerly": True, "loss": "mse"} if model == "Eager" else {"run_eagerly": True}, None, None
    )
    _, heard = run(recipe(tmp_path, replace(case, y=Y if model == "Eager" else None)), mine, tmp_path)
    (assembled,) = [event for event in heard if isinstance(event, events.Assembled)]
    assert assembled.parameters == (7 if model == "Eager" else 14 + 18)
    losses = [each["loss"] for each in logs(heard)]
    assert losses == sorted(losses, reverse=True)


COMPILE = CASES["rivals"].train["compile"]


@pytest.mark.parametrize(
    ("model", "train", "where", "words"),
    [
        ("Rivals", {"compile": {**COMPILE, "loss_fm": "mse"}}, "train.compile.loss_fm", "Did you mean 'loss_fn'?"),
        ("Rivals", {"compile": {}}, "train", "Rivals.compile() needs 'd_optimizer', 'g_optimizer' and 'loss_fn'."),
        ("Rivals", {"compile": {**COMPILE, "d_optimizer": "Adm"}}, "train.compile.d_optimizer", "Did you mean 'Adam'"),
        ("Rivals", {"compile": COMPILE, "optimizer": "Adam"}, "train.optimizer", "has no argument 'optimizer'"),
        ("Penalized", {"compile": {"d_optimizer": "Adam", "steps": 2}}, "train.compile.steps", "no argument 'steps'"),
        ("Taught", {"compile": {"metrics": [], "teacher_loss": "mse"}, "metrics": ["mae"]}, "train.compile.metrics",
         "'metrics' is given under `train` itself"),
        ({"use": "Denoiser"}, {"compile": {"alpha": 1}}, "train.compile.alpha", "has no argument 'alpha'"),
        ("Idle", {}, "model", "Idle has neither a call() nor a train_step"),
        ({"use": "Rebuilder", **PARTS, "decoder": {"use": "Dense", "units": 5}}, {}, "model",
         "Rebuilder.train_step fails"),
    ],
)  # fmt: skip
def test_refused_before_training(
    model: Any, train: dict[str, Any], where: str, words: str, mine: Catalog, tmp_path: Path
) -> None:
    case = Case(model, {}, None, None)
    with pytest.raises(RecipeError) as caught:
        prepare(recipe(tmp_path, case, **train), mine)
    assert f": {where}: " in str(caught.value)
    assert words in f"{caught.value.what} {caught.value.hint}"


def test_what_cannot_be_validated_is_refused(mine: Catalog, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"Rivals has neither a call\(\) nor a test_step"):
        prepare(recipe(tmp_path, CASES["rivals"], data={"split": {"validation": 0.2}}), mine)


def test_a_callback_that_sets_the_rate_of_no_optimizer_is_a_warning(mine: Catalog, tmp_path: Path) -> None:
    callback = {"use": "ReduceLROnPlateau", "monitor": "d_loss", "mode": "min"}
    (warning,) = prepare(recipe(tmp_path, CASES["penalized"], callbacks=[callback]), mine).warnings
    assert str(warning).startswith("train.callbacks[0]: ReduceLROnPlateau changes nothing")
    assert "d_optimizer, g_optimizer" in str(warning)
    assert not prepare(recipe(tmp_path, REBUILDER, callbacks=[callback]), mine).warnings
