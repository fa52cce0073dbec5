"""Data read as it is needed: the same rows and numbers as in memory, in bounded memory."""

from itertools import chain
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kwb_datasets import array_chunks, parquet_chunks, text_chunks
from workbench.data import loading, streamed_part
from workbench.data.in_memory import Prepared
from workbench.data.streamed_part import StreamedPart
from workbench.data.streaming import Streamed
from workbench.errors import DataError
from workbench.recipe.schema import Data

ROWS = 1000


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few rows a chunk and a window, so that small files go the way of large ones."""
    monkeypatch.setattr(parquet_chunks, "PIECE_BYTES", 4000)
    monkeypatch.setattr(array_chunks, "CHUNK_BYTES", 4000)
    monkeypatch.setattr(text_chunks, "BLOCK_BYTES", 1000)
    monkeypatch.setattr(text_chunks, "CHUNK_BYTES", 2500)
    monkeypatch.setattr(streamed_part, "WINDOW_BYTES", 5000)


def columns(gaps: bool = False) -> dict[str, list]:
    random = np.random.default_rng(3)
    a, b = random.normal(50, 3, ROWS), random.integers(-5, 5, ROWS)
    k, y = (
        random.choice(["red", "green", "blue"], ROWS).tolist(),
        random.choice(["no", "yes"], ROWS, p=[0.9, 0.1]),
    )
    k[-1] = "only here"
    table = {"a": a.tolist(), "b": b.tolist(), "k": k, "f": (a > 50).tolist(), "y": y.tolist()}
    if gaps:
        for name, step in (("a", 7), ("k", 11)):
            table[name] = [None if row % step == 0 else value for row, value in enumerate(table[name])]
    return table


def write(folder: Path, kind: str, gaps: bool = False) -> dict:
    table = pa.table(columns(gaps))
    match kind:
        case "parquet":
            pq.write_table(table, folder / "t.parquet", row_group_size=300)
        case "folder":
            kind = "parquet"
            (folder / "t.parquet").mkdir()
            for part in range(4):
                pq.write_table(table.slice(part * 250, 250), folder / "t.parquet" / f"{part}.parquet")
        case "csv":
            text = ["a,b,k,f,y"]
            rows = zip(*(column.to_pylist() for column in table.columns), strict=True)
            text += [",".join("" if value is None else str(value) for value in row) for row in rows]
            (folder / "t.csv").write_text("\n".join(text) + "\n")
    return {"use": kind, "path": f"t.{kind}", "targets": "y", "classes": "y"}


@pytest.fixture
def both(catalog, tmp_path: Path):
    def both(section: dict, seed: int = 5) -> tuple[Prepared, Streamed]:
        """The data in memory and as a stream."""
        loaded = [
            loading.load_or_stream(
                Data.model_validate({**section, "stream": stream}), catalog, folder=tmp_path, seed=seed
            )
            for stream in (False, True)
        ]
        assert isinstance(loaded[0], Prepared)
        assert isinstance(loaded[1], Streamed)
        assert len(loaded[1].train.counts) > 3
        return loaded[0], loaded[1]

    return both


def assert_equal(part, other) -> None:
    np.testing.assert_array_equal(part.index, other.index)
    for name, array in part.inputs.items():
        np.testing.assert_allclose(array, other.inputs[name], rtol=1e-5, atol=1e-6)
        assert array.dtype == other.inputs[name].dtype
    for name, array in part.targets.items():
        np.testing.assert_array_equal(array, other.targets[name])
    if isinstance(part.sample_weight, dict):
        assert list(part.sample_weight) == list(other.sample_weight)
        for name, array in part.sample_weight.items():
            np.testing.assert_array_equal(array, other.sample_weight[name])
    else:
        np.testing.assert_array_equal(part.sample_weight, other.sample_weight)


@pytest.mark.parametrize("kind", ["parquet", "folder", "csv"])
@pytest.mark.parametrize("missing", ["error", "drop", "mean"])
@pytest.mark.parametrize("scale", ["standard", "minmax", "robust"])
def test_a_stream_holds_what_memory_holds(both, tmp_path: Path, kind, missing, scale) -> None:
    section = {**write(tmp_path, kind, gaps=missing != "error"), "missing": missing, "scale": scale}
    memory, stream = both(section)
    assert_equal(memory.train, stream.train.read_all())
    assert stream.preparation.inputs[0].feature_names == memory.preparation.inputs[0].feature_names
    assert (stream.rows_read, stream.rows_dropped) == (memory.rows_read, memory.rows_dropped)
    assert stream.summary() == f"streaming {memory.summary()}"
    assert stream.class_counts["y"].tolist() == np.bincount(memory.train.targets["y"]).tolist()


def test_consecutive_parts_are_those_of_memory(both, tmp_path: Path) -> None:
    split = {"validation": 0.2, "test": 0.15, "shuffle": False}
    memory, stream = both({**write(tmp_path, "parquet"), "split": split, "scale": "standard"})
    assert_equal(memory.train, stream.train.read_all())
    assert_equal(memory.validation, stream.validation.read_all())
    assert_equal(memory.test, stream.test.read_all())


@pytest.mark.parametrize("stratify", [False, True, "k"])
def test_every_row_is_in_one_part_in_its_share(both, tmp_path: Path, stratify) -> None:
    section = write(tmp_path, "parquet")
    if stratify == "k":
        table = columns()
        table["k"][-1] = "red"
        pq.write_table(pa.table(table), tmp_path / "t.parquet", row_group_size=300)
        section["ignore"] = "k"
    split = {"validation": 0.2, "test": 0.1, "stratify": stratify}
    memory, stream = both({**section, "split": split})
    parts = [part.read_all() for part in (stream.train, stream.validation, stream.test)]
    assert sorted(np.concatenate([part.index for part in parts])) == list(range(ROWS))
    # To within a row, or a row of each class.
    slack = 3 if stratify else 0
    assert [part.rows for part in parts] == [pytest.approx(rows, abs=slack) for rows in (700, 200, 100)]
    assert sorted(parts[1].index) != list(range(700, 900))
    if stratify is True:
        for part, other in zip(parts, (memory.train, memory.validation, memory.test), strict=True):
            difference = np.bincount(part.targets["y"]) - np.bincount(other.targets["y"])
            assert abs(difference).max() <= 1
    again = both({**section, "split": split})[1]
    assert_equal(parts[2], again.test.read_all())
    other_seed = both({**section, "split": split}, seed=6)[1]
    assert other_seed.test.read_all().index.tolist() != parts[2].index.tolist()


def test_scaling_goes_by_the_training_part(both, tmp_path: Path) -> None:
    _, stream = both({**write(tmp_path, "csv"), "scale": "standard", "split": {"test": 0.3}})
    features = stream.train.read_all().inputs["features"][:, :2]
    np.testing.assert_allclose(features.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(features.std(axis=0), 1, atol=1e-5)


def test_weights_are_judged_over_a_whole_part(catalog, tmp_path: Path) -> None:
    """Whole blocks of weights of 0 are rows that do not count; a part without any other trains nothing."""

    def loaded(weight_of) -> Streamed:
        rows = "\n".join(f"{n},{n % 7},{weight_of(n)}" for n in range(ROWS))
        (tmp_path / "w.csv").write_text(f"x,y,w\n{rows}\n")
        section = {"use": "csv", "path": "w.csv", "targets": "y", "sample_weight": "w", "stream": True}
        return loading.load_or_stream(Data.model_validate(section), catalog, folder=tmp_path, seed=0)

    stream = loaded(lambda n: 2 if n >= 0.9 * ROWS else 0)
    assert len(stream.train.counts) > 3
    weights = np.concatenate([batch.sample_weight for batch in stream.train.batches(50)])
    assert weights.tolist() == [0.0] * (ROWS * 9 // 10) + [2.0] * (ROWS // 10)
    with pytest.raises(DataError, match="the sample weights 'w' are all 0"):
        loaded(lambda n: 0)


# Batches


def indices(part: StreamedPart, batch_size: int = 32, **how: int) -> list[list[int]]:
    return [batch.index.tolist() for batch in part.batches(batch_size, **how)]


@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_an_epoch_has_every_row_once_in_full_batches(both, tmp_path: Path, kind: str) -> None:
    _, stream = both({**write(tmp_path, kind), "split": {"test": 0.1}})
    for how in ({}, {"seed": 1}):
        batches = indices(stream.train, **how)
        assert [len(batch) for batch in batches] == [32] * 28 + [4]
        assert sorted(chain(*batches)) == sorted(stream.train.read_all().index.tolist())
    in_order = list(chain(*indices(stream.train)))
    assert in_order == sorted(in_order)


def test_the_order_is_drawn_from_seed_and_epoch(both, tmp_path: Path) -> None:
    train = both(write(tmp_path, "csv"))[1].train
    first = indices(train, seed=1, epoch=0)
    assert first == indices(train, seed=1, epoch=0)
    assert first != indices(train, seed=1, epoch=1)
    assert first != indices(train, seed=2, epoch=0)
    moved = np.abs(np.array(list(chain(*first))) - np.arange(ROWS))
    assert np.median(moved) > ROWS / 10


@pytest.mark.parametrize("how", [{}, {"seed": 4, "epoch": 2}])
@pytest.mark.parametrize("step", [0, 1, 5, 6, 17, 31])
def test_an_epoch_can_be_entered_at_any_step(both, tmp_path: Path, how: dict, step: int) -> None:
    train = both({**write(tmp_path, "parquet", gaps=True), "missing": "drop"})[1].train
    assert indices(train, 20, step=step, **how) == indices(train, 20, **how)[step:]


def test_steps_beyond_the_end_are_none(both, tmp_path: Path) -> None:
    assert indices(both(write(tmp_path, "parquet"))[1].train, step=32) == []


def test_rows_before_the_step_are_not_read(both, tmp_path: Path, monkeypatch) -> None:
    train = both(write(tmp_path, "parquet"))[1].train
    read: list[int] = []
    original = StreamedPart._read_chunk
    monkeypatch.setattr(
        StreamedPart,
        "_read_chunk",
        lambda self, reader, chunk: read.append(chunk) or original(self, reader, chunk),
    )
    assert len(indices(train, 32, step=30)) == 2
    assert len(read) < len(train.counts) / 2


def test_two_readers_do_not_disturb_each_other(both, tmp_path: Path) -> None:
    for kind in ("parquet", "csv"):
        train = both(write(tmp_path, kind))[1].train
        alone = indices(train, seed=1)
        together = zip(train.batches(32, seed=1), train.batches(32, seed=2, epoch=3), strict=True)
        assert [one.index.tolist() for one, _ in together] == alone


def test_the_head_is_the_first_rows(both, tmp_path: Path) -> None:
    memory, stream = both(write(tmp_path, "csv"))
    assert stream.train.head(8).index.tolist() == list(range(8))
    np.testing.assert_array_equal(
        stream.train.head(8).inputs["features"], memory.train.inputs["features"][:8]
    )
    assert stream.train.head(5000).rows == ROWS


# Arrays


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_arrays_stream_from_stored_and_compressed_files(both, tmp_path: Path, save) -> None:
    random = np.random.default_rng(0)
    save(
        tmp_path / "t.npz",
        x=random.normal(3, 2, (ROWS, 4, 2)),
        tokens=random.integers(0, 9, (ROWS, 3)),
        y=random.normal(size=ROWS),
        names=np.array(["a", "b"] * (ROWS // 2)),
        w=random.random(ROWS),
        version=3,
    )
    section = {"use": "npz", "path": "t.npz", "targets": "y", "sample_weight": "w"}
    for scale in ({"x": "standard"}, {"x": "robust"}):
        memory, stream = both({**section, "scale": scale})
        assert_equal(memory.train, stream.train.read_all())
        assert stream.preparation.input_dtypes() == {
            "features": "float32",
            "x": "float32",
            "tokens": "int32",
        }
        assert len(indices(stream.train, seed=1)) == 32


def test_weights_of_each_target(both, catalog, tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    columns = {"y": random.normal(size=ROWS), "w": random.random(ROWS), "steps": random.random((ROWS, 4))}
    np.savez(tmp_path / "t.npz", x=random.normal(size=(ROWS, 4, 2)), z=columns["y"] + 1, **columns)
    targets = {"y": ["y"], "z": ["z"], "same": ["y"]}
    section = {"use": "npz", "path": "t.npz", "targets": targets, "split": {"validation": 0.2}}
    memory, stream = both({**section, "sample_weight": {"z": "w", "y": "steps"}})
    assert list(memory.preparation.input_shapes()) == ["x"]
    train = memory.train
    assert {name: array.shape[1:] for name, array in train.sample_weight.items()} == {
        "y": (4,),
        "z": (),
        "same": (),
    }
    np.testing.assert_allclose(train.sample_weight["z"], columns["w"][train.index], rtol=1e-6)
    np.testing.assert_allclose(train.sample_weight["y"], columns["steps"][train.index], rtol=1e-6)
    assert set(train.sample_weight["same"]) == {1.0}
    part = stream.train.read_all()
    np.testing.assert_allclose(part.sample_weight["z"], columns["w"][part.index], rtol=1e-6)
    whole = [
        loading.apply_to(
            memory.preparation,
            Data.model_validate({**section, "stream": flag}),
            catalog,
            folder=tmp_path,
            seed=5,
            part="all",
        )
        for flag in (False, True)
    ]
    assert_equal(*whole)


def test_arrays_with_a_test_part_of_their_own(both, tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    np.savez(
        tmp_path / "t.npz",
        x=random.normal(size=(ROWS, 3)),
        y=["a", "b"] * (ROWS // 2),
        xt=random.normal(size=(10, 3)),
        yt=["c"] * 10,
    )
    section = {"use": "npz", "path": "t.npz", "test": {"x": "xt", "y": "yt"}, "targets": "y", "classes": "y"}
    memory, stream = both({**section, "split": {"validation": 0.1, "test": 0.1}})
    assert (stream.train.rows, stream.validation.rows, stream.test.rows) == (900, 100, 10)
    assert_equal(memory.test, stream.test.read_all())
    assert stream.preparation.classes() == {"y": ("a", "b", "c")}
    assert stream.class_counts["y"].sum() == 900


# New data


@pytest.mark.parametrize("with_targets", [True, False])
@pytest.mark.parametrize("part", ["test", "all"])
def test_the_test_part_is_drawn_again(both, catalog, tmp_path: Path, part, with_targets) -> None:
    split = {"test": 0.2, "stratify": True}
    section = {**write(tmp_path, "parquet", gaps=True), "missing": "drop", "split": split, "stream": True}
    _, stream = both(section)
    arguments = {"folder": tmp_path, "seed": 5, "part": part, "with_targets": with_targets}
    data = Data.model_validate(section)
    again = loading.apply_or_stream(stream.preparation, data, catalog, **arguments)
    assert isinstance(again, StreamedPart)
    whole = again.read_all()
    expected = stream.test.read_all().index if part == "test" else None
    if expected is not None:
        np.testing.assert_array_equal(whole.index, expected)
    assert bool(whole.targets) == with_targets
    held = loading.apply_to(stream.preparation, data, catalog, **arguments)
    assert_equal(held, whole)


def test_a_recipe_in_memory_says_that_it_streams(catalog, tmp_path: Path) -> None:
    section = Data.model_validate({**write(tmp_path, "csv"), "stream": True})
    with pytest.raises(DataError, match="`stream: false`"):
        loading.load(section, catalog, folder=tmp_path, seed=0)


# Errors


# Memory
