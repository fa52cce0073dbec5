"""How errors name a file: once, as it would be typed here."""

from __future__ import annotations

from pathlib import Path

import pytest

from workbench.errors import near, without_path


def test_a_path_is_shown_from_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert near(tmp_path / "a" / "x.csv") == str(Path("a/x.csv"))
    assert near("/elsewhere/x.csv") == "/elsewhere/x.csv"
    assert near(f"{tmp_path}2/x.csv") == f"{tmp_path}2/x.csv"
    assert near(tmp_path) == str(tmp_path)


def test_a_message_about_a_file_does_not_name_it_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = Path("saved/x.keras")
    with pytest.raises(OSError, match="No such file") as missing:
        path.open()
    assert without_path(missing.value, path) == "No such file or directory"
    assert without_path(missing.value, "other.keras") == str(missing.value)
    said = f"unable to open 'saved/x.keras' ({tmp_path / path}), or saved/x.keras.old, or other/saved/x.keras"
    assert (
        without_path(said, path)
        == "unable to open the file (the file), or saved/x.keras.old, or other/saved/x.keras"
    )
