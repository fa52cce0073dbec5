"""Two distributions that offer the same name, or take each other's registered name."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow

SCRIPT = """
import json, sys
from workbench.catalog import Kind
from workbench.catalog.discovery import discover
from workbench.catalog.lookup import Catalog
from workbench.catalog.resolve import resolve, Resolver
from workbench.errors import WorkbenchError
catalog = Catalog(discover())

def outcome(action):
    try:
        return action()
    except WorkbenchError as error:
        return {"error": str(error)}

def target(name):
    cls = resolve(catalog.find(Kind.LAYER, name))
    import keras
    return [cls.__module__, keras.saving.get_registered_name(cls)]
"""


def in_process(path: list[Path], code: str) -> Any:
    """What `code` prints as JSON, run where the folders of `path` hold installed plugins."""
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path[:0] = {[*map(str, path)]!r}\n{SCRIPT}\n{code}"],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def found(installed) -> dict[str, Any]:
    """Acme's and its rival's classes, resolved one after the other in one process."""
    return in_process(
        [installed("acme-layers"), installed("rival-layers")],
        """print(json.dumps({
            "bare": outcome(lambda: target("Gate")),
            "acme": outcome(lambda: target("acme.Gate")),
            "rival": outcome(lambda: target("rival.Gate")),
            "impostor": outcome(lambda: target("Impostor")),
            "impostor again": outcome(lambda: target("Impostor")),
            "by registered name": Resolver(catalog).resolve_registered("acme-layers>Gate").__module__,
        }))""",
    )


def test_a_bare_name_of_two_plugins_is_refused_naming_both(found):
    error = found["bare"]["error"]
    assert error == "several plugins offer a layer 'Gate'. Write 'acme.Gate' or 'rival.Gate'."


def test_qualified_names_reach_both(found):
    assert found["acme"] == ["acme_layers.layers", "acme-layers>Gate"]
    assert found["rival"] == ["rival_layers.gate", "rival-layers>Gate"]


def test_a_class_under_another_ones_registered_name_is_refused_naming_both(found):
    error = found["impostor"]["error"]
    assert error.startswith("plugin 'rival', layer 'Impostor': two classes are registered with Keras as")
    assert "'acme-layers>Gate': acme_layers.layers.Gate and rival_layers.impostor.Gate" in error
    assert "--no-plugin" in error


def test_it_stays_refused_and_the_first_owner_keeps_the_name(found):
    assert found["impostor again"] == found["impostor"]
    assert found["by registered name"] == "acme_layers.layers"


def test_the_one_that_comes_second_is_refused_whichever_it_is(installed):
    found = in_process(
        [installed("acme-layers"), installed("rival-layers")],
        """print(json.dumps([outcome(lambda: target("Impostor")), outcome(lambda: target("acme.Gate"))]))""",
    )
    assert found[0] == ["rival_layers.impostor", "acme-layers>Gate"]
    assert "rival_layers.impostor.Gate and acme_layers.layers.Gate" in found[1]["error"]


def test_a_recipe_with_the_bare_name_is_refused_before_keras_is_imported(kwb, installed, tmp_path):
    (tmp_path / "r.yaml").write_text(
        "kwb: 1\ndata: diabetes\nmodel:\n  sequential:\n    - Gate\n    - {use: Dense, units: 1}\n"
        "train: {loss: mse}\n"
    )
    path = [installed("acme-layers"), installed("rival-layers")]
    done = kwb("--batch", "r.yaml", path=path, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.strip() == (
        "kwb: r.yaml:5: model.sequential[0]: several plugins offer a layer 'Gate'. "
        "Write 'acme.Gate' or 'rival.Gate'."
    )
