"""The reload table: every built-in recipe in every format, reloaded in a fresh process.

Each cell: predictions equal to 1e-6, the evaluation equal, and two more epochs equal to two more epochs
without the detour through the file.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from .conftest import BUILT_IN
from .stages import FORMATS

pytestmark = pytest.mark.slow

Seen = dict[str, Any]


@pytest.fixture(scope="module")
def lives(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tuple[Seen, Seen]]:
    """What the saving and the reloading process saw, for each recipe once."""
    made: dict[str, tuple[Seen, Seen]] = {}

    def live(name: str) -> tuple[Seen, Seen]:
        if name not in made:
            folder = tmp_path_factory.mktemp(name)
            for stage in ("save", "reload"):
                script = Path(__file__).with_name("stages.py")
                subprocess.run([sys.executable, script, stage, name, folder], check=True, timeout=240)
            made[name] = tuple(json.loads((folder / f"{s}.json").read_text()) for s in ("save", "reload"))  # type: ignore[assignment]
        return made[name]

    return live


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("name", BUILT_IN)
def test_a_reloaded_model_is_the_model(
    lives: Callable[[str], tuple[Seen, Seen]], name: str, suffix: str
) -> None:
    before, reloaded = lives(name)
    after = reloaded[suffix]
    for moment in ("saved", "later"):
        np.testing.assert_allclose(
            after[moment]["predictions"], before[moment]["predictions"], atol=1e-6, rtol=1e-6
        )
        assert after[moment]["evaluation"] == pytest.approx(before[moment]["evaluation"], rel=1e-6)
    assert after["later"]["history"].keys() == before["later"]["history"].keys()
    for log, values in before["later"]["history"].items():
        assert after["later"]["history"][log] == pytest.approx(values, rel=1e-6), log
    assert before["later"]["predictions"] != before["saved"]["predictions"], (
        "two more epochs must have moved the model"
    )
