"""A model of windows from recipe to forecast: the same numbers in the run, from its file and from raw rows."""

import csv
import io
import json
from pathlib import Path

import keras
import numpy as np
import pytest

from tests.conftest import Kwb
from workbench.catalog.discovery import discover
from workbench.catalog.lookup import Catalog
from workbench.recipe.schema import Data
from workbench.recipe.suggestion.recipe import Facts, suggest
from workbench.recipe.suggestion.text import recipe_text
from workbench.worker.examine import look_at_data

RECIPE = """
kwb: 1
name: load
data:
  use: csv
  path: load.csv
  targets: [load]
  windows: {length: 24, ahead: [1, 12], time: when, group: area}
  scale: standard
  scale_targets: standard
  split: {validation: 0.2, test: 0.2}
model:
  sequential:
    - {use: GRU, units: 4}
    - {use: Dense, units: 2}
train: {epochs: 1, loss: mse, metrics: [mae]}
save: [load.keras]
"""


def write(folder: Path, name: str, first: int, last: int) -> None:
    hours = np.datetime64("2024-01-01T00:00") + np.arange(400) * np.timedelta64(1, "h")
    lines = ["when,area,load,temp"]
    for at in range(first, last):
        for area, height in (("north", 1.0), ("south", 3.0)):
            when = str(hours[at]).replace("T", " ")
            lines.append(f"{when},{area},{height + np.sin(at / 4):.4f},{np.cos(at / 4):.4f}")
    (folder / name).write_text("\n".join(lines) + "\n")


def test_forecasts_are_the_same_in_the_run_from_the_file_and_from_raw_rows(kwb: Kwb, tmp_path: Path) -> None:
    write(tmp_path, "load.csv", 0, 300)
    write(tmp_path, "new.csv", 240, 300)
    (tmp_path / "load.yaml").write_text(RECIPE)
    ran = kwb("--batch", "load.yaml", "--json", cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    finished = json.loads(ran.stdout.splitlines()[-1])

    # Beside the result: what is reached without a model, by hand.
    table = np.genfromtxt(tmp_path / "load.csv", delimiter=",", skip_header=1, usecols=(2, 3))
    areas = [table[0::2, 0], table[1::2, 0]]
    naive = np.mean(
        [
            np.abs(load[at] - load[at + ahead])
            for load in areas
            for at in range(240 + 23, 300 - 12)
            for ahead in (1, 12)
        ]
    )
    baseline = finished["baselines"]["mae"]
    np.testing.assert_allclose(baseline["naive"]["the last value"], naive, rtol=1e-5)
    assert baseline["guess"] <= min(baseline["naive"].values())
    assert "the last value" in finished["compared"]

    evaluated = kwb("evaluate", "load.keras", "--data", "load.yaml", "--json", cwd=tmp_path)
    scores = json.loads(evaluated.stdout)
    np.testing.assert_allclose(scores["mae"], finished["evaluation"]["mae"], rtol=1e-5)

    predicted = kwb("predict", "load.keras", "--data", "new.csv", cwd=tmp_path)
    assert predicted.returncode == 0, predicted.stderr
    rows = list(csv.DictReader(io.StringIO(predicted.stdout)))
    # 60 rows of each area: a window for each row from the 24th on, also where nothing is known of what comes.
    assert len(rows) == 2 * 37
    assert rows[0].keys() >= {"row", "area", "when", "load+1", "true load+1", "load+12", "error load+12"}
    assert (rows[0]["row"], rows[0]["area"], rows[0]["when"]) == ("47", "north", "2024-01-11 23:00")
    assert rows[-1]["when"] == "2024-01-13 11:00"
    assert rows[-1]["true load+1"] == rows[-1]["error load+12"] == ""

    # By hand: plain Keras on rows that are scaled by the first 60 % of the moments.
    north = table[0::2]
    center, deviation = table[:360].mean(axis=0), table[:360].std(axis=0)
    scaled = (north - center) / deviation
    model = keras.saving.load_model(tmp_path / "load.keras", compile=False)
    forecast = np.asarray(model(np.stack([scaled[240:264], scaled[276:300]]).astype("float32")))
    forecast = forecast * deviation[0] + center[0]  # it learned scaled numbers
    of_north = [row for row in rows if row["area"] == "north"]
    for row, numbers in zip((of_north[0], of_north[-1]), forecast, strict=True):
        np.testing.assert_allclose([float(row["load+1"]), float(row["load+12"])], numbers, atol=1e-5)
    np.testing.assert_allclose(float(of_north[0]["true load+12"]), north[275, 0], atol=1e-6)

    (tmp_path / "short.csv").write_text("\n".join((tmp_path / "new.csv").read_text().splitlines()[:21]))
    short = kwb("predict", "load.keras", "--data", "short.csv", cwd=tmp_path)
    assert short.returncode == 2, short.stdout
    assert "one needs 24 rows that follow each other" in short.stderr
    assert "Traceback" not in short.stderr


def made_series() -> dict[str, np.ndarray]:
    random, at = np.random.default_rng(4), np.arange(320)
    wave = np.sin(at * 2 * np.pi / 12)
    return {
        "seasonal": 20 + 4 * wave + random.normal(size=320) * 0.5,
        "growing": 300 + 0.4 * at + 3 * wave + random.normal(size=320) * 0.3,
        "sunspots": 50 + 40 * np.sin(at * 2 * np.pi / 11 + np.sin(at / 17)) + random.normal(size=320) * 4,
    }


@pytest.mark.slow
@pytest.mark.parametrize("name", made_series())
def test_what_new_proposes_for_a_series_beats_the_naive_forecast(name: str, kwb: Kwb, tmp_path: Path) -> None:
    months = np.datetime64("1990-01") + np.arange(320)
    rows = (f"{month}-01,{value:.4f}" for month, value in zip(months, made_series()[name], strict=True))
    (tmp_path / "series.csv").write_text("\n".join(["month,level", *rows]) + "\n")
    section = {"use": "csv", "path": "series.csv"}
    seen = look_at_data(Data.model_validate(section), Catalog(discover()), tmp_path, 0, 5)["preview"]
    suggestion = suggest("series", section, Facts.from_record(seen))
    assert suggestion.recipe["data"]["windows"]["time"] == "month"
    (tmp_path / "series.yaml").write_text(recipe_text(suggestion))
    ran = kwb("--batch", "series.yaml", "--json", cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    finished = json.loads(ran.stdout.splitlines()[-1])
    naive = finished["baselines"]["mae"]["naive"]
    assert len(naive) == 2  # the last value, and that of a season before
    assert finished["evaluation"]["mae"] < min(naive.values())
