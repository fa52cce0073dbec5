"""Readers are checked on the example files that their plugin ships."""

from __future__ import annotations

import re

import pytest

from tests.conftest import Kwb
from workbench.catalog.discovery import discover
from workbench.catalog.entries import Kind
from workbench.catalog.lookup import Catalog, example_file


def test_an_example_file_is_found_beside_the_code_of_its_plugin() -> None:
    entry = Catalog(discover()).find(Kind.DATASET, "arff")
    found = example_file(entry, "table.arff")
    assert found is not None
    assert found.read_text().splitlines()[-1] == "60,Bern,190000"
    assert example_file(entry, "nothing.arff") is None


@pytest.mark.slow
@pytest.mark.parametrize("name", ["arff", "csv"])
def test_a_reader_is_checked_on_it(name: str, kwb: Kwb) -> None:
    checked = kwb("check", name, timeout=300)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert re.search(r"\b2 passed\b", checked.stdout), checked.stdout
    assert "1 not applicable" in checked.stdout
