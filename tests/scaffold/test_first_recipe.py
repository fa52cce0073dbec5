"""The first recipe for data trains without an edit, and learns."""

from __future__ import annotations

import csv
import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.benchmarks import first_recipes
from workbench.errors import RecipeError
from workbench.recipe.document import parse
from workbench.scaffold.first_recipe import propose
from workbench.training.preparing import load_data
from workbench.training.session import Session

README = Path(__file__).parents[2] / "README.md"


@pytest.fixture
def houses(tmp_path, monkeypatch) -> Path:
    """600 houses whose prices follow from what is known of them, but for a deviation of 20,000."""
    monkeypatch.chdir(tmp_path)
    random = np.random.default_rng(7)
    area, rooms, age = random.normal(120, 40, 600), random.integers(1, 8, 600), random.integers(0, 80, 600)
    city = random.choice(["Bern", "Basel", "Genf"], 600)
    price = 2500 * area + 15000 * rooms - 900 * age + 90000 * (city == "Genf") + random.normal(0, 20000, 600)
    with open("houses.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["area", "rooms", "age", "city", "price"])
        columns = (area.round(1), rooms, age, city, price.round())
        writer.writerows(zip(*(column.tolist() for column in columns), strict=True))
    return tmp_path / "houses.csv"


def test_the_recipe_of_the_readme_learns_the_prices_of_houses(houses, catalog, tmp_path):
    text = next(
        block
        for block in re.findall(r"```yaml\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
        if "path: houses.csv" in block
    )
    document = parse(text, folder=tmp_path)
    finished = Session(document, catalog, lambda event, line: None, runs_folder=tmp_path / "runs").run()
    result = first_recipes.compared("houses", finished.evaluation, load_data(document, catalog), 0.0)
    assert 4 * result.kwb < result.constant
    assert result.kwb < 1.3 * result.linear


@pytest.mark.parametrize("rows", [2, 3, 4])
def test_a_table_of_few_rows_trains_without_the_parts_that_would_be_empty(
    catalog, tmp_path, monkeypatch, rows
):
    monkeypatch.chdir(tmp_path)
    lines = [f"{row},{row * row},{3 * row}" for row in range(rows)]
    (tmp_path / "few.csv").write_text("\n".join(["a,b,price", *lines]) + "\n")
    proposal = propose("few.csv", catalog)
    assert "rows are too few to keep some for the" in proposal.text
    load_data(parse(proposal.text, folder=tmp_path), catalog)


def test_a_table_of_one_row_is_nothing_to_learn_from(catalog, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "one.csv").write_text("a,b,price\n1,2,3\n")
    with pytest.raises(RecipeError, match="there is one row: nothing can be learned from that"):
        propose("one.csv", catalog)


def test_a_command_proposes_what_trains(houses, kwb, tmp_path):
    made = kwb("new", "houses.csv", cwd=tmp_path)
    assert made.stdout.splitlines()[0] == "houses.yaml: it learns price"
    written = (tmp_path / "houses.yaml").read_text()
    assert kwb("new", "houses.csv", "--out", "-", cwd=tmp_path).stdout == written
    again = kwb("new", "houses.csv", cwd=tmp_path)
    assert again.returncode == 3
    assert "houses.yaml: exists already" in again.stderr
    wrong = kwb("new", "houses.csv", "--target", "prise", cwd=tmp_path)
    assert wrong.returncode == 2
    assert "Did you mean 'price'?" in wrong.stderr
    rooms = kwb("new", "houses.csv", "--target", "rooms", "--json", cwd=tmp_path)
    assert '"rooms"' in rooms.stdout
    trained = kwb("--batch", "houses.yaml", "--set", "train.epochs=1", cwd=tmp_path)
    assert trained.returncode == 0
    assert "loss (of scaled targets)" in trained.stdout + trained.stderr


@pytest.mark.parametrize("name", ["diabetes", "wine"])
def test_what_is_proposed_learns_about_as_well_as_a_linear_model(name, catalog, tmp_path):
    result = first_recipes.train(first_recipes.Table(name), catalog, tmp_path)
    assert result.beats_guessing
    assert result.kwb <= 1.2 * result.linear + 0.06  # a test part of few rows


def test_data_without_a_column_to_learn_from_is_refused(catalog, tmp_path):
    (tmp_path / "one.csv").write_text("y\n1.5\n2.5\n3.0\n")
    with pytest.raises(RecipeError, match="no column is left"):
        propose(str(tmp_path / "one.csv"), catalog)


@pytest.mark.slow
@pytest.mark.skipif(
    not os.environ.get("KWB_TABLES"),
    reason="KWB_TABLES=1 installs packages with public tables, and trains on each",
)
def test_first_recipes_learn_on_public_tables(tmp_path, monkeypatch):
    absent = [name for name in first_recipes.PACKAGES if importlib.util.find_spec(name) is None]
    if absent:
        install = [
            sys.executable,
            "-m",
            "pip",
            "install",
            "--quiet",
            "--no-deps",
            "--target",
            str(tmp_path),
            *absent,
        ]
        installed = subprocess.run(install, capture_output=True, text=True, check=False)
        if installed.returncode:
            pytest.skip(f"pip cannot install {', '.join(absent)}: {installed.stderr[-200:]}")
        monkeypatch.syspath_prepend(tmp_path)
    found = list(first_recipes.results())
    lines = "\n".join(result.line() for result in found)
    assert len(found) >= 20, lines
    assert sum(result.beats_guessing for result in found) >= 0.95 * len(found), lines
    assert sum(result.holds_against_linear for result in found) >= 0.75 * len(found), lines
