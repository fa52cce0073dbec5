"""The time of each part of a training's beginning."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path

import pytest

from workbench import events
from workbench.catalog.lookup import Catalog
from workbench.recipe.document import parse
from workbench.training.session import Session
from workbench.training.timing import Timing

TEXT = """\
kwb: 1
name: timed
data: {use: diabetes, scale: standard}
model: {sequential: [{use: MyDense, units: 4, activation: relu}, {use: Dense, units: 1}]}
train: {epochs: 20, loss: mse, engine: ENGINE}
"""


def test_a_part_that_is_done_twice_or_fails_counts_all_the_same() -> None:
    timing = Timing()
    with timing.of("trace"):
        time.sleep(0.02)
    with suppress(ZeroDivisionError), timing.of("trace"):
        time.sleep(0.02)
        raise ZeroDivisionError
    with timing.of("data"):
        pass
    assert timing.seconds("trace") >= 0.04
    assert timing.seconds("build chunk") == 0.0
    assert list(timing.as_record()) == ["trace", "data"]


@pytest.mark.parametrize(
    ("engine", "parts"),
    [
        ("chunk", {"metrics", "trace", "build chunk"}),
        ("plain", set()),
        ("auto", {"metrics", "trace", "build chunk"}),
    ],
)
def test_a_run_says_where_its_beginning_went(
    tmp_path: Path, catalog: Catalog, engine: str, parts: set[str]
) -> None:
    seen: list[events.Event] = []
    began = time.perf_counter()
    document = parse(TEXT.replace("ENGINE", engine), name="timed.yaml")
    Session(document, catalog, lambda event, _: seen.append(event), runs_folder=tmp_path).run()
    (chosen,) = [event for event in seen if isinstance(event, events.EngineChosen)]
    before = {"data", "number of threads", "model", "trying to save"}
    assert set(chosen.timing) - {"measure chunk"} == before | parts
    assert 0.0 < sum(chosen.timing.values()) < time.perf_counter() - began
    assert all(chosen.timing[part] > 0.0 for part in ("model", *parts - {"metrics"}))
