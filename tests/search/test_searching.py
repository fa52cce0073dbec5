"""`kwb search` and `kwb repeat`: real trainings, processes that are killed, several agents.

KWB_WHOLE=search kills at more moments.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from tests import loaded_kwb
from tests.search.bases import RECIPE, recipe
from tests.search.undisturbed import undisturbed as values_of
from tests.search.undisturbed import undisturbed_until
from tests.whole import whole
from workbench.catalog.lookup import Catalog
from workbench.recipe.document import to_yaml
from workbench.search.journal import Journal
from workbench.search.opening import open_search
from workbench.search.state import SearchState, TrialState
from workbench.storage.run_folder import RunFolder
from workbench.storage.runs import summary_of

pytestmark = pytest.mark.slow

OVER = {
    "train.optimizer.learning_rate": {"from": 0.001, "to": 0.1, "log": True},
    "model.sequential[0].units": [4, 16],
}
KILLS = 20 if whole("search") else 3


def command(folder: Path, *arguments: str) -> list[str]:
    return [sys.executable, "-c", "from workbench.cli import command; command()", *arguments]


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return loaded_kwb.run(arguments, folder, timeout=300)


def journal(folder: Path, name: str = "small") -> SearchState:
    return Journal(folder / "saved" / "searches" / name / "journal.jsonl").read()


def write(folder: Path, **search: Any) -> None:
    asked = {"over": OVER, "method": "random", "trials": 4, **search}
    (folder / "r.yaml").write_text(recipe(search=asked))


def undisturbed(folder: Path, catalog: Catalog, numbers: Iterable[int]) -> list[float]:
    opened = open_search("small", catalog, root=folder / "saved" / "searches")
    return values_of(opened, catalog, numbers, folder / "alone")


def test_a_search_from_beginning_to_end(tmp_path: Path, catalog: Catalog) -> None:
    write(tmp_path)
    done = run(tmp_path, "search", "r.yaml", "--workers", "2", "--json")
    assert done.returncode == 0, done.stderr
    *lines, summary = map(json.loads, done.stdout.splitlines())
    ended = {line["trial"]: line for line in lines if line["state"] == "done"}
    assert sorted(ended) == [0, 1, 2, 3]
    values = undisturbed(tmp_path, catalog, range(4))
    assert [ended[number]["value"] for number in range(4)] == values
    assert summary["trials"]["done"] == 4
    assert summary["best"]["value"] == min(values)
    assert summary["best"]["trial"] == values.index(min(values))
    runs = {Path(line["run"]) for line in ended.values()}
    assert len(runs) == 4
    assert all((path / "model.keras").is_file() for path in runs)
    # it is done: the same command trains nothing more
    again = run(tmp_path, "search", "small", "--json")
    assert again.returncode == 0
    assert len(again.stdout.splitlines()) == 1
    assert len(list((tmp_path / "saved" / "runs").iterdir())) == 4
    best = run(tmp_path, "search", "small", "--best")
    assert best.returncode == 0
    (tmp_path / "best.yaml").write_text(best.stdout)
    trained = run(tmp_path, "--batch", "best.yaml", "--json")
    losses = [json.loads(line) for line in trained.stdout.splitlines()]
    assert min(each["logs"]["val_loss"] for each in losses if each["event"] == "epoch") == min(values)


def test_pruned_trials_go_on_bit_for_bit(tmp_path: Path, catalog: Catalog) -> None:
    write(tmp_path, trials=5, prune={"after": 2, "keep": 0.5})
    done = run(tmp_path, "search", "r.yaml", "--workers", "1")
    assert done.returncode == 0, done.stderr
    state = journal(tmp_path)
    pruned = [trial.number for trial in state.trials if trial.state is TrialState.PRUNED]
    assert pruned
    epochs = {trial.number: trial.repetitions[0].epoch for trial in state.trials}
    assert {epochs[number] for number in pruned} <= {2, 4}  # they stop just where they are compared
    for trial in state.trials:
        repetition = trial.repetitions[0]
        assert repetition.epoch == (6 if repetition.state is TrialState.DONE else max(repetition.compared))
    # without pruning all of them go on, from where they stopped
    done = run(tmp_path, "search", "small", "--workers", "2", "--set", "search.prune=null")
    assert done.returncode == 0, done.stderr
    gone_on = journal(tmp_path)
    assert [trial.state for trial in gone_on.trials] == [TrialState.DONE] * 5
    # with more epochs too
    done = run(tmp_path, "search", "small", "--set", "train.epochs=8", "--set", "search.prune=null")
    assert done.returncode == 0, done.stderr
    state = journal(tmp_path)
    assert [trial.repetitions[0].epoch for trial in state.trials] == [8] * 5
    opened = open_search("small", catalog, root=tmp_path / "saved" / "searches")
    wanted = undisturbed_until(opened, catalog, range(5), tmp_path / "alone", 6, 8)
    assert [[trial.value for trial in each.trials] for each in (gone_on, state)] == wanted
    assert len(list((tmp_path / "saved" / "runs").iterdir())) == 5


def test_a_search_whose_processes_are_killed(tmp_path: Path, catalog: Catalog) -> None:
    """At random moments: everything at once, the command alone, or one of its children."""
    text = recipe(
        search={"over": OVER, "method": "random", "trials": 5, "prune": {"after": 20, "keep": 0.5}},
        train={**RECIPE["train"], "epochs": 120, "checkpoint_seconds": 0.1},
    )
    (tmp_path / "r.yaml").write_text(text)
    draw = random.Random(0)
    kills = 0
    while True:
        process = subprocess.Popen(
            command(tmp_path, "search", "r.yaml", "--workers", "2"),
            cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True,
        )  # fmt: skip
        if kills == KILLS:
            _, errors = process.communicate(timeout=300)
            assert process.returncode == 0, errors
            break
        kills += 1
        began = len(journal(tmp_path).agents)
        _until_it_works(process, tmp_path, began)
        time.sleep(draw.uniform(0.0, 3.0))
        victims = [_children(process.pid), [process.pid], [process.pid, *_children(process.pid)]][kills % 3]
        for pid in victims:
            kill(pid)
        if process.pid in victims:
            process.wait(60)
        else:  # it goes on with another child
            time.sleep(draw.uniform(0.0, 3.0))
            process.kill()
            process.wait(60)
        process.communicate()
    state = journal(tmp_path)
    assert len(state.trials) == 5
    assert {trial.state for trial in state.trials} <= {TrialState.DONE, TrialState.PRUNED}
    done = [trial.number for trial in state.trials if trial.state is TrialState.DONE]
    assert done
    values = undisturbed(tmp_path, catalog, done)
    assert [state.trials[number].value for number in done] == values


def _until_it_works(process: subprocess.Popen[Any], folder: Path, agents: int) -> None:
    end = time.monotonic() + 90
    while len(journal(folder).agents) == agents:
        assert process.poll() is None
        assert time.monotonic() < end
        time.sleep(0.1)


def _children(pid: int) -> list[int]:
    import psutil

    try:
        return [child.pid for child in psutil.Process(pid).children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def test_a_journal_that_cannot_be_written_for_a_while(tmp_path: Path, catalog: Catalog) -> None:
    """As on a full disk: the agent holds, and goes on with nothing lost."""
    import psutil

    write(tmp_path, trials=3)
    process = subprocess.Popen(
        command(tmp_path, "search", "r.yaml", "--workers", "1"),
        cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    path = tmp_path / "saved" / "searches" / "small" / "journal.jsonl"
    _until_it_works(process, tmp_path, 0)
    full = psutil.Process(process.pid)
    full.rlimit(psutil.RLIMIT_FSIZE, (path.stat().st_size, psutil.RLIM_INFINITY))
    assert process.stderr is not None
    said = ""
    while "nothing they came to is lost" not in said:
        line = process.stderr.readline()
        assert line, said
        said += line
    assert "larger than this process may write" in said
    full.rlimit(psutil.RLIMIT_FSIZE, (psutil.RLIM_INFINITY, psutil.RLIM_INFINITY))
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    assert "the journal can be reached again" in errors
    state = journal(tmp_path)
    assert [trial.state for trial in state.trials] == [TrialState.DONE] * 3
    assert [trial.value for trial in state.trials] == undisturbed(tmp_path, catalog, range(3))


def test_two_commands_work_on_one_search(tmp_path: Path) -> None:
    write(tmp_path, trials=5)
    text = (tmp_path / "r.yaml").read_text()
    (tmp_path / "r.yaml").write_text(text.replace("epochs: 6", "epochs: 150"))  # so long that both come to it
    options: dict[str, Any] = {"cwd": tmp_path, "stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
    both = [
        subprocess.Popen(command(tmp_path, "search", "r.yaml", "--workers", "1"), **options) for _ in range(2)
    ]
    for process in both:
        _, errors = process.communicate(timeout=300)
        assert process.returncode == 0, errors
    state = journal(tmp_path)
    assert [trial.state for trial in state.trials] == [TrialState.DONE] * 5
    assert len({trial.repetitions[0].run for trial in state.trials}) == 5
    assert len({trial.repetitions[0].owner for trial in state.trials}) == 2
    assert len(list((tmp_path / "saved" / "runs").iterdir())) == 5


def test_pruning_finds_the_same_best_in_fewer_steps(tmp_path: Path) -> None:
    """Half of the learning rates are hopeless."""
    rates = [1e-7, 0.01, 1e-6, 0.03, 1e-5, 0.02, 2e-6, 0.005]
    over = {"train.optimizer.learning_rate": rates}
    train = {**RECIPE["train"], "epochs": 12}
    best, epochs = {}, {}
    for name, prune in (("whole", None), ("pruned", {"after": 1, "keep": 0.5})):
        text = recipe(search={"over": over, "method": "grid", "prune": prune}, train=train)
        (tmp_path / "r.yaml").write_text(text)
        done = run(tmp_path, "search", "r.yaml", "--name", name, "--json")
        assert done.returncode == 0, done.stderr
        best[name] = json.loads(done.stdout.splitlines()[-1])["best"]
        epochs[name] = sum(trial.repetitions[0].epoch for trial in journal(tmp_path, name).trials)
    assert best["pruned"]["value"] == best["whole"]["value"]
    assert best["pruned"]["settings"] == best["whole"]["settings"]
    assert epochs["whole"] == 8 * 12
    assert epochs["pruned"] <= 0.6 * epochs["whole"]


def test_values_that_are_not_finite_are_json_too(tmp_path: Path) -> None:
    over = {"train.optimizer.learning_rate": [1e30, 0.01]}
    train = {**RECIPE["train"], "on_nan": "continue", "optimizer": {"use": "SGD"}}
    (tmp_path / "r.yaml").write_text(recipe(search={"over": over, "method": "grid"}, train=train))
    done = run(tmp_path, "search", "r.yaml", "--json")
    assert done.returncode == 0, done.stderr
    *lines, summary = map(json.loads, done.stdout.splitlines())
    assert [line["value"] for line in lines if (line["trial"], line["state"]) == (0, "failed")] == ["nan"]
    assert summary["best"]["trial"] == 1


def test_the_limit_ends_a_search_and_says_so(tmp_path: Path) -> None:
    write(tmp_path, limit={"hours": 1e-6})
    done = run(tmp_path, "search", "r.yaml")
    assert (
        "ended by its `limit`: 0 of 4 trials. `kwb search small --set search.limit=null` goes on"
        in done.stderr
    )
    assert not (tmp_path / "saved" / "runs").exists()


def test_the_best_is_read_and_nothing_written(tmp_path: Path) -> None:
    write(tmp_path)
    done = run(tmp_path, "search", "r.yaml", "--best")
    assert (done.returncode, "no trial has a value yet" in done.stderr) == (2, True)
    assert not (tmp_path / "saved").exists()


def test_an_interrupted_search_goes_on(tmp_path: Path, catalog: Catalog) -> None:
    write(tmp_path, trials=2)
    text = (tmp_path / "r.yaml").read_text().replace("epochs: 6", "epochs: 1000000")
    (tmp_path / "r.yaml").write_text(text)
    process = subprocess.Popen(
        command(tmp_path, "search", "r.yaml", "--workers", "2"),
        cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        end = time.monotonic() + 300
        while sum(bool(trial.repetitions[0].run) for trial in journal(tmp_path).trials) < 2:
            assert time.monotonic() < end
            time.sleep(0.1)
        time.sleep(1.0)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=120)
    finally:  # its trainings would go on for ever
        for pid in (*_children(process.pid), process.pid):
            kill(pid)
    assert process.returncode == 130, errors
    assert "`kwb search small`" in errors
    state = journal(tmp_path)
    assert [trial.state for trial in state.trials] == [TrialState.RUNNING] * 2
    runs = [RunFolder(Path(trial.repetitions[0].run)) for trial in state.trials]
    epochs = 5 + max(summary_of(run).epoch for run in runs)
    done = run(tmp_path, "search", "small", "--set", f"train.epochs={epochs}", "--workers", "2")
    assert done.returncode == 0, done.stderr
    state = journal(tmp_path)
    assert [trial.state for trial in state.trials] == [TrialState.DONE] * 2
    assert [trial.repetitions[0].epoch for trial in state.trials] == [epochs] * 2


@pytest.mark.parametrize(
    ("search", "code", "message"),
    [
        ({"goal": "val_los"}, 2, "search.goal"),
        ({"goal": "val_mae"}, 2, "the logs of an epoch have no 'val_mae' (loss, val_loss)"),
        ({"over": {"model.sequential[0].unit": [4, 8]}}, 2, "search.over.model.sequential[0].unit: "),
        (
            {"over": {"model.sequential[0]": [{"use": "Dense", "units": -1}]}},
            2,
            "search.over.model.sequential[0]: ",
        ),
        ({"over": {"train.optimizer.learning_rate": [1e30, 1e31]}, "method": "grid"}, 1, "2 failed"),
    ],
)
def test_what_cannot_be_searched(tmp_path: Path, search: dict[str, Any], code: int, message: str) -> None:
    write(tmp_path, **search)
    done = run(tmp_path, "search", "r.yaml", "--workers", "1")
    assert done.returncode == code, done.stderr
    assert message in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_repeats_over_seeds(tmp_path: Path, catalog: Catalog) -> None:
    (tmp_path / "r.yaml").write_text(recipe())
    done = run(tmp_path, "repeat", "r.yaml", "--seeds", "3", "--workers", "2", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])["repeats"]["0"]["val_loss"]
    values = []
    for seed in (3, 4, 5):
        trained = run(tmp_path, "--batch", "r.yaml", "--json", "--set", f"seed={seed}")
        epochs = [json.loads(line) for line in trained.stdout.splitlines()]
        values.append([each for each in epochs if each["event"] == "epoch"][-1]["logs"]["val_loss"])
    assert found["n"] == 3
    assert found["mean"] == pytest.approx(statistics.fmean(values))
    assert found["std"] == pytest.approx(statistics.stdev(values))
    state = journal(tmp_path, "small-3-seeds")
    assert [repetition.logs["val_loss"] for repetition in state.trials[0].repetitions] == values


def test_repeats_over_folds(tmp_path: Path) -> None:
    """Each fold once as the validation part: the same numbers as scikit-learn's folds with plain Keras give."""
    changed = {**RECIPE, "train": {**RECIPE["train"], "shuffle": False}}
    changed["data"] = {"use": "diabetes", "scale": "standard"}
    changed["model"] = {"sequential": [{"use": "Dense", "units": 1, "kernel_initializer": "zeros"}]}
    (tmp_path / "r.yaml").write_text(to_yaml(changed))
    done = run(tmp_path, "repeat", "r.yaml", "--folds", "3", "--workers", "2", "--json")
    assert done.returncode == 0, done.stderr
    values = [
        repetition.logs["val_loss"] for repetition in journal(tmp_path, "small-3-folds").trials[0].repetitions
    ]
    expected = _by_hand(3)
    assert values == pytest.approx(expected, rel=1e-4)
    found = json.loads(done.stdout.splitlines()[-1])["repeats"]["0"]["val_loss"]
    assert found["mean"] == pytest.approx(statistics.fmean(expected), rel=1e-4)
    assert found["std"] == pytest.approx(statistics.stdev(expected), rel=1e-4)


