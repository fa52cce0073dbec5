"""Trainings that wait for their turn, under test: real processes, which need their time."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.reruns import rerun_once


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    rerun_once(config, items, Path(__file__).parent)
