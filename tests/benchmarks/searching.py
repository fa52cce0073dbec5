"""Trials a minute: `kwb search` beside the same search written by hand with Optuna and stock Keras, in the same run.

    python -m tests.benchmarks.searching [--trials 40] [--epochs 20] [--workers 2] [--rounds 1] [--json]

Both train `residual-regressor`: the values of learning rate, batch size and width are drawn by TPE, and each trial
trains all its epochs with a validation part. By hand there are as many processes as workers, each with TensorFlow
loaded once, on one study in a journal file. From the start of the commands to their end, loading of TensorFlow
included; the by-hand search saves, verifies and checkpoints nothing. Target: a ratio of at least 5.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TARGET_RATIO = 5.0
SPACE = """
search:
  over:
    train.optimizer.learning_rate: {from: 1.0e-4, to: 1.0e-1, log: true}
    train.batch_size: {from: 16, to: 64, step: 16}
    model.output_dim: [1]
  goal: val_loss
"""


def by_kwb(folder: Path, trials: int, epochs: int, workers: int) -> float:
    """Seconds of `kwb search`."""
    from workbench.cli.options import SharedOptions
    from workbench.recipe.lookup import find_recipe

    recipe = find_recipe("residual-regressor", SharedOptions().catalog()).path.read_text(encoding="utf-8")
    (folder / "search.yaml").write_text(recipe + SPACE)
    settings = [f"search.trials={trials}", f"train.epochs={epochs}", "train.callbacks=[]"]
    options = [part for each in settings for part in ("--set", each)]
    command = [sys.executable, "-c", "from workbench.cli import command; command()"]
    began = time.perf_counter()
    done = subprocess.run(
        [*command, "search", "search.yaml", "--workers", str(workers), "--json", *options],
        cwd=folder, capture_output=True, text=True, env={**os.environ, "KWB_STATE_DIR": str(folder / "state")},
    )  # fmt: skip
    seconds = time.perf_counter() - began
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1])["trials"]["done"] == trials
    return seconds


def by_hand(folder: Path, trials: int, epochs: int, workers: int) -> float:
    """Seconds of the same search with Optuna and stock `fit`."""
    arguments = [str(folder / "journal.log"), str(trials), str(epochs)]
    command = [sys.executable, "-m", "tests.benchmarks.searching", "--here", *arguments]
    began = time.perf_counter()
    processes = [subprocess.Popen(command, stderr=subprocess.DEVNULL) for _ in range(workers)]
    assert all(process.wait() == 0 for process in processes)
    return time.perf_counter() - began


def search_here(journal: str, trials: int, epochs: int) -> None:
    """One process of the search by hand."""
    import keras
    import optuna
    from optuna.storages.journal import JournalFileBackend
    from optuna.study import MaxTrialsCallback
    from sklearn.datasets import load_diabetes
    from sklearn.model_selection import train_test_split
    from sklearn.preprocessing import StandardScaler

    from kwb_custom.models import ResidualRegressor

    data, target = load_diabetes(scaled=False, return_X_y=True)
    x, x_val, y, y_val = train_test_split(data.astype("float32"), target.astype("float32"), test_size=0.3)
    scaler = StandardScaler().fit(x)
    x, x_val = scaler.transform(x), scaler.transform(x_val)

    def objective(trial: optuna.Trial) -> float:
        rate = trial.suggest_float("learning_rate", 1e-4, 1e-1, log=True)
        batch_size = trial.suggest_int("batch_size", 16, 64, step=16)
        model = ResidualRegressor(1)
        model.compile(keras.optimizers.Adam(rate), "mse", metrics=["mae"])
        fitted = model.fit(
            x, y, batch_size=batch_size, epochs=epochs, validation_data=(x_val, y_val), verbose=0
        )
        return min(fitted.history["val_loss"])

    study = optuna.create_study(
        storage=optuna.storages.JournalStorage(JournalFileBackend(journal)),
        study_name="by hand",
        load_if_exists=True,
    )
    study.optimize(objective, callbacks=[MaxTrialsCallback(trials)])


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--trials", type=int, default=40)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=1, help="both, so many times in turns")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--here", nargs=3, metavar=("JOURNAL", "TRIALS", "EPOCHS"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.here:
        search_here(options.here[0], int(options.here[1]), int(options.here[2]))
        return
    found: dict[str, list[float]] = {"kwb": [], "by hand": []}
    for _ in range(options.rounds):
        for name, search in (("kwb", by_kwb), ("by hand", by_hand)):
            with tempfile.TemporaryDirectory() as folder:
                found[name].append(search(Path(folder), options.trials, options.epochs, options.workers))
    ours, theirs = min(found["kwb"]), min(found["by hand"])
    ratio = theirs / ours
    if options.json:
        print(json.dumps({"seconds": found, "ratio": ratio, "target": TARGET_RATIO}))
        return
    met = "met" if ratio >= TARGET_RATIO else "not met"
    for name, seconds in (("kwb", ours), ("by hand", theirs)):
        print(f"{name}: {options.trials / seconds * 60:.1f} trials a minute ({seconds:.1f} s)")
    print(f"ratio {ratio:.2f}, target {TARGET_RATIO:g} {met}")


if __name__ == "__main__":
    main()
