"""Texts read as arguments: what is right, what is refused and in which words."""

from __future__ import annotations

import pytest

from workbench.catalog.discovery import discover
from workbench.catalog.lookup import Catalog
from workbench.tui.forms.fields import UNSET, Field, default_text, field_of, read_value, same, text_of


@pytest.mark.parametrize(
    ("field", "text", "value"),
    [
        (Field("n", "integer"), "30", 30),
        (Field("n", "integer"), " 3.0 ", 3),
        (Field("n", "number"), "1e-3", 0.001),
        (Field("n", "boolean"), "true", True),
        (Field("n", "text"), "1e-3", "1e-3"),
        (Field("n", "text"), "{use: HeNormal, seed: 3}", {"use": "HeNormal", "seed": 3}),
        (Field("n", "list"), "a, b", ["a", "b"]),
        (Field("n", "list"), "[8, null]", [8, None]),
        (Field("n", "choice", choices=("relu", "elu")), "elu", "elu"),
        (Field("n", "yaml"), "{a: [1]}", {"a": [1]}),
        (Field("n", "integer", guessed=True), "0.5", 0.5),
        (Field("n", "number", guessed=True), "{use: CosineDecay}", {"use": "CosineDecay"}),
        (Field("n", "list", guessed=True), "2", 2),
        (Field("n", "integer"), "", UNSET),
    ],
)
def test_values(field: Field, text: str, value: object) -> None:
    assert same(read_value(field, text), value)


@pytest.mark.parametrize(
    ("field", "text", "shown"),
    [
        (Field("n", "integer"), "3.5", "must be a whole number"),
        (Field("n", "integer"), "true", "must be a whole number"),
        (Field("n", "integer"), ".inf", "must be a whole number"),
        (Field("n", "number"), "wide", "must be a number"),
        (Field("n", "integer", guessed=True), "wide", "must be a number"),
        (Field("n", "boolean"), "1", "must be true or false"),
        (Field("n", "choice", choices=("relu", "elu")), "relux", "must be one of relu, elu"),
        (Field("n", "integer", bounds=((">=", 1),)), "0", "must be >= 1"),
        (Field("n", "number", bounds=(("<", 1),)), "1", "must be < 1"),
        (Field("n", "text", check=lambda value: "no" if value == "x" else ""), "x", "no"),
    ],
)
def test_what_is_refused(field: Field, text: str, shown: str) -> None:
    with pytest.raises(ValueError, match=shown):
        read_value(field, text)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        (Field("n", "text"), "true"),
        (Field("n", "yaml"), "true"),
        (Field("n", "yaml"), "a: b"),
        (Field("n", "yaml"), True),
        (Field("n", "yaml"), None),
        (Field("n", "list"), ["a, b", 3]),
        (Field("n", "yaml"), {"use": "L2", "l2": 1e-05}),
        (Field("n", "number"), 0.001),
    ],
)
def test_a_value_comes_back_from_its_text(field: Field, value: object) -> None:
    assert same(read_value(field, text_of(field, value)), value)


def test_a_field_from_a_description() -> None:
    record = {
        "name": "kernel_regularizer",
        "type": "number",
        "required": True,
        "default": None,
        "minimum": 1,
        "below": 9,
        "documentation": "How.",
    }
    field = field_of(record, Catalog(discover()))
    assert field.bounds == ((">=", 1), ("<", 9))
    assert "L2" in field.suggestions  # a regularizer can stand there by its name
    assert default_text(field) == "required"
    assert default_text(field_of({"name": "x", "default": True}, Catalog(()))) == "true"


def test_one_and_true_are_not_the_same() -> None:
    assert not same(1, True)
    assert same(1, 1.0)
    assert same([1], [1])
    assert not same("1", 1)
