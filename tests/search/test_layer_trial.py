"""`kwb trial`: two layers compared fairly.

KWB_WHOLE=search compares two layers that are alike but for their first weights, 20 times.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from scipy import stats

from tests.search.bases import RECIPE
from tests.whole import whole
from workbench.recipe.document import to_yaml
from workbench.recipe.yaml_values import one_line
from workbench.search.matching import nearest_size
from workbench.search.opening import base_of
from workbench.search.paired import compare_pairs, least_pairs
from workbench.search.state import SearchState, TrialState, begun, ended, new_trial
from workbench.search.trial_report import compare_layers, verdict
from workbench.tui.chart.bands import texture_of

PLUGIN = '''
import random

import keras

__all__ = ["Alike", "Blind", "Twice"]


class Alike(keras.layers.Dense):
    """A dense layer that begins with other weights of the same distribution."""

    def build(self, shape):
        self.kernel_initializer = keras.initializers.GlorotUniform(random.getrandbits(30))
        super().build(shape)


class Blind(keras.layers.Layer):
    """A layer that shows nothing of its input."""

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def build(self, shape):
        self.bias = self.add_weight(shape=(self.units,), name="bias")

    def call(self, x):
        return self.bias + 0.0 * keras.ops.sum(x, axis=-1, keepdims=True)

    def get_config(self):
        return super().get_config() | {"units": self.units}


class Twice(keras.layers.Layer):
    """Two kernels, where a dense layer has one."""

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def build(self, shape):
        for name in ("value", "gate"):
            setattr(self, name, self.add_weight(shape=(shape[-1], self.units), name=name))

    def call(self, x):
        return keras.ops.matmul(x, self.value) * keras.ops.sigmoid(keras.ops.matmul(x, self.gate))

    def get_config(self):
        return super().get_config() | {"units": self.units}
'''

STACK = [{"use": "Dense", "units": 8, "activation": "tanh"}, {"use": "Dense", "units": 1}]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "p.py").write_text(PLUGIN)
    train = {**RECIPE["train"], "epochs": 5}
    (tmp_path / "r.yaml").write_text(to_yaml({**RECIPE, "model": {"sequential": STACK}, "train": train}))
    return tmp_path


def trial(folder: Path, *arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from workbench.cli import command; command()", "trial", *arguments]
    done = subprocess.run(
        [*command, "--plugin", "p.py"], cwd=folder, capture_output=True, text=True, timeout=900
    )
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    return done


def summary(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    assert found["event"] == "summary"
    return found


def test_differences_equal_scipy_and_every_exchange_tried() -> None:
    rng = np.random.default_rng(4)
    for pairs, shift in itertools.product((2, 6, 9), (0.0, 0.5)):
        first = rng.normal(size=pairs)
        second = first + shift + rng.normal(size=pairs) * 0.4
        found = compare_pairs(first.tolist(), second.tolist())
        by_hand = stats.ttest_rel(first, second).confidence_interval(0.95)
        np.testing.assert_allclose([found.low, found.high], by_hand, rtol=1e-12)
        differences = first - second
        means = [np.mean(differences * signs) for signs in itertools.product((1, -1), repeat=pairs)]
        extreme = np.abs(means) >= abs(differences.mean()) * (1 - 1e-12)
        assert found.p == pytest.approx(extreme.mean(), rel=1e-12)
        assert (found.lower, found.higher) == ((differences < 0).sum(), (differences > 0).sum())
    assert compare_pairs([1.0, 2.0, 3.0], [1.0, 2.0, 3.0]).p == 1.0
    assert compare_pairs(list(range(20)), list(range(1, 21))).is_shown
    assert least_pairs() == 6
    with pytest.raises(ValueError, match="two pairs"):
        compare_pairs([1.0], [2.0])


@pytest.mark.parametrize(
    ("slope", "offset", "start", "target"), [(7, 100, 8, 5000), (30, 3, 300, 100), (1, 0, 1, 1)]
)
def test_the_nearest_size_is_found(slope: int, offset: int, start: int, target: int) -> None:
    async def measure(size: int) -> float:
        return slope * size + offset

    found, value, _ = asyncio.run(nearest_size(measure, start, target, most=24))
    best = min(range(1, 6000), key=lambda size: abs(slope * size + offset - target))
    assert abs(slope * best + offset - target) == abs(slope * found + offset - target)
    assert value == slope * found + offset


def test_a_size_that_is_near_enough_is_taken() -> None:
    tried = []

    async def measure(size: int) -> float:
        tried.append(size)
        return 100.0 + size

    assert asyncio.run(nearest_size(measure, 8, 115.0, most=8, near=0.1)) == (8, 108.0, 1)
    assert tried == [8]


def test_a_size_that_alone_fits_stays() -> None:
    async def measure(size: int) -> float | None:
        return 50.0 if size == 8 else None

    assert asyncio.run(nearest_size(measure, 8, 1000.0, most=24)) == (8, 50.0, 1)


@pytest.mark.slow
def test_a_better_layer_is_called_better_and_the_trial_is_kept(folder: Path) -> None:
    done = trial(
        folder, "Blind", "r.yaml", "--against", "Dense", "--seeds", "6", "--at", "model.sequential[0]"
    )
    assert "Dense is better than Blind in val_loss." in done.stdout
    assert "p = 0.031" in done.stdout  # 2 / 2^6: all six in one direction
    assert f"─●{texture_of(0)} Blind " in done.stdout
    assert f"─○{texture_of(1)} Dense " in done.stdout
    assert (
        sum(
            line.startswith("Dense  ") and "of 6  done  val_loss" in line for line in done.stdout.splitlines()
        )
        == 6
    )
    runs = sorted((folder / "saved" / "runs").iterdir())
    assert len(runs) == 12
    again = trial(folder, "Blind", "r.yaml", "--against", "Dense", "--seeds", "6", "--json")
    found = summary(again)
    assert sorted((folder / "saved" / "runs").iterdir()) == runs
    values = [list(layer["values"]["val_loss"].values()) for layer in found["layers"]]
    by_hand = stats.ttest_rel(*values)
    assert found["differences"]["val_loss"]["p"] == 2 / 2**6
    assert found["differences"]["val_loss"]["mean"] == pytest.approx(np.mean(values[0]) - np.mean(values[1]))
    assert found["differences"]["val_loss"]["low"] == pytest.approx(by_hand.confidence_interval().low)
    assert found["differences"]["val_loss"]["better"] == "Dense"
    error = trial(folder, "Blind", "r.yaml", "--against", "Dense", "--seeds", "7", code=2).stderr
    assert "6 seeds" in error
    assert "--name NEW" in error


def test_an_interrupted_trial_has_not_failed(folder: Path) -> None:
    """Of an interrupted trial nothing has failed; a training that failed is no training that is still to be done."""
    text = (folder / "r.yaml").read_text()
    over = {"model.sequential[0]": [{"use": "Dense", "units": 8}, {"use": "MyDense", "units": 8}]}
    overrides = (f"search={one_line({'over': over, 'method': 'grid'})}", "repeat={seeds: 3}")
    base = base_of({"text": text, "name": "r.yaml", "folder": str(folder)}, overrides)
    state = SearchState()
    assert verdict(base, state, compare_layers(base, state)) == [
        "6 of 6 trainings are still to be done.",
        "Nothing can be compared yet: no two seeds have val_loss of both layers.",
    ]
    for number, item in enumerate(over["model.sequential[0]"]):
        state.add([new_trial({"model.sequential[0]": item}, 3)])
        for seed in range(3):
            value = {"value": 1.0 + number + seed} if (number, seed) != (1, 1) else {"why": "out of memory"}
            done = TrialState.FAILED if "why" in value else TrialState.DONE
            if (number, seed) != (1, 0):
                state.add([begun("a", number, seed), ended("a", number, seed, done, **value)])
    lines = verdict(base, state, compare_layers(base, state))
    assert lines[:2] == [
        "Failed, or without a finite val_loss: 1 of MyDense. Their pairs are left out.",
        "1 of 6 trainings are still to be done.",
    ]
    assert lines[2].startswith("Nothing can be compared yet")


@pytest.mark.slow
def test_sizes_are_matched_by_parameters(folder: Path) -> None:
    options = ("--seeds", "2", "--at", "model.sequential[0]", "--set", "train.epochs=1")
    found = summary(
        trial(folder, "{use: Twice, units: 8}", "r.yaml", "--against", "Dense", *options, "--json")
    )
    assert [item["units"] for item in found["sizes"]["items"]] == [
        8,
        8,
    ]  # both are given: the recipe has Dense

    name = ("--name", "other")
    found = summary(trial(folder, "Twice", "r.yaml", "--against", "Dense", *options, *name, "--json"))
    twice, dense = found["sizes"]["items"]
    assert dense == {"use": "Dense", "units": 8, "activation": "tanh"}
    counts = {}
    for units in range(1, 12):
        counts[units] = 2 * 10 * units + units + 1  # the two kernels, and the last layer's weights and bias
    wanted = 10 * 8 + 8 + 8 + 1
    assert twice["units"] == min(counts, key=lambda units: abs(counts[units] - wanted))
    assert found["sizes"]["parameters"] == [counts[twice["units"]], wanted]
    model = keras.Sequential([keras.Input((10,)), keras.layers.Dense(8), keras.layers.Dense(1)])
    assert model.count_params() == wanted
    assert "2 pairs cannot show a difference" in " ".join(found["verdict"])


@pytest.mark.slow
@pytest.mark.skipif(not whole("search"), reason="as by parameters, with trainings: KWB_WHOLE=search")
def test_sizes_are_matched_by_the_time_of_an_epoch_and_kept(folder: Path) -> None:
    options = ("--seeds", "2", "--match", "step_time", "--set", "train.epochs=1", "--json")
    sizes = summary(trial(folder, "Twice", "r.yaml", "--against", "Dense", *options))["sizes"]
    assert all(seconds > 0 for seconds in sizes["epoch_seconds"])
    assert sizes["varied"] == "units"
    assert sizes["items"][1] == {"use": "Dense", "units": 8, "activation": "tanh"}
    counts = [10 * units * kernels + last for units, kernels, last in (
        (sizes["items"][0]["units"], 2, sizes["items"][0]["units"] + 1), (8, 1, 8 + 8 + 1)
    )]  # fmt: skip
    assert sizes["parameters"] == counts
    assert summary(trial(folder, "Twice", "r.yaml", "--against", "Dense", *options))["sizes"] == sizes


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("Gatte", "r.yaml", "--against", "Dense"), "no layer 'Gatte'"),
        (("Twice", "r.yaml", "--against", "Blind"), "the recipe has no Twice and no Blind"),
        (
            ("Twice", "r.yaml", "--against", "Dense", "--at", "model.sequential[9]"),
            "no layer at 'model.sequential[9]'",
        ),
        (("{units: 3}", "r.yaml", "--against", "Dense"), "is no layer"),
        (("Twice", "r.yaml", "--against", "Dense", "--vary", "unit"), "no argument 'unit'"),
        (("LSTM", "r.yaml", "--against", "Dense"), "LSTM"),
    ],
)
def test_what_cannot_be_compared_says_why(folder: Path, arguments: tuple[str, ...], words: str) -> None:
    done = trial(folder, *arguments, code=2)
    assert words in done.stderr
    assert not (folder / "saved" / "runs").exists()


@pytest.mark.slow
def test_the_same_layer_makes_no_difference(folder: Path) -> None:
    done = trial(folder, "Dense", "r.yaml", "--against", "{use: Dense, use_bias: true}", "--seeds", "2")
    assert "No difference: val_loss is the same with each of 2 seeds." in done.stdout


@pytest.mark.slow
@pytest.mark.skipif(not whole("search"), reason="20 trials of 20 trainings: KWB_WHOLE=search")
def test_layers_that_are_alike_seldom_differ(folder: Path) -> None:
    shown = 0
    for number in range(20):
        options = ("--set", f"seed={1000 * number}", "--name", f"n{number}", "--json")
        found = summary(trial(folder, "Alike", "r.yaml", "--against", "Dense", *options))
        assert found["differences"]["val_loss"]["lower"] + found["differences"]["val_loss"]["higher"] == 10
        shown += found["differences"]["val_loss"]["better"] is not None
    assert shown <= 2
