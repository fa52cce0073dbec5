"""The page that `kwb inspect` prints."""

from __future__ import annotations

import pytest

from workbench.cli.rendering import inspection_lines


@pytest.mark.parametrize(
    ("rate", "shown"),
    [
        (0.0010000000474974513, "trained  with Adam, learning rate 0.001"),
        ({"class_name": "CosineDecay", "config": {}}, "trained  with Adam, learning rate CosineDecay"),
        (None, "trained  with Adam"),
    ],
)
def test_the_optimizer_is_reported_in_one_line(rate: object, shown: str) -> None:
    optimizer = {"class": "Adam", "registered": "", "config": {"learning_rate": rate, "beta_1": 0.9}}
    page = {"format": ".keras", "weights": [], "parameters": 0, "optimizer": optimizer}
    assert shown in inspection_lines(page, "m.keras")
