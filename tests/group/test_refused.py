"""What several processes cannot train as one does is refused, with its reason, before anything is trained."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conftest import Kwb
from tests.group.test_equality import DENSE, MSE, Case, table, write_recipe
from tests.group.trainings import needs_networks
from tests.whole import part
from workbench.recipe.schema import Recipe
from workbench.recipe.train_schema import Train
from workbench.training.worker_checks import check_recipe

__all__ = ["table"]

pytestmark = [pytest.mark.slow, needs_networks]

LARGEST = '''
import keras


@keras.saving.register_keras_serializable("largest")
class LargestError(keras.metrics.Metric):
    """The largest error of an epoch: no sum."""

    def __init__(self, name="largest", **kwargs):
        super().__init__(name=name, **kwargs)
        self.worst = self.add_weight(shape=(), initializer="zeros", name="worst")

    def update_state(self, y_true, y_pred, sample_weight=None):
        errors = keras.ops.abs(keras.ops.cast(y_true, y_pred.dtype) - y_pred)
        self.worst.assign(keras.ops.maximum(self.worst, keras.ops.max(errors)))

    def result(self):
        return self.worst.value
'''


@pytest.mark.parametrize(
    ("change", "where", "why"),
    [
        ("train.batch_size=2", "train.batch_size", "cannot be divided among 3 processes"),
        ("train.engine=plain", "train.engine", "the engine cannot be plain"),
        ("train.engine=chunk-xla", "train.engine", "the engine cannot be chunk-xla"),
        ("train.run_eagerly=true", "train.run_eagerly", "without compiling"),
        ("train.on_nan=skip", "train.on_nan", "cannot leave out a step"),
        ("train.dtype=mixed_float16", "train.dtype", "loss scale"),
        ("train.static_batch=true", "train.static_batch", "batches of one size"),
        ("train.loss={use: MeanSquaredError, reduction: sum}", "train.loss", "grows with the rows"),
    ],
)
def test_refused_by_name(change: str, where: str, why: str, kwb: Kwb, table: Path) -> None:
    recipe = write_recipe(table, Case(DENSE, f"{MSE}, batch_size: 32"))
    result = kwb("--batch", recipe, "--workers", "3", "--set", change, cwd=table)
    assert result.returncode == 2, result.stderr
    assert why in result.stderr
    assert where in result.stderr
    assert not list((table / "saved").glob("runs/*"))
    assert "Traceback" not in result.stderr


def test_the_place_is_that_of_the_recipe_as_it_was_written(kwb: Kwb, table: Path) -> None:
    recipe = write_recipe(
        table, Case(DENSE, "loss: {use: MeanSquaredError, reduction: sum}, batch_size: 32, workers: 2")
    )
    result = kwb("--batch", recipe, "--json", cwd=table)
    failed = [json.loads(line) for line in result.stdout.splitlines()][-1]
    line = next(
        number
        for number, text in enumerate((table / recipe).read_text().splitlines(), start=1)
        if "train:" in text
    )
    assert failed["event"] == "failed"
    assert failed["error"]["where"] == f"{recipe}:{line}: train.loss"


def test_a_metric_that_is_no_sum(kwb: Kwb, table: Path) -> None:
    (table / "largest.py").write_text(LARGEST)
    recipe = write_recipe(table, Case(DENSE, "loss: mse, metrics: [LargestError, mae], batch_size: 32"))
    refused = kwb("--batch", recipe, "--workers", "2", "--plugin", "largest.py", cwd=table)
    assert refused.returncode == 2, refused.stderr
    assert "largest cannot be computed by several processes" in refused.stderr
    assert "mae" not in refused.stderr
    alone = kwb("--batch", recipe, "--plugin", "largest.py", cwd=table)
    assert alone.returncode == 0, alone.stderr


ASSIGNING = '''
import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("assigning")
class Assigning(keras.Model):
    """Trains its weights without an optimizer."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.last = keras.layers.Dense(1)

    def call(self, x):
        return self.last(x)

    def train_step(self, data):
        x, y = data
        with tf.GradientTape() as tape:
            loss = self.compute_loss(x, y, self(x, training=True))
        for weight, gradient in zip(self.trainable_weights, tape.gradient(loss, self.trainable_weights)):
            weight.assign_sub(0.05 * gradient)
        return {"loss": loss}
