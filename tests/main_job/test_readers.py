"""What trained also predicts, in processes of their own: compressed files, folders, plugins' readers; splits."""

from __future__ import annotations

import csv
import gzip
import json
import sqlite3
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

RECIPE = """
kwb: 1
name: shop
seed: 3
data: {data}
model: {{sequential: [{{use: Dense, units: 4, activation: relu}}, {{use: Dense, units: 1}}]}}
train: {{epochs: {epochs}, loss: mse, engine: plain}}
save: [shop.keras]
"""

THEIRS = """
import numpy as np
from workbench.plugin import Source, hookimpl
KWB_API = 1

def pairs(path: str, factor: float = 1.0) -> Source:
    rows = [line.split("=") for line in open(path).read().splitlines()]
    columns = {name: [float(value) * factor for own, value in rows if own == name] for name in "aby"}
    return Source(columns={name: np.array(values) for name, values in columns.items()}, targets=("y",), origin="pairs")

@hookimpl
def kwb_register_datasets(registry):
    registry.add("pairs", "theirs:pairs", tags=["reader"])
"""


def frame() -> pd.DataFrame:
    random = np.random.default_rng(1)
    frame = pd.DataFrame({"a": random.normal(size=80).round(4), "b": np.arange(80.0)})
    return frame.assign(y=2 * frame["a"] + 1)


def written(folder: Path, kind: str) -> tuple[str, str, list[str]]:
    """The data section, what `--data` is, more arguments."""
    table = frame()
    match kind:
        case "csv.gz":
            (folder / "p.csv.gz").write_bytes(gzip.compress(table.to_csv(index=False, sep=";").encode()))
            return "{use: csv, path: p.csv.gz, delimiter: ';', targets: y}", "p.csv.gz", []
        case "txt":
            (folder / "p.txt").write_text(table.to_csv(index=False, sep="|"))
            return "{use: csv, path: p.txt, targets: y}", "p.txt", []
        case "folder":
            (folder / "parts").mkdir()
            table[:50].to_parquet(folder / "parts/1.parquet")
            table[50:].to_parquet(folder / "parts/2.parquet")
            return "{use: parquet, path: parts, targets: y}", "parts", []
        case "pattern":
            table[:50].to_csv(folder / "1.csv", index=False)
            table[50:].to_csv(folder / "2.csv", index=False)
            return "{use: csv, path: '?.csv', targets: y}", "[12].csv", []
        case "plugin":  # a reader of its own for .csv: kwb's would make nonsense of the file
            (folder / "theirs.py").write_text(THEIRS)
            lines = [f"{name}={value}" for row in table.to_dict("records") for name, value in row.items()]
            (folder / "p.csv").write_text("\n".join(lines))
            return "{use: pairs, path: p.csv, factor: 1.0}", "p.csv", ["--plugin", "theirs.py"]
    raise AssertionError(kind)


@pytest.mark.parametrize("kind", ["csv.gz", "txt", "folder", "pattern", "plugin"])
def test_what_trained_also_predicts(kwb, tmp_path: Path, kind: str) -> None:
    section, data, more = written(tmp_path, kind)
    (tmp_path / "r.yaml").write_text(RECIPE.format(data=section, epochs=1))
    assert (done := kwb("--batch", "r.yaml", *more)).code == 0, done.err
    assert (done := kwb("predict", "shop.keras", "--data", data, "--out", "p.out.csv", *more)).code == 0, (
        done.err
    )
    assert (done := kwb("predict", "shop.keras", "--data", "r.yaml", "--out", "own.csv", *more)).code == 0, (
        done.err
    )
    found, own = (list(csv.DictReader((tmp_path / name).open())) for name in ("p.out.csv", "own.csv"))
    assert len(found) == 80
    assert found == own
    assert kwb("evaluate", "shop.keras", "--data", data, *more).code == 0


@pytest.mark.parametrize("by", ["group: who", "time: day"])
def test_a_resumed_run_and_evaluate_have_the_same_parts(kwb, tmp_path: Path, by: str) -> None:
    split = f"{{test: 0.2, validation: 0.2, {by}}}"
    table = frame()
    table["who"] = np.arange(80) % 9
    table["day"] = pd.date_range("2024-01-01", periods=80).strftime("%Y-%m-%d")[::-1]
    table.to_csv(tmp_path / "t.csv", index=False)
    ignore = "day" if "group" in split else "who"
    section = f"{{use: csv, path: t.csv, targets: y, split: {split}, ignore: [{ignore}], rows: 90%}}"
    losses = {}
    for name, steps in (("whole", [[]]), ("parts", [["--set", "train.epochs=2"], ["--resume"]])):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "t.csv").write_bytes((tmp_path / "t.csv").read_bytes())
        (folder / "r.yaml").write_text(RECIPE.format(data=section, epochs=4))
        for more in steps:
            done = kwb("--batch", str(folder / "r.yaml"), "--json", *more)
            assert done.code == 0, done.err
        losses[name] = [done.of("finished")[-1]["evaluation"], done.of("epoch")[-1]["logs"]]
    assert losses["whole"] == losses["parts"]
    done = kwb(
        "evaluate",
        str(next(tmp_path.rglob("shop.keras"))),
        "--data",
        str(tmp_path / "whole/r.yaml"),
        "--json",
    )
    assert done.code == 0, done.err
    assert json.loads(done.out)["loss"] == pytest.approx(losses["whole"][0]["loss"], rel=1e-5)


def test_a_training_from_a_database_keeps_no_password(kwb, tmp_path: Path) -> None:
    pytest.importorskip("sqlalchemy")
    database = sqlite3.connect(tmp_path / "shop.db")
    frame().to_sql("prices", database, index=False)
    database.close()
    section = f"{{use: sql, url: 'sqlite:///{tmp_path}/shop.db?vfs=${{SHOP_KEY}}&uri=true', table: prices, targets: y}}"
    (tmp_path / "r.yaml").write_text(RECIPE.format(data=section, epochs=1))
    environment = {"SHOP_KEY": "unix-hunter2"}
    done = kwb("--batch", "r.yaml", env=environment)
    assert "hunter2" not in done.out + done.err
    section = section.replace("vfs=${SHOP_KEY}", "timeout=${SHOP_KEY}").replace("&uri=true", "")
    (tmp_path / "r.yaml").write_text(RECIPE.format(data=section, epochs=1))
    environment = {"SHOP_KEY": "31.4159265"}
    for arguments in (["--batch", "r.yaml"], ["predict", "shop.keras", "--data", "r.yaml", "--out", "p.csv"]):
        done = kwb(*arguments, env=environment)
        assert done.code == 0, done.err
        assert "31.4159" not in done.out + done.err
    assert len((tmp_path / "p.csv").read_text().splitlines()) == 81
    for file in tmp_path.rglob("*"):
        if file.is_file():
            assert b"31.4159" not in file.read_bytes(), file
