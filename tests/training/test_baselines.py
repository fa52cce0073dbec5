"""What can be reached without the model, held against scikit-learn by hand; and whether the model is better."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import accuracy_score, log_loss, mean_absolute_error
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from workbench import events
from workbench.catalog import single_file
from workbench.catalog.discovery import discover
from workbench.catalog.lookup import Catalog
from workbench.catalog.resolve import resolve
from workbench.data.loading import Prepared
from workbench.data.preparation import Part
from workbench.recipe.document import parse
from workbench.storage.runs import list_runs
from workbench.training.baselines import large
from workbench.training.baselines.beside import Baseline, Beside
from workbench.training.baselines.reasons import Evidence, gather, likely_reason
from workbench.training.baselines.rows import sampled
from workbench.training.baselines.verdict import judge
from workbench.training.preparing import prepare
from workbench.training.session import Session

RECIPE = """
kwb: 1
name: r
data: {{use: csv, path: rows.csv, split: {split}, inputs: {{features: [a, b, c]}}, {data}}}
model: {model}
train: {{epochs: 1, batch_size: 16, engine: plain, {train}}}
"""
DENSE = "{{sequential: [{{use: Dense, units: {0}{1}}}]}}"
NUMBER = DENSE.format(1, "")
BOTH = "{validation: 0.2, test: 0.3}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    random = np.random.default_rng(3)
    a, b = random.normal(size=(2, 200))
    c = random.choice(["x", "y", "z"], 200)
    price = 10 * a + 5 * b + 3 * (c == "x") + 100 + a**2
    kind = np.where(a + random.normal(scale=0.5, size=200) > 0.8, "cat", np.where(b > 0.2, "dog", "fox"))
    ill = (a - b + random.normal(size=200) > 1).astype(int)
    weight = random.uniform(0.1, 5.0, 200)
    small, noise = a - b + random.normal(scale=0.3, size=200), random.normal(size=200)
    lines = [
        f"{a[i]:.5f},{b[i]:.5f},{c[i]},{price[i]:.5f},{kind[i]},{ill[i]},{weight[i]:.4f},{int(kind[i] == 'cat')},"
        f"{int(kind[i] == 'dog')},{int(kind[i] == 'fox')},{small[i]:.5f},{noise[i]:.5f}"
        for i in range(200)
    ]
    (tmp_path / "rows.csv").write_text(
        "\n".join(["a,b,c,price,kind,ill,w,is_cat,is_dog,is_fox,small,noise", *lines]) + "\n"
    )
    return tmp_path


@dataclass
class Ran:
    baselines: Mapping[str, Baseline]
    data: Prepared

    def baseline(self, name: str, which: str = "guess") -> float:
        return getattr(self.baselines[name], which)

    def rows(self, part: str) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
        rows = getattr(self.data, part)
        (target,) = rows.targets.values()
        return rows.inputs["features"], target, rows.sample_weight


def ran(catalog, folder, *, model=NUMBER, data="targets: [price]", train="loss: mse", split=BOTH) -> Ran:
    """What is found beside a training, without the training."""
    run = prepare(document(folder, model=model, data=data, train=train, split=split), catalog)
    return Ran(Beside(run).finish(60.0), run.prepared)


def document(folder, *, model=NUMBER, data="targets: [price]", train="loss: mse", split=BOTH):
    return parse(
        RECIPE.format(split=split, data=data, model=model, train=train), name="r.yaml", folder=folder
    )


def logistic():
    return make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))


@pytest.mark.parametrize("weighted", [False, True], ids=["alike", "weighted"])
def test_numbers(catalog, folder, weighted):
    data = "targets: [price]" + (", sample_weight: w" if weighted else "")
    run = ran(catalog, folder, data=data, train="loss: mse, metrics: [mae], weighted_metrics: [mse]")
    x, y, w = run.rows("train")
    mean = DummyRegressor(strategy="mean").fit(x, y, w)
    plain = DummyRegressor(strategy="median").fit(x, y)
    linear = LinearRegression().fit(x, y, w)
    for part, prefix in (("validation", "val_"), ("test", "")):
        x, y, w = run.rows(part)
        counted = np.ones(len(y)) if w is None else w
        # Keras' loss divides by the rows, its weighted metrics by the weights. The best guess is given.
        for models, which in (((mean, plain), "guess"), ((linear,), "linear")):
            squared = [(y[:, 0] - model.predict(x).reshape(-1)) ** 2 for model in models]
            best = min(np.mean(each * counted) for each in squared)
            assert run.baseline(f"{prefix}loss", which) == pytest.approx(best, rel=0.02 if weighted else 1e-4)
            weighed = min(np.average(each, weights=counted) for each in squared)
            assert run.baseline(f"{prefix}mse", which) == pytest.approx(
                weighed, rel=0.02 if weighted else 1e-4
            )
        # The best guess for mae, which counts all rows alike, is the best of those for such rows and for weighted ones.
        guesses = [mean.predict(x), plain.predict(x)]
        assert run.baseline(f"{prefix}mae") <= min(mean_absolute_error(y, guess) for guess in guesses) + 1e-4
        assert run.baseline(f"{prefix}mae", "linear") == pytest.approx(
            mean_absolute_error(y, linear.predict(x)), rel=1e-4
        )
    if not weighted:
        away = [mean_absolute_error(y, model.predict(x)) for model in (mean, plain)]
        assert run.baseline("mae") == pytest.approx(min(away), rel=1e-5)
        assert run.baselines["mae"].what == ("the mean", "the median")[int(np.argmin(away))]


@pytest.mark.parametrize("kind", ["standard", "log"])
def test_scaled_targets_have_metrics_in_their_own_units(catalog, folder, kind):
    data = f"targets: [price], scale_targets: {kind}"
    run = ran(catalog, folder, data=data, train="loss: mse, metrics: [mae]")
    x, y, _ = run.rows("train")
    learned = np.log(y) if kind == "log" else y
    center, factor = learned.mean(), learned.std()
    linear = LinearRegression().fit(x, (learned - center) / factor)
    guesses = [y.mean(), np.median(y), *([np.exp(center)] if kind == "log" else [])]
    x, y, _ = run.rows("test")
    own = linear.predict(x) * factor + center
    own = np.exp(own) if kind == "log" else own
    assert run.baseline("mae", "linear") == pytest.approx(mean_absolute_error(y, own), rel=1e-4)
    assert run.baseline("mae") == pytest.approx(
        min(np.mean(np.abs(y - guess)) for guess in guesses), rel=1e-4
    )
    scaled = [((np.log(each) if kind == "log" else each) - center) / factor for each in (y, *guesses)]
    losses = [np.mean((scaled[0] - guess) ** 2) for guess in scaled[1:]]
    assert run.baseline("loss") == pytest.approx(min(losses), rel=1e-4)


@pytest.mark.parametrize("form", ["softmax", "logits", "one-hot"])
def test_classes(catalog, folder, form):
    loss = {
        "softmax": "sparse_categorical_crossentropy",
        "logits": "{use: SparseCategoricalCrossentropy, from_logits: true}",
        "one-hot": "categorical_crossentropy",
    }[form]
    data = "targets: [kind]" if form != "one-hot" else "targets: {kind: [is_cat, is_dog, is_fox]}"
    data += ", classes: [kind]" if form != "one-hot" else ""
    model = DENSE.format(3, "" if form == "logits" else ", activation: softmax")
    run = ran(catalog, folder, model=model, data=data, train=f"loss: {loss}, metrics: [accuracy]")
    x, y, _ = run.rows("train")
    y = y.argmax(axis=1) if y.ndim > 1 else y
    shares, commonest = (DummyClassifier(strategy=s).fit(x, y) for s in ("prior", "most_frequent"))
    linear = logistic().fit(x, y)
    for part, prefix in (("validation", "val_"), ("test", "")):
        x, y, _ = run.rows(part)
        y = y.argmax(axis=1) if y.ndim > 1 else y
        assert run.baseline(f"{prefix}loss") == pytest.approx(
            log_loss(y, shares.predict_proba(x), labels=range(3)), rel=1e-4
        )
        assert run.baseline(f"{prefix}accuracy") == pytest.approx(accuracy_score(y, commonest.predict(x)))
        assert run.baseline(f"{prefix}loss", "linear") == pytest.approx(
            log_loss(y, linear.predict_proba(x), labels=range(3)), rel=1e-3
        )
        assert run.baseline(f"{prefix}accuracy", "linear") == pytest.approx(
            accuracy_score(y, linear.predict(x))
        )
    assert run.baselines["accuracy"].better == "up"


def test_a_binary_target_with_class_weights(catalog, folder):
    train = "loss: binary_crossentropy, metrics: [accuracy], weighted_metrics: [AUC], class_weight: balanced"
    run = ran(
        catalog, folder, model=DENSE.format(1, ", activation: sigmoid"), data="targets: [ill]", train=train
    )
    x, y, _ = run.rows("train")
    w = len(y) / (2 * np.bincount(y[:, 0].astype(int)))[y[:, 0].astype(int)]
    linear = logistic()
    linear.fit(x, y[:, 0], logisticregression__sample_weight=w)
    prior = DummyClassifier(strategy="prior").fit(x, y[:, 0])
    x, y, _ = run.rows("test")
    assert run.baseline("loss") == pytest.approx(log_loss(y, prior.predict_proba(x)), rel=1e-4)
    assert run.baseline("loss", "linear") == pytest.approx(log_loss(y, linear.predict_proba(x)), rel=1e-3)
    assert run.baseline("accuracy", "linear") == pytest.approx(accuracy_score(y, linear.predict(x)))
    assert run.baseline("auc") == pytest.approx(0.5)


def test_several_outputs(catalog, folder):
    model = (
        "{inputs: {features: [5]}, outputs: [price, kind], graph: ['price = Dense(1)(features)', "
        "'kind = Dense(3, activation=\"softmax\")(features)']}"
    )
    data = "targets: {price: [price], kind: [kind]}, classes: [kind], sample_weight: {price: w}"
    train = (
        "loss: {price: mae, kind: sparse_categorical_crossentropy}, loss_weights: {price: 0.1}, "
        "metrics: {kind: accuracy}"
    )
    run = ran(catalog, folder, model=model, data=data, train=train, split="{test: 0.3}")
    train_part, test = run.data.train, run.data.test
    assert test is not None
    y, w = train_part.targets["price"], train_part.sample_weight["price"]
    median = DummyRegressor(strategy="quantile", quantile=0.5).fit(y, y, w).predict(y)[0]
    away = np.mean(np.abs(test.targets["price"][:, 0] - median) * test.sample_weight["price"])
    kinds = train_part.targets["kind"]
    prior = DummyClassifier(strategy="prior").fit(kinds, kinds).predict_proba(test.targets["kind"])
    entropy = log_loss(test.targets["kind"], prior, labels=range(3))
    assert run.baseline("kind_loss") == pytest.approx(entropy, rel=1e-4)
    assert run.baseline("price_loss") <= away * (1 + 1e-3)
    assert set(run.baselines) == {"loss", "kind_loss", "price_loss", "kind_accuracy"}
    assert run.baselines["kind_accuracy"].linear is not None


def test_a_loss_that_holds_more_is_not_compared_and_metrics_are(catalog, folder):
    for model in (
        DENSE.format(1, ", kernel_regularizer: l2"),
        "{sequential: [{use: Dense, units: 1}, {use: ActivityRegularization, l2: 0.1}]}",
    ):
        run = ran(catalog, folder, model=model, train="loss: mse, metrics: [mae]")
        assert set(run.baselines) == {"mae", "val_mae"}
    own = ran(catalog, folder, model="{sequential: [{use: MyDense, units: 1}]}", train="loss: mse")
    assert set(own.baselines) == {"loss", "val_loss"}
    model = "{use: ReconstructingRegressor, output_dim: 1}"  # has a test_step, and a loss, of its own
    step = ran(catalog, folder, model=model, train="loss: mse, metrics: [mae]")
    assert set(step.baselines) == {"mae", "val_mae"}
    total = ran(catalog, folder, train="loss: {use: MeanSquaredError, reduction: sum}")
    _, y, _ = total.rows("test")
    batches = np.split(y, range(16, len(y), 16))
    known = total.rows("train")[1]
    sums = [
        sum(len(b) * np.sum((b - guess) ** 2) for b in batches) for guess in (known.mean(), np.median(known))
    ]
    assert total.baseline("loss") == pytest.approx(min(sums) / len(y), rel=1e-4)


FUSSY = """
import keras
import tensorflow as tf


