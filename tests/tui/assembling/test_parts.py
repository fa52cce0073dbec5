"""Parts of the assemble and data screens by themselves: search, what is kept of descriptions, rows after an edit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.coroutines import pytest_pyfunc_call
from workbench.catalog import Kind
from workbench.catalog.discovery import discover
from workbench.catalog.lookup import Catalog
from workbench.errors import WorkbenchError
from workbench.recipe import item_edits, model_edits
from workbench.recipe.editing import Editor
from workbench.tui.screens.assemble.examination import Examination
from workbench.tui.screens.data.preview import balance_lines
from workbench.tui.services.descriptions import Descriptions
from workbench.tui.widgets.catalog_panel import search

__all__ = ["pytest_pyfunc_call"]


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return Catalog(discover())


def test_search_puts_names_before_words(catalog: Catalog) -> None:
    layers = list(catalog.of_kind(Kind.LAYER))
    assert search(layers, "dense")[0].name == "Dense"
    assert [entry.name for entry in search(layers, "mydense")] == ["MyDense"]
    assert "MyDense" in [entry.name for entry in search(layers, "fully connected custom")]
    assert search(list(catalog.entries), "mse")[0].name == "MeanSquaredError"
    assert search(layers, "no such thing") == []
    assert search(layers, "") == layers


class Worker:
    """Answers like the child and counts."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    async def call(self, command: str, **arguments: Any) -> Any:
        self.asked.append(f"{command} {arguments['name']}")
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


async def test_descriptions_are_there_at_once_on_the_next_start(catalog: Catalog, tmp_path: Path) -> None:
    dense = catalog.find(Kind.LAYER, "Dense")
    shown = {"parameters": [{"name": "units"}], "documentation": "D"}
    worker = Worker(shown)
    first = Descriptions(worker.call, tmp_path)
    assert first.known(dense) is None
    assert await first.fetch(dense) == shown
    assert await first.fetch(dense) == shown
    assert worker.asked == ["describe kwb_keras.Dense"]
    newer = {"parameters": [], "documentation": "E"}
    second = Descriptions(Worker(newer).call, tmp_path)
    assert second.known(dense) == shown
    assert not second.is_fresh(dense)
    assert await second.fetch(dense) == newer
    assert Descriptions(worker.call, tmp_path).known(dense) == newer


async def test_a_spoilt_cache_is_no_error(catalog: Catalog, tmp_path: Path) -> None:
    dense = catalog.find(Kind.LAYER, "Dense")
    await Descriptions(Worker({"parameters": []}).call, tmp_path).fetch(dense)
    (file,) = tmp_path.iterdir()
    for text in ("{", "[]", json.dumps({"layer:kwb_keras.Dense": 3})):
        file.write_text(text)
        assert Descriptions(Worker().call, tmp_path).known(dense) is None


async def test_what_failed_is_not_asked_again(catalog: Catalog, tmp_path: Path) -> None:
    dense = catalog.find(Kind.LAYER, "Dense")
    worker = Worker(WorkbenchError("no"))
    descriptions = Descriptions(worker.call, tmp_path)
    for _ in range(2):
        with pytest.raises(WorkbenchError, match="no"):
            await descriptions.fetch(dense)
    assert len(worker.asked) == 1
    assert descriptions.is_fresh(dense)


def seen(*shapes: int, error: dict[str, str] | None = None) -> Examination:
    rows = [
        {
            "key": f"model.sequential[{i}]",
            "path": f"l{i}",
            "class": "X",
            "output_shape": [None, n],
            "parameters": n,
        }
        for i, n in enumerate(shapes)
    ]
    return Examination.of({"rows": rows, "error": error, "inputs": {"x": [3]}, "data": "9 rows"}, "r")


def test_shapes_go_with_their_rows() -> None:
    editor = Editor("model: {sequential: [A, B, C]}")
    before = editor.rows
    model_edits.add_layer(editor, 1, "New")
    moved = seen(10, 20, 30).carried(before, editor.rows)
    assert moved.parameters == {
        "model.sequential[0]": 10,
        "model.sequential[2]": 20,
        "model.sequential[3]": 30,
    }
    before = editor.rows
    # The same row, another argument: the old shape stays.
    item_edits.set_argument(editor, "model.sequential[2]", "units", 3)
    assert moved.carried(before, editor.rows).parameters == moved.parameters
    model_edits.delete(editor, "model.sequential[0]")
    assert "model.sequential[0]" not in moved.carried(before, editor.rows).parameters


def test_an_error_leaves_what_was_known_behind_it() -> None:
    error = {"what": "bad.", "where": "r:7: model.sequential[1]", "hint": ""}
    now = seen(11, error=error).after(seen(10, 20, 30))
    assert now.parameters == {"model.sequential[0]": 11, "model.sequential[1]": 20, "model.sequential[2]": 30}
    assert now.fresh == {"model.sequential[0]"}
    assert (now.error.key, now.error.line) == ("model.sequential[1]", 7)
    assert now.total is None


def test_balance_is_drawn() -> None:
    lines = balance_lines({"kind": {"a": (60, 20, 20), "a very long class name": (1, 0, 0)}}, 60)
    assert lines[0] == "kind: 2 classes"
    assert lines[1].startswith("  a                 99% ██████████████")
    assert lines[1].endswith("60 / 20 / 20")
    assert "a very long cla…   1% █" in lines[2]
    assert balance_lines({}, 60) == []
