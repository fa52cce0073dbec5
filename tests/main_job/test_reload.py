"""The reload table: every built-in recipe in every format, reloaded in a fresh process.

Each cell: predictions equal to 1e-6, the evaluation equal, and two more epochs equal to two more epochs
without the detour through the file.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from .conftest import BUILT_IN
from .stages import FORMATS

pytestmark = pytest.mark.slow

Seen = dict[str, Any]


@pytest.fixture(scope="module")
def lives(tmp_path_factory: pytest.TempPathFactory) -> tuple[Seen, Seen]:
    """What the saving and the reloading process saw, by recipe."""
    folder = tmp_path_factory.mktemp("reload")
    for stage in ("save", "reload"):
        script = Path(__file__).with_name("stages.py")
        subprocess.run([sys.executable, script, stage, folder, *BUILT_IN], check=True, timeout=600)
    before, after = (json.loads((folder / f"{stage}.json").read_text()) for stage in ("save", "reload"))
    return before, after


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("name", BUILT_IN)
def test_a_reloaded_model_is_the_model(lives: tuple[Seen, Seen], name: str, suffix: str) -> None:
    before, after = lives[0][name], lives[1][name][suffix]
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