def _by_hand(folds: int) -> list[float]:
    import keras
    import numpy as np
    from sklearn.datasets import load_diabetes
    from sklearn.model_selection import KFold
    from sklearn.preprocessing import StandardScaler

    data = load_diabetes(scaled=False)
    found = []
    for training, validation in KFold(folds, shuffle=True, random_state=RECIPE["seed"]).split(data.data):
        scaler = StandardScaler().fit(data.data[training])
        model = keras.Sequential([keras.layers.Dense(1, kernel_initializer="zeros")])
        model.compile(keras.optimizers.Adam(0.01), "mse")
        x, y = scaler.transform(data.data).astype(np.float32), data.target.astype(np.float32)
        fitted = model.fit(
            x[training], y[training], epochs=6, batch_size=32, shuffle=False, verbose=0,
            validation_data=(x[validation], y[validation]),
        )  # fmt: skip
        found.append(fitted.history["val_loss"][-1])
    return found


def test_a_search_of_repeats_compares_means(tmp_path: Path) -> None:
    over = {"model.sequential[0].units": [4, 16]}
    (tmp_path / "r.yaml").write_text(recipe(search={"over": over, "method": "grid"}, repeat={"seeds": 2}))
    done = run(tmp_path, "search", "r.yaml", "--workers", "2", "--json")
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout.splitlines()[-1])
    state = journal(tmp_path)
    means = [
        statistics.fmean([repetition.value or 0.0 for repetition in trial.repetitions])
        for trial in state.trials
    ]
    assert len(means) == 2
    assert summary["best"]["value"] == pytest.approx(min(means))
    assert len(summary["best"]["runs"]) == 2
