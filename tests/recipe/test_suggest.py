"""A recipe suggested from what data looks like: the last layer, the loss, the scaling, what to leave out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from workbench.catalog.lookup import Catalog
from workbench.recipe.document import parse
from workbench.recipe.names import check_names
from workbench.recipe.suggestion.recipe import ColumnFacts, Facts, likely_targets, suggest
from workbench.recipe.suggestion.roles import suggested_roles
from workbench.recipe.suggestion.series_facts import SeriesFacts
from workbench.recipe.suggestion.text import recipe_text


def number(name: str, low: float = -1.0, high: float = 2.0, distinct: int = 90, **rest: Any) -> ColumnFacts:
    return ColumnFacts(name, "number", distinct=distinct, low=low, high=high, **rest)


def text(name: str, *counts: int) -> ColumnFacts:
    commonest = tuple((f"c{index}", count) for index, count in enumerate(counts))
    return ColumnFacts(name, "text", distinct=len(counts), commonest=commonest)


def array(name: str, *shape: int, low: float = 0.0, high: float = 1.0) -> ColumnFacts:
    return ColumnFacts(name, "array", shape, low=low, high=high)


def suggested(facts: Facts, catalog: Catalog, targets: list[str] | None = None) -> dict[str, Any]:
    """The recipe, after its text was read back and every name in it was found."""
    suggestion = suggest("my data", {"use": "csv", "path": "x.csv"}, facts, targets)
    document = parse(recipe_text(suggestion))
    check_names(document, catalog)
    assert document.recipe.name == "my-data"
    return suggestion.recipe


def test_a_number_is_predicted_by_a_last_layer_without_activation(catalog: Catalog) -> None:
    recipe = suggested(Facts(442, (number("age"), number("bmi"), number("price", 25, 346))), catalog)
    assert recipe["data"]["targets"] == ["price"]
    assert recipe["data"]["scale"] == "standard"
    assert recipe["data"]["split"] == {"validation": 0.2, "test": 0.1}
    assert recipe["model"]["sequential"][-1] == {"use": "Dense", "units": 1}
    assert recipe["train"]["loss"] == "mse"
    assert recipe["train"]["metrics"] == ["mae"]


@pytest.mark.parametrize(
    "target", [text("kind", 50, 60, 40), number("kind", 0, 2, distinct=3), number("kind", 0, 1, distinct=2)]
)
def test_classes_get_a_probability_each(catalog: Catalog, target: ColumnFacts) -> None:
    recipe = suggested(Facts(150, (number("a"), target)), catalog)
    assert recipe["data"]["classes"] == ["kind"]
    assert recipe["data"]["split"]["stratify"] is True
    last = recipe["model"]["sequential"][-1]
    assert last == {"use": "Dense", "units": target.distinct, "activation": "softmax"}
    assert recipe["train"]["loss"] == "sparse_categorical_crossentropy"
    assert recipe["train"]["metrics"] == ["accuracy"]


def test_whole_numbers_with_gaps_are_numbers(catalog: Catalog) -> None:
    recipe = suggested(Facts(500, (number("a"), number("rooms", 1, 9, distinct=7))), catalog)
    assert "classes" not in recipe["data"]
    assert recipe["train"]["loss"] == "mse"


def test_a_rare_class_is_not_stratified(catalog: Catalog) -> None:
    recipe = suggested(Facts(150, (number("a"), text("kind", 147, 3))), catalog)
    assert "stratify" not in recipe["data"]["split"]


def test_names_and_unusable_columns_are_left_out_and_gaps_filled(catalog: Catalog) -> None:
    columns = (
        ColumnFacts("passenger", "text", distinct=140),
        ColumnFacts("when", "unusable"),
        number("age", missing=12),
        text("port", 50, 50, 50),
        number("fare"),
    )
    recipe = suggested(Facts(150, columns), catalog)
    assert recipe["data"]["ignore"] == ["passenger", "when"]
    assert recipe["data"]["missing"] == "mean"
    gaps = (*columns[:4], number("fare", missing=3))
    both = suggested(Facts(150, gaps), catalog)["data"]["missing"]
    assert both == {"inputs": "mean", "targets": "drop"}  # no mean stands for a target
    alone = (number("fare"), number("price", missing=3))
    assert suggested(Facts(150, alone), catalog)["data"]["missing"] == "drop"


def test_most_rows_are_never_dropped(catalog: Catalog) -> None:
    """Nineteen targets with gaps of a quarter each, as laboratory values: together they would cost nearly every row."""
    targets = [number(f"t{at}", missing=25) for at in range(19)]
    facts = Facts(100, (number("x"), number("rare", missing=60), *targets))
    suggestion = suggest("lab", {"use": "csv"}, facts, [column.name for column in targets])
    data = suggestion.recipe["data"]
    assert data["targets"] == {"t0": ["t0"], "t1": ["t1"]}
    assert data["missing"] == "drop"
    assert set(data["ignore"]) == {"rare", *(f"t{at}" for at in range(2, 19))}
    assert "'rare' is left out: it has no value in 60 of 100 rows." in suggestion.reasons
    assert any("up to 50 of 100 rows have no target" in reason for reason in suggestion.reasons)
    recipe = suggested(Facts(100, (number("x"), number("y", missing=90))), catalog)
    assert (recipe["data"]["targets"], recipe["data"]["missing"]) == (["y"], "drop")


@pytest.mark.parametrize(
    ("column", "why"),
    [
        (number("id", 1, 150, distinct=150), "looks like an id: it has another value in every row"),
        (number("customerId", 1e6, 9e6, distinct=150), "looks like an id"),
        (ColumnFacts("area", "text", distinct=140, words=("k.A.",)), "holds 'k.A.' among its numbers; where"),
        (ColumnFacts("order_id", "text", distinct=150), "looks like an id"),
        (number("column_1", 0, 149, distinct=150), "looks like an id: it counts the rows"),
        (
            ColumnFacts("when", "unusable", error="holds 'x', which is no date as '1.1.2020' is"),
            "holds 'x', which is no date",
        ),
        (ColumnFacts("day", "date", dates={"parts": []}), "is always the same"),
        (number("rare", missing=100), "has no value in 100 of 150 rows"),
    ],
)
def test_what_is_left_out_is_named_with_its_reason(catalog: Catalog, column: ColumnFacts, why: str) -> None:
    suggestion = suggest("x", {"use": "csv"}, Facts(150, (column, number("a"), number("y"))))
    assert suggestion.recipe["data"]["ignore"] == [column.name]
    assert any(reason.startswith(f"'{column.name}' is left out: it {why}") for reason in suggestion.reasons)
    assert f"'{column.name}' is left out" in recipe_text(suggestion)


@pytest.mark.parametrize(
    "column",
    [
        number("no", 0.1, 9.7, distinct=150),  # nitrogen monoxide
        number("id", 1, 20, distinct=20),
        number("valid", 1, 150, distinct=150, missing=1),
        number("year", 1850, 1999, distinct=150),
    ],
)
def test_what_only_looks_a_little_like_an_id_stays(column: ColumnFacts) -> None:
    suggestion = suggest("x", {"use": "csv"}, Facts(150, (column, number("a"), number("y"))))
    assert "ignore" not in suggestion.recipe["data"]
    assert any("counts the rows" in reason for reason in suggestion.reasons) == (column.name == "year")


def test_dates_and_written_numbers_are_used_with_a_reason(catalog: Catalog) -> None:
    dates = {"parts": ["year", "hour"], "cyclic": True, "format": "%d.%m.%Y %H:%M"}
    when = ColumnFacts("when", "date", distinct=100, dates=dates, span=("2020-01-01", "2021-01-01"))
    price = number("price", 25, 346, numbers={"strip": "$", "missing": ["nil"]}, missing=3)
    suggestion = suggest("x", {"use": "csv", "path": "x.csv"}, Facts(100, (when, price)))
    data = parse(recipe_text(suggestion)).recipe.data
    assert data.dates["when"].model_dump() == {**dates, "parts": ("year", "hour")}
    assert (data.numbers["price"].strip, data.numbers["price"].missing) == (("$",), ("nil",))
    assert (data.targets, data.scale, data.ignore) == (("price",), "standard", ())
    said = "\n".join(suggestion.reasons)
    assert "'when' holds dates: year, hour are made of them" in said
    assert "'price' is read as numbers: $ is left away, 'nil' stands for no value." in said


def test_many_categories_are_embedded(catalog: Catalog) -> None:
    zips = ColumnFacts("zip code", "text", distinct=120, commonest=(("01", 9),))
    names = ColumnFacts("name", "text", distinct=900)
    recipe = suggested(Facts(1000, (number("a"), text("port", 400, 600), zips, names, number("y"))), catalog)
    assert (recipe["data"]["embed"], recipe["data"]["ignore"]) == (["zip code"], ["name"])
    assert recipe["data"]["inputs"] == {"features": ["a", "port"], "zip_code": ["zip code"]}
    assert recipe["model"]["inputs"] == {"features": "data", "zip_code": "data"}
    assert recipe["model"]["graph"][:3] == [
        "zip_code_in = Embedding(input_dim=121, output_dim=23)(zip_code)",
        "zip_code_in = Flatten()(zip_code_in)",
        "columns = Concatenate()(features, zip_code_in)",
    ]
    alone = suggested(Facts(1000, (zips, number("y"))), catalog)
    assert alone["model"]["inputs"] == {"zip_code": "data"}
    assert alone["model"]["graph"][2].startswith('table = Dense(units=32, activation="relu")(zip_code_in)')


def test_many_gaps_are_a_category_of_their_own(catalog: Catalog) -> None:
    deck = replace(text("deck", 20, 10), missing=70)
    port = replace(text("port", 50, 48), missing=2)
    recipe = suggested(Facts(100, (deck, port, number("a", missing=30), number("y"))), catalog)
    assert recipe["data"]["missing"] == {"inputs": "mean", "deck": "none"}
    assert "ignore" not in recipe["data"]
    recipe = suggested(Facts(100, (number("a"), deck, number("b"), number("empty", missing=100))), catalog)
    assert (recipe["data"]["targets"], recipe["data"]["missing"]) == (["b"], {"deck": "none"})
    assert recipe["data"]["ignore"] == ["empty"]


def test_numbers_among_other_texts_and_rare_classes_are_seen(catalog: Catalog) -> None:
    grade = replace(text("grade", 60, 20, 20), numeric=True)
    kind = number("kind", 0, 2, distinct=3, rarest=1)
    recipe = suggested(Facts(100, (grade, kind)), catalog)
    assert recipe["data"]["categories"] == ["grade"]
    assert "stratify" not in recipe["data"]["split"]


def test_what_the_reader_found_out_is_written_down(catalog: Catalog) -> None:
    facts = Facts(100, (number("a"), number("y")), options={"delimiter": ";", "decimal": ","})
    suggestion = suggest("x", {"use": "csv", "path": "x.csv"}, facts)
    text = recipe_text(suggestion)
    data = parse(text).recipe.data
    assert (data.arguments["delimiter"], data.arguments["decimal"]) == (";", ",")
    assert "# ';' stands between the columns." in text
    assert "# ',' marks the decimals." in text


def test_a_gap_of_a_class_stays_a_gap(catalog: Catalog) -> None:
    kind = ColumnFacts("kind", "text", missing=4, distinct=2, commonest=(("a", 50), ("b", 46)), word="NA")
    data = suggested(Facts(100, (number("x"), kind)), catalog)["data"]
    assert (data["classes"], data["missing_values"], data["missing"]) == (["kind"], ["NA"], "drop")


def test_numbers_to_learn_are_scaled_and_classes_are_not(catalog: Catalog) -> None:
    facts = Facts(100, (number("rooms"), number("price", 60_000, 730_000), text("kind", 40, 60)))
    assert suggested(facts, catalog)["data"]["scale_targets"] == "standard"
    assert suggested(facts, catalog, ["price", "kind"])["data"]["scale_targets"] == "standard"
    assert "scale_targets" not in suggested(facts, catalog, ["kind"])["data"]
    pictures = Facts(100, (array("x", 8, 8, 1), array("y", 8, 8, 1)), ("y",))
    assert "scale_targets" not in suggested(pictures, catalog)["data"]
    measured = Facts(100, (number("x"), array("y", 3, low=900, high=1200)), ("y",))
    assert suggested(measured, catalog)["data"]["scale_targets"] == "standard"


def test_pictures_get_convolutions_and_bytes_are_scaled(catalog: Catalog) -> None:
    facts = Facts(
        1797, (array("image", 8, 8, 1, high=255), number("digit", 0, 9, distinct=10)), ("digit",), 300
    )
    recipe = suggested(facts, catalog)
    assert [layer["use"] for layer in recipe["model"]["sequential"]][:2] == ["Conv2D", "Conv2D"]
    assert recipe["data"]["scale"] == "minmax"
    assert "targets" not in recipe["data"]  # the data says so itself
    assert "test" not in recipe["data"]["split"]
    small = Facts(1000, (array("image", 8, 8, 1), number("digit")), ("digit",))
    assert "scale" not in suggested(small, catalog)["data"]


def test_several_inputs_are_joined_in_a_graph(catalog: Catalog) -> None:
    columns = (
        array("image", 28, 28, 1),
        array("my vector", 12),
        number("a"),
        text("port", 9, 9),
        number("y"),
    )
    recipe = suggested(Facts(1000, columns), catalog)
    model = recipe["model"]
    assert model["inputs"] == dict.fromkeys(["features", "image", "my_vector"], "data")
    assert recipe["data"]["inputs"]["my_vector"] == ["my vector"]
    assert recipe["data"]["inputs"]["features"] == ["a", "port"]
    assert any(line.startswith("joined = Concatenate()") for line in model["graph"])
    assert model["outputs"] == ["y"]


def test_several_targets_get_an_end_each(catalog: Catalog) -> None:
    columns = (number("a"), number("b"), number("price"), text("kind", 50, 50))
    recipe = suggested(Facts(100, columns), catalog, ["price", "kind"])
    assert recipe["data"]["targets"] == {"price": ["price"], "kind": ["kind"]}
    assert recipe["model"]["outputs"] == ["price", "kind"]
    assert recipe["train"]["loss"] == {"price": "mse", "kind": "sparse_categorical_crossentropy"}
    assert recipe["train"]["metrics"] == {"price": ["mae"], "kind": ["accuracy"]}


def test_more_rows_need_fewer_epochs_and_larger_batches(catalog: Catalog) -> None:
    sizes = [
        (recipe["train"]["epochs"], recipe["train"]["batch_size"])
        for rows in (500, 20_000, 500_000)
        for recipe in [suggested(Facts(rows, (number("a"), number("y"))), catalog)]
    ]
    assert sizes == [(200, 32), (60, 64), (20, 128)]


def test_likely_targets() -> None:
    assert likely_targets(Facts(9, (number("label"), number("b")))) == ("label",)
    assert likely_targets(Facts(9, (number("a"), number("Price"), number("b")))) == ("Price",)
    assert likely_targets(Facts(9, (number("a"), number("b"), ColumnFacts("c", "unusable")))) == ("b",)
    assert likely_targets(Facts(9, (number("a"), number("b")), ("a",))) == ("a",)
    assert likely_targets(Facts(0, ())) == ()
    assert likely_targets(Facts(9, (number("preis_eur"), number("rooms")))) == ("preis_eur",)
    assert likely_targets(Facts(9, (number("SalePrice"), number("priced"), number("z")))) == ("SalePrice",)


def words(name: str, tokens: int = 2000, length: int = 40) -> ColumnFacts:
    return ColumnFacts(name, "text", distinct=180, text={"tokens": tokens, "length": length})


def test_free_text_gets_an_embedding_of_its_words(catalog: Catalog) -> None:
    recipe = suggested(Facts(200, (text("kind", 90, 110), words("review"))), catalog)
    assert recipe["data"]["targets"] == ["kind"]  # not the text, though that is the last column
    assert recipe["data"]["text"] == {"review": {"tokens": 2000, "length": 40}}
    stack = recipe["model"]["sequential"]
    assert [layer["use"] for layer in stack] == [
        "Embedding",
        "Conv1D",
        "GlobalMaxPooling1D",
        "Dropout",
        "Dense",
    ]
    assert stack[0]["input_dim"] == 2000


def test_free_text_beside_a_table_is_joined_in_a_graph(catalog: Catalog) -> None:
    columns = (number("size"), words("The review", 1000, 7), number("price", 3, 9))
    recipe = suggested(Facts(200, columns), catalog)
    assert recipe["data"]["inputs"] == {"features": ["size"], "the_review": ["The review"]}
    assert recipe["model"]["inputs"] == {"features": "data", "the_review": "data"}
    assert "the_review_in = Embedding(input_dim=1000, output_dim=32)(the_review)" in recipe["model"]["graph"]


def test_rows_that_follow_each_other_in_time_become_windows_unless_declined(catalog: Catalog) -> None:
    series = SeriesFacts("date", "1 hour", 2_000, follows=("load",), seasons={"load": 24})
    columns = (
        ColumnFacts(
            "date", "date", distinct=2_000, dates={"parts": ["hour"]}, span=("2024-01-01", "2024-03-24")
        ),
        number("load"),
        number("wind"),
        text("sky", 1_000, 1_000),
    )
    facts = Facts(2_000, columns, series=series)
    recipe = suggested(facts, catalog, ["load"])
    assert recipe["data"]["windows"] == {"length": 48, "ahead": 1, "time": "date"}
    assert recipe["data"]["split"] == {"validation": 0.2, "test": 0.2}
    assert "dates" not in recipe["data"]
    assert recipe["model"]["inputs"] == {"features": "data"}
    reasons = suggest("x", {"use": "diabetes"}, facts, ["load"]).reasons
    assert reasons[0].startswith("The rows follow each other by 'date', 1 hour apart: windows of 48 rows")
    roles = suggested_roles({"use": "diabetes"}, facts, ["load"])
    assert [roles[name].role for name in ("date", "load", "wind")] == ["time", "target", "input"]
    assert roles["date"].reason == "rows follow each other by it, 1 hour apart."
    declined = suggest("x", {"use": "diabetes"}, facts, ["load"], windows=False).recipe
    assert "windows" not in declined["data"]
    assert "sequential" in declined["model"]
    # Of what comes next the last value says nothing: no forecast.
    assert "windows" not in suggested(facts, catalog, ["wind"])["data"]
    assert "windows" not in suggested(facts, catalog, ["sky"])["data"]
