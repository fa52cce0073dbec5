"""Columns of free text become the numbers of Keras' `TextVectorization`, fitted on the training part."""

from __future__ import annotations

import csv
import random
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from workbench.catalog.lookup import Catalog
from workbench.data import Prepared, apply_to, loading
from workbench.data.cells.texts import WordCounts, encode_texts
from workbench.data.preparation import Preparation
from workbench.data.preview import preview
from workbench.data.reading.calls import read
from workbench.data.source import Source
from workbench.data.streaming import Streamed
from workbench.errors import RecipeError
from workbench.recipe.options.data import TextOptions
from workbench.recipe.schema import Data

ODD = [
    "The cat; the CAT -- the dog's tail!", "", "  \t\r\n ", "Über ÜBER über naïve", "a\u00a0b a\u2003b \x0bc\x1cd",
    "日本語 テキスト 日本語", "!!! ?", "[UNK] [unk] unk", "tie tie zebra apple mango kiwi", "x \U0001f600 e\u0301",
]  # fmt: skip
SOME = [
    "good film",
    "bad film, bad plot",
    "good plot. Good end!",
    "dull",
    "so so good",
    "a film",
    "bad bad bad",
]


def made(rows: int, seed: int = 1) -> list[str]:
    words = [f"w{number}" for number in range(200)]
    chosen = random.Random(seed)
    return [
        " ".join(chosen.choices(words, weights=range(1, 201), k=chosen.randint(1, 30))) for _ in range(rows)
    ]


@pytest.mark.parametrize("split", ["words", "characters"])
@pytest.mark.parametrize("standardize", ["lower_and_strip_punctuation", "lower", "strip_punctuation", "none"])
def test_numbers_are_those_of_keras(split: str, standardize: str) -> None:
    train, others = [*made(60), *ODD], [*made(10, 2), "never seen before", "THE w7 w7! zebra"]
    options = TextOptions(tokens=90, length=12, split=split, standardize=standardize)
    counts = WordCounts("review", options)
    counts.add(np.array(train[:30], object), np.zeros(30, int))  # as a stream adds them
    counts.add(np.array(train[30:] + others, object), np.array([0] * (len(train) - 30) + [1] * len(others)))
    spec = counts.fit("review")
    layer = keras.layers.TextVectorization(
        max_tokens=90, output_sequence_length=12, split=split.removesuffix("s").replace("word", "whitespace"),
        standardize=None if standardize == "none" else standardize,
    )  # fmt: skip
    layer.adapt(np.array(train, object))
    assert list(spec.vocabulary) == layer.get_vocabulary(include_special_tokens=False)
    for texts in (train, others):
        np.testing.assert_array_equal(encode_texts(spec, texts), np.asarray(layer(np.array(texts, object))))


def table_of(texts: list[str], folder: Path, kind: str) -> dict[str, object]:
    scores = [len(text) % 7 for text in texts]
    if kind == "csv":
        with (folder / "t.csv").open("w", newline="") as file:
            csv.writer(file).writerows(
                [["review", "size", "score"], *zip(texts, scores, scores, strict=True)]
            )
    else:
        pq.write_table(pa.table({"review": texts, "size": scores, "score": scores}), folder / "t.parquet")
    return {"use": kind, "path": f"t.{kind}", "targets": ["score"], "split": {"validation": 0.2, "test": 0.2}}


@pytest.mark.parametrize("kind", ["csv", "parquet"])
@pytest.mark.parametrize("stream", [False, True])
def test_words_are_those_of_the_training_part(
    kind: str, stream: bool, catalog: Catalog, tmp_path: Path
) -> None:
    texts = [f"{text} only{row}" for row, text in enumerate(made(200))]  # a word that no other row has
    data = Data.model_validate(
        {**table_of(texts, tmp_path, kind), "text": {"review": {"length": 9}}, "stream": stream}
    )
    prepared = loading.load_or_stream(data, catalog, folder=tmp_path, seed=5)
    assert isinstance(prepared, Streamed) is stream
    spec = prepared.preparation.inputs[-1]
    parts = [
        part.read_all() if stream else part for part in (prepared.train, prepared.validation, prepared.test)
    ]
    assert prepared.preparation.input_shapes() == {"features": (1,), "review": (9,)}
    layer = keras.layers.TextVectorization(max_tokens=20_000, output_sequence_length=9)
    layer.adapt(np.array(texts, object)[parts[0].index])
    assert list(spec.vocabulary) == layer.get_vocabulary(include_special_tokens=False)
    shares = []
    for part in parts:
        own = np.array(texts, object)[part.index]
        assert part.inputs["review"].dtype == np.int32
        np.testing.assert_array_equal(part.inputs["review"], np.asarray(layer(own)))
        words = " ".join(own).split()
        shares.append(sum(word not in spec.vocabulary for word in words) / len(words))
    (remark,) = prepared.remarks
    assert f"{shares[1]:.1%} of those in the validation part are unknown" in remark
    assert f"{shares[2]:.1%} of those in the test part are unknown" in remark
    assert shares[0] == 0
    assert "training part are unknown" not in remark
    # The file keeps all of it: raw rows give the same numbers again.
    again = Preparation.from_record(prepared.preparation.as_record())
    whole = apply_to(again, data, catalog, folder=tmp_path, seed=5, part="all", with_targets=False)
    expected = np.asarray(layer(np.array(texts, object)))
    np.testing.assert_array_equal(whole.inputs["review"][np.argsort(whole.index)], expected)


