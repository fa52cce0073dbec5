"""The same weight has one name: in rows, events, checkpoints, files, `inspect`, on the Saved screen, in errors."""

from __future__ import annotations

import keras
import pytest

from workbench import events
from workbench.assembly.layers import look_inside
from workbench.catalog import single_file
from workbench.catalog.discovery import discover
from workbench.catalog.lookup import Catalog
from workbench.errors import FileError
from workbench.recipe.document import parse
from workbench.storage import formats
from workbench.storage.inspect import inspect_file
from workbench.storage.run_folder import RunFolder
from workbench.training import checkpoints
from workbench.training.preparing import prepare
from workbench.training.session import Session
from workbench.tui.screens.saved.contents import rows_of
from workbench.tui.screens.saved.facts import Layer, Weight
from workbench.tui.views.record import TrainingRecord
from workbench.worker.examine import examine
from workbench.worker.kept_data import KeptData

PLUGIN = """
import keras

@keras.saving.register_keras_serializable("walk")
class Inner(keras.layers.Layer):
    def build(self, shape):
        self.scale = self.add_weight(name="scale", shape=(shape[-1],), initializer="ones")

    def call(self, x):
        return x * self.scale

@keras.saving.register_keras_serializable("walk")
class Outer(keras.layers.Layer):
    def __init__(self, units=3, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.parts = [keras.layers.Dense(units, activation="relu"), Inner()]
        self.by_name = {"gate": keras.layers.Dense(units, name="else")}
        self.stack = keras.Sequential([keras.layers.Dense(units, name="first"), Inner(name="second")])
        self.drop = keras.layers.Dropout(0.1, seed=1)

    def build(self, shape):
        self.own = self.add_weight(name="own", shape=(self.units,), initializer="zeros",
                                   regularizer=keras.regularizers.L2(0.1))
        for layer in (*self.parts, self.by_name["gate"], self.stack):
            layer.build((None, self.units))
        self.drop.build((None, self.units))

    def call(self, x, training=None):
        x = self.parts[1](self.parts[0](x)) + self.own
        return self.drop(self.stack(self.by_name["gate"](x)), training=training)

    def get_config(self):
        return {**super().get_config(), "units": self.units}
"""

RECIPE = """
kwb: 1
name: walk
seed: 1
data: {use: csv, path: rows.csv, targets: [y], split: {validation: 0.25}}
model:
  inputs: {features: [3]}
  layers: {shared: {use: Outer, units: 3}}
  graph:
    - z = shared(features)
    - z = shared(z)
    - z = Dense(3, name="mine")(z)
    - y = Dense(1, name="last")(z)
  outputs: [y]
train: {epochs: 1, batch_size: 4, loss: mse, engine: plain, watch: [all], checkpoint_seconds: 0}
save: [m.keras, m.h5, m.weights.h5]
"""

OUTER = ["shared/parts/0", "shared/parts/1", "shared/by_name/gate", "shared/stack"]
LAYERS = {"shared", *OUTER, "shared/stack/first", "shared/stack/second", "shared/drop", "mine", "last"}
WEIGHTS = {
    "shared/own",
    "shared/parts/0/kernel",
    "shared/parts/0/bias",
    "shared/parts/1/scale",
    "shared/by_name/gate/kernel",
    "shared/by_name/gate/bias",
    "shared/stack/first/kernel",
    "shared/stack/first/bias",
    "shared/stack/second/scale",
    "mine/kernel",
    "mine/bias",
    "last/kernel",
    "last/bias",
}
WITH_WEIGHTS = {path.rpartition("/")[0] for path in WEIGHTS}


@pytest.fixture(scope="module")
def walked(tmp_path_factory):
    """The folder, the recipe, the catalog and the events of one training."""
    folder = tmp_path_factory.mktemp("walk")
    (folder / "p.py").write_text(PLUGIN)
    (folder / "rows.csv").write_text(
        "a,b,c,y\n" + "".join(f"{i % 5},{i % 3},{i % 7},{i % 4}\n" for i in range(24))
    )
    catalog = Catalog(discover([folder / "p.py"], scan=single_file.scan))
    document = parse(
        RECIPE.replace("save: [", f"save: [{folder}/").replace(", m.", f", {folder}/m."), folder=folder
    )
    heard: list[events.Event] = []
    Session(document, catalog, lambda event, line: heard.append(event), runs_folder=folder / "runs").run()
    return folder, document, catalog, heard


def one(heard, kind):
    (found,) = [event for event in heard if isinstance(event, kind)]
    return found


