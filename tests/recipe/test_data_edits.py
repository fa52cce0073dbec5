"""Columns become inputs, targets, weights, or are left out: what the data section says then."""

from __future__ import annotations

import pytest

from workbench.recipe.column_edits import embed, free_text, missing_now, read_as_found, set_missing
from workbench.recipe.data_edits import ColumnRoles, ColumnUse, assign, toggle
from workbench.recipe.editing import Editor

PLAIN = ColumnRoles({"features": ["a", "b", "c"]}, {"price": ["price"]})


def edited(section: str, change) -> dict:
    editor = Editor(f"data: {section}   # kept\n")
    editor.update("columns", change.values, change.removed)
    assert "# kept" in editor.text
    return editor.get("data")


def test_an_input_becomes_a_target():
    data = {"use": "csv"}
    assert edited("{use: csv}", assign(data, PLAIN, "a", ColumnUse.TARGET)) == {
        "use": "csv",
        "targets": ["price", "a"],
    }


def test_a_target_becomes_an_input_again():
    roles = ColumnRoles({"features": ["b", "c"]}, {"price": ["price"], "a": ["a"]})
    data = {"use": "csv", "targets": ["price", "a"]}
    change = assign(data, roles, "a", ColumnUse.INPUT)
    assert edited("{use: csv, targets: [price, a]}", change) == {"use": "csv", "targets": ["price"]}


def test_a_column_is_left_out_and_taken_back():
    data = {"use": "csv"}
    out = edited("{use: csv}", assign(data, PLAIN, "b", ColumnUse.NONE))
    assert out == {"use": "csv", "ignore": ["b"]}
    roles = ColumnRoles({"features": ["a", "c"]}, {"price": ["price"]})
    back = assign({"use": "csv", "ignore": ["b"]}, roles, "b", ColumnUse.INPUT)
    assert edited("{use: csv, ignore: [b]}", back) == {"use": "csv"}


def test_a_weight_is_one_column():
    roles = ColumnRoles({"features": ["b", "c"]}, {"price": ["price"]}, "a")
    data = {"use": "csv", "sample_weight": "a"}
    assert edited("{use: csv, sample_weight: a}", assign(data, roles, "b", ColumnUse.WEIGHT)) == {
        "use": "csv",
        "sample_weight": "b",
    }
    assert edited("{use: csv, sample_weight: a}", assign(data, roles, "a", ColumnUse.INPUT)) == {"use": "csv"}


def test_weights_of_each_target():
    section = "{use: csv, sample_weight: {price: a, kind: b}}"
    weights = {"price": "a", "kind": "b"}
    roles = ColumnRoles({"features": ["c"]}, {"price": ["price"], "kind": ["kind"]}, weights)
    data = {"use": "csv", "sample_weight": weights}
    assert roles.use_of("a") is roles.use_of("b") is ColumnUse.WEIGHT
    assert edited(section, assign(data, roles, "a", ColumnUse.WEIGHT)) == data
    assert edited(section, assign(data, roles, "a", ColumnUse.INPUT)) == {
        "use": "csv",
        "sample_weight": {"kind": "b"},
    }
    assert edited(section, assign(data, roles, "c", ColumnUse.WEIGHT)) == {"use": "csv", "sample_weight": "c"}
    data["sample_weight"] = {"price": "a"}
    roles = ColumnRoles({"features": ["c"]}, {"price": ["price"]}, {"price": "a"})
    assert edited("{use: csv, sample_weight: {price: a}}", assign(data, roles, "a", ColumnUse.INPUT)) == {
        "use": "csv"
    }


def test_inputs_of_several_names():
    first = edited("{use: csv}", assign({"use": "csv"}, PLAIN, "c", ColumnUse.INPUT, "right"))
    assert first == {"use": "csv", "inputs": {"features": ["a", "b"], "right": ["c"]}}
    roles = ColumnRoles({"features": ["a", "b"], "right": ["c"]}, {"price": ["price"]})
    section = "{use: csv, inputs: {features: [a, b], right: [c]}}"
    moved = edited(section, assign(first, roles, "b", ColumnUse.INPUT, "right"))
    assert moved["inputs"] == {"features": ["a"], "right": ["c", "b"]}
    gone = edited(section, assign(first, roles, "c", ColumnUse.NONE))
    assert gone == {"use": "csv", "inputs": {"features": ["a", "b"]}, "ignore": ["c"]}


def test_named_targets_stay_named():
    roles = ColumnRoles({"features": ["a"]}, {"p": ["price"], "k": ["kind"]})
    data = {"use": "csv", "targets": {"p": ["price"], "k": "kind"}}
    section = "{use: csv, targets: {p: [price], k: kind}}"
    assert edited(section, assign(data, roles, "kind", ColumnUse.NONE))["targets"] == {"p": ["price"]}
    assert edited(section, assign(data, roles, "a", ColumnUse.TARGET))["targets"] == {
        "p": ["price"],
        "k": ["kind"],
        "a": ["a"],
    }


