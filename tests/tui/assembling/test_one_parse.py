"""From one edited argument to its new shape the app parses the recipe once: counted in the YAML library itself."""

from __future__ import annotations

from pathlib import Path

import pytest
from ruamel.yaml import YAML

from tests.tui.assembling.conftest import checked, typed
from tests.tui.conftest import OpenApp

pytestmark = pytest.mark.slow

RECIPE = """\
kwb: 1
data: {use: diabetes}
model:
  sequential:
    - {use: Dense, units: 3}  # narrow
    - {use: Dense, units: 1}
train: {epochs: 2, loss: mse}
"""


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The recipe texts that the YAML library has begun to read, in order, whoever asked it."""
    texts: list[str] = []
    parser_for = YAML.get_constructor_parser

    def counted(self: YAML, stream: object) -> object:
        if isinstance(stream, str) and "kwb:" in stream:
            texts.append(stream)
        return parser_for(self, stream)

    monkeypatch.setattr(YAML, "get_constructor_parser", counted)
    return texts


async def test_an_edited_argument_is_parsed_once(
    open_app: OpenApp, working_directory: Path, parsed: list[str]
) -> None:
    (working_directory / "mine.yaml").write_text(RECIPE)
    async with open_app(recipe="mine.yaml") as pilot:
        app = pilot.app
        screen = await checked(pilot)
        assert screen.examination.shapes["model.sequential[0]"] == [None, 3]
        assert parsed.count(RECIPE) == 1  # opening it, too
        await typed(pilot, "home", "down", "enter")
        assert app.focused.parent.parent.field.name == "units"
        parsed.clear()
        await typed(pilot, "'7'")
        screen = await checked(pilot)
        assert screen.examination.shapes["model.sequential[0]"] == [None, 7]
        assert parsed == [app.editor.text] == [RECIPE.replace("units: 3", "units: 7")]
