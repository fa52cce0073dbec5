"""Class weights, prediction columns, previews."""

import numpy as np
import pytest

from workbench.data.predictions import prediction_columns, unique_headings
from workbench.data.preview import class_balance, preview
from workbench.data.source import Source, as_source
from workbench.data.weights import balanced_class_weights
from workbench.errors import DataError


@pytest.mark.parametrize(
    "classes",
    [np.array([0, 0, 0, 2]), np.array([[0.0], [0.0], [0.0], [2.0]]), np.eye(3)[[0, 0, 0, 2]]],
)
def test_balanced_weights_make_classes_equal(classes) -> None:
    assert balanced_class_weights(classes) == pytest.approx({0: 2 / 3, 2: 2.0})


@pytest.mark.parametrize(
    "classes",
    [np.array([0.5, 1]), np.array([-1, 1]), np.ones((2, 2)), np.zeros((2, 2, 2)), np.zeros((3, 1, 1))],
)
def test_what_is_no_class_cannot_be_balanced(classes) -> None:
    with pytest.raises(DataError):
        balanced_class_weights(classes)


def test_predicted_classes_have_names_and_scores(prepare) -> None:
    preparation = prepare("x,y\n1,b\n2,a\n3,c\n", targets="y", classes="y").preparation
    columns = prediction_columns(preparation, {"dense": np.array([[0.1, 0.7, 0.2], [0.5, 0.1, 0.4]])})[
        "dense"
    ]
    assert list(columns) == ["y", "y=a", "y=b", "y=c"]
    assert columns["y"].tolist() == ["b", "a"]
    assert columns["y=c"].tolist() == [0.2, 0.4]


def test_one_score_tells_two_classes(prepare) -> None:
    preparation = prepare("x,y\n1,b\n2,a\n", targets="y", classes="y").preparation
    outputs = {"y": np.array([[0.2], [0.5], [0.9]])}
    assert prediction_columns(preparation, outputs)["y"]["y"].tolist() == ["a", "b", "b"]
    assert prediction_columns(preparation, outputs, threshold=0.6)["y"]["y"].tolist() == ["a", "a", "b"]


def test_several_outputs_have_their_targets_columns(prepare) -> None:
    preparation = prepare(
        "x,p,q,k\n1,2,3,a\n2,3,4,b\n", inputs={"x": "x"}, targets={"n": ["p", "q"], "k": ["k"]}, classes="k"
    ).preparation
    columns = prediction_columns(
        preparation, {"k": np.array([[0.0, 1.0]]), "n": np.array([[5.0, 6.0]]), "code": np.zeros((1, 2, 2))}
    )
    assert {name: list(own) for name, own in columns.items()} == {
        "k": ["k", "k=a", "k=b"],
        "n": ["p", "q"],
        "code": ["code_1", "code_2", "code_3", "code_4"],
    }
    assert columns["n"]["q"].tolist() == [6.0]


def test_headings_are_unique_with_what_stands_beside_them() -> None:
    columns = {"tags": ["age", "row", "true age", "new"], "age": ["age"], "k": ["k", "k=a"], "n": ["new"]}
    headings = unique_headings(columns, ["row", "k"])
    assert list(headings.values()) == [
        *("age", "k.k", "tags.age", "tags.row", "tags.true age", "new", "k.k=a", "n.new"),
    ]


def test_outputs_of_a_width_unlike_the_target_are_numbered(prepare) -> None:
    preparation = prepare("x,y\n1,b\n2,a\n3,c\n", targets="y", classes="y").preparation
    assert list(prediction_columns(preparation, {"y": np.zeros((1, 2))})["y"]) == ["y_1", "y_2"]
    assert list(prediction_columns(preparation, {"y": np.zeros(1)})["y"]) == ["y"]


def test_a_preview_shows_each_column() -> None:
    source = as_source(
        {
            "age": [1.0, None, 3.0, 3.0],
            "kind": ["a", "b", "a", None],
            "flag": [True, False, True, True],
            "image": np.arange(16).reshape(4, 2, 2),
            "mixed": [1, "a", 2, 3],
            "nothing": [None] * 4,
        },
        "shop",
    )
    seen = preview(source, rows=2)
    by_name = {column.name: column for column in seen.columns}
    assert (seen.rows, seen.test_rows, seen.origin) == (4, 0, "shop")
    age = by_name["age"]
    assert (age.kind, age.missing, age.distinct, age.low, age.high) == ("number", 1, 2, 1.0, 3.0)
    assert age.mean == pytest.approx(7 / 3)
    assert by_name["kind"].commonest == (("a", 2), ("b", 1))
    assert by_name["flag"].commonest == (("True", 3), ("False", 1))
    assert (by_name["image"].shape, by_name["image"].high) == ((2, 2), 15)
    assert by_name["mixed"].kind == "unusable"
    assert "mixes" in by_name["mixed"].error
    assert by_name["nothing"].low is None
    assert seen.first_rows == (
        ("1", "a", "True", "2 × 2 array", "1", ""),
        ("", "b", "False", "2 × 2 array", "a", ""),
    )


def test_class_balance_by_part(prepare) -> None:
    rows = "".join(f"1,{'ab'[n % 2]}\n" for n in range(20))
    prepared = prepare(f"x,y\n{rows}", targets="y", classes="y", split={"test": 0.2, "stratify": True})
    assert class_balance(prepared) == {"y": {"a": (8, 0, 2), "b": (8, 0, 2)}}


def test_a_preview_counts_the_test_part() -> None:
    assert preview(Source({"x": np.ones(3)}, test={"x": np.ones(2)})).test_rows == 2