@pytest.mark.parametrize("key", ["categories", "classes"])
def test_lists_are_toggled(key):
    on = toggle({"use": "csv"}, key, "a")
    assert edited("{use: csv}", on) == {"use": "csv", key: ["a"]}
    off = toggle({"use": "csv", key: "a"}, key, "a")
    assert edited(f"{{use: csv, {key}: a}}", off) == {"use": "csv"}


def test_what_a_column_is_for():
    roles = ColumnRoles({"left": ["a"], "right": ["b"]}, {"t": ["c", "d"]}, "e")
    assert [roles.use_of(name) for name in "abcdef"] == [
        ColumnUse.INPUT,
        ColumnUse.INPUT,
        ColumnUse.TARGET,
        ColumnUse.TARGET,
        ColumnUse.WEIGHT,
        ColumnUse.NONE,
    ]
    assert roles.group_of("b") == "right"


def test_several_edits_are_one_step():
    editor = Editor("data: {use: csv, ignore: [a]}\n")
    editor.update("columns", {"data.targets": ["a"]}, ["data.ignore"])
    assert editor.get("data") == {"use": "csv", "targets": ["a"]}
    editor.undo()
    assert editor.get("data") == {"use": "csv", "ignore": ["a"]}


def test_a_column_is_read_as_it_was_found_and_no_longer() -> None:
    when = {"dates": {"parts": ["year"]}, "numbers": None}
    change = read_as_found({"dates": {"b": "day"}}, "a", when)
    assert change is not None
    assert change.values == {"data.dates": {"b": "day", "a": {"parts": ["year"]}}}
    back = read_as_found({"dates": {"a": {"parts": ["year"]}}}, "a", when)
    assert back is not None
    assert back.removed == ("data.dates",)
    assert read_as_found({}, "a", {"dates": None, "numbers": None}) is None
    signed = read_as_found({}, "a", {"dates": None, "numbers": {}})
    assert signed is not None
    assert signed.values == {"data.numbers": {"a": {}}}


def test_a_column_is_embedded_alone_and_joins_the_others_again() -> None:
    assert embed({}, PLAIN, "a").values == {"data.embed": ["a"]}
    section = {"inputs": {"features": ["a", "b", "c"]}, "categories": ["a"]}
    change = embed(section, PLAIN, "a")
    assert change.values == {"data.embed": ["a"], "data.inputs": {"features": ["b", "c"], "a": ["a"]}}
    assert change.removed == ("data.categories",)
    roles = ColumnRoles({"features": ["b", "c"], "a": ["a"]}, {"price": ["price"]})
    back = embed({"inputs": dict(roles.inputs), "embed": ["a"]}, roles, "a")
    assert (back.values, back.removed) == ({"data.inputs": {"features": ["b", "c", "a"]}}, ("data.embed",))


def test_a_free_text_is_an_input_of_its_own_as_it_was_found() -> None:
    found = {"text": {"tokens": 2000, "length": 40}}
    assert free_text({}, PLAIN, "a", found).values == {"data.text": {"a": {"tokens": 2000, "length": 40}}}
    assert free_text({"text": ["b"]}, PLAIN, "a", {"text": None}).values == {"data.text": {"b": {}, "a": {}}}
    change = free_text({"inputs": {"features": ["a", "b", "c"]}, "categories": ["a"]}, PLAIN, "a", {})
    assert change.values == {"data.text": {"a": {}}, "data.inputs": {"features": ["b", "c"], "a": ["a"]}}
    assert change.removed == ("data.categories",)
    assert free_text({"text": {"a": {}}}, PLAIN, "a", found).removed == ("data.text",)
    assert free_text({"ignore": ["a"]}, PLAIN, "a", {}).removed == ("data.ignore",)
    left_out = assign({"text": {"a": {}, "b": {}}}, PLAIN, "a", ColumnUse.NONE)
    assert left_out.values == {"data.ignore": ["a"], "data.text": {"b": {}}}


def test_missing_values_of_one_column() -> None:
    assert set_missing({}, "a", "median").values == {"data.missing": {"a": "median"}}
    dropped = set_missing({"missing": "drop"}, "a", 0)
    assert dropped.values == {"data.missing": {"inputs": "drop", "targets": "drop", "a": 0}}
    assert set_missing({"missing": {"a": 0}}, "a", None).removed == ("data.missing",)
    assert missing_now({"missing": {"a": 0}}, "a") == 0


def test_a_column_that_is_no_input_is_not_embedded_and_makes_no_dates() -> None:
    section = {"embed": ["a"], "dates": {"b": "day", "a": "day"}}
    change = assign(section, PLAIN, "a", ColumnUse.NONE)
    assert change.values == {"data.ignore": ["a"], "data.dates": {"b": "day"}}
    assert change.removed == ("data.embed",)


def test_the_past_of_a_target_does_not_make_it_an_input():
    roles = ColumnRoles.of(
        {
            "inputs": {"features": ["load", "wind"]},
            "targets": {"load": ["load"]},
            "sample_weight": None,
            "categories": [],
            "classes": [],
            "places": {"date": "time", "area": "series"},
            "forecasts": True,
        }
    )
    uses = [roles.use_of(name) for name in ("load", "wind", "date", "area", "other")]
    assert uses == ["target", "input", "time", "series", "left out"]
