"""An exception of the user's code is shown with its line, wherever it is raised; asserted to the exact line."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

import h5py
import pytest

from workbench import events
from workbench.catalog import Entry, Kind
from workbench.catalog.discovery import Plugin, PluginState, discover
from workbench.catalog.lookup import Catalog
from workbench.errors import WorkbenchError
from workbench.origin import origin_of
from workbench.recipe.document import parse
from workbench.training.session import Session

CODE = """
import keras
import tensorflow as tf


class AtImportOfWeights(keras.layers.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        raise LookupError("boom")  # line of AtImportOfWeights


class InBuild(keras.layers.Layer):
    def build(self, shape):
        self.kernel = self.add_weight(shape=(shape[-1], "wide"))  # line of InBuild

    def call(self, x):
        return x


class InCall(keras.layers.Layer):
    def call(self, x):
        raise RuntimeError("boom in call")  # line of InCall


class InTrainingOnly(keras.layers.Layer):
    def call(self, x, training=False):
        if training:
            raise KeyError("boom in training")  # line of InTrainingOnly
        return x


class Rewritten(keras.layers.Layer):
    @tf.function
    def call(self, x, training=False):
        for _ in tf.range(2):
            x = x + 1.0
        if training:
            if tf.reduce_sum(x) > 0:
                x = tf.matmul(x, tf.zeros((3, 4)))  # line of Rewritten
        return x


class InGraph(keras.layers.Layer):
    def call(self, x, training=False):
        if training:
            wanted = tf.cast(tf.reduce_sum(x) * 0 + 77, tf.int32)
            x = x + tf.reshape(tf.zeros((12,)), (wanted, 3))[0, 0]  # line of InGraph
        return x


class InGradient(keras.layers.Layer):
    def build(self, shape):
        self.factor = self.add_weight(shape=(), initializer="ones")

    def call(self, x):
        x = tf.debugging.check_numerics(x * self.factor, "bad")  # line of InGradient
        return tf.sqrt(x * 0.0)


class InTrainStep(keras.Model):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.dense = keras.layers.Dense(1)

    def call(self, x):
        return self.dense(x)

    def train_step(self, data):
        x, y = data
        return {"loss": self.no_such_method(x)}  # line of InTrainStep


class InGetConfig(keras.layers.Layer):
    def call(self, x):
        return x

    def get_config(self):
        return {**super().get_config(), "size": 1 / 0}  # line of InGetConfig


def in_loss(y, p):
    return y.no_such_attribute  # line of in_loss


class InMetric(keras.metrics.Metric):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)

    def update_state(self, y, p, sample_weight=None):
        int("many")  # line of InMetric

    def result(self):
        return 0.0


