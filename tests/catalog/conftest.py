"""Plugins made of real files: a module and the dist-info folder that installing it would leave."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

HEADER = "from workbench.catalog import hookimpl\nKWB_API = 1\n"

Distribution = Callable[..., Path]


@pytest.fixture
def distribution(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Distribution]:
    """`distribution(name, {module: source}, {entry point: module})` installs one on `sys.path`."""
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(str(site))
    modules = set(sys.modules)

    def install(name: str, files: dict[str, str], points: dict[str, str], version: str = "1.0") -> Path:
        for path, source in files.items():
            (site / path).parent.mkdir(parents=True, exist_ok=True)
            (site / path).write_text(source)
        info = site / f"{name.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        lines = [f"{point} = {module}" for point, module in points.items()]
        (info / "entry_points.txt").write_text("\n".join(["[kwb]", *lines]) + "\n")
        return site

    yield install
    ours = [
        m for m in set(sys.modules) - modules if str(site) in str(getattr(sys.modules[m], "__file__", ""))
    ]
    for module in ours:
        del sys.modules[module]
    if keras := sys.modules.get("keras"):  # its registry would outlive the test
        registered = keras.saving.get_custom_objects()
        for name in [name for name, cls in registered.items() if cls.__module__ in ours]:
            del registered[name]


@pytest.fixture
def plugin(distribution: Distribution) -> Callable[..., None]:
    """`plugin(name, hooks)` installs a distribution `<name>-dist` with one plugin; `hooks` is its source."""

    def install(name: str, hooks: str, *, header: str = HEADER, **files: str) -> None:
        sources = {f"{path}.py": source for path, source in files.items()}
        distribution(
            f"{name}-dist", {f"{name}_plugin.py": header + hooks, **sources}, {name: f"{name}_plugin"}
        )

    return install


def offering(kind: str, *calls: str) -> str:
    """The source of a hook that makes these calls of `registry.add`."""
    lines = "".join(f"    registry.add({call})\n" for call in calls)
    return f"@hookimpl\ndef kwb_register_{kind}(registry):\n{lines}"


@pytest.fixture(name="offering")
def offering_fixture() -> Callable[..., str]:
    return offering
