"""A good saved file is not replaced by a worse one, and what is replaced can still be found."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
import pytest

from workbench import events
from workbench.catalog.lookup import Catalog
from workbench.cli import main
from workbench.errors import WorkbenchError
from workbench.recipe.document import parse
from workbench.storage.inspect import inspect_file, read_weight
from workbench.storage.run_folder import RunFolder
from workbench.training.model_files import save_run
from workbench.training.replaced_files import previous_path
from workbench.training.session import Session

RUNS = Path("saved/runs")
TEXT = """\
kwb: 1
name: line
seed: 1
data: {use: csv, path: line.csv, targets: [y], split: {test: 0.2}}
model: {sequential: [{use: Dense, units: 1}]}
train: {epochs: EPOCHS, loss: mse, optimizer: {use: SGD, learning_rate: RATE}, engine: plain, watch: none}
save: [saved/line.keras, saved/line.h5, saved/line.weights.h5]
"""
FILES = [Path("saved/line.keras"), Path("saved/line.h5"), Path("saved/line.weights.h5")]


class Trained(list[events.Event]):
    """The events of a training."""

    def of(self, kind: type[events.Event]) -> list[Any]:
        return [event for event in self if isinstance(event, kind)]

    @property
    def run(self) -> RunFolder:
        return RunFolder(Path(self.of(events.RunStarted)[0].folder))

    @property
    def messages_text(self) -> str:
        return "\n".join(f"{message.level}: {message.text}" for message in self.of(events.Message))


Train = Callable[..., Trained]


@pytest.fixture
def train(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, catalog: Catalog) -> Train:
    """`train(epochs=..., rate=..., stop=...)`: the status is that of the `finished` event."""
    monkeypatch.chdir(tmp_path)
    x = np.linspace(-1, 1, 100)
    Path("line.csv").write_text("x,y\n" + "".join(f"{a},{3 * a + 1}\n" for a in x))

    def run(
        *,
        epochs: int = 5,
        rate: str = "0.1",
        stop: str = "",
        resume: RunFolder | None = None,
        save: str = "",
        more: str = "",
    ) -> Trained:
        text = TEXT.replace("EPOCHS", str(epochs)).replace("RATE", rate)
        text = (
            text.replace("[saved/line.keras, saved/line.h5, saved/line.weights.h5]", save) if save else text
        )
        text = text.replace("watch: none", f"watch: none, {more}") if more else text
        found = Trained()

        def take(event: events.Event, line: str) -> None:
            found.append(event)
            if stop and isinstance(event, events.Epoch):
                session.control.stop(stop)

        document = parse(text, name="line.yaml", folder=tmp_path)
        session = Session(document, catalog, take, runs_folder=RUNS, resume=resume)
        session.run()
        return found

    return run


def kernel(path: Path) -> float:
    """The slope that a file holds, read as a stranger's."""
    name = next(row.path for row in inspect_file(path).weights if row.shape == (1, 1))
    return float(read_weight(path, name).squeeze())


def contents() -> list[bytes]:
    return [path.read_bytes() for path in FILES]


@pytest.mark.parametrize("status", ["stopped", "interrupted"])
def test_a_run_that_was_stopped_replaces_nothing(train: Train, status: str) -> None:
    good = train(epochs=60)
    before = contents()
    slope = kernel(FILES[0])
    assert abs(slope - 3) < abs(kernel_after(train, status) - 3)
    assert contents() == before
    assert keras.models.load_model(FILES[0]).get_weights()[0].item() == slope
    assert good.run.model.is_file()


def kernel_after(train: Train, status: str) -> float:
    """The slope in the run's own file of a training that was stopped."""
    stopped = train(epochs=60, stop=status)
    (finished,) = stopped.of(events.Finished)
    assert finished.status == status
    assert list(finished.left) == [str(path) for path in FILES]
    assert [Path(saved.path) for saved in stopped.of(events.Saved)] == [stopped.run.model]
    for path in FILES:
        why = f"this run was {status} in epoch {len(stopped.of(events.Epoch))} of 60"
        where = f"The model of this run is {stopped.run.model}"
        assert f"warning: {path} is left as it was: {why}. {where}" in stopped.messages_text
    return kernel(stopped.run.model)


