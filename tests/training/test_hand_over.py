"""A training begins with `chunk` while XLA compiles, and goes on with what is faster from a fixed step on."""

from __future__ import annotations

import importlib
import threading
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.training.engine_cases import (
    ONE_INPUT,
    STEPS,
    VALIDATION,
    Reconstructing,
    assert_close,
    assert_same_bits,
    part,
    prefer_xla,
    sequential,
    settings,
)
from workbench.events import EngineChosen
from workbench.training.engines import Choices, fit, measuring
from workbench.training.engines.builder import Builder
from workbench.training.engines.data import ArraySource
from workbench.training.engines.hand_over import Compiling
from workbench.training.engines.plans import EnginePlan, parse_plan

AT = 8  # the third step of the second epoch


def trained(
    engine: str, epochs: int = 4, choices: Choices | None = None, model: keras.Model | None = None
) -> tuple[keras.Model, dict[str, list[float]], list[EngineChosen]]:
    """The model, its history, and what was reported of engines."""
    model = model or sequential()
    chosen: list[EngineChosen] = []
    history = fit(
        model,
        ONE_INPUT,
        None,
        settings(epochs=epochs, shuffle=True, engine=engine),
        on_chosen=chosen.append,
        choices=choices,
    )
    return model, history.history, chosen


@pytest.fixture
def prefers_xla(monkeypatch: pytest.MonkeyPatch) -> None:
    """`auto` hands over in the second epoch, to XLA."""
    prefer_xla(monkeypatch, AT)


@pytest.mark.parametrize("text", ["plain", "chunk-xla", "chunk-xla@8", "auto@12", "auto", "@", "a@b"])
def test_a_plan_is_its_text(text: str) -> None:
    assert str(parse_plan(text)) == text


def test_a_plan_says_which_engine_runs_a_step() -> None:
    plan = EnginePlan("chunk-xla", 8)
    assert [plan.engine_at(step) for step in (0, 7, 8, 9)] == ["chunk", "chunk", "chunk-xla", "chunk-xla"]
    assert EnginePlan("plain").engine_at(0) == "plain"


@pytest.mark.usefixtures("prefers_xla")
def test_the_steps_before_are_those_of_chunk_and_those_after_those_of_xla(tmp_path: Path) -> None:
    model, history, chosen = trained("auto", choices=Choices(tmp_path))
    assert [(event.engine, event.plan) for event in chosen] == [
        ("chunk", "auto@8"),
        ("chunk-xla", "chunk-xla@8"),
    ]
    named, planned, _ = trained("chunk-xla@8")
    assert_same_bits(model, named)
    assert history == planned
    assert history["loss"][0] == trained("chunk", epochs=1)[1]["loss"][0], "the first epoch is chunk's alone"


@pytest.mark.usefixtures("prefers_xla")
def test_the_next_training_hands_over_at_the_same_step_without_measuring(tmp_path: Path) -> None:
    choices = Choices(tmp_path)
    first, history, _ = trained("auto", choices=choices)
    again, repeated, chosen = trained("auto", choices=choices)
    assert [(event.engine, event.plan) for event in chosen] == [
        ("chunk", "chunk-xla@8"),
        ("chunk-xla", "chunk-xla@8"),
    ]
    assert all("as measured on" in event.reason for event in chosen)
    assert history == repeated
    assert_same_bits(first, again)
    _, short, chosen = trained("auto", epochs=1, choices=choices)
    assert short["loss"] == history["loss"][:1]
    assert len(chosen) == 1, "it ends before that step"


@pytest.mark.usefixtures("prefers_xla")
@pytest.mark.parametrize("kept", [True, False])
@pytest.mark.parametrize("stop", [1, 7, 8, 9, 13])
def test_broken_off_and_gone_on_with_it_ends_with_the_same_bits(
    tmp_path: Path, stop: int, kept: bool
) -> None:
    """Broken off before the step, at it and after it, with the choice kept on the machine and without."""
    wanted, _, _ = trained("auto", epochs=3)
    choices = Choices(tmp_path) if kept else None
    seen: list[EngineChosen] = []

    class Stop(keras.callbacks.Callback):
        """Every call runs one step because of it, in both trainings of the model alike."""

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            self.steps = getattr(self, "steps", 0) + 1
            if self.steps == stop:
                raise InterruptedError

    model = sequential()
    with pytest.raises(InterruptedError):
        fit(model, ONE_INPUT, None, settings(epochs=3, shuffle=True), [Stop()], seen.append, choices=choices)
    plan = seen[-1].plan or seen[-1].engine
    assert plan == ("auto@8" if stop < AT + 1 else "chunk-xla@8")
    epoch, step = divmod(stop, STEPS)
    rest = settings(epochs=3, shuffle=True, engine=plan, initial_epoch=epoch, initial_step=step)
    fit(model, ONE_INPUT, None, rest, choices=choices)
    assert_same_bits(model, wanted)


