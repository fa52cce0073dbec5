"""Values keep their meaning: from the file to the model, in training and when the saved model is used."""

import csv
import gzip
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from workbench.data import apply_to, data_argument, loading
from workbench.data.cells.number_texts import Marks, found_marks, marks_hint
from workbench.errors import DataError
from workbench.recipe.schema import Data

COUNTRIES = ["NA", "DE", "NA", "FR", "NA", "DE"]


def write(path: Path, rows: list[list[object]]) -> Path:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return path


def one_hot(values: list[str], categories: list[str]) -> list[list[float]]:
    return [[float(value == category) for category in categories] for value in values]


@pytest.mark.parametrize("stream", [False, True])
def test_a_category_is_what_the_cell_says(catalog, tmp_path: Path, stream: bool) -> None:
    """Leading zeros, 16 digits that no float can hold, NA the country: each its own category."""
    zips = ["01067", "1067", "01067", "10115", "1067", "10115"]
    ids = [f"900719925474099{last}" for last in "335533"]
    rows = [["land", "zip", "id", "x", "y"]]
    rows += [
        [land, zip_, id_, n, n * 2]
        for n, (land, zip_, id_) in enumerate(zip(COUNTRIES, zips, ids, strict=True))
    ]
    write(tmp_path / "t.csv", rows)
    data = Data.model_validate(
        {"use": "csv", "path": "t.csv", "targets": "y", "categories": ["land", "zip", "id"], "stream": stream}
    )
    loaded = loading.load_or_stream(data, catalog, folder=tmp_path, seed=0)
    part = loaded.train.read_all() if stream else loaded.train
    expected = [
        [*a, *b, *c, float(n)]
        for n, (a, b, c) in enumerate(
            zip(
                one_hot(COUNTRIES, ["DE", "FR", "NA"]),
                one_hot(zips, ["01067", "1067", "10115"]),
                one_hot(ids, ["9007199254740993", "9007199254740995"]),
                strict=True,
            )
        )
    ]
    order = np.argsort(part.index)
    (spec,) = loaded.preparation.inputs
    assert spec.feature_names[:6] == ("land=DE", "land=FR", "land=NA", "zip=01067", "zip=1067", "zip=10115")
    np.testing.assert_array_equal(part.inputs["features"][order], expected)


@pytest.mark.parametrize("stream", [False, True])
def test_a_class_is_what_the_cell_says(catalog, tmp_path: Path, stream: bool) -> None:
    write(tmp_path / "t.csv", [["x", "land"], *([n, land] for n, land in enumerate(COUNTRIES))])
    section = {"use": "csv", "path": "t.csv", "targets": {"out": "land"}, "classes": "out", "stream": stream}
    loaded = loading.load_or_stream(Data.model_validate(section), catalog, folder=tmp_path, seed=0)
    assert loaded.preparation.classes() == {"out": ("DE", "FR", "NA")}
    part = loaded.train.read_all() if stream else loaded.train
    assert part.targets["out"][np.argsort(part.index)].tolist() == [2, 0, 2, 1, 2, 0]


@pytest.mark.parametrize("stream", [False, True])
def test_a_word_for_no_value_among_numbers_is_none(catalog, tmp_path: Path, stream: bool) -> None:
    """Codes 01 and 02 with gaps: the gaps are no third code, in training and later."""
    write(tmp_path / "t.csv", [["code", "y"], ["01", 1], ["NA", 2], ["02", 3], ["?", 4], ["01", 5]])
    section = {
        "use": "csv",
        "path": "t.csv",
        "targets": "y",
        "categories": "code",
        "missing": "drop",
        "stream": stream,
    }
    loaded = loading.load_or_stream(Data.model_validate(section), catalog, folder=tmp_path, seed=0)
    assert loaded.preparation.inputs[0].feature_names == ("code=01", "code=02")
    assert loaded.rows_dropped == 2
    new = write(tmp_path / "new.csv", [["code"], ["NA"], ["02"]])
    arguments = data_argument(str(new), catalog, loaded.preparation)
    part = apply_to(loaded.preparation, arguments, catalog, folder=tmp_path, seed=0, with_targets=False)
    assert (part.index.tolist(), part.inputs["features"].tolist()) == ([1], [[0, 1]])


def test_a_word_for_no_value_that_the_recipe_names_is_one_everywhere(prepare) -> None:
    prepared = prepare(
        "k,y\nNA,1\nDE,2\nNone,3\n", targets="y", categories="k", missing_values=["NA"], missing="drop"
    )
    assert prepared.preparation.inputs[0].feature_names == ("k=DE", "k=None")
    assert prepared.rows_dropped == 1


