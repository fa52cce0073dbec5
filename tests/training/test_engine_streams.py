"""Streams of rows: every engine trains on them as on the same rows in memory, while the next are read in a thread."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from tests.training.engine_cases import (
    BATCH,
    FORMS,
    LEFT,
    ONE_INPUT,
    ROWS,
    STEPS,
    TARGET,
    Broken,
    assert_close,
    assert_same_bits,
    part,
    prefer_xla,
    sequential,
    settings,
    weights,
)
from tests.whole import part as part_of
from workbench.errors import DataError
from workbench.events import EngineChosen
from workbench.training.engines import Arrays, Choices, KeptTest, Stream, blocks, evaluate, fit
from workbench.training.engines.data import StreamSource

SEED = 3


def rows_of(arrays: Arrays, order: np.ndarray) -> Arrays:
    return part(arrays, order)  # type: ignore[arg-type]


def stream(arrays: Arrays, rows: int = ROWS, seen: Callable[[int, int], None] | None = None) -> Stream:
    """The rows in the order that `fit` gives arrays with `SEED`; `seen` is called with each start and end."""

    def batches(epoch: int, step: int, at_once: int) -> Iterator[Arrays]:
        order = np.random.default_rng([SEED, epoch]).permutation(arrays.rows)
        for start in range(step * BATCH, arrays.rows, BATCH * at_once):
            if seen is not None:
                seen(epoch, start)
            yield rows_of(arrays, order[start : start + BATCH * at_once])

    return Stream(rows, BATCH, batches)


def by_hand(model: keras.Model, arrays: Arrays, epochs: int = 2, **more: Any) -> dict[str, list[float]]:
    """Plain Keras, on the rows of each epoch in their order."""
    logs: dict[str, list[float]] = {}
    for epoch in range(epochs):
        own = rows_of(arrays, np.random.default_rng([SEED, epoch]).permutation(arrays.rows))
        weight = {"sample_weight": own.sample_weight} if own.sample_weight is not None else {}
        found = model.fit(own.x, own.y, batch_size=BATCH, shuffle=False, verbose=0, **weight, **more)
        for name, values in found.history.items():
            logs.setdefault(name, []).extend(values)
    return logs


def small_blocks(monkeypatch: pytest.MonkeyPatch, steps: int) -> None:
    monkeypatch.setattr(blocks, "BLOCK_STEPS", steps)


@pytest.mark.parametrize("size", part_of("engines", [1, 2, 4, 100], [4]))
@pytest.mark.parametrize("engine", part_of("engines", ["plain", "steps", "chunk"], ["plain", "chunk"]))
def test_a_stream_trains_like_the_same_rows_in_memory(
    monkeypatch: pytest.MonkeyPatch, engine: str, size: int
) -> None:
    """Bit for bit, whether blocks end within an epoch, with it, or are longer."""
    small_blocks(monkeypatch, size)
    chosen: list[EngineChosen] = []
    by_stream, in_memory = sequential(dropout=0.3), sequential(dropout=0.3)
    history = fit(
        by_stream, stream(ONE_INPUT), stream(ONE_INPUT), settings(engine=engine), on_chosen=chosen.append
    ).history
    wanted = fit(in_memory, ONE_INPUT, None, settings(engine=engine, shuffle=True, seed=SEED)).history
    assert chosen[0].engine == engine
    assert history["loss"] == wanted["loss"]
    assert_same_bits(by_stream, in_memory)
    np.testing.assert_allclose(
        history["val_loss"][-1], by_stream.evaluate(LEFT, TARGET, verbose=0)[0], rtol=1e-5
    )


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("engine", ["chunk", "chunk-xla"])
def test_a_stream_trains_as_plain_keras_does(monkeypatch: pytest.MonkeyPatch, form: str, engine: str) -> None:
    """Sample weights, several inputs and outputs, a model that is built by its first batch."""
    small_blocks(monkeypatch, 4)
    make, arrays = FORMS[form]
    model, chosen = make(), []
    history = fit(model, stream(arrays), None, settings(engine=engine), on_chosen=chosen.append).history
    assert [event.engine for event in chosen] == [engine]
    other = make()  # only now: its first batch draws its weights
    assert_close(history, by_hand(other, arrays), 1e-4)
    for value, wanted in zip(weights(model), weights(other), strict=True):
        np.testing.assert_allclose(value, wanted, rtol=2e-3, atol=2e-5)


@pytest.mark.parametrize("engine", ["chunk", "chunk-xla"])
def test_class_weights_and_masks_of_padded_lists(monkeypatch: pytest.MonkeyPatch, engine: str) -> None:
    small_blocks(monkeypatch, 2)
    rng = np.random.default_rng(0)
    lengths = rng.integers(1, 7, ROWS)
    words = rng.integers(1, 20, (ROWS, 6)) * (np.arange(6) < lengths[:, None])
    arrays = Arrays(words.astype("int32"), (lengths > 3).astype("int32"))
    weight = {0: 0.5, 1: 3.0}

    def make() -> keras.Model:
        keras.utils.set_random_seed(2)
        stack = [layers.Embedding(20, 4, mask_zero=True), layers.GlobalAveragePooling1D(), layers.Dense(2)]
        model = keras.Sequential([layers.Input((6,), dtype="int32"), *stack])
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(keras.optimizers.Adam(0.01), loss, metrics=["accuracy"])
        return model

    model, other = make(), make()
    history = fit(model, stream(arrays), None, settings(engine=engine, class_weight=weight)).history
    assert_close(history, by_hand(other, arrays, class_weight=weight), 1e-4)


@pytest.mark.parametrize("engine", ["chunk", "chunk-xla"])
def test_pixels_of_8_bits(engine: str) -> None:
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (ROWS, 6, 6, 3)).astype("uint8")
    arrays = Arrays(pixels, (pixels[:, 0, 0, :1] > 99).astype("float32"))

    def make() -> keras.Model:
        keras.utils.set_random_seed(2)
        stack = [layers.Rescaling(1 / 255), layers.Flatten(), layers.Dense(1)]
        model = keras.Sequential([layers.Input((6, 6, 3)), *stack])
        model.compile("sgd", "mse")
        return model

    model, other = make(), make()
    history = fit(model, stream(arrays), None, settings(engine=engine)).history
    assert_close(history, by_hand(other, Arrays(pixels.astype("float32"), arrays.y)), 1e-4)


@pytest.mark.parametrize("engine", ["auto", "chunk"])
def test_texts(monkeypatch: pytest.MonkeyPatch, engine: str) -> None:
    """Their arrays have no size that is known before, and XLA has no texts."""
    small_blocks(monkeypatch, 2)
    rng = np.random.default_rng(0)
    texts = np.array([" ".join(rng.choice(["red", "green", "blue"], 4)) for _ in range(ROWS)], dtype=object)
    arrays = Arrays(texts[:, None], np.array([[float(text.count("red"))] for text in texts], "float32"))

    def make() -> keras.Model:
        keras.utils.set_random_seed(2)
        words = layers.TextVectorization(
            max_tokens=5, output_mode="count", vocabulary=["red", "green", "blue"]
        )
        model = keras.Sequential([layers.Input((1,), dtype="string"), words, layers.Dense(1)])
        model.compile("sgd", "mse")
        return model

    model, other, chosen = make(), make(), []
    trained = settings(engine=engine, epochs=12)
    history = fit(model, stream(arrays), None, trained, on_chosen=chosen.append).history
    wanted = fit(other, arrays, None, settings(engine="plain", epochs=12, shuffle=True, seed=SEED)).history
    assert chosen[-1].engine == "chunk"
    assert history == wanted


@pytest.mark.parametrize("stop", part_of("engines", [1, 2, 3, STEPS], [3, STEPS]))
@pytest.mark.parametrize("engine", ["chunk", "chunk-xla"])
def test_a_stream_continued_inside_an_epoch_and_a_block(
    monkeypatch: pytest.MonkeyPatch, engine: str, stop: int
) -> None:
    small_blocks(monkeypatch, 2)
    broken = Broken(stop)
    whole = sequential()
    wanted = fit(whole, stream(ONE_INPUT), stream(ONE_INPUT), settings(engine=engine, epochs=3), [broken])
    continued = sequential()
    broken.put_into(continued)
    rest = settings(
        engine=engine, epochs=3, initial_epoch=1, initial_step=stop, initial_metrics=broken.metrics
    )
    history = fit(continued, stream(ONE_INPUT), stream(ONE_INPUT), rest)
    assert history.history == {name: values[1:] for name, values in wanted.history.items()}
    assert_same_bits(continued, whole)


AT = 8  # the third step of the second epoch


def test_auto_hands_over_to_xla(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    prefer_xla(monkeypatch, AT)
    small_blocks(monkeypatch, 4)

    def trained(engine: str) -> tuple[keras.Model, dict[str, Any], list[tuple[str, str]]]:
        model, chosen = sequential(), []
        asked = settings(epochs=4, engine=engine)
        history = fit(model, stream(ONE_INPUT), None, asked, (), chosen.append, choices=Choices(tmp_path))
        return model, history.history, [(event.engine, event.plan) for event in chosen]

    model, history, chosen = trained("auto")
    assert chosen == [("chunk", "auto@8"), ("chunk-xla", "chunk-xla@8")]
    for engine, begins in (("auto", "chunk-xla@8"), ("chunk-xla@8", "chunk-xla@8")):
        again, repeated, chosen = trained(engine)
        assert chosen == [("chunk", begins), ("chunk-xla", "chunk-xla@8")]
        assert repeated == history
        assert_same_bits(again, model)


def test_auto_measures_every_engine_on_what_is_at_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is read twice for it but the first batch, which says how rows look."""
    seen: list[tuple[int, int]] = []
    chosen: list[EngineChosen] = []
    monkeypatch.setattr("workbench.training.engines.measuring.LONG_RUN", 0.0)
    monkeypatch.setattr("workbench.training.engines.measuring.MEASURING", 0.01)
    watched = stream(ONE_INPUT, seen=lambda *position: seen.append(position))
    small_blocks(monkeypatch, 4)
    asked = settings(epochs=30, engine="measure")
    fit(sequential(), watched, None, asked, on_chosen=chosen.append)
    assert {"plain", "steps", "chunk"} <= set(chosen[0].candidates)
    assert seen[1:].count((0, 0)) == 1
    assert not chosen[0].differs


