"""The whole way from a recipe's data section to arrays."""

import json
from pathlib import Path

import numpy as np
import pytest

from workbench.data import Preparation, apply_to, data_argument, load
from workbench.errors import DataError, FileError, RecipeError, WorkbenchError
from workbench.recipe.schema import Data

PENGUINS = {
    "use": "csv",
    "path": "penguins.csv",
    "targets": "species",
    "classes": "species",
    "missing": "drop",
    "scale": "standard",
    "split": {"validation": 0.2, "test": 0.1, "stratify": True},
}


def table(*rows: str) -> str:
    return "\n".join(rows) + "\n"


def test_penguins_train(catalog, penguins: Path) -> None:
    prepared = load(Data.model_validate(PENGUINS), catalog, folder=penguins.parent, seed=7)
    assert (prepared.rows_read, prepared.rows_dropped) == (344, 11)
    assert (prepared.train.rows, prepared.validation.rows, prepared.test.rows) == (233, 67, 33)
    (spec,) = prepared.preparation.inputs
    assert spec.feature_names == (
        *("island=Biscoe", "island=Dream", "island=Torgersen"),
        *("bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g"),
        *("sex=female", "sex=male", "year"),
    )
    features = prepared.train.inputs["features"]
    assert features.dtype == np.float32
    numbers = features[:, [3, 4, 5, 6, 9]]
    np.testing.assert_allclose(numbers.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(numbers.std(axis=0), 1, atol=1e-5)
    np.testing.assert_array_equal(features[:, :3].sum(axis=1), 1)
    assert prepared.preparation.classes() == {"species": ("Adelie", "Chinstrap", "Gentoo")}
    assert prepared.train.targets["species"].dtype == np.int32
    assert prepared.summary() == (
        "333 rows (11 dropped for missing values): 233 to train on, 67 for validation, 33 for the test"
    )
    # The first penguin, found again by its place in the file: Adelie, Torgersen, 39.1 mm, male, 2007.
    for part in (prepared.train, prepared.validation, prepared.test):
        if 0 in part.index:
            at = part.index.tolist().index(0)
            assert part.targets["species"][at] == 0
            assert part.inputs["features"][at][[0, 1, 2, 7, 8]].tolist() == [0, 0, 1, 0, 1]


def test_a_preparation_survives_json_and_treats_the_test_part_alike(catalog, penguins: Path) -> None:
    data = Data.model_validate(PENGUINS)
    prepared = load(data, catalog, folder=penguins.parent, seed=7)
    kept = Preparation.from_record(json.loads(json.dumps(prepared.preparation.as_record())))
    assert kept == prepared.preparation
    again = apply_to(kept, data, catalog, folder=penguins.parent, seed=7, part="test")
    np.testing.assert_array_equal(again.index, prepared.test.index)
    np.testing.assert_array_equal(again.inputs["features"], prepared.test.inputs["features"])
    np.testing.assert_array_equal(again.targets["species"], prepared.test.targets["species"])
    everything = apply_to(kept, data, catalog, folder=penguins.parent, seed=7, part="all")
    assert everything.rows == 333


def test_a_file_without_targets_can_be_predicted(prepare, catalog, tmp_path: Path) -> None:
    rows = [f"{age},{'ab'[age % 2]},{age * 2}" for age in range(20)]
    prepared = prepare(table("age,kind,price", *rows), targets="price", scale="standard", delimiter=",")
    new = tmp_path / "new.csv"
    new.write_text("kind;age\nb;0\n".replace(";", ","))
    section = data_argument(str(new), catalog, prepared.preparation)
    part = apply_to(
        prepared.preparation, section, catalog, folder=tmp_path, seed=0, part="auto", with_targets=False
    )
    assert part.targets == {}
    np.testing.assert_allclose(part.inputs["features"], [[-9.5 / np.std(np.arange(20)), 0, 1]], rtol=1e-6)
    with pytest.raises(DataError, match=r"no column 'price' in new\.csv"):
        apply_to(prepared.preparation, section, catalog, folder=tmp_path, seed=0, with_targets=True)


def test_a_file_is_read_as_in_training(prepare, catalog, tmp_path: Path) -> None:
    prepared = prepare("a;b\n1,5;2\n2,5;4\n", targets="b", delimiter=";", decimal=",")
    (tmp_path / "new.csv").write_text("a;b\n3,5;0\n")
    section = data_argument(str(tmp_path / "new.csv"), catalog, prepared.preparation)
    part = apply_to(prepared.preparation, section, catalog, folder=tmp_path, seed=0)
    assert part.inputs["features"].tolist() == [[3.5]]


@pytest.mark.parametrize(
    ("argument", "error", "what"),
    [
        ("nowhere.csv", FileError, "no file 'nowhere.csv'"),
        ("nowhere/x.xyz", FileError, "There is no such file"),
        ("{tmp}/there.xyz", RecipeError, r"no reader for .*xyz.* Readers know: .*\.csv"),
        ("diabets", RecipeError, "Did you mean 'diabetes'"),
    ],
)
def test_a_data_argument_that_leads_nowhere(argument, error, what, catalog, tmp_path) -> None:
    (tmp_path / "there.xyz").write_bytes(b"x")
    with pytest.raises(error, match=what) as caught:
        data_argument(argument.format(tmp=tmp_path), catalog)
    assert caught.value.where == "--data"


def test_a_data_argument_may_be_a_dataset(catalog) -> None:
    assert data_argument("iris", catalog).use == "iris"
    assert data_argument("kwb_datasets.iris", catalog).use == "kwb_datasets.iris"


def test_no_test_part_to_evaluate_on(prepare, catalog, tmp_path: Path) -> None:
    prepared = prepare("a,b\n1,2\n2,3\n3,5\n", targets="b")
    section = Data.model_validate({"use": "csv", "path": "table.csv", "targets": "b"})
    arguments = {"catalog": catalog, "folder": tmp_path, "seed": 0}
    with pytest.raises(RecipeError, match="no test part"):
        apply_to(prepared.preparation, section, **arguments, part="test")
    assert apply_to(prepared.preparation, section, **arguments, part="auto").rows == 3


# Missing values


def test_means_come_from_the_training_part_only(prepare) -> None:
    rows = ["1,a,1", "3,b,1", ",a,1", "5,,1", "100,b,1", "200,b,1"]
    prepared = prepare(
        table("x,k,y", *rows), targets="y", missing="mean", split={"validation": 0.333, "shuffle": False}
    )
    features = prepared.train.inputs["features"]
    assert features[:, 0].tolist() == [1, 3, 3, 5]
    assert features[3, 1:].tolist() == [1, 0]  # 'a' is the most frequent in the training part, 'b' in all
    assert prepared.rows_dropped == 0


def test_a_given_value_stands_for_all_where_the_training_part_has_none(prepare) -> None:
    """As `fillna` does: only what is found out needs a value."""
    nothing = table("x,b,y", "1,,1", "2,,2", "3,,3", "4,,4")
    late = table("x,b,y", "1,,1", "2,,2", "3,,3", "4,9,4")
    split = {"validation": 0.25, "shuffle": False}
    for text, last in ((nothing, 5), (late, 9)):
        prepared = prepare(text, targets="y", missing={"b": 5}, split=split)
        assert prepared.train.inputs["features"].tolist() == [[1, 5], [2, 5], [3, 5]]
        assert prepared.validation.inputs["features"].tolist() == [[4, last]]
        for scaling in ("standard", "minmax", "robust"):  # as scikit-learn scales a constant
            scaled = prepare(text, targets="y", missing={"b": 5}, split=split, scale=scaling)
            assert scaled.train.inputs["features"][:, 1].tolist() == [0, 0, 0]
            assert scaled.validation.inputs["features"][:, 1].tolist() == [last - 5]
        with pytest.raises(DataError, match="'b' has no value at all in the training part"):
            prepare(text, targets="y", missing={"b": "mean"}, split=split)
    prepared = prepare(nothing, targets="y", missing={"b": "none"}, split=split)
    assert prepared.train.inputs["features"].tolist() == [[1, 1], [2, 1], [3, 1]]
    assert prepared.validation.inputs["features"].tolist() == [[4, 1]]
    words = nothing.replace("4,,4", "4,w,4")
    prepared = prepare(words, targets="y", missing={"b": "none"}, split=split)
    assert prepared.train.inputs["features"].tolist() == [[1, 1, 0], [2, 1, 0], [3, 1, 0]]
    assert prepared.validation.inputs["features"].tolist() == [[4, 0, 1]]
    for text in (nothing, words):
        embedded = prepare(text, targets="y", missing={"b": "none"}, split=split, embed=["b"])
        assert embedded.train.inputs["b"].tolist() == [[1], [1], [1]]
    assert embedded.validation.inputs["b"].tolist() == [[0]]
    with pytest.raises(DataError, match="'b' has no value at all in the training part"):
        prepare(nothing, targets="y", missing={"b": "most_frequent"}, split=split, embed=["b"])


@pytest.mark.parametrize("name", ["nope.csv", "nope*.csv"])
def test_a_file_that_is_not_there_is_reported_where_the_recipe_names_it(prepare, name) -> None:
    for section, where in (
        ({"test": name}, "data.test"),
        ({"test": ["table.csv", name]}, "data.test"),
        ({"validation": name}, "data.validation"),
        ({"path": name}, "data.path"),
    ):
        with pytest.raises(WorkbenchError, match=r"there is no file|no file is named") as error:
            prepare("x,y\n1,2\n2,3\n", targets="y", **section)
        assert error.value.where == where


def test_dropped_rows_keep_the_places_of_the_others(prepare) -> None:
    prepared = prepare("x,y\n1,1\n,2\n3,\n4,4\ninf,5\n", targets="y", missing="drop")
    assert prepared.train.index.tolist() == [0, 3]
    assert prepared.rows_dropped == 3


@pytest.mark.parametrize(
    ("text", "section", "where", "what"),
    [
        (
            "x,y\n1,2\n\nNA,3\n",
            {},
            "table.csv:4",
            r"'x' has no value \(the file says 'NA'\); in this row only",
        ),
        ("x,y\n1,2\ninf,3\n-inf,3\n", {}, "table.csv:3", "'x' holds an infinite value; 2 of 3 rows"),
        (
            "x,y\n1,2\n2,\n",
            {"missing": "mean"},
            "table.csv:3",
            "'y' has no value.*targets: drop}` leaves out 1 of 2",
        ),
        ("x,z,y\n,1,2\n,2,3\n", {"missing": "drop"}, "table.csv", "'x' misses 2 of 2"),
        ("x,z,y\n,1,2\n,2,3\n", {"missing": "mean"}, "table.csv", "'x' has no value at all"),
        ("x,k,y\n1,,2\n1,b,3\n", {}, "table.csv:2", "'k' has no value"),
    ],
)
def test_missing_values_are_reported_with_their_line(prepare, text, section, where, what) -> None:
    with pytest.raises(DataError, match=what) as error:
        prepare(text, targets="y", **section)
    assert error.value.where == where


# Scaling


# Categories and classes


def test_number_columns_can_be_categories(prepare) -> None:
    prepared = prepare("zip,y\n10,0\n9,0\n10,1\n", targets="y", categories="zip", scale="standard")
    assert prepared.preparation.inputs[0].feature_names == ("zip=9", "zip=10")
    assert prepared.train.inputs["features"].tolist() == [[0, 1], [1, 0], [0, 1]]


def test_categories_of_every_part_are_known(prepare) -> None:
    prepared = prepare("k,y\na,0\na,0\nb,0\n", targets="y", split={"test": 0.333, "shuffle": False})
    assert prepared.test.inputs["features"].tolist() == [[0, 1]]


def test_an_unknown_category_is_named_with_column_value_and_line(prepare, catalog, tmp_path: Path) -> None:
    prepared = prepare("k,y\na,0\nb,0\n", targets="y")
    (tmp_path / "new.csv").write_text("k\na\n\nzebra\n")
    section = data_argument(str(tmp_path / "new.csv"), catalog)
    with pytest.raises(DataError, match=r"'k' holds 'zebra'.*'a', 'b'") as error:
        apply_to(prepared.preparation, section, catalog, folder=tmp_path, seed=0, with_targets=False)
    assert error.value.where == "new.csv:4"


def test_categories_that_look_like_flags_elsewhere_are_still_known(prepare, tmp_path: Path) -> None:
    prepared = prepare("k,y\ntrue,0\nunknown,0\n", targets="y")
    part = prepared.preparation.apply({"k": [True, True]}, with_targets=False)
    assert part.inputs["features"].tolist() == [[1, 0], [1, 0]]


@pytest.mark.parametrize(
    ("labels", "classes", "numbers"),
    [
        (["no", "yes", "no"], ("no", "yes"), [0, 1, 0]),
        (["10", "9", "10"], ("9", "10"), [1, 0, 1]),
        (["false", "true", "true"], ("false", "true"), [0, 1, 1]),
    ],
)
def test_class_names_become_numbers(prepare, labels, classes, numbers) -> None:
    prepared = prepare(table("x,y", *(f"1,{label}" for label in labels)), targets="y", classes="y")
    assert prepared.preparation.classes() == {"y": classes}
    assert prepared.train.targets["y"].tolist() == numbers


@pytest.mark.parametrize(
    ("text", "section", "what"),
    [
        (table("x,y", "1,cat", "2,dog"), {}, r"'y' holds texts \('cat'\).*`classes: \[y\]`"),
        (table("x,y", "1,1", "2,2", "3,oops"), {}, "'y' should hold numbers, and holds the text 'oops'"),
        (table("x,y", "1,a", "2,a"), {"classes": "y"}, "one class only, 'a'"),
        (table("x,y", *(f"1,{n}.5" for n in range(40))), {"classes": "y"}, "40 different values"),
        (table("x,y", "1,0", "2,0", "n.d.,1"), {}, "'x' should hold numbers.*'n.d.' beside '1'.*categories"),
        (table("x,y", '"1,5",0', '"2,5",0', '"3,5",1'), {"decimal": "."}, 'decimal: ","'),
        (table("name,y", *(f"person {n},0" for n in range(40))), {}, r"40 different.*`ignore: \[name\]`"),
        (table("day,y", "2020-01-01,0", "2020-01-02,1"), {}, "'day' holds dates"),
        (table("id,y", "9007199254740993,0", "2,1"), {}, "9007199254740993, a whole number too large"),
        (table("x,y", "1e39,0", "2,1"), {}, r"1e\+39, too large for a 32-bit"),
        (table("x,y", "1,0", "2,1e200"), {}, "too large for a 32-bit"),
        (table("x,y,w", "1,0,-1", "2,1,1"), {"sample_weight": "w"}, "'w' is -1"),
        (table("x,y,w", "1,0,0", "2,1,0"), {"sample_weight": "w"}, "all 0"),
        (table("x,y,w", "1,0,a", "2,1,b"), {"sample_weight": "w"}, "'w' should hold numbers"),
        (
            table("x,y", "1,a", "2,a", "3,a", "4,b"),
            {"classes": "y", "split": {"test": 0.5, "stratify": True}},
            "'b' in 1 of 4 rows",
        ),
        (
            table("x,g,y", "1,a,1", "2,,1"),
            {"ignore": "g", "split": {"test": 0.5, "stratify": "g"}},
            "'g', to stratify by, has no value",
        ),
        (table("x,y", "1,1", "2,1"), {"split": {"validation": 0.1}}, "no row at all"),
    ],
)
def test_data_that_cannot_be_learnt_from(prepare, text: str, section: dict, what: str) -> None:
    with pytest.raises(WorkbenchError, match=what) as error:
        prepare(text, targets="y", **section)
    assert error.value.exit_code == 2
    assert error.value.where


def test_insisted_categories_may_be_many(prepare) -> None:
    rows = [f"person {n},0" for n in range(40)]
    prepared = prepare(table("name,y", *rows), targets="y", categories="name")
    assert prepared.preparation.input_shapes() == {"features": (40,)}


def test_weights_targets_and_inputs_by_name(prepare) -> None:
    prepared = prepare(
        "a,b,c,p,k,w\n1,2,3,4,x,0.5\n5,6,7,8,y,2\n",
        inputs={"left": ["b", "a"], "right": "c"},
        targets={"price": ["p"], "kind": ["k"]},
        classes="kind",
        sample_weight="w",
    )
    train = prepared.train
    assert {name: array.tolist() for name, array in train.inputs.items()} == {
        "left": [[2, 1], [6, 5]],
        "right": [[3], [7]],
    }
    assert {name: array.tolist() for name, array in train.targets.items()} == {
        "price": [[4], [8]],
        "kind": [0, 1],
    }
    assert train.sample_weight.tolist() == [0.5, 2]
    assert prepared.preparation.target_shapes() == {"price": (1,), "kind": ()}


# Arrays


# New data


@pytest.mark.parametrize(
    ("columns", "what"),
    [
        ({"n": [1.0], "k": ["a"]}, "no column 'x'"),
        ({"n": ["one"], "k": ["a"], "x": np.ones((1, 3))}, "'n' should hold numbers, and holds 'one'"),
        ({"n": ["1,5"], "k": ["a"], "x": np.ones((1, 3))}, "decimal"),
        ({"n": np.ones((1, 2)), "k": ["a"], "x": np.ones((1, 3))}, r"shape \(2,\)"),
        ({"n": [1.0], "k": np.ones((1, 2)), "x": np.ones((1, 3))}, "category column is needed"),
        ({"n": [1.0], "k": ["a"], "x": np.ones((1, 4))}, r"\(4,\).*learnt from \(3,\)"),
        ({"n": [1.0], "k": ["a"], "x": [1.0]}, r"\(\).*learnt from \(3,\)"),
        ({"n": [None], "k": ["a"], "x": np.ones((1, 3))}, "'n' has no value.*trained with"),
        ({"n": [1.0], "k": ["a"], "x": np.ones((1, 3)), "c": ["red"]}, "'c' holds 'red'.*'blue', 'green'"),
        ("text", "no named columns"),
    ],
)
def test_new_data_that_differs_from_training(stranger, columns, what) -> None:
    catalog = stranger(
        "import numpy as np\n"
        "def theirs():\n"
        "    return {'n': [1, 2], 'k': ['a', 'b'], 'x': np.ones((2, 3)), 'c': ['green', 'blue']}\n"
    )
    section = Data.model_validate({"use": "theirs", "targets": "c", "classes": "c"})
    preparation = load(section, catalog, folder=Path(), seed=0).preparation
    with_targets = isinstance(columns, dict) and "c" in columns
    with pytest.raises(DataError, match=what):
        preparation.apply(columns, with_targets=with_targets)


def test_a_damaged_record_is_refused(prepare) -> None:
    record = prepare("x,y\n1,0\n2,1\n", targets="y").preparation.as_record()
    for change in (
        {"version": 2},
        {"inputs": []},
        {"more": 1},
        {"inputs": [{**record["inputs"][0], "kind": "other"}]},
        {"inputs": [{**record["inputs"][0], "columns": [{"kind": "number", "name": "x", "factor": 0}]}]},
        {
            "inputs": [
                {**record["inputs"][0], "columns": [{"kind": "number", "name": "x", "center": float("nan")}]}
            ]
        },
        {
            "inputs": [
                {**record["inputs"][0], "columns": [{"kind": "category", "name": "x", "categories": []}]}
            ]
        },
    ):
        with pytest.raises(FileError, match="preparation is damaged") as error:
            Preparation.from_record({**record, **change}, "model.keras")
        assert error.value.where == "model.keras"
    with pytest.raises(FileError):
        Preparation.from_record(None)
