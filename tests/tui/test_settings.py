"""The settings file: what it may say, and that an error in it keeps nobody from their work."""

from __future__ import annotations

from pathlib import Path

import pytest

from workbench.tui.settings import Settings, read_settings, settings_file


def read(tmp_path: Path, text: str) -> tuple[Settings, list[str]]:
    path = tmp_path / "settings.yaml"
    path.write_text(text)
    settings, errors = read_settings(path)
    return settings, [str(error).removeprefix(f"{path}") for error in errors]


def test_without_a_file_the_defaults_hold(tmp_path: Path) -> None:
    assert read_settings(tmp_path / "none.yaml") == (Settings(), [])
    assert read(tmp_path, "# nothing yet\n") == (Settings(), [])


def test_everything_that_can_be_set(tmp_path: Path) -> None:
    settings, errors = read(
        tmp_path,
        "theme: kwb-safe\nanimations: false\nmouse: false\nruns: /data/runs\n"
        "plugins: [~/gate.py]\nkeymap: {app.help: f9, chart.zoom-in: [z, plus]}\n",
    )
    assert errors == []
    assert settings == Settings(
        theme="kwb-safe",
        animations=False,
        mouse=False,
        runs=Path("/data/runs"),
        plugins=(Path.home() / "gate.py",),
        keymap={"app.help": "f9", "chart.zoom-in": "z,plus"},
    )


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("them: kwb-safe\ntheme: nord", "there is no setting 'them'. Did you mean 'theme'?"),
        ("animations: maybe\ntheme: nord", "'animations' is true or false, not 'maybe'."),
        ("keymap: [f1]\ntheme: nord", "'keymap' is a map from binding ids to keys"),
        ("plugins: 3\ntheme: nord", "'plugins' is a list of files."),
    ],
)
def test_an_error_is_reported_and_the_rest_holds(tmp_path: Path, text: str, shown: str) -> None:
    settings, errors = read(tmp_path, text)
    assert settings.theme == "nord"
    assert len(errors) == 1
    assert shown in errors[0]


@pytest.mark.parametrize("text", ["theme: [", "- a\n- b", "\x00", "a: b: c"])
def test_a_file_that_is_no_settings_is_reported(tmp_path: Path, text: str) -> None:
    settings, errors = read(tmp_path, text)
    assert settings == Settings()
    assert len(errors) == 1


def test_a_file_that_is_not_text_is_reported(tmp_path: Path) -> None:
    (tmp_path / "settings.yaml").write_bytes(b"\xff\xfe\x00")
    settings, errors = read_settings(tmp_path / "settings.yaml")
    assert settings == Settings()
    assert "cannot be read" in str(errors[0])


def test_the_folder_can_be_reported(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("KWB_CONFIG_DIR", str(tmp_path))
    assert settings_file() == tmp_path / "settings.yaml"
