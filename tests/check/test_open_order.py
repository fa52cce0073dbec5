"""The largest values in no promised order are the same in any; what depends on their order is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from workbench.catalog import single_file
from workbench.catalog.discovery import discover
from workbench.catalog.lookup import Catalog
from workbench.check.contract import with_needs
from workbench.check.results import Status
from workbench.check.running import EntryRun

CLASSES = """
import keras
from keras import ops


class Largest(keras.layers.Layer):
    def call(self, inputs):
        _, indices = ops.top_k(inputs, k=3, sorted=False)
        return ops.take_along_axis(inputs, indices, axis=-1)


class Weighed(Largest):
    def call(self, inputs):
        return super().call(inputs) * ops.arange(1.0, 4.0)
"""


@pytest.mark.parametrize(("name", "status"), [("Largest", Status.PASSED), ("Weighed", Status.FAILED)])
def test_xla_may_have_another_order(name: str, status: Status, tmp_path: Path) -> None:
    file = tmp_path / "largest.py"
    file.write_text(CLASSES)
    catalog = Catalog(discover([file], scan=single_file.scan))
    entry = next(each for each in catalog.entries if each.plugin == "largest" and each.name == name)
    results = {each.check: each for each in EntryRun(entry, catalog).run(with_needs(["xla"]))}
    assert results["graph"].status is Status.PASSED
    assert results["xla"].status is status, results["xla"]