@pytest.mark.parametrize(("stream", "named"), [(False, ["code"]), (True, ["code"]), (False, []), (True, [])])
def test_new_data_is_read_with_the_kinds_of_the_training(
    catalog, tmp_path: Path, stream: bool, named: list[str]
) -> None:
    """The codes 01 to 09 and 2A are texts; a new file that happens to hold 01, 02 and 07 only has the same codes."""
    codes = ["01", "02", "07", "2A", "2B", "2C"]
    write(tmp_path / "t.csv", [["code", "y"], *([code, n] for n, code in enumerate(codes))])
    section = {"use": "csv", "path": "t.csv", "targets": "y", "stream": stream, "categories": named}
    preparation = loading.load_or_stream(
        Data.model_validate(section), catalog, folder=tmp_path, seed=0
    ).preparation
    new = write(tmp_path / "new.csv", [["code"], ["01"], ["07"], ["02"]])
    part = apply_to(
        preparation,
        data_argument(str(new), catalog, preparation),
        catalog,
        folder=tmp_path,
        seed=0,
        with_targets=False,
    )
    np.testing.assert_array_equal(part.inputs["features"], one_hot(["01", "07", "02"], sorted(codes)))


def test_a_category_written_as_another_program_writes_its_number(prepare) -> None:
    preparation = prepare("k,y\n1,1\n2,2\n01,3\n", targets="y", categories="k").preparation
    with pytest.raises(
        DataError, match=r"'1\.0', a category that the training"
    ):  # 1 or 01? not for us to say
        preparation.apply({"k": ["1.0"]}, with_targets=False)
    assert preparation.apply({"k": np.array([2.0])}, with_targets=False).inputs["features"].tolist() == [
        [0, 0, 1]
    ]
    with pytest.raises(DataError, match="'02', a category"):
        preparation.apply({"k": ["02"]}, with_targets=False)


# Marks in numbers


@pytest.mark.parametrize(
    ("columns", "marks"),
    [
        ([["1,5", "2"]], Marks(",", "")),
        ([["0,500"]], Marks(",", "")),
        ([["1.656,50", "3,1"]], Marks(",", ".")),
        ([["1,656", "600"]], Marks()),
        ([["1,656", "600"], ["9.7", "1"]], Marks("", ",")),
        ([["1,656,000", "600"]], Marks("", ",")),
        ([["1,656.50"]], Marks("", ",")),
        ([["1,656", "600"], ["2,75"]], Marks(",", "")),
        ([["1,5"], ["2.5"]], Marks()),
        ([["1.656"], ["2.5"]], Marks()),
        ([["1,5 kg"], ["a, b"]], Marks()),
        ([["04.03.2020", "29.12.2021"], ["1,5", "2"]], Marks(",", "")),
        ([["04.03.20"], ["1.656,50"]], Marks(",", ".")),
        ([["1.2.3", "1.10.0"], ["1.656.000,5"]], Marks(",", ".")),
        ([["1,2,3"], ["2.5"]], Marks()),
        ([["1.656.000"], ["2,75"]], Marks(",", ".")),
    ],
)
def test_marks_are_found_where_they_leave_no_doubt(columns, marks) -> None:
    assert found_marks(columns) == marks


@pytest.mark.parametrize(
    ("texts", "says", "never"),
    [
        (
            ["1,656", "600"],
            'means 1656, say `thousands: ","`; if it means 1.656, say `decimal',
            "A comma marks",
        ),
        (["1,656,000", "600"], "say `thousands", "decimal"),
        (["1,5", "600"], "say `decimal", "thousands"),
        (["1,5", "2.5"], "different things in different rows", "say"),
        (["9.7", "600"], "", "say"),
    ],
)
def test_a_hint_never_makes_sixteen_hundred_one_and_a_half(texts, says, never) -> None:
    hint = marks_hint(texts)
    assert says in hint
    assert never not in hint


def test_prices_with_commas_between_thousands(prepare) -> None:
    """`1,656` beside `600` is asked about; beside a column with points it is read."""
    with pytest.raises(DataError, match="thousands: ") as error:
        prepare('price,y\n"1,656",1\n600,2\n"2,310",3\n', targets="y")
    assert "1656" in str(error.value)
    prepared = prepare('price,size,y\n"1,656",9.7,1\n600,8.2,2\n"2,310",1.5,3\n', targets="y")
    expected = np.array([[1656, 9.7], [600, 8.2], [2310, 1.5]], np.float32)
    np.testing.assert_array_equal(prepared.train.inputs["features"], expected)


# Missing values: what a hint says


