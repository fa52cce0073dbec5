"""`y` on a row of the recipe: its YAML, which can be put into another recipe."""

from __future__ import annotations

import pytest

from workbench.recipe.editing import Editor
from workbench.recipe.outline import rows_of
from workbench.recipe.yaml_text import yaml_value
from workbench.tui.screens.assemble.rows_list import row_text

RECIPE = """
kwb: 1
data: {use: diabetes}
model:
  sequential:
    - {use: Dense, units: 8, kernel_regularizer: {use: L2, l2: 0.01}}  # wide
    - Dropout
    - {use: Dense, units: 1}
train:
  epochs: 3
  optimizer: {use: Adam, learning_rate: 0.01}
  loss: mse
save: [saved/a.keras]
"""


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("model.sequential[0]", "- use: Dense\n  units: 8\n  kernel_regularizer:\n    use: L2\n    l2: 0.01"),
        ("model.sequential[1]", "- Dropout"),
        ("train.optimizer", "optimizer:\n  use: Adam\n  learning_rate: 0.01"),
        ("train.loss", "loss: mse"),
        ("train.metrics", ""),
        ("", ""),
    ],
)
def test_the_yaml_of_a_row(key: str, text: str) -> None:
    assert row_text(Editor(RECIPE, name="a"), key) == text


def test_every_row_that_is_written_can_be_read_again() -> None:
    editor = Editor(RECIPE, name="a")
    rows = [row for row in rows_of(editor.data) if row.written and row.key]
    assert len(rows) >= 6
    for row in rows:
        text = row_text(editor, row.key)
        value = yaml_value(text)
        assert value, row
        got = value[0] if isinstance(value, list) else next(iter(value.values()))
        assert got == editor.get(row.key)
