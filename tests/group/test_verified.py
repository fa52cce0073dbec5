"""`kwb verify` of a run of several processes: equal to the bit, or it is said what has changed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Kwb
from tests.group.test_equality import MSE, Case, table, write_recipe
from tests.group.trainings import needs_networks, trained

__all__ = ["table"]

pytestmark = [pytest.mark.slow, needs_networks]

CASE = Case(
    "{sequential: [{use: Dense, units: 8, activation: relu}, {use: Dropout, rate: 0.2}, {use: Dense, units: 1}]}",
    f"{MSE}, batch_size: 32, epochs: 3, elastic: true",
)


def verified(kwb: Kwb, folder: Path, run: Path, *options: str) -> tuple[int, dict[str, Any]]:
    before = {path: path.read_bytes() for path in (folder / "saved").rglob("*") if path.is_file()}
    done = kwb("verify", str(run), "--json", *options, cwd=folder, timeout=300)
    assert "Traceback" not in done.stderr, done.stderr
    assert {path: path.read_bytes() for path in (folder / "saved").rglob("*") if path.is_file()} == before
    return done.returncode, json.loads(done.stdout)


def test_equal_to_the_bit_or_what_has_changed(kwb: Kwb, table: Path) -> None:
    run = trained(kwb, table, write_recipe(table, CASE), "--workers", "2").run
    code, found = verified(kwb, table, run, "--all")
    assert (code, found["status"], found["changes"]) == (0, "equal", []), found
    assert found["equal_until"] == {"epochs": 3, "steps": 0}
    assert found["compared"] >= 3

    file = table / "table.csv"
    names, *rows = file.read_text().splitlines()
    rows[::3] = [f"9.5,{row.partition(',')[2]}" for row in rows[::3]]
    file.write_text("\n".join([names, *rows]) + "\n")
    code, found = verified(kwb, table, run)
    assert (code, found["status"]) == (1, "different"), found
    assert found["repeatable"] is True
    assert "data" in {change["kind"] for change in found["changes"]}


def test_another_number_of_processes_on_the_way_is_not_compared(kwb: Kwb, table: Path) -> None:
    run = trained(kwb, table, write_recipe(table, CASE), "--workers", "2").run
    more = kwb("--batch", str(run), "--set", "train.epochs=4", "--workers", "1", cwd=table, timeout=300)
    assert more.returncode == 0, more.stderr
    code, found = verified(kwb, table, run)
    assert (code, found["status"]) == (3, "unknown")
    assert "2 and then 1 processes have trained it" in found["reason"]