def test_a_hint_speaks_of_the_word_and_never_drops_half(prepare) -> None:
    rows = "\n".join(f"{land},{n}" for n, land in enumerate([*COUNTRIES, "NA", "NA"]))
    with pytest.raises(DataError, match=r"the file says 'NA'\); 5 of 8 rows") as error:
        prepare(f"land,y\n{rows}\n", targets="y")
    assert "`missing_values: []`, or `categories: [land]`" in error.value.hint
    assert "drop" not in error.value.hint
    assert "mean" not in error.value.hint


def test_a_hint_counts_the_rows_that_dropping_costs(prepare) -> None:
    with pytest.raises(DataError) as error:
        prepare("x,z,y\n1,1,1\n,2,2\n3,,3\n4,4,4\n5,5,5\n", targets="y")
    assert "`missing: drop` leaves out 2 of 5 rows" in error.value.hint
    assert "`missing: mean` fills in the mean" in error.value.hint


def test_inputs_filled_and_targets_dropped(prepare) -> None:
    prepared = prepare("x,y\n1,1\n,2\n3,\n8,4\n", targets="y", missing={"inputs": "mean", "targets": "drop"})
    assert prepared.train.index.tolist() == [0, 1, 3]
    assert prepared.train.inputs["features"][:, 0].tolist() == [
        1,
        4.5,
        8,
    ]  # the mean of the rows that are kept
    again = prepared.preparation.from_record(prepared.preparation.as_record())
    assert again.apply({"x": [np.nan]}, with_targets=False).inputs["features"].tolist() == [[4.5]]


# The reader of the training


def _table(folder: Path, name: str) -> Path:
    rows = [["k", "x", "y"], *([kind, n, n] for n, kind in enumerate(["a", "b", "a", "b"]))]
    path = folder / name
    if name.endswith(".gz"):
        plain = write(folder / "plain", rows)
        path.write_bytes(gzip.compress(plain.read_bytes()))
    elif name == "parts":
        path.mkdir()
        for part in range(2):
            pq.write_table(
                pa.table({"k": ["a", "b"], "x": [2 * part, 2 * part + 1], "y": [0, 1]}),
                path / f"{part}.parquet",
            )
    else:
        write(path, rows)
    return path


@pytest.mark.parametrize(
    ("name", "use"), [("p.csv.gz", "csv"), ("p.txt", "csv"), ("parts", "parquet"), ("p.CSV", "csv")]
)
def test_what_training_read_prediction_reads(catalog, tmp_path: Path, name: str, use: str) -> None:
    path = _table(tmp_path, name)
    data = Data.model_validate({"use": use, "path": name, "targets": "y"})
    preparation = loading.load(data, catalog, folder=tmp_path, seed=0).preparation
    section = data_argument(str(path), catalog, preparation)
    part = apply_to(preparation, section, catalog, folder=tmp_path, seed=0, with_targets=False)
    np.testing.assert_array_equal(part.inputs["features"], [[1, 0, 0], [0, 1, 1], [1, 0, 2], [0, 1, 3]])


def test_many_rows_are_encoded_in_blocks_to_the_same_numbers(prepare, catalog, tmp_path, monkeypatch) -> None:
    random = np.random.default_rng(5)
    kinds, towns = random.choice(["x", "y", "z"], 200), random.choice(["a", "b"], 200)
    rows = [f"{row % 7 or ''},{kinds[row]},{towns[row]},{row},{row % 3}" for row in range(200)]
    text = "\n".join(["n,kind,town,y,w", *rows]) + "\n"
    section = {"targets": "y", "scale": "standard", "missing": {"inputs": "mean"}, "sample_weight": "w"}
    section["split"] = {"validation": 0.2, "test": 0.1}
    whole = prepare(text, **section)
    monkeypatch.setattr("workbench.data.blockwise.BLOCK_ROWS", 9)
    blocks = prepare(text, **section)
    for name in ("train", "validation", "test"):
        one, other = getattr(whole, name), getattr(blocks, name)
        np.testing.assert_array_equal(one.index, other.index)
        np.testing.assert_array_equal(one.inputs["features"], other.inputs["features"])
        np.testing.assert_array_equal(one.targets["y"], other.targets["y"])
        np.testing.assert_array_equal(one.sample_weight, other.sample_weight)
    (tmp_path / "new.csv").write_text(text.replace("z", "q"))
    count = int((kinds == "z").sum())
    new = Data.model_validate({"use": "csv", "path": "new.csv"})
    with pytest.raises(DataError, match=rf"In {count} of 200 rows"):  # and not of a block
        apply_to(blocks.preparation, new, catalog, folder=tmp_path, seed=0)