class Fussy(keras.metrics.Mean):
    def update_state(self, y_true, y_pred, sample_weight=None):
        with tf.control_dependencies([tf.debugging.assert_greater(tf.math.reduce_std(y_pred), 1e-6)]):
            return super().update_state(tf.abs(y_true - y_pred), sample_weight)
"""


def test_a_metric_that_cannot_score_a_guess_costs_nothing_but_the_baseline(folder):
    (folder / "fussy.py").write_text(FUSSY)
    catalog = Catalog(discover([folder / "fussy.py"], scan=single_file.scan))
    assert ran(catalog, folder, train="loss: mse, metrics: [{use: Fussy, name: fussy}]").baselines == {}


WATCHED = """
import threading
import keras

CALLED = []


def watched(y_true, y_pred):
    CALLED.append(threading.current_thread().name)
    return keras.ops.mean(keras.ops.square(y_true - y_pred), axis=-1)
"""


def test_code_of_the_user_s_own_is_called_after_training(folder):
    (folder / "watched.py").write_text(WATCHED)
    catalog = Catalog(discover([folder / "watched.py"], scan=single_file.scan))
    train = "loss: watched, epochs: 4, batch_size: 8, run_eagerly: true"
    recipe = RECIPE.replace("epochs: 1, batch_size: 16, engine: plain, ", "").format(
        split=BOTH, data="targets: [price]", model=NUMBER, train=train
    )
    heard: list[events.Event] = []
    Session(
        parse(recipe, name="r.yaml", folder=folder), catalog,
        lambda event, line: heard.append(event), runs_folder=folder / "runs",
    ).run()  # fmt: skip
    (finished,) = [event for event in heard if isinstance(event, events.Finished)]
    assert "loss" in finished.baselines
    (entry,) = [each for each in catalog.entries if each.name == "watched"]
    called = resolve(entry).__globals__["CALLED"]
    assert called.count("kwb-baselines") > 0
    assert set(called[called.index("kwb-baselines") :]) == {"kwb-baselines"}


def test_of_many_rows_a_sample_is_used():
    numbers = np.arange(1000)
    part = Part({"x": np.stack([numbers, numbers], axis=1)}, {"y": numbers[:, None]}, None, numbers)
    few = sampled(part, 100)
    assert few.rows == 100
    assert np.array_equal(few.targets["y"][:, 0], few.index)
    assert (np.diff(few.index) > 0).all()
    assert sampled(part, 100, by_inputs=True).rows == 50
    assert sampled(part, 1000) is part


def test_a_stream_is_compared_with_the_same(catalog, folder):
    run = ran(catalog, folder, data="targets: [price], stream: true", train="loss: mse, metrics: [mae]")
    train, test = run.data.train.read_all(), run.data.test.read_all()
    mean, median = train.targets["price"].mean(), np.median(train.targets["price"])
    away = [test.targets["price"] - guess for guess in (mean, median)]
    assert run.baseline("loss") == pytest.approx(min(np.mean(each**2) for each in away), rel=1e-4)
    assert run.baseline("mae") == pytest.approx(min(np.mean(np.abs(each)) for each in away), rel=1e-4)


def test_of_a_large_stream_a_sample_is_fitted_and_all_is_scored(catalog, folder, monkeypatch):
    """Of the training part 40 rows are drawn by the recipe's seed; the test part is scored as it is read."""
    monkeypatch.setattr(large, "MOST_HELD", 2_000)
    monkeypatch.setattr(large, "FEW", 40)
    monkeypatch.setattr(large, "_READ", 7)
    run = ran(
        catalog,
        folder,
        data="targets: [price], stream: true, sample_weight: w",
        train="loss: mse, metrics: [mae]",
    )
    train, test = run.data.train.read_all(), run.data.test.read_all()
    some = np.sort(np.random.default_rng(0).choice(train.rows, 40, replace=False))
    x, y, w = train.inputs["features"][some], train.targets["price"][some], train.sample_weight[some]
    mean = np.average(y[:, 0], weights=w)
    away = np.abs(test.targets["price"][:, 0] - mean)
    assert run.baselines["mae"].rows == 40
    assert run.baselines["mae"].as_record()["rows"] == 40
    linear = LinearRegression().fit(x, y, w).predict(test.inputs["features"])
    expected = mean_absolute_error(test.targets["price"], linear)
    assert run.baseline("mae", "linear") == pytest.approx(expected, rel=1e-4)
    assert run.baseline("mae") <= away.mean() * (1 + 1e-5)
    squares = np.average((test.targets["price"][:, 0] - mean) ** 2, weights=test.sample_weight)
    assert run.baselines["loss"].fair <= squares * len(away) * 2  # the loss weighs rows too
    text = judge(run.baselines, {"mae": 1.0}, [], {"": test.rows}).compared
    assert "(from 40 rows); a linear model (from 40 rows) gives" in text