'''


def test_weights_that_no_optimizer_trains(kwb: Kwb, table: Path) -> None:
    """Each process would train its own: that is seen after the first steps."""
    (table / "assigning.py").write_text(ASSIGNING)
    recipe = write_recipe(table, Case("{use: Assigning}", "loss: mse, batch_size: 32"))
    refused = kwb("--batch", recipe, "--workers", "2", "--plugin", "assigning.py", cwd=table)
    assert refused.returncode == 1, refused.stderr
    assert "the processes do not have the same" in refused.stderr
    assert "`workers: 1`" in refused.stderr
    assert not list(table.glob("saved/runs/*/model.keras"))


def test_where_a_network_of_its_own_is_not_allowed(
    kwb: Kwb, table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without it TensorFlow's server would listen on every interface, which nobody has asked for."""
    import ctypes

    from workbench.errors import TrainingError
    from workbench.group import network

    class Refusing:
        """The C library of a system that allows no namespaces."""

        def __init__(self, name: object, use_errno: bool = False) -> None: ...

        def unshare(self, flags: int) -> int:
            ctypes.set_errno(1)
            return -1

    monkeypatch.setattr(network.ctypes, "CDLL", Refusing)
    with pytest.raises(TrainingError, match="Operation not permitted") as refused:
        network.make_own_network()
    assert "KWB_OPEN_PORTS=1" in refused.value.hint


DRAWN = """
import numpy as np

import workbench.plugin as kwb


def drawn(rows: int = 100) -> kwb.Source:
    draws = np.random.default_rng()
    return kwb.Source({"x": draws.normal(size=rows), "y": draws.normal(size=rows)}, targets=("y",))


class Chunks:
    names, rows, groups = ("x", "y"), (50, 50), (0, 1)

    def open(self):
        return self

    def read(self, chunk, names):
        draws = np.random.default_rng()
        return {name: draws.normal(size=50) for name in names}

    def close(self):
        pass


def drawn_stream() -> kwb.StreamedSource:
    return kwb.StreamedSource(Chunks(), targets=("y",))
"""


@pytest.mark.parametrize("data", part("processes", ["drawn", "drawn_stream"], ["drawn_stream"]))
def test_rows_that_are_others_in_each_process(data: str, kwb: Kwb, table: Path) -> None:
    """No process may train on rows of its own: they would not be those of one data set."""
    (table / "drawn.py").write_text(DRAWN)
    recipe = write_recipe(table, Case(DENSE, f"{MSE}, batch_size: 32"))
    text = (table / recipe).read_text().splitlines()
    text[3] = f"data: {{use: {data}, split: {{validation: 0.2}}}}"
    (table / recipe).write_text("\n".join(text))
    alone = kwb("--batch", recipe, "--plugin", "drawn.py", cwd=table)
    assert alone.returncode == 0, alone.stderr
    refused = kwb("--batch", recipe, "--workers", "2", "--plugin", "drawn.py", cwd=table)
    assert refused.returncode == 1, refused.stderr
    assert "process 2 of 2 failed: its train rows are not those of the first process" in refused.stderr


def test_a_loss_that_is_not_finite_is_reported_as_ever(kwb: Kwb, table: Path) -> None:
    """With the place of the first such number, in the stream as in the run's folder, and once."""
    recipe = write_recipe(
        table, Case(DENSE, "loss: mse, batch_size: 32, optimizer: {use: SGD, learning_rate: 1.0e+30}")
    )
    failed = {}
    for workers in ("1", "2"):
        result = kwb("--batch", recipe, "--json", "--workers", workers, cwd=table)
        assert result.returncode == 1, result.stderr
        happened = [json.loads(line) for line in result.stdout.splitlines()]
        (failed[workers],) = [each for each in happened if each["event"] == "failed"]
    assert failed["2"]["error"]["nan"]["name"] == failed["1"]["error"]["nan"]["name"] == "loss"
    assert failed["2"]["error"]["what"].split(" in ")[0] == failed["1"]["error"]["what"].split(" in ")[0]


@pytest.mark.parametrize("dtype", ["bfloat16", "mixed_bfloat16", "float32", None])
def test_types_that_need_no_loss_scale_are_not_refused(dtype: str | None) -> None:
    train = Train(workers=2, dtype=dtype)
    check_recipe(Recipe(kwb=1, data="digits", model={"use": "Dense"}, train=train))
