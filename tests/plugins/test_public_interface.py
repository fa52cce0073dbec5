"""`workbench.plugin`, the public interface: what it holds, how light it is, and that our own plugins use it alone."""

from __future__ import annotations

import ast
import importlib
import inspect
import json
import subprocess
import sys
from pathlib import Path

import pytest

from workbench import plugin
from workbench.catalog import hookspecs
from workbench.catalog.entries import Registry

ROOT = Path(__file__).parents[2]

# Interface 1. To take a name away, or an argument, is to raise KWB_API: see plugins/README.md, "What stays as it is".
NAMES = {
    *("KWB_API", "hookimpl", "Registry", "Entry", "Kind"),
    *("Source", "StreamedSource", "Chunks", "ChunkReader", "Columns", "ColumnKinds"),
    *("Streaming", "should_stream", "data_file", "Marks", "found_marks"),
    *("numpy_columns", "table_source", "joined", "WorkingCopy", "Workfile"),
    *("WorkbenchError", "DataError", "FileError", "RecipeError", "TrainingError"),
    *("did_you_mean", "near", "without_path"),
    *("parametrize_checks", "EntryCheck"),
}
ARGUMENTS = [
    *("name", "target", "summary", "tags", "inputs", "outputs", "example", "aliases", "saved_as"),
    *("input_shapes", "expected_failures"),
]
KINDS = [
    *("layers", "models", "datasets", "losses", "metrics", "optimizers", "schedules", "callbacks"),
    *("initializers", "regularizers", "constraints", "recipes"),
]


def test_the_interface_holds_all_that_its_version_promises():
    assert plugin.KWB_API == 1
    assert set(plugin.__all__) >= NAMES
    assert [name for name in plugin.__all__ if getattr(plugin, name, None) is None] == []
    assert [name for name in inspect.signature(Registry.add).parameters if name in ARGUMENTS] == ARGUMENTS
    assert {name for name in vars(hookspecs) if name.startswith("kwb_register_")} >= {
        f"kwb_register_{kind}" for kind in KINDS
    }


@pytest.mark.parametrize(
    ("module", "names"),
    [
        ("workbench.catalog", ["hookimpl"]),
        ("workbench.catalog.entries", ["Registry", "Entry", "Kind"]),
        ("workbench.data.source", ["Source", "Columns"]),
        ("workbench.data", ["Source"]),
        ("workbench.data.chunks", ["StreamedSource", "Chunks", "ChunkReader"]),
        ("workbench.data.kinds", ["ColumnKinds"]),
        ("workbench.errors", ["WorkbenchError", "DataError", "FileError", "RecipeError"]),
        ("workbench.check.pytest_helpers", ["parametrize_checks"]),
    ],
)
def test_imports_of_earlier_versions_are_the_same_things(module, names):
    old = importlib.import_module(module)
    for name in names:
        assert getattr(old, name) is getattr(plugin, name)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(ImportError, match="Sauce"):
        exec("from workbench.plugin import Sauce", {})


def test_it_is_light_until_something_heavy_is_used():
    code = (
        "import json, sys\n"
        "from workbench.plugin import KWB_API, DataError, Registry, hookimpl\n"
        "light = sorted(sys.modules)\n"
        "from workbench.plugin import Source, parametrize_checks\n"
        "print(json.dumps([light, sorted(sys.modules)]))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    before, after = map(set, json.loads(done.stdout))
    assert not before & {"numpy", "pytest", "pydantic", "keras", "tensorflow", "textual", "click"}
    assert after >= {"numpy", "pytest"}
    assert not after & {"keras", "tensorflow"}


def test_our_own_plugins_use_nothing_but_the_interface():
    used = {}
    for file in sorted((ROOT / "plugins").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "workbench":
                used.setdefault(node.module, []).append(file.name)
            elif isinstance(node, ast.Import):
                for name in node.names:
                    assert not name.name.startswith("workbench"), (file, name.name)
    assert list(used) == ["workbench.plugin"], used
    assert len(used["workbench.plugin"]) > 10