def test_a_run_reports_them(catalog, folder):
    heard: list[events.Event] = []
    session = Session(
        document(folder, train="loss: mse, metrics: [mae]"), catalog,
        lambda event, line: heard.append(event), runs_folder=folder / "runs",
    )  # fmt: skip
    finished = session.run()
    assert set(finished.baselines) == {"loss", "val_loss", "mae", "val_mae"}
    assert set(finished.baselines["mae"]) == {"guess", "of", "better", "linear"}
    assert finished.compared.startswith("mae ")
    assert "a linear model gives" in finished.compared
    assert finished.no_better.startswith("mae ")  # one epoch does not reach 100
    assert "on the test part, where always guessing" in finished.no_better
    assert "the target 'price' is not scaled: its values are around 10" in finished.likely_reason
    assert [run.no_better for run in list_runs(folder / "runs")] == [finished.no_better]
    beside = Beside(prepare(document(folder), catalog))
    assert beside.news() == {}
    found = beside.finish(60.0)
    assert beside.news() == {"val_loss": found["val_loss"].as_record()}
    assert beside.news() == {}


LOSS = {"loss": Baseline(10.0, "the mean", "down", 10.0)}
BOTH_SCORES = {"accuracy": Baseline(0.75, "the commonest class", "up", 0.75, 0.9), **LOSS}


