"""The user's settings: a YAML file that the app reads and never writes, so its comments are safe.

    theme: kwb-safe            # what `ctrl+p`, Theme lists
    animations: false
    plugins: [~/layers/gate.py]
    keymap:                    # binding ids as the help (F1) shows them
      app.start-training: f9
      chart.zoom-in: z,plus

An error in the file is reported and the rest of it is used: a typing error in a settings file must not keep anyone from
their work.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from os.path import expanduser
from pathlib import Path
from typing import Any

import platformdirs

from workbench.errors import WorkbenchError, did_you_mean

FILE_NAME = "settings.yaml"


@dataclass(frozen=True)
class Settings:
    """The user's settings.

    Attributes:
        theme: a theme's name; empty: the one last chosen in the app, or else `kwb-dark`.
        animations: whether anything slides, fades or blinks.
        mouse: False leaves the mouse to the terminal, whose own selection then works as ever.
        keymap: from a binding's id to its keys, separated by commas.
        plugins: single files of layers and models, as with `--plugin`.
        runs: where run folders are, relative to the current folder.
    """

    theme: str = ""
    animations: bool = True
    mouse: bool = True
    keymap: Mapping[str, str] = field(default_factory=dict)
    plugins: tuple[Path, ...] = ()
    runs: Path = Path("saved/runs")


def settings_file() -> Path:
    """The folder of the settings: `$KWB_CONFIG_DIR`, or the platform's folder for settings."""
    folder = os.environ.get("KWB_CONFIG_DIR") or platformdirs.user_config_dir("kwb", appauthor=False)
    return Path(folder) / FILE_NAME


def read_settings(path: Path) -> tuple[Settings, list[WorkbenchError]]:
    """The settings, and what is wrong with the file. Without a file, the defaults."""
    try:
        text = path.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return Settings(), []
    except (OSError, UnicodeDecodeError) as error:
        return Settings(), [WorkbenchError(f"the settings cannot be read: {error}.", where=str(path))]
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        data = YAML(typ="safe").load(text)
    except YAMLError as error:
        line = getattr(getattr(error, "problem_mark", None), "line", None)
        place = str(path) if line is None else f"{path}:{line + 1}"
        return Settings(), [WorkbenchError("the settings are not valid YAML.", where=place)]
    if data is None:
        return Settings(), []
    if not isinstance(data, dict):
        hint = "As in `theme: kwb-dark`, a line each."
        return Settings(), [WorkbenchError("the settings are no map.", where=str(path), hint=hint)]
    return _settings_from(data, path)


def _settings_from(data: Mapping[Any, Any], path: Path) -> tuple[Settings, list[WorkbenchError]]:
    known = [one.name for one in fields(Settings)]
    values: dict[str, Any] = {}
    errors: list[WorkbenchError] = []
    for key, value in data.items():
        if key not in known:
            hint = did_you_mean(str(key), known) or f"There are: {', '.join(known)}."
            errors.append(WorkbenchError(f"there is no setting '{key}'.", where=str(path), hint=hint))
            continue
        try:
            values[key] = _READERS[key](value)
        except ValueError as error:
            errors.append(WorkbenchError(f"'{key}' {error}.", where=str(path)))
    return Settings(**values), errors


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"is a text, not {value!r}")
    return value


def _switch(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"is true or false, not {value!r}")
    return value


def _keymap(value: Any) -> dict[str, str]:
    if not isinstance(value, dict):
        raise ValueError("is a map from binding ids to keys, as in `app.start-training: f9`")
    return {
        str(name): ",".join(map(str, keys)) if isinstance(keys, list) else str(keys)
        for name, keys in value.items()
    }


def _files(value: Any) -> tuple[Path, ...]:
    items = [value] if isinstance(value, str) else value
    if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
        raise ValueError("is a list of files")
    return tuple(Path(expanduser(item)) for item in items)


_READERS: dict[str, Any] = {
    "theme": _text,
    "animations": _switch,
    "mouse": _switch,
    "keymap": _keymap,
    "plugins": _files,
    "runs": lambda value: Path(expanduser(_text(value))),
}
