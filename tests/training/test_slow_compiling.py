"""XLA compiles for longer than expected, or a second time: a training goes on meanwhile, or without it, and nobody who
asks to stop waits for it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras
import pytest
import tensorflow as tf

from tests.training.engine_cases import (
    ONE_INPUT,
    VALIDATION,
    Reconstructing,
    assert_same_bits,
    part,
    prefer_xla,
    sequential,
    settings,
)
from workbench.events import EngineChosen
from workbench.training.engines import fit, testing
from workbench.training.engines.hand_over import Compiling

AT = 8  # of six steps an epoch
PATIENCE = 60.0
ENDED = Compiling.ended.fget  # type: ignore[attr-defined]  # as it is, whatever a test has preferred


@contextmanager
def compiling_held(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """The thread begins to compile when the event is set, as on a machine that is busy until then."""
    go = threading.Event()
    own = Compiling._compile

    def compile_later(self: Compiling) -> None:
        go.wait(PATIENCE)
        own(self)

    with monkeypatch.context() as patches:
        patches.setattr(Compiling, "_compile", compile_later)
        # Once it may compile, a look waits for it: which step comes next is then the same every time.
        patches.setattr(
            Compiling,
            "ended",
            property(lambda self: self.wait() is None if go.is_set() else ENDED(self)),
        )
        try:
            yield go
        finally:
            go.set()


class At(keras.callbacks.Callback):
    """Calls something at the end of an epoch."""

    def __init__(self, epoch: int, act: Any) -> None:
        super().__init__()
        self._epoch, self._act = epoch, act

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if epoch == self._epoch:
            self._act(self.model)


def test_training_goes_on_while_xla_compiles_and_hands_over_later(monkeypatch: pytest.MonkeyPatch) -> None:
    prefer_xla(monkeypatch, AT)
    monkeypatch.setattr(testing, "_UNCOMPILED", 0)
    validation = part(ONE_INPUT, VALIDATION)
    chosen: list[EngineChosen] = []
    model = sequential()
    with compiling_held(monkeypatch) as go:
        history = fit(
            model,
            ONE_INPUT,
            validation,
            settings(epochs=8, shuffle=True),
            [At(1, lambda model: go.set())],  # behind step 12, before step 18
            chosen.append,
        ).history
    assert [(event.engine, event.plan) for event in chosen] == [
        ("chunk", "auto@8"),
        ("chunk", "auto@12"),
        ("chunk", "auto@18"),
        ("chunk-xla", "chunk-xla@18"),
    ]
    assert "still compiling" in chosen[1].reason
    named = sequential()
    planned = settings(epochs=8, shuffle=True, engine="chunk-xla@18")
    assert fit(named, ONE_INPUT, validation, planned).history == history, "the validation too"
    assert_same_bits(model, named)


def test_with_little_left_the_step_waits_so_that_the_choice_is_known_next_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    prefer_xla(monkeypatch, AT)
    chosen: list[EngineChosen] = []
    model = sequential()
    with compiling_held(monkeypatch) as go:

        def release() -> None:
            """A while after all steps have run that can."""
            while model.optimizer.iterations.numpy() < 18:
                time.sleep(0.05)
            time.sleep(0.3)
            assert model.optimizer.iterations.numpy() == 18
            go.set()

        releasing = threading.Thread(target=release, daemon=True)
        releasing.start()
        fit(model, ONE_INPUT, None, settings(epochs=8), (), chosen.append)
        releasing.join()
    assert [event.plan for event in chosen] == ["auto@8", "auto@12", "auto@18", "chunk-xla@18"]
    named = sequential()
    fit(named, ONE_INPUT, None, settings(epochs=8, engine="chunk-xla@18"))
    assert_same_bits(model, named)


@pytest.mark.parametrize("engine", ["chunk-xla@8", "auto@8", "auto"])
def test_the_step_waits_and_a_request_to_stop_does_not(monkeypatch: pytest.MonkeyPatch, engine: str) -> None:
    """As in a training that goes on, or repeats another one."""
    prefer_xla(monkeypatch, AT)
    asked = threading.Event()
    ended: list[int] = []

    class Stop(keras.callbacks.Callback):
        every_batch = False

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            ended.append(self.model.optimizer.iterations.numpy())
            if asked.is_set():
                self.model.stop_training = True

    chosen: list[EngineChosen] = []
    model = sequential()
    with compiling_held(monkeypatch) as go:

        def ask() -> None:
            """A while after all steps have run that can."""
            while model.optimizer.iterations.numpy() < AT:
                time.sleep(0.05)
            time.sleep(0.3)
            asked.set()

        asking = threading.Thread(target=ask, daemon=True)
        began = time.monotonic()
        fit(
            model,
            ONE_INPUT,
            None,
            settings(epochs=4, engine=engine),
            [Stop(), At(0, lambda model: asking.start())],
            chosen.append,
            stops=asked.is_set,
        )
        assert not go.is_set()
        assert time.monotonic() - began < PATIENCE / 2
    assert ended[-1] == AT, "it stands right before that step"
    assert [event.plan for event in chosen] == ["auto@8" if engine == "auto" else engine]


class SometimesNotForXLA(Reconstructing):
    """Traced from some moment on with an operation that XLA does not know."""

    text = False

    def call(self, inputs: Any) -> Any:
        outputs = super().call(inputs)
        if not self.text:
            return outputs
        length = tf.strings.length(tf.strings.as_string(tf.reduce_sum(inputs)))
        return outputs + 0.0 * tf.cast(length, "float32")


@pytest.mark.parametrize("engine", ["chunk-xla", "chunk-xla@8"])
def test_compiled_again_to_what_xla_cannot_compile_goes_on_with_chunk(engine: str) -> None:
    def change(model: Any) -> None:
        model.text = True
        model.make_train_function(force=True)

    keras.utils.set_random_seed(1)
    model = SometimesNotForXLA()
    model.compile("sgd", "mse")
    chosen: list[EngineChosen] = []
    history = fit(
        model, ONE_INPUT, None, settings(epochs=4, engine=engine), [At(2, change)], chosen.append
    ).history
    assert len(history["loss"]) == 4
    assert [event.engine for event in chosen][-2:] == ["chunk-xla", "chunk"]
    assert "compiled again" in chosen[-1].reason
    assert chosen[-1].plan == ""