@pytest.mark.parametrize(
    ("scores", "rows", "compared", "no_better"),
    [
        ({"loss": 2.0}, 100, "loss 2 on the test part, 5.0 times better than guessing the mean", False),
        ({"loss": 8.0}, 100, "loss 8 on the test part, 20 % better than guessing the mean", False),
        ({"loss": 9.9}, 100, "loss 9.9 on the test part, 1 % better than guessing the mean", True),
        ({"loss": 9.9}, 10_000, "loss 9.9 on the test part, 1 % better than guessing the mean", False),
        ({"loss": 12_345.6}, 100, "loss 12,346 on the test part, no better than guessing the mean (10)", True),
        ({"loss": 12.0}, 19, "loss 12 on the test part, no better than guessing the mean (10)", False),
        (
            {"loss": 12.0, "accuracy": 0.8}, 100,
            "accuracy 0.8 on the test part, where guessing the commonest class gives 0.75; "
            "a linear model gives 0.9, which is better", False,
        ),
        (
            {"loss": 12.0, "accuracy": 0.75}, 100,
            "accuracy 0.75 on the test part, no better than guessing the commonest class (0.75); "
            "a linear model gives 0.9, which is better", True,
        ),
        ({"another": 1.0}, 100, "", False),
    ],
)  # fmt: skip
def test_in_words(scores, rows, compared, no_better):
    verdict = judge(BOTH_SCORES if "accuracy" in scores else LOSS, scores, [], {"": rows})
    assert verdict.compared == compared
    assert bool(verdict.no_better) == no_better