def test_where_nothing_is_yet_a_stopped_run_writes_and_goes_on_to_replace_its_own(train: Train) -> None:
    stopped = train(epochs=5, stop="stopped")
    first = kernel(FILES[0])
    assert stopped.of(events.Finished)[0].left == ()
    resumed = train(epochs=5, resume=stopped.run)
    assert resumed.of(events.Finished)[0].status == "done"
    assert kernel(FILES[0]) == kernel(resumed.run.model) != first
    assert not previous_path(FILES[0]).exists()  # it was only a part of this run
    assert {saved.replaced for saved in resumed.of(events.Saved)} == {""}


def test_a_finished_run_says_where_the_model_before_is_and_it_is_there(train: Train) -> None:
    first = train(epochs=2)
    slopes = [kernel(path) for path in FILES]
    second = train(epochs=4)
    assert [kernel(path) for path in FILES] == [kernel(second.run.model)] * 3
    for path in FILES:
        assert f"info: {path} replaced; the one before is {first.run.model}" in second.messages_text
    assert [saved.replaced for saved in second.of(events.Saved)] == ["", *[str(first.run.model)] * 3]
    assert [kernel(first.run.model)] * 3 == slopes
    assert sorted(path.name for path in Path("saved").iterdir()) == sorted([*(f.name for f in FILES), "runs"])


@pytest.mark.parametrize("lost", ["run deleted", "its model deleted", "its model another", "plain Keras"])
def test_a_model_that_is_nowhere_else_is_kept_beside(train: Train, lost: str) -> None:
    first = train(epochs=2)
    if lost == "run deleted":
        shutil.rmtree(first.run.path)
    elif lost == "its model deleted":
        first.run.model.unlink()
    elif lost == "its model another":
        train(
            epochs=3, resume=first.run, save="[saved/other.keras]"
        )  # went on: the run's own file is another now
    else:
        model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, kernel_initializer="ones")])
        model.save(FILES[0])
        model.save(FILES[1])
        model.save_weights(FILES[2])
    before, old = contents(), [kernel(path) for path in FILES]
    second = train(epochs=4)
    kept = [
        Path("saved/line.previous.keras"),
        Path("saved/line.previous.h5"),
        Path("saved/line.previous.weights.h5"),
    ]
    assert [path.read_bytes() for path in kept] == before
    assert [kernel(path) for path in kept] == old
    assert [saved.replaced for saved in second.of(events.Saved)] == ["", *map(str, kept)]
    assert [kernel(path) for path in FILES] == [kernel(second.run.model)] * 3


def test_a_finished_run_that_goes_on_keeps_what_it_saved_then(train: Train) -> None:
    one = "[saved/line.keras]"
    first = train(epochs=2, save=one)
    before = [FILES[0].read_bytes()]
    train(epochs=4, resume=first.run, save=one)
    assert Path("saved/line.previous.keras").read_bytes() == before[0]
    assert kernel(FILES[0]) == kernel(first.run.model) != kernel(Path("saved/line.previous.keras"))


def test_a_file_of_a_deleted_run_is_not_the_next_one_s_because_they_have_one_name(
    train: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = SimpleNamespace(strftime=lambda _: "20260101-120000")  # both begin in the same second
    monkeypatch.setattr("workbench.storage.runs.time", clock)
    first = train(epochs=2, save="[saved/line.keras]")
    shutil.rmtree(first.run.path)
    before = FILES[0].read_bytes()
    second = train(epochs=3, save="[saved/line.keras]")
    assert second.run.name == first.run.name
    assert Path("saved/line.previous.keras").read_bytes() == before


def test_only_what_kwb_kept_there_is_replaced_by_the_next(train: Train) -> None:
    first = train(epochs=2, save="[saved/line.keras]")
    shutil.rmtree(first.run.path)
    mine = Path("saved/line.previous.keras")
    keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)]).save(mine)  # somebody's own, of that name
    content, before = mine.read_bytes(), FILES[0].read_bytes()
    second = train(epochs=3, save="[saved/line.keras]")
    assert mine.read_bytes() == content
    kept = Path("saved/line.previous-2.keras")
    assert kept.read_bytes() == before
    shutil.rmtree(second.run.path)
    before = FILES[0].read_bytes()
    train(epochs=4, save="[saved/line.keras]")
    assert kept.read_bytes() == before
    assert not Path("saved/line.previous-3.keras").exists()


@pytest.mark.filterwarnings("ignore:overflow")
def test_a_model_that_is_not_finite_is_written_nowhere_but_in_its_run(train: Train) -> None:
    try:
        broken = train(rate="1e30", epochs=3)
    except WorkbenchError:  # such a run may have failed
        assert not any(path.exists() for path in FILES)
    else:
        assert not any(path.exists() for path in FILES)
        assert "is not written: the loss of this run is" in broken.messages_text
    train(epochs=3)
    before = contents()
    try:
        broken = train(rate="1e30", epochs=3)
    except WorkbenchError:
        pass
    else:
        assert "is left as it was: the loss of this run is" in broken.messages_text
        assert list(broken.of(events.Finished)[0].left) == [str(path) for path in FILES]
    assert contents() == before