def test_the_length_left_open_keeps_most_texts_whole(prepare: Callable[..., Prepared]) -> None:
    rows = "".join(f"{'a ' * (row % 20 + 1)},{row}\n" for row in range(400))
    prepared = prepare(f"review,y\n{rows}", targets=["y"], text=["review"])
    assert prepared.preparation.input_shapes() == {"review": (19,)}  # 95 % of 1..20
    assert "length 19, 5.0% of the texts are cut" in prepared.remarks[0]
    tokens = (
        prepare(f"review,y\n{rows}", targets=["y"], text={"review": {"tokens": 3}})
        .preparation.inputs[0]
        .tokens
    )
    assert tokens == 3


def test_cells_are_read_as_they_are_written(prepare: Callable[..., Prepared]) -> None:
    table = "note,y\nNA,1\nnull,2\n007,3\n1.50,4\nNA NA,5\n"
    prepared = prepare(table, targets=["y"], text={"note": {"length": 2, "standardize": "none"}})
    assert set(prepared.preparation.inputs[0].vocabulary) == {"NA", "null", "007", "1.50"}
    numbers = prepare("note,y\n007,1\n7,2\n", targets=["y"], text=["note"])
    assert set(numbers.preparation.inputs[0].vocabulary) == {"007", "7"}
    assert "note" in numbers.preparation.kinds().literal  # and so by `kwb predict`


def test_blank_texts(prepare: Callable[..., Prepared]) -> None:
    table = 'review,y\ngood film,1\n"",2\nbad,3\n'
    with pytest.raises(Exception, match="column 'review' has no value"):
        prepare(table, targets=["y"], text=["review"])
    filled = prepare(table, targets=["y"], text=["review"], missing="mean")
    assert filled.train.inputs["review"][np.flatnonzero(filled.train.index == 1)[0]].tolist() == [0, 0]
    dropped = prepare(table, targets=["y"], text=["review"], missing="drop")
    assert dropped.rows_dropped == 1


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"text": ["reviev"]}, "no column 'reviev'"),
        ({"text": ["y"]}, "'y' is no input"),
        ({"text": ["review"], "categories": ["review"]}, "a category and a free text at once"),
        ({"text": ["review"], "inputs": {"x": ["review", "n"]}}, "is a text and cannot be joined"),
    ],
)
def test_wrong_uses_are_named(
    section: dict[str, object], message: str, prepare: Callable[..., Prepared]
) -> None:
    with pytest.raises(RecipeError, match=message):
        prepare("review,n,y\ngood,1,2\nbad,2,3\n", targets=["y"], **section)


def test_a_text_is_an_input_of_any_name(prepare: Callable[..., Prepared]) -> None:
    rows = "".join(f"{text.replace(',', '')},{row},{row}\n" for row, text in enumerate(SOME))
    prepared = prepare(
        f"review,n,y\n{rows}",
        targets=["y"],
        text={"review": {"length": 4}},
        inputs={"words": ["review"], "n": ["n"]},
    )
    assert prepared.preparation.input_shapes() == {"words": (4,), "n": (1,)}


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ([f"{text} {row}" for row, text in enumerate(made(300))], {"tokens": 1000, "length": 30}),
        ([f"name{row} surname{row % 7} jr" for row in range(300)], None),  # names
        (["this is a long name of a category", "and this one is long too"] * 150, None),
    ],
)
def test_free_text_is_told_from_names_and_categories(
    texts: list[str], expected: dict[str, int] | None, catalog: Catalog, tmp_path: Path
) -> None:
    section = Data.model_validate(table_of(texts, tmp_path, "csv"))
    source = read(section, catalog, tmp_path)
    assert isinstance(source, Source)
    assert preview(source).columns[0].text == expected
