"""How the assemble and data screens look: empty, with a model, with an error, with long names, narrow."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from tests.tui.assembling.conftest import checked, typed
from tests.tui.conftest import LooksAsBefore

SIZES = [(80, 24), (120, 40)]

LONG = """\
kwb: 1
name: a-name-that-is-much-longer-than-any-column-has-room-for
data: {use: diabetes}
model:
  inputs: {features: [10]}
  layers:
    a_shared_layer_with_a_name_that_goes_on_and_on: {use: MyDense, units: 10}
  graph:
    - the_first_tensor_of_several_with_long_names = a_shared_layer_with_a_name_that_goes_on_and_on(features)
    - the_first_tensor_of_several_with_long_names = a_shared_layer_with_a_name_that_goes_on_and_on(the_first_tensor_of_several_with_long_names)
    - 漢字 = Dense(1, activation="linear")(the_first_tensor_of_several_with_long_names)
  outputs: [漢字]
train: {loss: mse}
"""  # noqa: E501

Before = Callable[[Pilot[Any]], Awaitable[None]]


def after(*keys: str) -> Before:
    """Press keys, each once the worker has answered what the one before asked."""

    async def run(pilot: Pilot[Any]) -> None:
        await checked(pilot)
        for key in keys:
            await typed(pilot, key)
            await checked(pilot)
        await pilot.app.worker.close()  # the picture is taken after the app; nobody else would end the child

    return run


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("mode", ["assemble", "data"])
def test_empty(looks_as_before: LooksAsBefore, size: tuple[int, int], mode: str) -> None:
    assert looks_as_before(size=size, mode=mode)


@pytest.mark.slow
@pytest.mark.parametrize("size", [*SIZES, (160, 48), (60, 20)])
def test_a_graph(looks_as_before: LooksAsBefore, size: tuple[int, int]) -> None:
    keys = ("down", "down", "down", "down")
    assert looks_as_before(size=size, recipe="multi-inputs", before=after(*keys))


@pytest.mark.slow
@pytest.mark.parametrize("size", SIZES)
def test_an_error(looks_as_before: LooksAsBefore, size: tuple[int, int]) -> None:
    keys = ("home", "down", "a", "'mymulti'", "enter", "escape")
    assert looks_as_before(size=size, recipe="custom-stack", before=after(*keys))


@pytest.mark.slow
@pytest.mark.parametrize("size", SIZES)
def test_long_names(looks_as_before: LooksAsBefore, working_directory: Path, size: tuple[int, int]) -> None:
    (working_directory / "long.yaml").write_text(LONG)
    assert looks_as_before(size=size, recipe="long.yaml", before=after("home", "down", "down"))


@pytest.mark.slow
@pytest.mark.parametrize("size", SIZES)
def test_the_catalog(looks_as_before: LooksAsBefore, size: tuple[int, int]) -> None:
    assert looks_as_before(size=size, recipe="custom-stack", before=after("home", "down", "a", "'noise'"))


@pytest.mark.slow
@pytest.mark.parametrize("size", SIZES)
def test_the_picture(looks_as_before: LooksAsBefore, size: tuple[int, int]) -> None:
    assert looks_as_before(size=size, recipe="residual-regressor", before=after("p", "down", "down"))


@pytest.mark.slow
@pytest.mark.parametrize("size", SIZES)
def test_data(looks_as_before: LooksAsBefore, size: tuple[int, int]) -> None:
    recipe = "digits" if size[0] < 100 else "multi-inputs"
    assert looks_as_before(size=size, recipe=recipe, before=after("3", "home", "down"))
