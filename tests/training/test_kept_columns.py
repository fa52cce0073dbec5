"""`kwb predict --keep`: columns of the data beside its predictions, whatever way the rows are read."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.conftest import Kwb
from workbench.catalog.lookup import Catalog
from workbench.recipe.document import parse, to_yaml
from workbench.training.session import Session


def trained(catalog: Catalog, folder: Path, **data: Any) -> list[dict[str, str]]:
    """Train on a table of 60 rows; returns its rows."""
    random = np.random.default_rng(1)
    rows = [
        {
            "id": f"{at:03d}",
            "day": str(np.datetime64("2024-01-01") + at),
            "a": f"{value:.4f}",
            "y": f"{2 * value:.4f}",
        }
        for at, value in enumerate(random.normal(size=60))
    ]
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    (folder / "rows.csv").write_text(text.getvalue())
    section = {"use": "csv", "path": "rows.csv", "targets": ["y"], "inputs": {"a": ["a"]}}
    content = {
        "kwb": 1,
        "data": section | data,
        "model": {"sequential": ["Flatten", {"use": "Dense", "units": 1}]},
        "train": {"epochs": 1, "loss": "mse", "watch": "none", "engine": "plain"},
        "save": [str(folder / "m.keras")],
    }
    (folder / "r.yaml").write_text(to_yaml(content))
    document = parse(to_yaml(content), name="r.yaml", folder=folder)
    Session(document, catalog, lambda event, line: None, runs_folder=folder / "runs").run()
    return rows


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"stream": True},
        {"windows": {"length": 3, "ahead": 1, "time": "day", "past": False}},
        {"split": {"test": 0.2}},
        {"split": {"test": 0.2}, "stream": True},
    ],
    ids=["memory", "stream", "windows", "test part", "test part of a stream"],
)
def test_each_row_has_its_own(catalog: Catalog, tmp_path: Path, kwb: Kwb, data: dict[str, Any]) -> None:
    rows = trained(catalog, tmp_path, **data)
    asked = "r.yaml" if "split" in data else "rows.csv"
    done = kwb("predict", "m.keras", "--data", asked, "--keep", "id,day", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = list(csv.DictReader(io.StringIO(done.stdout)))
    assert len(found) == (12 if "split" in data else 58 if "windows" in data else 60)
    for row in found:
        own = rows[int(row["row"]) - 1]
        assert (row["id"], row["day"]) == (own["id"], own["day"])
    plain = kwb("predict", "m.keras", "--data", asked, cwd=tmp_path)
    mine = list(csv.DictReader(io.StringIO(plain.stdout)))
    assert mine == [{name: value for name, value in row.items() if name in mine[0]} for row in found]


def test_a_column_that_is_not_there_is_said(catalog: Catalog, tmp_path: Path, kwb: Kwb) -> None:
    trained(catalog, tmp_path)
    done = kwb("predict", "m.keras", "--data", "rows.csv", "--keep", "idd", cwd=tmp_path)
    assert done.returncode == 2
    assert "--keep: there is no column 'idd'. Did you mean 'id'" in done.stderr
    done = kwb("predict", "m.keras", "--data", "rows.csv", "--keep", "id", "--json", cwd=tmp_path)
    assert [row["id"] for row in json.loads(done.stdout)][:2] == ["000", "001"]