class InCallback(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        logs["no such log"]  # line of InCallback


def in_dataset():
    rows = [1, 2]
    return rows[7]  # line of in_dataset
"""

RECIPE = """
kwb: 1
name: r
data: {{use: {data}}}
model: {model}
train: {{epochs: 1, engine: {engine}, loss: {loss}, metrics: [{metrics}], callbacks: [{callbacks}]}}
save: {save}
"""

KINDS = {
    "in_loss": Kind.LOSS,
    "InMetric": Kind.METRIC,
    "InCallback": Kind.CALLBACK,
    "in_dataset": Kind.DATASET,
    "InTrainStep": Kind.MODEL,
}


@cache
def _file() -> Path:
    """The plugin's file. One for all tests, as AutoGraph takes functions of equal code for one."""
    file = Path(tempfile.mkdtemp(prefix="kwb-gate-")) / "gate.py"
    file.write_text(CODE)
    return file


def line_of(name: str) -> tuple[int, str]:
    for number, text in enumerate(CODE.splitlines(), 1):
        if text.endswith(f"# line of {name}"):
            return number, text.strip()
    raise AssertionError(name)


def failed(folder: Path, name: str, *, engine: str = "plain", save: str = "[]") -> WorkbenchError:
    """The error of a training that uses one of the classes above."""
    file = _file()
    kind = KINDS.get(name, Kind.LAYER)
    entry = Entry(
        kind=kind, name=name, target=f"{file}:{name}", plugin=file.stem, distribution=str(file), summary=""
    )
    mine = Plugin(file.stem, str(file), "", PluginState.LOADED, (entry,))
    catalog = Catalog((*(p for p in discover() if p.distribution == "kwb"), mine))
    words = {"data": "diabetes", "model": "{sequential: [{use: Dense, units: 1}]}", "loss": "mse"}
    words |= {"metrics": "", "callbacks": "", "engine": engine, "save": save}
    where = {Kind.LAYER: "model", Kind.MODEL: "model", Kind.LOSS: "loss", Kind.METRIC: "metrics"}
    where |= {Kind.CALLBACK: "callbacks", Kind.DATASET: "data"}
    words[where[kind]] = name
    if kind is Kind.LAYER:
        words["model"] = f"{{sequential: [{name}, {{use: Dense, units: 1}}]}}"
    text = RECIPE.format(**words)
    heard: list[events.Event] = []
    document = parse(text, name="r.yaml", folder=folder)
    session = Session(document, catalog, lambda event, line: heard.append(event), runs_folder=folder / "runs")
    with pytest.raises(WorkbenchError) as caught:
        session.run()
    error = caught.value
    assert error.origin is not None, str(error)
    assert error.origin.place.file == str(file)
    reported = [event for event in heard if isinstance(event, events.Failed)]
    assert all(event.error == error.as_record() for event in reported)
    again = WorkbenchError.from_record(error.as_record())
    assert again.origin == error.origin
    assert "\x1b" not in str(error)
    return error


@pytest.mark.parametrize(
    ("name", "exception", "function", "says"),
    [
        ("AtImportOfWeights", "LookupError", "__init__", "boom"),
        ("InBuild", "ValueError", "build", ""),
        ("InCall", "RuntimeError", "call", "boom in call"),
        ("InTrainingOnly", "KeyError", "call", "KeyError: boom in training."),
        ("Rewritten", "ValueError", "call", "Dimensions must be equal, but are 10 and 3"),
        ("InGraph", "InvalidArgumentError", "call", ""),
        ("InGradient", "InvalidArgumentError", "call", "Tensor had NaN values"),
        ("InTrainStep", "AttributeError", "train_step", "no_such_method"),
        ("in_loss", "AttributeError", "in_loss", "no_such_attribute"),
        ("InMetric", "ValueError", "update_state", "invalid literal for int"),
        ("InCallback", "KeyError", "on_epoch_end", "no such log"),
        ("in_dataset", "IndexError", "in_dataset", "list index out of range"),
    ],
)
def test_the_line_is_shown(tmp_path, name, exception, function, says):
    error = failed(tmp_path, name)
    line, source = line_of(name)
    place = error.origin.place
    assert (place.line, place.function, place.source) == (line, function, source)
    assert error.origin.exception == exception
    assert says in str(error)
    assert "Traceback (most recent call last)" in error.origin.traceback
    if exception != "InvalidArgumentError":  # its message has frames of its own
        assert "/workbench/training/" not in error.origin.traceback  # kwb's own frames are left out
    assert error.origin.lines[0].endswith(f"{Path(place.file).name}:{line} in {function}")
    assert "run_eagerly" not in str(error)


@pytest.mark.parametrize("engine", ["steps", "chunk", "chunk-xla"])
@pytest.mark.parametrize("name", ["InTrainingOnly", "Rewritten", "InGraph", "InGradient"])
def test_the_line_is_shown_by_every_engine(tmp_path, name, engine):
    error = failed(tmp_path, name, engine=engine)
    assert error.origin.place.line == line_of(name)[0]


def test_an_error_while_a_model_is_written_to_a_file_shows_the_line(tmp_path):
    error = failed(tmp_path, "InGetConfig", save=f"[{tmp_path / 'out.keras'}]")
    assert error.origin.place.line == line_of("InGetConfig")[0]
    assert "division by zero" in str(error)


def test_what_a_plugin_says_in_its_own_words_stands_for_itself(tmp_path):
    file = tmp_path / "own_words.py"
    file.write_text(
        "from workbench.errors import DataError\n\n\ndef words():\n    try:\n        int('x')\n"
        "    except ValueError as error:\n        raise DataError('the sensor is off.') from error\n"
    )
    entry = Entry(
        kind=Kind.DATASET,
        name="words",
        target=f"{file}:words",
        plugin="w",
        distribution=str(file),
        summary="",
    )
    catalog = Catalog((Plugin("w", str(file), "", PluginState.LOADED, (entry,)),))
    document = parse(RECIPE.format(
        data="words", model="Dense", engine="plain", loss="mse", metrics="", callbacks="", save="[]"
    ))  # fmt: skip
    with pytest.raises(WorkbenchError, match="the sensor is off") as caught:
        Session(document, catalog, lambda event, line: None, runs_folder=tmp_path).run()
    assert caught.value.origin is None


def test_an_error_that_has_nothing_to_do_with_the_users_code_has_no_line(catalog, tmp_path):
    text = RECIPE.format(
        data="diabetes", model="{sequential: [{use: Conv2D, filters: 3, kernel_size: 3}]}",
        engine="plain", loss="mse", metrics="", callbacks="", save="[]",
    )  # fmt: skip
    with pytest.raises(WorkbenchError) as caught:
        Session(parse(text), catalog, lambda event, line: None, runs_folder=tmp_path).run()
    assert caught.value.origin is None
    assert set(caught.value.as_record()) == {"what", "where", "hint"}


def test_the_sources_of_a_compiled_extension_are_not_the_users(tmp_path: Path) -> None:
    """h5py raises from `h5f.pyx`, a file that nobody has; the line of the user's own code is the one that called it."""
    (tmp_path / "cut.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(800))
    with pytest.raises(OSError, match="open file") as raised:
        h5py.File(tmp_path / "cut.h5")
    found = origin_of(raised.value)
    assert found is not None
    assert found.place.file == __file__
    assert found.place.source == 'h5py.File(tmp_path / "cut.h5")'