def test_rows_of_the_assemble_screen_and_of_the_event(walked):
    _, document, catalog, heard = walked
    assert {row["path"] for row in one(heard, events.Assembled).layers} == LAYERS
    answer = examine(document, catalog, KeptData())
    assert {row["path"] for row in answer["layers"]} == LAYERS
    assert {row["path"] for row in answer["rows"]} == {"shared", "mine", "last"}
    assert {call["path"] for call in answer["calls"] if call["class"]} == LAYERS


def test_monitors(walked):
    inside = one(walked[3], events.Internals)
    assert set(inside.histograms) == WEIGHTS
    assert set(inside.gradients) == {"global", *WITH_WEIGHTS}
    assert set(inside.updates) == WITH_WEIGHTS
    assert set(inside.dead) == {"shared/parts/0"}
    assert set(inside.losses) == {"main", "shared/own regularizer"}


def test_checkpoints(walked):
    (run,) = (walked[0] / "runs").iterdir()
    _, _, arrays = checkpoints.newest(RunFolder(run).checkpoints)
    names = {name.removeprefix("model/") for name in arrays if name.startswith("model/")}
    state = {"shared/drop/seed_generator/seed_generator_state"}
    assert names >= WEIGHTS
    assert {name.rpartition("/")[0] for name in names - WEIGHTS} <= {"shared/drop"}, (names, state)


@pytest.mark.parametrize("name", ["m.keras", "m.h5", "m.weights.h5"])
def test_files_in_inspect_and_on_the_saved_screen(walked, name):
    found = inspect_file(walked[0] / name)
    assert {weight.path for weight in found.weights} == WEIGHTS
    assert {row.name for row in found.layers if row.layer_class != "InputLayer"} == LAYERS
    rows = rows_of(
        [Layer(row.name, row.layer_class) for row in found.layers],
        [Weight(weight.path, weight.shape, weight.dtype) for weight in found.weights],
    )
    assert {row.weight.path for row in rows if row.weight} == WEIGHTS
    assert all(row.level for row in rows if row.weight)  # each below its layer


def test_what_does_not_fit_is_named_so(walked, tmp_path):
    folder, document, catalog, _ = walked
    model = prepare(document, catalog).model
    assert {
        row.path for row in look_inside(model, prepare(document, catalog).symbols(), catalog).rows
    } == LAYERS
    for name in ("m.keras", "m.h5", "m.weights.h5"):
        other = keras.models.clone_model(model, clone_function=wider)
        with pytest.raises(FileError, match=r"the weight 'last/kernel' has shape \(3, 2\)"):
            formats.load_weights(other, folder / name)


def wider(layer):
    if layer.name != "last":
        return layer
    return keras.layers.Dense(2, name="last")


OLD = (
    {"path": "block", "class": "ResidualBlock"},
    {"path": "block/hidden1", "class": "Dense"},
    {"path": "block/hidden2", "class": "Dense"},
)
NEW = tuple(
    {"path": path, "class": row["class"]}
    for row, path in zip(OLD, ("block", "block/hidden/0", "block/hidden/1"), strict=True)
)


def test_a_run_of_an_older_version_goes_on_in_the_same_curves():
    record = TrainingRecord()

    def hear(rows, hidden, epoch):
        histogram = {"edges": [0.0, 1.0], "counts": [epoch]}
        record.take(events.Assembled(rows, 1, 1), 0.0)
        record.take(
            events.Internals(
                epoch,
                gradients={"global": 1.0, hidden: float(epoch)},
                losses={f"{hidden}/kernel regularizer": 0.5},
                histograms={f"{hidden}/kernel": histogram},
            ),
            0.0,
        )

    hear(OLD, "block/hidden2", 1)
    hear(NEW, "block/hidden/1", 2)
    gradients = record.curves.internals["gradients"].series
    assert list(gradients) == ["global", "block/hidden/1"]
    assert list(gradients["block/hidden/1"].mean) == [1.0, 2.0]
    assert gradients["block/hidden/1"].name == "block/hidden/1"
    assert list(record.curves.internals["losses"].series) == ["block/hidden/1/kernel regularizer"]
    assert record.distributions.weights == ["block/hidden/1/kernel"]
    assert [row.epoch for row in record.distributions.rows("block/hidden/1/kernel")] == [1.0, 2.0]


def test_another_model_under_the_same_run_keeps_its_names():
    record = TrainingRecord()
    record.take(events.Assembled(OLD, 1, 1), 0.0)
    record.take(events.Internals(1, gradients={"block/hidden1": 1.0}), 0.0)
    record.take(events.Assembled(NEW[:2], 1, 1), 0.0)
    assert list(record.curves.internals["gradients"].series) == ["block/hidden1"]
