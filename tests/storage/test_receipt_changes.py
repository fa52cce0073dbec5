"""What differs between two receipts, in words."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np

from workbench.storage.receipt_changes import changes
from workbench.storage.receipts import ReceiptLog, read_receipt
from workbench.storage.run_folder import RunFolder


def rows(values: np.ndarray, size: int = 1, parts: bytes = b"") -> dict[str, Any]:
    hashes = values.astype("<u4")
    return {
        "rows": len(hashes) * size,
        "columns": {"a": str(hashes.sum()), "b": "0"},
        "block_rows": size,
        "blocks": base64.b64encode(hashes.tobytes()).decode(),
        "parts": base64.b64encode(parts).decode(),
    }


def texts(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    return [change.text for change in changes(before, now)]


def test_rows_are_named_by_number_part_and_column() -> None:
    before, now = np.arange(10), np.arange(10)
    now[[2, 3, 7]] += 100
    parts = bytes([1, 1, 1, 2, 1, 1, 1, 4, 1, 1])
    assert texts({"data": {"data": rows(before)}}, {"data": {"data": rows(now, parts=parts)}}) == [
        "data: rows 3 to 4, 8 changed (training and validation and test part), in column a"
    ]
    assert texts({"data": {"data": rows(before, 64)}}, {"data": {"data": rows(now, 64)}}) == [
        "data: a row among 129 to 256, 449 to 512 changed, in column a"
    ]


def test_rows_that_are_gone_say_from_where_on() -> None:
    (text,) = texts(
        {"data": {"data": rows(np.arange(10))}}, {"data": {"data": rows(np.delete(np.arange(10), 4))}}
    )
    assert text.startswith("data: 10 rows before, 9 now; they differ from row 5 on")


def test_what_follows_from_another_cause_is_not_named_as_well() -> None:
    parts = {"parts": {"training": "1"}}, {"parts": {"training": "2"}}
    assert texts(*parts) == ["the training part has other rows, or in another order"]
    assert texts({"recipe": {"seed": 1}, **parts[0]}, {"recipe": {"seed": 2}, **parts[1]}) == [
        "the recipe's seed was 1, is 2"
    ]


def test_keys_that_change_no_number_are_passed_over() -> None:
    before = {"recipe": {"name": "a", "save": ["a.keras"], "train": {"epochs": 3, "watch": ["norms"]}}}
    now = {"recipe": {"name": "b", "save": [], "train": {"epochs": 4, "watch": []}}}
    assert texts(before, now) == []
    now["recipe"]["data"] = {"key_of_a_newer_kwb": []}
    assert texts(before, now) == []
    now["recipe"]["train"]["batch_size"] = 8
    assert texts(before, now) == ["the recipe's train.batch_size was not there, is 8"]


def test_files_of_plugins_that_only_one_process_has_read_are_passed_over() -> None:
    before = {"plugins": {"acme": {"acme/a.py": "1", "acme/b.py": "1"}}}
    assert texts(before, {"plugins": {"acme": {"acme/a.py": "2"}}}) == [
        "plugin acme: the file acme/a.py changed"
    ]


def test_a_receipt_is_read_up_to_what_was_done_by_hand_and_over_a_torn_line(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    assert read_receipt(run) is None
    log = ReceiptLog(run)
    log.start({"streamed": False})
    log.engine("chunk")
    log.state((0, 0), {"dense/kernel": "1", "dense/bias": "2"})
    with run.receipt.open("a") as file:
        file.write('{"state": [0, 1], "has')
    again = ReceiptLog(run)
    again.start({"streamed": False})
    again.state((1, 0), {"dense/kernel": "3", "dense/bias": "4"})
    again.by_hand((1, 5))
    again.state((2, 0), {"dense/kernel": "5", "dense/bias": "6"})
    found = read_receipt(run)
    assert found is not None
    assert len(found.starts) == 2
    assert found.engine == "chunk"
    assert json.loads(json.dumps(list(found.states))) == [[0, 0], [1, 0]]
    assert found.states[1, 0] == {"dense/kernel": "3", "dense/bias": "4"}