@pytest.mark.usefixtures("prefers_xla")
def test_what_another_kwb_has_kept_meanwhile_counts(tmp_path: Path) -> None:
    choices = Choices(tmp_path)

    class Other(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            if epoch == 1:
                trained("auto", choices=choices)
                (file,) = tmp_path.iterdir()
                file.write_text(file.read_text().replace('"engine": "chunk-xla"', '"engine": "chunk"'))

    chosen: list[EngineChosen] = []
    model = sequential()
    fit(model, ONE_INPUT, None, settings(epochs=3), [Other()], chosen.append, choices=choices)
    assert [(event.engine, event.plan) for event in chosen] == [("chunk", "auto@8"), ("chunk", "")]
    assert "as measured on" in chosen[-1].reason


class NotForXLA(Reconstructing):
    def call(self, inputs: Any) -> Any:
        text = tf.strings.as_string(tf.reduce_sum(inputs))
        return super().call(inputs) + 0.0 * tf.cast(tf.strings.length(text), "float32")


@pytest.mark.usefixtures("prefers_xla")
@pytest.mark.parametrize("engine", ["auto", "chunk-xla@8"])
def test_what_xla_cannot_compile_goes_on_with_chunk(engine: str) -> None:
    def made() -> keras.Model:
        keras.utils.set_random_seed(1)
        model = NotForXLA()
        model.compile("sgd", "mse")
        return model

    model, history, chosen = trained(engine, model=made())
    assert [(event.engine, event.plan) for event in chosen] == [
        ("chunk", "auto@8" if engine == "auto" else engine),
        ("chunk", ""),
    ]
    assert "chunk-xla cannot compile this model" in chosen[-1].reason
    named, wanted, _ = trained("chunk", model=made())
    assert history == wanted
    assert_same_bits(model, named)


def test_a_model_that_is_compiled_again_before_the_step_stays_with_chunk() -> None:
    class Again(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            if epoch == 1:
                self.model.make_train_function(force=True)

    chosen: list[EngineChosen] = []
    model = sequential()
    fit(model, ONE_INPUT, None, settings(epochs=3, engine="chunk-xla@8"), [Again()], chosen.append)
    assert [event.engine for event in chosen] == ["chunk", "chunk"]
    assert chosen[-1].plan == ""
    named = sequential()
    fit(named, ONE_INPUT, None, settings(epochs=3, engine="chunk"))
    assert_same_bits(model, named)


def test_compiling_in_a_thread_touches_no_variable_and_is_not_repeated() -> None:
    model = sequential()
    builder = Builder(model, "train", model.train_step, ArraySource(ONE_INPUT, 16), 1)
    chunk = builder.build("chunk")
    chunk.run(0, 0, 2)
    before = [variable.numpy() for variable in builder.traced.variables]
    compiling = Compiling(builder)
    program = compiling.program()
    for value, variable in zip(before, builder.traced.variables, strict=True):
        np.testing.assert_array_equal(value, variable.numpy())
    assert builder.trace_xla() is program
    program.run(0, 2, 1)
    assert not [each for each in threading.enumerate() if each.name == "compiling"]


def test_the_numbers_are_those_of_keras_up_to_rounding() -> None:
    _, history, _ = trained("chunk-xla@8")
    _, plain, _ = trained("plain")
    assert_close(history, plain)


@pytest.mark.usefixtures("prefers_xla")
def test_validation_is_compiled_from_the_epoch_after_the_step_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the training is resumed behind it; and never where XLA does not train."""
    module = importlib.import_module("workbench.training.engines.testing")
    monkeypatch.setattr(module, "_UNCOMPILED", 0)
    epochs: list[int] = []
    real = module.without_difference

    def compiled(builder: Builder, epoch: int = 0) -> Any:
        epochs.append(seen.epoch)
        return real(builder, epoch)

    class Seen(keras.callbacks.Callback):
        epoch = -1  # the last that has ended

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            self.epoch = epoch

    monkeypatch.setattr(module, "without_difference", compiled)
    validation = part(ONE_INPUT, VALIDATION)
    histories = []
    for engine, expected in (("auto", [1]), ("chunk-xla@8", [1]), ("chunk", [])):
        epochs.clear()
        seen = Seen()
        chosen = settings(epochs=4, shuffle=True, engine=engine)
        histories.append(fit(sequential(), ONE_INPUT, validation, chosen, [seen]).history)
        assert epochs == expected, "before the third epoch, for step 8 is in the second"
    assert histories[0] == histories[1]
    assert_close(histories[0], histories[2])
    speeds = {"chunk": 2.0, "chunk-xla": 1.0}
    monkeypatch.setattr(measuring, "steps_per_second", lambda program, *rest: speeds[program.name])
    epochs.clear()
    seen = Seen()
    again = fit(sequential(), ONE_INPUT, validation, settings(epochs=4, shuffle=True), [seen]).history
    assert epochs == []
    assert again == histories[2]