def test_the_device_trains_while_the_next_block_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a thread, one block ahead and no further, however long the device needs."""
    small_blocks(monkeypatch, 2)
    ahead: list[int] = []
    read, trained = [0], [0]

    def seen(epoch: int, start: int) -> None:
        if epoch == 1:
            assert threading.current_thread().name.startswith("kwb-blocks")
            read[0] = max(read[0], start // BATCH + 1)

    class Slow(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            self.epoch = epoch

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            if self.epoch == 1:
                time.sleep(0.05)
                trained[0] = batch + 1
                ahead.append(read[0] - trained[0])

    fit(sequential(), stream(ONE_INPUT, seen=seen), None, settings(engine="chunk"), [Slow()])
    assert trained == [STEPS]
    assert max(ahead) >= 2, "read while the device trains"
    assert max(ahead) <= 4, "the rest of the block that is trained on, and the next one"
    assert not [each for each in threading.enumerate() if each.name.startswith("kwb-blocks")]


def test_slow_reading_makes_short_blocks() -> None:
    """So that pause and stop do not wait for a long one."""

    def seen(epoch: int, start: int) -> None:
        time.sleep(0.06)

    many = Arrays(np.tile(LEFT, (4, 1)), np.tile(TARGET, (4, 1)))
    source = StreamSource(stream(many, many.rows, seen))
    assert source.steps == 23
    assert source.blocks.size == 23
    assert len(source.at_hand(0, 0)) < 6
    source.close()


@pytest.mark.parametrize("engine", ["auto", "steps", "chunk", "chunk-xla"])
def test_a_stream_shorter_than_it_says_is_reported_in_plain_words(engine: str) -> None:
    with pytest.raises(DataError, match="ended after 6 of 9 batches"):
        fit(sequential(), stream(ONE_INPUT, rows=140), None, settings(engine=engine))


@pytest.mark.parametrize("engine", ["steps", "chunk"])
def test_an_error_of_the_stream_is_raised_as_it_is(monkeypatch: pytest.MonkeyPatch, engine: str) -> None:
    small_blocks(monkeypatch, 2)

    def seen(epoch: int, start: int) -> None:
        if epoch == 1 and start >= 2 * BATCH:
            raise DataError("the disk is away")

    def later(ahead: int, epoch: int, start: int) -> None:
        seen(epoch + ahead, start)

    for failing in (
        lambda: fit(sequential(), stream(ONE_INPUT, seen=seen), None, settings(engine=engine)),
        lambda: evaluate(sequential(), stream(ONE_INPUT, seen=partial(later, 1)), engine=engine),
    ):
        with pytest.raises(DataError, match="the disk is away"):
            failing()


def test_the_test_part_is_evaluated_by_the_compiled_step_of_the_validation() -> None:
    kept = KeptTest()
    model = sequential()
    fit(model, stream(ONE_INPUT), stream(ONE_INPUT), settings(engine="chunk"), kept=kept)
    assert kept.chunk is not None
    few = part(ONE_INPUT, slice(0, 40))
    compiled = kept.chunk._function
    found = evaluate(model, stream(few, 40), engine="chunk", kept=kept)
    assert kept.chunk._function is compiled
    assert found["loss"] == pytest.approx(model.evaluate(few.x, few.y, verbose=0)[0], rel=1e-5)
