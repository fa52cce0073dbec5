"""An argument that get_config forgets is an error where it changes what comes back, and a warning where not."""

from __future__ import annotations

from pathlib import Path

import pytest

from workbench.catalog import single_file
from workbench.catalog.discovery import discover
from workbench.catalog.lookup import Catalog
from workbench.check.contract import with_needs
from workbench.check.results import Status
from workbench.check.running import EntryRun

HEADER = """
import keras
from keras import ops


class Forgets(keras.layers.Layer):
    def __init__(self, {argument}, **kwargs):
        super().__init__(**kwargs)
        self.value = {name}
        self.seeds = keras.random.SeedGenerator(3)

    def build(self, shape):
        self.kernel = self.add_weight(
            name="kernel", shape=(shape[-1],), initializer={initializer}, regularizer={regularizer}
        )

    def call(self, inputs, training=False):
        {body}
        return inputs * self.kernel

    def kept(self, inputs):
        drawn = keras.random.uniform((inputs.shape[0], 1), seed=self.seeds)
        return ops.cast(drawn > self.value, inputs.dtype)

    def get_config(self):
        return super().get_config()
"""


@pytest.mark.parametrize(
    ("argument", "changes", "status"),
    [
        ("factor=2.0", {"body": "inputs = inputs * self.value"}, Status.FAILED),
        ("factor=2.0", {"body": "inputs = inputs * self.value if training else inputs"}, Status.FAILED),
        ("penalty=0.1", {"regularizer": "keras.regularizers.L2(self.value)"}, Status.FAILED),
        ("start=0.5", {"initializer": "keras.initializers.Constant(self.value)"}, Status.FAILED),
        ("width=2", {"initializer": "keras.initializers.RandomNormal(seed=self.value)"}, Status.FAILED),
        (
            "rate=0.5",
            {"body": "inputs = keras.random.dropout(inputs, self.value, seed=self.seeds) if training else inputs"},
            Status.FAILED,
        ),
        (  # in the 5 rows of a batch the same may be drawn by chance
            "share=0.1",
            {"body": "inputs = inputs * self.kept(inputs) if training else inputs"},
            Status.FAILED,
        ),
        ("seed=None", {"initializer": "keras.initializers.RandomNormal(seed=self.value)"}, Status.WARNING),
        ("spread=0.5", {"initializer": "keras.initializers.RandomNormal(stddev=self.value)"}, Status.WARNING),
        ("unused=True", {}, Status.WARNING),
    ],
)  # fmt: skip
def test_it_is_an_error_where_it_matters(
    argument: str, changes: dict[str, str], status: Status, tmp_path: Path
) -> None:
    filled = {"body": "pass", "initializer": "'ones'", "regularizer": "None"} | changes
    name = argument.partition("=")[0]
    file = tmp_path / f"forgets_{tmp_path.name}.py"
    file.write_text(HEADER.format(argument=argument, name=name, **filled))
    catalog = Catalog(discover([file], scan=single_file.scan))
    entry = next(each for each in catalog.entries if each.plugin == file.stem)
    results = {each.check: each for each in EntryRun(entry, catalog).run(with_needs(["from_config"]))}
    found = results["config_keeps_arguments"]
    assert (found.status, f"does not give back '{name}'" in found.detail) == (status, True), found
    assert ("Nothing that was compared depends on it" in found.detail) == (status is Status.WARNING)


ALIAS = """
import keras


class Alias(keras.layers.Layer):
    def __init__(self, size=2, length=None, **kwargs):
        super().__init__(**kwargs)
        if length is not None and size != 8:
            raise ValueError("size and length are two names of one argument")
        self.size = length or size

    def call(self, inputs):
        return inputs * self.size

    def get_config(self):
        return {**super().get_config(), "size": self.size}
"""


def test_another_name_of_an_argument_is_none_that_is_forgotten(tmp_path: Path) -> None:
    file = tmp_path / "alias.py"
    file.write_text(ALIAS)
    catalog = Catalog(discover([file], scan=single_file.scan))
    entry = next(each for each in catalog.entries if each.name == "Alias")
    results = {each.check: each for each in EntryRun(entry, catalog).run(with_needs(["from_config"]))}
    assert results["config_keeps_arguments"].status is Status.WARNING
    assert results["from_config"].status is Status.PASSED


SAME = """
import keras


class Normalizes(keras.layers.Layer):
    def __init__(self, start="glorot_uniform", **kwargs):
        super().__init__(**kwargs)
        self.start = start

    def get_config(self):
        start = self.start if isinstance(self.start, str) else keras.initializers.serialize(self.start)
        return {**super().get_config(), "start": start}

    @classmethod
    def from_config(cls, config):
        return cls(**{**config, "start": keras.initializers.get(config["start"])})


class Passes(keras.layers.Layer):
    def __init__(self, units=3, **kwargs):
        super().__init__(**kwargs)
        self.inner = keras.layers.Dense(units, **{key: kwargs[key] for key in ("name",) if key in kwargs})

    def call(self, inputs):
        return self.inner(inputs)

    def get_config(self):
        return {**super().get_config(), "units": self.inner.units, "inner": self.inner.get_config()}

    @classmethod
    def from_config(cls, config):
        return cls(**{key: value for key, value in config.items() if key != "inner"})
"""


@pytest.mark.parametrize("name", ["Normalizes", "Passes"])
def test_a_configuration_that_says_the_same_otherwise_is_the_same(name: str, tmp_path: Path) -> None:
    """A name in place of what it stands for, and the name of an inner layer."""
    file = tmp_path / "same.py"
    file.write_text(SAME)
    catalog = Catalog(discover([file], scan=single_file.scan))
    entry = next(each for each in catalog.entries if each.name == name)
    results = {each.check: each for each in EntryRun(entry, catalog).run(with_needs(["from_config"]))}
    assert results["from_config"].status is Status.PASSED, results["from_config"]
