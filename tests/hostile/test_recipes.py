"""Recipes, notes of runs and settings that are made to do harm: one sentence, and no more than a moment."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.hostile.files import NASTY, SHOWN
from workbench import events
from workbench.errors import RecipeError, WorkbenchError
from workbench.recipe.document import MAX_BYTES, parse, read
from workbench.tui.settings import read_settings

BOMB = "a: &a [1, 1]\n" + "".join(
    f"b{level}: &b{level} [{', '.join(['*' + ('a' if level == 0 else f'b{level - 1}')] * 9)}]\n"
    for level in range(12)
)

WRONG = {
    "aliases of aliases": BOMB,
    "a list in itself": "a: &a [*a]",
    "a map in itself": "a: &a\n  <<: *a\n",
    "merged from a number": "a: {<<: 5}",
    "merged from itself and a number": "a: &a {x: 1}\nb: {<<: [*a, 5]}",
    "nested lists": "a: " + "[" * 300 + "]" * 300,
    "nested maps": "a: " + "{a: " * 3000 + "1" + "}" * 3000,
    "many values": "a: [" + "1," * 10_000 + "1]",
    "an integer of 5000 digits": "a: " + "9" * 5000,
    "an ordered map of a number": "a: !!omap 5",
    "a set of a list": "a: !!set [1]",
    "a truth of a letter": "a: !!bool x",
    "a number of a letter": "a: !!int x",
    "a float of a letter": "a: !!float x",
    "a day that is none": "a: 2001-99-99",
    "a time of a letter": "a: !!timestamp x",
    "bytes that are none": "a: !!binary '*'",
    "an object of Python": "a: !!python/object/apply:os.system [id]",
    "a class of Python": "!!python/name:os.system",
    "a key that is a map": "? {a: 1}\n: 2",
    "an alias of nothing": "*x",
    "a NUL": "a: \0",
    "an escape": f"a: {NASTY}",
    "half a surrogate": "a: \ud800",
    "two documents": "a: 1\n---\nb: 2",
    "another YAML": "%YAML 9.9\n---\na: 1",
    "keys of every kind": "1: 2\n.nan: 3\n.inf: 4\nnull: 5\ntrue: 6",
    "a tab": "a:\n\tb: 1",
    "nothing but a mark": "\ufeff",
}


@pytest.mark.parametrize("name", WRONG)
def test_a_recipe_is_refused_in_a_sentence(name: str) -> None:
    with pytest.raises(RecipeError) as error:
        parse(WRONG[name], name="r.yaml")
    message = str(error.value)
    assert message.startswith("r.yaml")
    assert message.isprintable()
    assert len(message) < 500


@pytest.mark.parametrize(
    "content",
    [b"\xff\xfe", b"\x80", "kwb: 1".encode("utf-16"), b"a: 1\n" * MAX_BYTES, bytes(100)],
    ids=["mark", "no UTF-8", "UTF-16", "large", "zeros"],
)
def test_a_recipe_file_is_refused_in_a_sentence(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "r.yaml").write_bytes(content)
    with pytest.raises(RecipeError):
        read(tmp_path / "r.yaml")


def test_a_value_on_the_command_line_is_read_or_taken_as_text() -> None:
    from workbench.recipe.yaml_text import yaml_value

    assert yaml_value("!!omap 5") == "!!omap 5"
    assert yaml_value("[1, a]") == [1, "a"]


def test_a_name_is_shown_as_it_is_written() -> None:
    with pytest.raises(RecipeError) as error:
        parse(f"kwb: 1\n{json.dumps(NASTY)}: 1\n", name=NASTY)
    assert SHOWN in str(error.value)


@pytest.mark.parametrize(
    "record",
    [
        {"event": ["epoch"]},
        {"event": {"a": 1}},
        {"event": "epoch", "epoch": "one", "epochs": 2, "logs": {}, "seconds": 1, "steps_per_second": 1},
        {"event": "epoch", "epoch": 1, "epochs": 2, "logs": [], "seconds": 1, "steps_per_second": 1},
        {"event": "epoch", "epoch": 1, "epochs": 2, "logs": {}, "seconds": "long", "steps_per_second": 1},
        {"event": "message", "level": 7, "text": "x"},
        {"event": "message", "level": "info", "text": ["x"]},
        {"event": "finished", "status": "done", "logs": {}, "evaluation": {}, "seconds": 1, "time": [1]},
        {"event": "message"},
        [],
        7,
    ],
)
def test_a_record_of_a_run_that_is_none_is_left_out(record: object) -> None:
    with pytest.raises(ValueError, match=r"record|event"):
        events.from_json(json.dumps(record))


def test_a_record_nested_too_deeply_is_left_out() -> None:
    with pytest.raises(ValueError, match="nested"):
        events.from_json('{"event": ' + "[" * 200_000 + "]" * 200_000 + "}")


def test_numbers_that_json_cannot_say_come_back() -> None:
    event = events.Epoch(1, 2, {"loss": float("nan")}, 0.5, float("inf"), 0.001)
    found = events.from_json(events.to_json(event, "r", 1.0))
    assert found is not None
    assert isinstance(found[0], events.Epoch)
    assert found[0].steps_per_second == float("inf")


PATHS = [
    "~nobody-of-that-name/x",
    "a\0b",
    "\ud800",
    "\udcff.csv",
    "x" * 5000,
    "/dev/null/x",
    "",
    ".",
    "/dev/zero",
    NASTY,
]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("use", ["csv", "npz", "parquet"])
def test_a_path_that_is_none_is_refused_in_a_sentence(path: str, use: str, tmp_path: Path) -> None:
    from tests.hostile.harness import catalog
    from workbench.data import loading
    from workbench.recipe.schema import Data

    data = Data.model_validate({"use": use, "path": path, "targets": ["y"]})
    with pytest.raises(WorkbenchError):
        loading.load(data, catalog(), folder=tmp_path, seed=0)


@pytest.mark.parametrize("path", PATHS)
def test_a_recipe_of_such_a_name_is_refused_in_a_sentence(path: str) -> None:
    from tests.hostile.harness import catalog
    from workbench.recipe.lookup import open_recipe

    with pytest.raises(WorkbenchError):
        open_recipe(path, catalog())


def test_settings_may_name_a_home_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "settings.yaml").write_text(
        "plugins: [~nobody-of-that-name/x.py]\nruns: ~nobody-of-that-name/runs\n"
    )
    settings, errors = read_settings(tmp_path / "settings.yaml")
    assert not errors
    assert settings.runs == Path("~nobody-of-that-name/runs")
