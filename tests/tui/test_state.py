"""What is kept between starts, and that losing it is never an error."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from workbench.tui.settings import read_settings
from workbench.tui.state import AppState


def test_keeps_values_by_name(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "state.json"
    state = AppState(path)
    state.update({"train.log-scale": True, "mode": "runs", "smoothing": 1, "marked": ["a", "b"]})
    state.save()
    again = AppState(path)
    assert again.get("train.log-scale", False) is True
    assert again.get("mode", "") == "runs"
    assert again.get("smoothing", 0.5) == 1
    assert again.get("marked", []) == ["a", "b"]
    assert again.get("other", "none") == "none"
    assert list(path.parent.iterdir()) == [path]


def test_a_value_of_another_type_is_not_used(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    path.write_text('{"mode": 7, "log": "yes", "smoothing": true}')
    state = AppState(path)
    assert state.get("mode", "recipes") == "recipes"
    assert state.get("log", False) is False
    assert state.get("smoothing", 0.6) == 0.6
    assert state.get("smoothing", 3) == 3


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"\xff\xfe", b"null"])
def test_an_unreadable_file_is_an_empty_one(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "state.json"
    path.write_bytes(content)
    state = AppState(path)
    assert state.get("mode", "recipes") == "recipes"
    state.set("mode", "runs")
    state.save()
    assert AppState(path).get("mode", "") == "runs"


def test_a_folder_that_cannot_be_written_keeps_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    state = AppState(tmp_path / "file" / "state.json")
    state.set("mode", "runs")
    state.save()
    assert state.get("mode", "") == "runs"


def test_what_cannot_be_json_does_not_spoil_the_file(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    state = AppState(path)
    state.set("mode", "runs")
    state.save()
    state.set("bad", object())
    state.save()
    assert AppState(path).get("mode", "") == "runs"
    assert os.listdir(tmp_path) == ["state.json"]


def test_nothing_is_written_where_nothing_changed(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    AppState(path).save()
    assert not path.exists()
    AppState(None).save()


def test_two_apps_do_not_take_each_others_values_back(tmp_path: Path) -> None:
    first, second = AppState(tmp_path / "state.json"), AppState(tmp_path / "state.json")
    first.set("theme", "kwb-safe")
    first.save()
    second.set("mode", "runs")
    second.save()
    found = AppState(tmp_path / "state.json")
    assert (found.get("theme", ""), found.get("mode", "")) == ("kwb-safe", "runs")


async def test_what_an_older_version_kept_is_taken_over(open_app, tmp_path: Path) -> None:
    older = Path(__file__).parents[1] / "older"
    settings, errors = read_settings(older / "settings.yaml")
    assert errors == []
    assert settings.runs == Path("experiments/runs")
    state = AppState(Path(shutil.copy(older / "state.json", tmp_path)))
    async with open_app(state=state) as pilot:
        assert pilot.app.theme == "kwb-light"
        await pilot.press("y")
        assert pilot.app.clipboard == "residual-regressor"  # the recipe that was chosen
    async with open_app(state=state, settings=settings) as pilot:
        assert pilot.app.theme == "kwb-safe"  # the settings go before what was chosen last
        assert pilot.app.screen.active_bindings["f9"].binding.id == "app.start-training"
