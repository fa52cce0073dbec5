"""`kwb new` for columns of lists that differ in length: a recipe that fills them up, and trains as it is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from tests.conftest import Kwb


def write(folder: Path, rows: list[dict[str, Any]]) -> None:
    (folder / "lists.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))


def rows_of(count: int = 80) -> list[dict[str, Any]]:
    rng = np.random.default_rng(0)
    made = []
    for _ in range(count):
        steps = rng.normal(size=rng.integers(3, 12)).round(3).tolist()
        made.append({"steps": steps, "kind": "up" if sum(steps) > 0 else "down"})
    return made


def test_lists_are_filled_up_to_the_longest_and_learned_from(tmp_path: Path, kwb: Kwb) -> None:
    rows = rows_of()
    write(tmp_path, rows)
    proposed = kwb("new", "lists.jsonl", "--json", cwd=tmp_path)
    assert proposed.returncode == 0, proposed.stderr
    found = json.loads(proposed.stdout)
    longest = max(len(row["steps"]) for row in rows)
    assert found["recipe"]["data"]["pad"] == {"steps": longest}
    assert f"'steps' holds lists: each is filled up with 0 to {longest}." in found["reasons"]
    assert kwb("new", "lists.jsonl", cwd=tmp_path).returncode == 0
    done = kwb("--batch", "lists.yaml", "--set", "train.epochs=2", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    predicted = kwb("predict", "saved/lists.keras", "--data", "lists.jsonl", cwd=tmp_path)
    assert predicted.returncode == 0, predicted.stderr
    assert len(predicted.stdout.splitlines()) == len(rows) + 1


def test_what_cannot_be_filled_up_is_left_out_with_its_reason(tmp_path: Path, kwb: Kwb) -> None:
    write(tmp_path, [{**row, "steps": [row["steps"]]} for row in rows_of()])  # lists of lists
    refused = kwb("new", "lists.jsonl", cwd=tmp_path)
    assert refused.returncode == 2
    assert "'steps' is left out: it holds lists that do not form an array: their lengths" in refused.stderr
    assert ".." not in refused.stderr