def test_without_a_test_part_any_epoch_may_have_been_better():
    known = {"val_loss": Baseline(10.0, "the mean", "down", 10.0)}
    epochs = [{"loss": 1.0, "val_loss": value} for value in (5.0, 30.0)]
    assert judge(known, {}, epochs, {"val_": 50}).no_better == ""
    said = judge(known, {}, epochs[1:], {"val_": 50}).no_better
    assert said == "val_loss 30 on the validation part, where always guessing the mean gives 10"


RELU = ", activation: relu, bias_initializer: {use: Constant, value: -100}"
DEEP = "{sequential: [{use: Dense, units: 64, activation: relu}, {use: Dense, units: 1}]}"
BLIND = ", activation: sigmoid, kernel_initializer: zeros"


@pytest.mark.parametrize(
    ("target", "model", "optimizer", "epochs", "test", "said"),
    [
        ("small", DENSE.format(4, RELU)[:-2] + ", {use: Dense, units: 1}]}", "{use: SGD}", 1, 0.3,
         "every unit of 'dense' gives 0 for every row (dead units)"),
        ("small", NUMBER, "{use: SGD, learning_rate: 1.2}", 3, 0.3, "the learning rate (1.2) is likely too high"),
        ("price", DENSE.format(1, ", activation: sigmoid, bias_initializer: {use: Constant, value: 200}"), "SGD", 1,
         0.3, "the model gives 1 for every row, which is where the activation of its last layer ends"),
        ("price", DEEP, "Adam", 2, 0.3, "the target 'price' is not scaled: its values are around 10"),
        ("ill", DENSE.format(1, BLIND), "{use: SGD, learning_rate: 0.0}", 2, 0.3,
         "the model gives the same for every row (0.5)"),
        ("noise", DEEP, "{use: Adam, learning_rate: 0.03}", 90, 0.8,
         "and nothing that holds for others: the labels may not belong to their rows (shuffled)"),
        ("small", NUMBER, "{use: SGD, learning_rate: 1.0e-6}", 3, 0.3,
         "and still falls: the learning rate (1e-06) is likely too low"),
        ("small", NUMBER, "Adam", 1, 0.3, "it was trained for 9 steps only"),
        ("noise", NUMBER, "{use: Adam, learning_rate: 0.05}", 40, 0.3, "a linear model does no better"),
    ],
    ids=["dead", "too high", "activation", "not scaled", "constant", "by heart", "too low", "few steps", "nothing"],
)  # fmt: skip
def test_the_likely_reason_is_what_the_run_shows(
    catalog, folder, target, model, optimizer, epochs, test, said
):
    run = prepare(
        document(
            folder, model=model, data=f"targets: [{target}]", split=f"{{test: {test}}}",
            train=f"loss: {'binary_crossentropy' if target == 'ill' else 'mse'}, optimizer: {optimizer}",
        ), catalog,
    )  # fmt: skip
    part = run.arrays(run.prepared.train)
    history = run.model.fit(part.x, part.y, batch_size=16, epochs=epochs, verbose=0).history["loss"]
    logs = [{"loss": loss} for loss in history]
    assert said in likely_reason(gather(run, logs, Beside(run).finish(60.0)))


def test_without_evidence_there_is_no_reason():
    assert likely_reason(Evidence(losses=[3.0, 1.0, 1.2], steps=5000, rate=0.01)) == ""
