"""What does not fit into memory is streamed, or refused with what it needs; in a child of limited memory."""

import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from workbench.data import Part, Prepared, apply_to
from workbench.data.loading import Streamed, load_or_stream
from workbench.data.memory import should_stream
from workbench.data.statistics import Moments
from workbench.devices.memory import free_memory, size_text
from workbench.errors import ExitCode, OutOfMemoryError, WorkbenchError, out_of_memory
from workbench.recipe.schema import Data

# What the child may take beyond what it has after its imports.
_CHILD = """
import resource, sys
from pathlib import Path
import numpy as np, psutil, pyarrow.csv, pyarrow.parquet
from workbench.catalog.discovery import discover
from workbench.catalog.lookup import Catalog
from workbench.data.loading import apply_or_stream, load_or_stream
from workbench.errors import WorkbenchError
from workbench.recipe.schema import Data
catalog, folder = Catalog(discover()), Path(sys.argv[1])
limit = psutil.Process().memory_info().vms + int(sys.argv[2]) * 2**20
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
def load(**section):
    return load_or_stream(Data.model_validate(section), catalog, folder=folder, seed=0)
"""


def child(folder: Path, mebibytes: int, code: str) -> list[str]:
    """The lines that the code prints."""
    result = subprocess.run(
        [sys.executable, "-c", _CHILD + code, str(folder), str(mebibytes)],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert result.returncode == 0, result.stderr[-3000:]
    return result.stdout.splitlines()


CATEGORIES, ROWS = 4_000, 60_000  # 894 MiB as 32-bit numbers; the file has half a megabyte


@pytest.fixture
def many_categories(tmp_path: Path) -> np.ndarray:
    codes = np.random.default_rng(0).integers(CATEGORIES, size=ROWS)
    codes[:CATEGORIES] = np.arange(CATEGORIES)
    (tmp_path / "t.csv").write_text("tail,y\n" + "".join(f"N{code},{code % 7}\n" for code in codes))
    return codes


def test_a_wide_one_hot_table_is_streamed_where_it_does_not_fit(
    tmp_path: Path, many_categories: np.ndarray
) -> None:
    code = """
section = {"use": "csv", "path": "t.csv", "targets": "y", "categories": "tail"}
loaded = load(**section)
print(type(loaded).__name__)
names = np.array([name[6:] for name in loaded.preparation.inputs[0].feature_names], dtype=int)
seen = np.zeros(60_000, int)
for batch in loaded.train.batches(64, seed=1):
    x = batch.inputs["features"]
    assert x.shape[1] == 4000 and (x.sum(axis=1) == 1).all()
    seen[batch.index] = names[x.argmax(axis=1)]
print(*seen[-5:])
part = apply_or_stream(loaded.preparation, Data.model_validate(section), catalog, folder=folder, seed=0)
print(type(part).__name__, part.rows)
"""
    lines = child(tmp_path, 700, code)
    assert lines[0] == "Streamed"
    assert lines[1] == " ".join(map(str, many_categories[-5:]))
    assert lines[2] == f"StreamedPart {ROWS}"


def test_the_test_part_is_that_of_the_training_however_much_memory_there_is(
    catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In memory and as a stream the split is drawn in other ways: rows that were trained on must not come into it."""
    (tmp_path / "t.csv").write_text("x,y\n" + "".join(f"{n},{n % 3}\n" for n in range(500)))
    data = Data.model_validate({"use": "csv", "path": "t.csv", "targets": "y", "split": {"test": 0.2}})
    for free, kind in ((10**12, Prepared), (10**4, Streamed)):
        monkeypatch.setattr("workbench.data.memory.free_memory", lambda free=free: free)
        loaded = load_or_stream(data, catalog, folder=tmp_path, seed=1)
        assert isinstance(loaded, kind)
        wanted = loaded.test if isinstance(loaded.test, Part) else loaded.test.read_all()
        monkeypatch.setattr("workbench.data.memory.free_memory", lambda free=free: 10**16 // free)
        again = apply_to(loaded.preparation, data, catalog, folder=tmp_path, seed=1)
        assert sorted(again.index) == sorted(wanted.index)


def test_also_rows_of_a_reader_that_cannot_stream_are_made_numbers_batch_by_batch(
    tmp_path: Path, many_categories: np.ndarray
) -> None:
    """JSON lines are read whole; one-hot they are 894 MiB, twice."""
    lines = [f'{{"tail": "N{code}", "y": {code % 7}}}\n' for code in many_categories]
    (tmp_path / "t.jsonl").write_text("".join(lines))
    code = """
section = {"use": "json", "path": "t.jsonl", "targets": "y", "categories": "tail", "split": {"test": 0.1}}
loaded = load(**section)
print(type(loaded).__name__)
names = np.array([name[6:] for name in loaded.preparation.inputs[0].feature_names], dtype=int)
for part in (loaded.train, loaded.test):
    for batch in part.batches(64, seed=1):
        x = batch.inputs["features"]
        codes = names[x.argmax(axis=1)]
        assert (x.sum(axis=1) == 1).all() and (codes % 7 == batch.targets["y"][:, 0]).all()
    print(part.rows)
own = Data.model_validate(section)
test = apply_or_stream(loaded.preparation, own, catalog, folder=folder, seed=0)
same = [np.concatenate([batch.index for batch in part.batches(64)]) for part in (test, loaded.test)]
print(np.array_equal(*same), test.rows)
print(apply_or_stream(loaded.preparation, own, catalog, folder=folder, seed=0, part="all").rows)
"""
    tenth = ROWS // 10
    assert child(tmp_path, 700, code) == [
        *("Streamed", str(ROWS - tenth), str(tenth), f"True {tenth}", str(ROWS)),
    ]
    # With all the memory that there is, the test part is the same.
    same = """
section = {"use": "json", "path": "t.jsonl", "targets": "y", "categories": "tail", "split": {"test": 0.1}}
first = load(**section)
second = load_or_stream(Data.model_validate(section), catalog, folder=folder, seed=0, streamed=True)
print(type(first).__name__, type(second).__name__, second.test.rows)
"""
    assert child(tmp_path, 8_000, same) == [f"Prepared Streamed {ROWS // 10}"]


def test_what_may_not_be_streamed_says_what_it_needs(tmp_path: Path, many_categories: np.ndarray) -> None:
    code = """
try:
    load(use="csv", path="t.csv", targets="y", categories="tail", stream=False)
except WorkbenchError as error:
    print(error.what); print(error.hint); print(int(error.exit_code))
"""
    what, hint, exit_code = child(tmp_path, 700, code)
    needed = ROWS * (8 + 4 * (CATEGORIES + 1)) * 2 / 2**30
    assert f"its {ROWS:,} rows need {needed:.1f} GiB as numbers for the model" in what
    assert "MiB is free" in what
    assert "`stream: true`" in hint
    assert "'tail' makes 4,000 of the 4,000 inputs: `embed: [tail]` makes one of it" in hint
    assert exit_code == "1"


def test_pixels_of_eight_bits_are_counted_as_the_numbers_they_become(tmp_path: Path) -> None:
    """60 MB of pixels are 240 MB as numbers, held more than once: too much for 600 MB, for which the file is small."""
    x = np.random.default_rng(0).integers(256, size=(15_000, 64, 64), dtype=np.uint8)
    np.savez(tmp_path / "t.npz", x=x, y=np.arange(len(x)) % 2)
    code = """
loaded = load(use="npz", path="t.npz", targets="y", classes="y", scale="minmax")
print(type(loaded).__name__)
batch = next(loaded.train.batches(100, seed=3))
print(batch.inputs["x"].dtype, *batch.index[:3], *batch.inputs["x"][:3, 5, 7])
"""
    kind, values = child(tmp_path, 600, code)
    assert kind == "Streamed"
    dtype, *numbers = values.split()
    rows = np.array(numbers[:3], int)
    low, high = x.min(axis=(0, 1)).astype(float), x.max(axis=(0, 1)).astype(float)
    assert dtype == "float32"
    np.testing.assert_allclose(
        np.array(numbers[3:], float), ((x[rows, 5, :] - low) / (high - low))[:, 7], atol=1e-6
    )


def test_whether_to_stream_counts_what_the_rows_become() -> None:
    free = free_memory()
    assert not should_stream("auto", free // 40, free // 40)
    assert should_stream("auto", free // 40, free // 4)
    assert should_stream("auto", free // 4)
    assert (should_stream(True, 1), should_stream(False, free)) == (True, False)


def test_wide_rows_are_summed_in_bounded_memory() -> None:
    values = np.random.default_rng(0).integers(256, size=(3_000, 4_096), dtype=np.uint8)
    moments = Moments(4_096)
    tracemalloc.start()
    moments.add(values)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 5 * 2**25, "as 64-bit numbers all rows take 94 MiB, and more than once"
    np.testing.assert_allclose(moments.mean, values.mean(axis=0))
    np.testing.assert_allclose(moments.squares / len(values), values.var(axis=0))


def test_a_lack_of_memory_deep_down_is_said_in_plain_words() -> None:
    try:
        try:
            np.empty((10**9, 10**6))
        except MemoryError as error:
            raise ValueError("a plugin's own words") from error
    except ValueError as error:
        found = out_of_memory(error, "price.yaml")
    assert isinstance(found, OutOfMemoryError)
    assert "Unable to allocate 7.11 PiB" in found.what
    assert (found.where, found.exit_code) == ("price.yaml", ExitCode.FAILED)
    assert out_of_memory(ValueError("x")) is None
    assert out_of_memory(WorkbenchError("x")) is None


def test_sizes_are_written_for_people() -> None:
    assert [size_text(size) for size in (512, 5 * 2**10, 300 * 2**20, 6.8 * 2**30)] == [
        "512 bytes",
        "5 KiB",
        "300 MiB",
        "6.8 GiB",
    ]
