"""`kwb check RECIPE.yaml`: somebody else's class, as a recipe makes it and feeds it, needs no example."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from workbench.catalog import single_file
from workbench.catalog.discovery import discover
from workbench.catalog.lookup import Catalog
from workbench.check.contract import with_needs
from workbench.check.recipes import checked_parts
from workbench.check.results import Result, Status
from workbench.check.running import EntryRun
from workbench.errors import WorkbenchError
from workbench.recipe.document import read

CLASSES = """
import keras


class Join(keras.layers.Layer):
    '''Takes two tensors of 7 and 3 columns, and returns their sum by column, once for each of the batch too.'''

    def __init__(self, licence, **kwargs):
        super().__init__(**kwargs)
        if len(licence) != 14:
            raise ValueError("no licence")
        self.licence = licence

    def build(self, shapes):
        if [shape[-1] for shape in shapes] != [7, 3]:
            raise ValueError(shapes)

    def call(self, tensors):
        a, b = tensors
        return a[:, :3] + b

    def get_config(self):
        return {**super().get_config(), "licence": self.licence}


class Masked(keras.layers.Layer):
    '''Takes a mask, which has nothing to leave out here.'''

    def call(self, inputs, mask=None):
        return inputs


class Centre(keras.layers.Layer):
    '''Depends on the other rows.'''

    def call(self, inputs):
        return inputs - keras.ops.mean(inputs, axis=0)
"""

RECIPE = """
kwb: 1
name: parts
data: {use: npz, path: data.npz, targets: [y]}
model:
  inputs: {a: [7], b: [3]}
  graph:
    - h = Join(licence="AB-1234-5678-9")(a, b)
    - h = Centre()(h)
    - h = Masked()(h)
    - h = Dense(3)(h)
    - y = Dense(1)(Dense(3)(h))
  outputs: [y]
train: {epochs: 1, loss: mse}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    tmp_path = tmp_path_factory.mktemp("parts")
    random = np.random.default_rng(0)
    np.savez(
        tmp_path / "data.npz",
        a=random.normal(size=(20, 7)).astype("float32"),
        b=random.normal(size=(20, 3)).astype("float32"),
        y=random.normal(size=20).astype("float32"),
    )
    (tmp_path / "parts.py").write_text(CLASSES)
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    return tmp_path


def catalog_of(folder: Path) -> Catalog:
    return Catalog(discover([folder / "parts.py"], scan=single_file.scan))


def test_each_use_is_checked_as_the_recipe_makes_and_feeds_it(folder: Path) -> None:
    catalog = catalog_of(folder)
    parts = checked_parts(read(folder / "recipe.yaml"), catalog)
    assert [part.entry.qualified_name for part in parts] == [
        "parts.Join at model.graph[0]",
        "parts.Centre at model.graph[1]",
        "parts.Masked at model.graph[2]",
        "kwb_keras.Dense at model.graph[3]",
        "kwb_keras.Dense at model.graph[4]",
    ], "a use that is made and fed as another is checked once"
    ids = frozenset({"resolves", "constructor", "call", "weights_in_build", "deterministic", "batch_sizes"})
    results: dict[str, dict[str, Result]] = {}
    for part in parts[:2]:
        run = EntryRun(part.entry, catalog, subject=part)
        results[part.entry.name] = {r.check: r for r in run.run(ids | {"independent_rows"})}
    join, centre = results.values()
    assert join["call"].detail == "on (batch, 7) and (batch, 3)"
    assert {result.status for result in join.values()} == {Status.PASSED}
    assert centre["independent_rows"].status is Status.FAILED
    assert centre["independent_rows"].code[0].endswith("in call")


def test_rows_without_steps_have_no_mask(folder: Path) -> None:
    catalog = catalog_of(folder)
    part = checked_parts(read(folder / "recipe.yaml"), catalog)[2]
    results = EntryRun(part.entry, catalog, subject=part).run(with_needs(["mask_used"]))
    assert {r.check: r.status for r in results}["mask_used"] is Status.NOT_APPLICABLE


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("- h = Centre()(h)", "- h = Center()(h)", r"wrong\.yaml:9: .*Did you mean 'Centre'"),
        ('"AB-1234-5678-9"', '"AB"', r"wrong\.yaml:8: .*no licence"),
        ("path: data.npz", "path: date.npz", r"date\.npz"),
    ],
)
def test_a_recipe_that_is_wrong_is_refused_with_its_line(folder: Path, old: str, new: str, says: str) -> None:
    (folder / "wrong.yaml").write_text(RECIPE.replace(old, new))
    with pytest.raises(WorkbenchError, match=says):
        checked_parts(read(folder / "wrong.yaml"), catalog_of(folder))


@pytest.mark.slow
def test_the_command_checks_a_recipe(kwb: Any, folder: Path) -> None:
    arguments = ("--plugin", "parts.py", "-k", "independent call", "--json")
    done = kwb("check", "recipe.yaml", *arguments, cwd=folder, timeout=300.0)
    rows = {(row["entry"], row["check"]): row["status"] for row in json.loads(done.stdout)["results"]}
    assert done.returncode == 1
    assert rows["parts.Join at model.graph[0]", "independent_rows"] == "passed"
    assert rows["parts.Centre at model.graph[1]", "independent_rows"] == "failed"
    (folder / "wrong.yaml").write_text(RECIPE.replace("Centre", "Center"))
    done = kwb("check", "wrong.yaml", *arguments, cwd=folder, timeout=300.0)
    assert (done.returncode, "Did you mean 'Centre'" in done.stderr) == (2, True), done.stderr
