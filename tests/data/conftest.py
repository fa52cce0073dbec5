"""Data from real files and real plugins: nothing here stands in for what is tested."""

import importlib
import itertools
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from workbench.catalog.discovery import Plugin, PluginState, discover
from workbench.catalog.entries import Entry, Kind
from workbench.catalog.lookup import Catalog
from workbench.data import Prepared, load
from workbench.recipe.schema import Data

FILES = Path(__file__).parent / "files"
_numbers = itertools.count()


@pytest.fixture(scope="session")
def catalog() -> Catalog:
    """What is installed."""
    return Catalog(discover())


@pytest.fixture
def penguins() -> Path:
    return FILES / "penguins.csv"


@pytest.fixture
def prepare(catalog: Catalog, tmp_path: Path) -> Callable[..., Prepared]:
    """Load a data section, from a table given as text or from whatever the section names."""

    def prepare(table: str | None = None, *, seed: int = 0, **section: object) -> Prepared:
        if table is not None:
            (tmp_path / "table.csv").write_text(table)
            section = {"use": "csv", "path": "table.csv", **section}
        return load(Data.model_validate(section), catalog, folder=tmp_path, seed=seed)

    return prepare


@pytest.fixture
def stranger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Catalog]:
    """A catalog with one dataset, `theirs`, from a stranger's module whose code is given."""

    def stranger(code: str) -> Catalog:
        name = f"stranger_{next(_numbers)}"
        (tmp_path / f"{name}.py").write_text(code)
        monkeypatch.syspath_prepend(tmp_path)
        importlib.invalidate_caches()
        entry = Entry(Kind.DATASET, "theirs", f"{name}:theirs", plugin="acme", distribution="acme-data")
        plugin = Plugin("acme", "acme-data", "1.0", PluginState.LOADED, entries=(entry,))
        request = Catalog((*discover(), plugin))
        return request

    yield stranger
    for name in [name for name in sys.modules if name.startswith("stranger_")]:
        del sys.modules[name]
