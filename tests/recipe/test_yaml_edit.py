"""Edits of YAML text: what changes, and that nothing else does."""

from __future__ import annotations

import random

import pytest

from workbench.errors import RecipeError
from workbench.recipe.document import split_key
from workbench.recipe.yaml_edit import insert_item, move_item, remove, rename_key, set_block, set_value
from workbench.recipe.yaml_text import yaml_value

TEXT = """\
# The whole.
kwb: 1          # version

model:
  sequential:
    - {use: MyDense, units: 30}   # wide
    # noise in training only
    - {use: MyGaussianNoise, stddev: 0.1}
    - Exponential                 # always positive,
                                  # as prices are

train:
  metrics: [mae]   # in units
  callbacks:
    - use: EarlyStopping
      patience: 5   # epochs
    - TerminateOnNaN
save: []
"""


def at(key):
    return split_key(key)


def edited(old: str, *, without=(), added=()):
    """The text's lines with some gone and some more, as a check that the rest is as it was."""
    lines = [line for line in old.splitlines() if line not in without]
    return sorted([*lines, *added])


def test_a_value_is_set_in_place_and_its_comment_stays():
    text = set_value(TEXT, at("model.sequential[0].units"), 64)
    assert "    - {use: MyDense, units: 64}   # wide\n" in text
    assert text.replace("64", "30") == TEXT


def test_a_new_argument_goes_into_the_brackets():
    text = set_value(TEXT, at("model.sequential[0].activation"), "relu")
    assert "- {use: MyDense, units: 30, activation: relu}   # wide" in text


def test_a_new_entry_of_a_block_gets_a_line_after_the_comment():
    text = set_value(TEXT, at("train.callbacks[0].monitor"), "val_loss")
    assert "      patience: 5   # epochs\n      monitor: val_loss\n    - TerminateOnNaN" in text


def test_a_new_entry_is_placed_by_the_order_given():
    text = set_value(TEXT, at("seed"), 7, order=("kwb", "name", "seed", "data", "model"))
    assert "kwb: 1          # version\nseed: 7\n" in text
    text = set_value(TEXT, at("train.epochs"), 3, order=("epochs", "metrics"))
    assert "train:\n  epochs: 3\n  metrics" in text


def test_maps_on_the_way_are_made():
    text = set_value(TEXT, at("data.split.validation"), 0.2)
    assert text == TEXT + "data: {split: {validation: 0.2}}\n"


def test_a_section_without_a_value_takes_one():
    assert yaml_value(set_value("a:\nb: 1\n", at("a.c"), 2)) == {"a": {"c": 2}, "b": 1}
    assert yaml_value(set_value("a: {b, c: 1}\n", at("a.b"), 2)) == {"a": {"b": 2, "c": 1}}
    assert yaml_value(set_value("- x\n".join(["a:\n", "- \n"]), at("a[1]"), 2)) == {"a": ["x", 2]}


def test_a_block_is_replaced_whole_and_the_line_of_its_key_keeps_its_comment():
    text = set_value("a:   # all\n  b: 1\n  c: 2\nd: 3\n", at("a"), [1, 2])
    assert text == "a: [1, 2]   # all\nd: 3\n"
    text = set_block("a:   # all\n  b: 1\nd: 3\n", at("a"), {"graph": ["z = A()(x)"], "outputs": ["z"]})
    assert text == "a:   # all\n  graph:\n    - z = A()(x)\n  outputs: [z]\nd: 3\n"
    assert set_block("a: X  # one\nb: 2\n", at("a"), {"c": 1}) == "a:\n  c: 1  # one\nb: 2\n"


def test_items_are_inserted_where_asked():
    first = insert_item(TEXT, at("model.sequential"), 0, {"use": "Dense", "units": 1})
    assert "  sequential:\n    - {use: Dense, units: 1}\n    - {use: MyDense" in first
    second = insert_item(TEXT, at("model.sequential"), 1, "Flatten")
    assert "# wide\n    - Flatten\n    # noise in training only\n" in second
    last = insert_item(TEXT, at("model.sequential"), 3, "Flatten")
    assert "# as prices are\n    - Flatten\n\ntrain:" in last
    for text in (first, second, last):
        assert edited(text) == sorted(
            [*TEXT.splitlines(), *(set(text.splitlines()) - set(TEXT.splitlines()))]
        )


def test_items_go_into_lists_in_brackets_and_into_none():
    assert "metrics: [mae, mse]   # in units" in insert_item(TEXT, at("train.metrics"), 1, "mse")
    assert "metrics: [mse, mae]   # in units" in insert_item(TEXT, at("train.metrics"), 0, "mse")
    assert insert_item(TEXT, at("save"), 0, "a.keras").endswith("save: [a.keras]\n")
    assert insert_item("metrics: mae # m\n", at("metrics"), 1, "mse") == "metrics: [mae, mse] # m\n"
    assert insert_item("a: 1\n", at("b"), 0, "x") == "a: 1\nb: [x]\n"
    stack = insert_item("model:\n  sequential: []  # none yet\n", at("model.sequential"), 0, "Flatten")
    assert stack == "model:\n  sequential:  # none yet\n    - Flatten\n"


def test_an_item_is_deleted_with_the_comment_at_its_end_and_no_other():
    text = remove(TEXT, at("model.sequential[1]"))
    assert edited(text) == edited(TEXT, without=["    - {use: MyGaussianNoise, stddev: 0.1}"])
    text = remove(TEXT, at("model.sequential[2]"))
    gone = [
        "    - Exponential                 # always positive,",
        "                                  # as prices are",
    ]
    assert edited(text) == edited(TEXT, without=gone)
    assert "stddev: 0.1}\n\ntrain:" in text