def test_a_worse_score_than_that_of_the_one_before_is_said(train: Train) -> None:
    one = "[saved/line.keras]"
    good = train(epochs=60, save=one)
    bad = train(epochs=1, save=one)
    old, new = (each.of(events.Finished)[0].evaluation["loss"] for each in (good, bad))
    assert new > old
    text = f"{FILES[0]}: the loss on the test part is {new:.5g}, and that of the one before was {old:.5g}."
    assert f"warning: {text}" in bad.messages_text
    better = train(epochs=60, save=one)
    assert "that of the one before" not in better.messages_text


def test_a_callback_that_ends_a_run_has_finished_it(train: Train) -> None:
    first = train(epochs=2, save="[saved/line.keras]")
    ended = train(
        epochs=500,
        rate="0.5",
        save="[saved/line.keras]",
        more="callbacks: [{use: EarlyStopping, monitor: loss, patience: 1}]",
    )
    assert len(ended.of(events.Epoch)) < 500
    assert kernel(FILES[0]) == kernel(ended.run.model) != kernel(first.run.model)


def test_a_stopped_run_can_be_saved_all_the_same(train: Train, catalog: Catalog) -> None:
    good = train(epochs=60)
    stopped = train(epochs=60, stop="stopped")
    files = save_run(stopped.run, catalog)
    assert [file["path"] for file in files] == [str(path) for path in FILES]
    assert {file["replaced"] for file in files} == {str(good.run.model)}
    assert [kernel(path) for path in FILES] == [kernel(stopped.run.model)] * 3
    again = save_run(stopped.run, catalog)  # the same model: nothing is lost, nothing is kept beside
    assert {file["replaced"] for file in again} == {""}
    assert keras.models.load_model(FILES[0]).get_weights()[0].item() == kernel(stopped.run.model)

    shutil.rmtree(good.run.path)
    stopped.run.model.unlink()
    with pytest.raises(WorkbenchError, match=r"no model\.keras"):
        save_run(stopped.run, catalog)


def test_the_command_line_saves_a_stopped_run_and_writes_over_no_data(
    train: Train, capfd: pytest.CaptureFixture[str]
) -> None:
    one = "[saved/line.keras]"
    good = train(epochs=60, save=one)
    stopped = train(epochs=60, stop="stopped", save=one)
    capfd.readouterr()
    assert main(["save", stopped.run.name, "--json"]) == 0
    assert json.loads(capfd.readouterr().out) == [
        {"path": str(FILES[0]), "format": ".keras", "replaced": str(good.run.model.absolute())}
    ]
    assert kernel(FILES[0]) == kernel(stopped.run.model)

    data = Path("line.csv").read_bytes()
    assert (
        main(["predict", str(FILES[0]), "--data", "line.csv", "--out", "../" + Path.cwd().name + "/line.csv"])
        == 3
    )
    assert "is the data, which predictions must not replace" in capfd.readouterr().err
    assert Path("line.csv").read_bytes() == data
    assert main(["save", "nothing"]) == 3

    # A checkpoint that is exported over a file keeps what it held too.
    assert main(["export-checkpoint", good.run.name, "--out", str(FILES[0]), "--json"]) == 0
    exported = json.loads(capfd.readouterr().out)
    assert exported["replaced"] == str(stopped.run.model.absolute())
    assert kernel(FILES[0]) == kernel(good.run.model)
    shutil.rmtree(good.run.path)
    before = FILES[0].read_bytes()
    assert main(["export-checkpoint", stopped.run.name, "--out", str(FILES[0])]) == 0
    assert "the one before is saved/line.previous.keras" in "".join(capfd.readouterr())
    assert Path("saved/line.previous.keras").read_bytes() == before


def test_the_recipes_file_is_the_runs_own_under_another_name(train: Train) -> None:
    trained = train()
    own = (trained.run.model).read_bytes()
    assert FILES[0].read_bytes() == own
    hashes = {event.path: event.sha256 for event in trained.of(events.Saved)}
    assert hashes[str(FILES[0])] == hashes[str(trained.run.model)]
    assert all(path.read_bytes() != own for path in FILES[1:])
