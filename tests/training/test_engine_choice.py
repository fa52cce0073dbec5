"""Which engine `auto` takes, and that its measuring leaves nothing behind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import pytest
import tensorflow as tf

from tests.training.engine_cases import (
    ONE_INPUT,
    Reconstructing,
    assert_close,
    assert_same_bits,
    sequential,
    settings,
    subclassed,
)
from workbench.events import EngineChosen
from workbench.training.engines import choose, fit, measuring
from workbench.training.engines.builder import Builder
from workbench.training.engines.choices import Choices
from workbench.training.engines.data import ArraySource
from workbench.training.engines.hand_over import Compiling

# --- choosing -----------------------------------------------------------------------------------------------------


@pytest.fixture
def measures_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let auto measure all candidates on a run too short to be worth it."""
    monkeypatch.setattr(choose, "TINY_RUN", 0)
    monkeypatch.setattr(measuring, "LONG_RUN", 0.0)
    monkeypatch.setattr(measuring, "MEASURING", 0.01)
    monkeypatch.setattr(measuring.Measuring, "_xla_may_pay", lambda self: True)
    monkeypatch.setattr(
        measuring.Measuring, "_compiling", 0.0
    )  # measured at the second step, which waits for XLA
    monkeypatch.setattr(Compiling, "ended", property(lambda compiling: compiling.wait() is None))


@pytest.mark.usefixtures("measures_everything")
def test_auto_ends_with_the_bits_of_the_engine_it_chose() -> None:
    """With Dropout, whose seed moves at each step, and an optimizer with slots."""
    chosen: list[EngineChosen] = []
    model, named = sequential(dropout=0.3), sequential(dropout=0.3)
    history = fit(model, ONE_INPUT, None, settings(shuffle=True), on_chosen=chosen.append).history
    assert chosen[0].engine == "chunk"
    assert chosen[0].plan == "auto@1"
    assert chosen[1].candidates.keys() == {"plain", "steps", "chunk"}, "XLA draws other random numbers"
    assert chosen[1].candidates[chosen[1].engine] == max(chosen[1].candidates.values())
    assert "times" in chosen[1].reason
    wanted = fit(named, ONE_INPUT, None, settings(shuffle=True, engine=chosen[1].engine)).history
    assert history == wanted
    assert_same_bits(model, named)


def test_auto_leaves_a_tiny_run_plain_and_a_short_one_without_xla() -> None:
    chosen: list[EngineChosen] = []
    fit(subclassed(), ONE_INPUT, None, settings(epochs=1), on_chosen=chosen.append)
    fit(subclassed(), ONE_INPUT, None, settings(epochs=20), on_chosen=chosen.append)
    assert [event.engine for event in chosen] == ["plain", "chunk"]
    assert "too few" in chosen[0].reason
    assert "too short" in chosen[1].reason


def test_what_compiling_costs_is_judged_by_the_tracing_that_the_fingerprint_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measuring, "TRACES", 1e9)
    monkeypatch.setattr(measuring, "LONG_RUN", 1e12)
    model = sequential()
    builder = Builder(model, "train", model.train_step, ArraySource(ONE_INPUT, 16), 1)
    _, chosen = choose.choose(
        builder, "auto", measuring.Beginning(steps_left=10_000_000), choices=Choices(tmp_path)
    )
    assert builder.timing.seconds("trace") > 0.0
    assert chosen.engine == "chunk"
    assert "too short" in chosen.reason


@pytest.mark.slow
@pytest.mark.usefixtures("measures_everything")
def test_a_candidate_that_cannot_compile_is_left_out_and_one_asked_for_falls_back() -> None:
    class Unique(Reconstructing):
        def call(self, inputs: Any) -> Any:
            values = tf.reduce_sum(tf.where(inputs[:, 0] > 0))  # a shape that depends on values: not for XLA
            return super().call(inputs) + 0.0 * tf.cast(
                tf.strings.length(tf.strings.as_string(values)), "float32"
            )

    def made() -> keras.Model:
        keras.utils.set_random_seed(1)
        model = Unique()
        model.compile("sgd", "mse")
        return model

    chosen: list[EngineChosen] = []
    histories = [
        fit(made(), ONE_INPUT, None, settings(engine=engine), on_chosen=chosen.append).history
        for engine in ("measure", "auto", "chunk-xla")
    ]
    at_once, begun, later, named = chosen
    for each in (at_once, later):
        assert "chunk-xla" not in each.candidates
        assert "chunk-xla cannot compile this model" in each.reason
        assert each.plan == ""
    assert begun.plan == "auto@1"
    assert named.engine == "plain"
    assert "chunk-xla cannot compile this model" in named.reason
    assert_close(histories[0], histories[2])
    assert_close(histories[1], histories[2])


def test_an_error_in_the_models_own_code_is_raised_as_keras_raises_it() -> None:
    class Broken(Reconstructing):
        def call(self, inputs: Any) -> Any:
            raise KeyError("no such table")

    model = Broken()
    model.compile("sgd", "mse")
    with pytest.raises(KeyError, match="no such table"):
        fit(model, ONE_INPUT, None, settings(epochs=20))


def test_hidden_random_state_is_not_disturbed_by_measuring() -> None:
    class Noisy(Reconstructing):
        def call(self, inputs: Any) -> Any:
            return super().call(inputs + tf.random.uniform(tf.shape(inputs)))

    keras.utils.set_random_seed(1)
    model = Noisy()
    model.compile("sgd", "mse")
    chosen: list[EngineChosen] = []
    fit(model, ONE_INPUT, None, settings(epochs=12), on_chosen=chosen.append)
    assert (chosen[0].engine, chosen[0].candidates) == ("chunk", {})
    assert "RandomUniform" in chosen[0].reason


def test_slow_steps_are_measured_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Behind one that pays for what is made lazily; quick ones are repeated until a moment has passed."""
    model = sequential()
    program = Builder(model, "train", model.train_step, ArraySource(ONE_INPUT, 30), 1).build("chunk")
    ran: list[int] = []
    run = program.run

    def counting(epoch: int, step: int, count: int) -> Any:
        ran.append(count)
        return run(epoch, step, count)

    monkeypatch.setattr(program, "run", counting)
    assert measuring.steps_per_second(program, 0, range(3), 0.0, 0.01, 64) > 0
    assert sum(ran) > 6
    ran.clear()
    monkeypatch.setattr(measuring, "SLOW", 0.0)
    assert measuring.steps_per_second(program, 0, range(3), 0.0, 0.01, 64) > 0
    assert ran == [1, 1]
