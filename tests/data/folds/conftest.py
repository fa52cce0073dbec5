"""Rows to be divided into folds, and which rows each part of a recipe's data has."""

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from kwb_datasets import text_chunks
from workbench.data import loading
from workbench.data.preparation import Preparation
from workbench.data.streamed_part import StreamedPart
from workbench.recipe.schema import Data

ROWS, OF, SEED = 203, 5, 3
Parts = dict[str, np.ndarray]


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_chunks, "BLOCK_BYTES", 1000)
    monkeypatch.setattr(text_chunks, "CHUNK_BYTES", 2500)


@pytest.fixture
def frame() -> pd.DataFrame:
    """Patients with 1 to 20 visits each, three classes of different sizes, rows in no order of time."""
    random = np.random.default_rng(4)
    return pd.DataFrame(
        {
            "a": random.normal(size=ROWS),
            "patient": random.integers(0, 40, ROWS) ** 2 // 40,
            "date": pd.to_datetime("2020-01-01") + pd.to_timedelta(random.permutation(ROWS), unit="D"),
            "month": random.integers(0, 12, ROWS),
            "kind": random.choice(["x", "y", "z"], ROWS, p=[0.6, 0.3, 0.1]),
            "y": random.normal(size=ROWS),
        }
    )


@pytest.fixture
def parts(catalog, tmp_path: Path) -> Callable[..., Parts]:
    def parts(frame: pd.DataFrame, split: dict, *, stream: bool = False, **more: object) -> Parts:
        """The rows of each part, by their positions in the file, in order."""
        frame.to_csv(tmp_path / "t.csv", index=False)
        section = {
            "use": "csv",
            "path": "t.csv",
            "targets": "y",
            "inputs": {"x": ["a"]},
            "stream": stream,
            "split": split,
            **more,
        }
        data = Data.model_validate(section)
        loaded = loading.load_or_stream(data, catalog, folder=tmp_path, seed=SEED)
        found = {}
        for name in ("train", "validation", "test"):
            part = getattr(loaded, name)
            whole = part.read_all() if isinstance(part, StreamedPart) else part
            found[name] = np.sort(whole.index) if whole is not None else np.empty(0, np.int64)
        assert loaded.rows_dropped == 0
        later = loaded.rows_read - sum(map(len, found.values()))
        said = [remark for remark in loaded.remarks if "later than fold" in remark]
        assert [int(remark.partition(" ")[0]) for remark in said] == ([later] if later else [])
        if len(found["test"]):  # another process evaluates on the same rows
            again = Preparation.from_record(loaded.preparation.as_record())
            test = loading.apply_to(again, data, catalog, folder=tmp_path, seed=SEED, part="test")
            np.testing.assert_array_equal(np.sort(test.index), found["test"])
        return found

    return parts


def fold(number: int, of: int = OF, **more: object) -> dict:
    return {"fold": {"of": of, "number": number}, **more}


def assert_same(found: Parts, train: Iterable[int], validation: Iterable[int]) -> None:
    assert found["train"].tolist() == sorted(train)
    assert found["validation"].tolist() == sorted(validation)


def assert_each_row_once(folds: list[Parts], rows: int) -> None:
    held = np.concatenate([each["validation"] for each in folds])
    test = folds[0]["test"]
    assert sorted([*held, *test]) == list(range(rows))
    for each in folds:
        assert each["test"].tolist() == test.tolist()
        assert sorted(np.concatenate(list(each.values()))) == list(range(rows))
