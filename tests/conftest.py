"""Fixtures for all tests: the built-in catalog, third-party distributions really installed, the `kwb` command."""

from __future__ import annotations

import gc
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests import loaded_kwb
from tests.order import longest_first
from workbench.catalog.discovery import discover
from workbench.catalog.lookup import Catalog

SOURCES = Path(__file__).parent / "third_party"

# As in what users run: without bytecode every process that a test starts compiles all modules of kwb anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

Kwb = Callable[..., "subprocess.CompletedProcess[str]"]
Install = Callable[[str], Path]


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    longest_first(items, Path(__file__).parent)
    if os.environ.get("KWB_WHOLE"):  # they may take as long as they like
        for item in items:
            item.add_marker(pytest.mark.timeout(0))


def pytest_collection_finish() -> None:
    """Let the collector leave alone what the tests have imported, as `import_keras` does in the product.

    It all stays until the end, and Keras has the collector look through everything for each model that is made.
    """
    gc.collect()
    gc.freeze()


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """The same for what the tests of a file have left behind: functions that TensorFlow keeps, above all."""
    if nextitem is not None and nextitem.path != item.path:
        gc.collect()
        gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def own_state(tmp_path_factory: pytest.TempPathFactory) -> None:
    """No test reads or writes what kwb keeps for whoever runs them."""
    os.environ["KWB_STATE_DIR"] = str(tmp_path_factory.mktemp("state"))


@pytest.fixture(scope="session")
def catalog() -> Catalog:
    """What the distribution kwb itself offers."""
    return Catalog(tuple(plugin for plugin in discover() if plugin.distribution == "kwb"))


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Install:
    """`installed("acme-layers")` is a folder to put on PYTHONPATH: that distribution, installed by pip."""
    folders: dict[str, Path] = {}

    def install(name: str) -> Path:
        if name not in folders:
            # From a copy: a build leaves files beside its sources.
            source = shutil.copytree(SOURCES / name, tmp_path_factory.mktemp("source") / name)
            target = tmp_path_factory.mktemp("site") / name
            options = ["--no-deps", "--no-build-isolation", "--no-index", "--no-compile", "--quiet"]
            command = [sys.executable, "-m", "pip", "install", *options, "--target", str(target), str(source)]
            done = subprocess.run(command, capture_output=True, text=True, timeout=120)
            assert done.returncode == 0, done.stderr
            folders[name] = target
        return folders[name]

    return install


@pytest.fixture(scope="session")
def kwb() -> Kwb:
    """Runs `kwb ARGUMENTS` in a process of its own (see `tests.loaded_kwb`); `path` are folders that plugins lie in."""

    def run(
        *arguments: str, path: Sequence[Path] = (), cwd: Path | None = None, timeout: float = 120.0
    ) -> subprocess.CompletedProcess[str]:
        kept = os.environ.get("PYTHONPATH", "")
        folders = os.pathsep.join([*map(str, path), *([kept] if kept else [])])
        return loaded_kwb.run(arguments, cwd, os.environ | {"PYTHONPATH": folders, "TERM": "dumb"}, timeout)

    return run