def test_entries_are_deleted_from_brackets_and_blocks():
    assert "- {use: MyDense}   # wide" in remove(TEXT, at("model.sequential[0].units"))
    assert "- {units: 30}   # wide" in remove(TEXT, at("model.sequential[0].use"))
    assert "    - use: EarlyStopping\n    - TerminateOnNaN" in remove(TEXT, at("train.callbacks[0].patience"))
    assert "metrics: []   # in units" in remove(TEXT, at("train.metrics[0]"))
    assert yaml_value(remove("a: [1, 2, 3]", at("a[1]"))) == {"a": [1, 3]}
    assert yaml_value(remove("a: {b, c: 1}", at("a.b"))) == {"a": {"c": 1}}
    assert yaml_value(remove("a: {b: 1, c}", at("a.c"))) == {"a": {"b": 1}}


def test_the_last_item_leaves_an_empty_list():
    text = remove("model:\n  sequential:\n    - A  # x\n  other: 1\n", at("model.sequential[0]"))
    assert yaml_value(text) == {"model": {"sequential": [], "other": 1}}


def test_an_item_moves_with_its_comments():
    down = move_item(TEXT, at("model.sequential[0]"), 2)
    assert (
        "  sequential:\n    # noise in training only\n    - {use: MyGaussianNoise, stddev: 0.1}\n"
        "    - Exponential                 # always positive,\n"
        "                                  # as prices are\n"
        "    - {use: MyDense, units: 30}   # wide\n\ntrain:"
    ) in down
    assert move_item(down, at("model.sequential[2]"), 0) == TEXT
    assert yaml_value(move_item("a: [1, {b: 2}, 3]", at("a[2]"), 0)) == {"a": [3, 1, {"b": 2}]}


def test_the_last_line_may_lack_its_end():
    text = "a:\n  - x\n  - y"
    assert move_item(text, at("a[1]"), 0) == "a:\n  - y\n  - x\n"
    assert insert_item(text, at("a"), 2, "z") == "a:\n  - x\n  - y\n  - z\n"
    assert remove(text, at("a[1]")) == "a:\n  - x\n"


def test_a_key_is_renamed():
    assert rename_key("a: {b: 1, c: 2}  # x\n", at("a.b"), "d") == "a: {d: 1, c: 2}  # x\n"
    with pytest.raises(RecipeError, match="'c' is taken"):
        rename_key("a: {b: 1, c: 2}\n", at("a.b"), "c")


def test_what_cannot_be_done_is_said():
    for act in (
        lambda: remove(TEXT, at("train.epochs")),
        lambda: move_item(TEXT, at("model.sequential[0]"), 3),
        lambda: move_item(TEXT, at("train"), 3),
        lambda: set_value(TEXT, at("kwb.x"), 3),
        lambda: set_value(TEXT, at("model.sequential[9].units"), 3),
        lambda: insert_item(TEXT, at("model"), 0, "A"),
        lambda: remove("a:\n- - x\n  - y\n- z\n", at("a[0][0]")),
        lambda: set_value("a: [", at("a"), 1),
    ):
        with pytest.raises(RecipeError):
            act()


def test_nested_block_values_with_odd_layouts():
    text = "a:\n-\n  b: 1\n- c: |\n    one\n    two\n\n# end\nd: 4\n"
    assert yaml_value(remove(text, at("a[1]"))) == {"a": [{"b": 1}], "d": 4}
    assert yaml_value(remove(text, at("a[0]"))) == {"a": [{"c": "one\ntwo\n"}], "d": 4}
    assert "# end\n" in remove(text, at("a[1]"))
    assert yaml_value(set_value(text, at("a[1].c"), "x")) == {"a": [{"b": 1}, {"c": "x"}], "d": 4}
    assert yaml_value(set_value(text, at("a[0]"), "x")) == {"a": ["x", {"c": "one\ntwo\n"}], "d": 4}


@pytest.mark.parametrize("seed", range(60))
def test_random_edits_do_to_the_text_what_they_do_to_the_data(seed):
    """Each edit of the text, read back, is the same edit of plain data."""
    chance = random.Random(seed)
    text = TEXT if seed % 2 else TEXT.replace("[mae]", "\n  - mae\n  - {use: MSE}")
    data = yaml_value(text)
    for number in range(12):
        lists = [("model", "sequential"), ("train", "metrics"), ("train", "callbacks"), ("save",)]
        key = chance.choice(lists)
        items = data
        for part in key:
            items = items[part]
        value = chance.choice(
            ["Flatten", {"use": "Dense", "units": number}, 'z = A("b, c")(x)', "a # b", "? x"]
        )
        match chance.choice(["insert", "remove", "move", "set", "argument"]):
            case "insert":
                index = chance.randint(0, len(items))
                text = insert_item(text, key, index, value)
                items.insert(index, value)
            case "remove" if items:
                index = chance.randrange(len(items))
                text = remove(text, (*key, index))
                del items[index]
            case "move" if items:
                old, new = chance.randrange(len(items)), chance.randrange(len(items))
                text = move_item(text, (*key, old), new)
                items.insert(new, items.pop(old))
            case "set" if items:
                index = chance.randrange(len(items))
                text = set_value(text, (*key, index), value)
                items[index] = value
            case "argument":
                for index, item in enumerate(items):
                    if isinstance(item, dict):
                        text = set_value(text, (*key, index, "name"), f"n{number}")
                        item["name"] = f"n{number}"
        assert yaml_value(text) == data, text
    assert "# The whole." in text
