"""What a constructor takes, as a form can ask for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from workbench.assembly.parameters import describe
from workbench.catalog import Kind
from workbench.catalog.discovery import discover
from workbench.catalog.lookup import Catalog
from workbench.catalog.resolve import resolve

Described = Callable[[Kind, str], Mapping[str, Mapping[str, Any]]]


@pytest.fixture(scope="module")
def described() -> Described:
    catalog = Catalog(discover())

    def parameters(kind: Kind, name: str) -> Mapping[str, Mapping[str, Any]]:
        entry = catalog.find(kind, name)
        return {each["name"]: each for each in describe(entry, resolve(entry))["parameters"]}

    return parameters


def test_type_hints_tell_bounds_and_choices(described: Described) -> None:
    found = described(Kind.LAYER, "MyDense")
    assert found["units"]["type"] == "integer"
    assert found["units"]["minimum"] == 1
    assert found["units"]["required"]
    # Of a Literal, a function or None, only names are for a form.
    assert found["activation"]["type"] == "choice"
    assert "relu" in found["activation"]["choices"]
    assert "guessed" not in found["units"]


def test_keras_tells_by_its_defaults_and_its_documentation(described: Described) -> None:
    dense = described(Kind.LAYER, "Dense")
    assert dense["units"]["type"] == "integer"
    assert dense["units"]["guessed"]
    assert dense["use_bias"]["type"] == "boolean"
    assert "gelu" in dense["activation"]["suggestions"]
    assert described(Kind.CALLBACK, "EarlyStopping")["mode"]["suggestions"] == ["auto", "min", "max"]
    conv = described(Kind.LAYER, "Conv2D")
    assert conv["padding"]["suggestions"] == ["valid", "same"]
    assert conv["kernel_size"]["type"] == "yaml"  # a number, or two
    assert list(dense)[-3:] == ["name", "dtype", "trainable"]


def test_what_a_base_class_demands_is_not_asked_for(described: Described) -> None:
    assert "rank" not in described(Kind.LAYER, "Conv2D")  # Conv2D itself says 2


def test_functions(described: Described) -> None:
    assert described(Kind.LAYER, "Exponential") == {}  # its one argument is the tensor
    assert described(Kind.DATASET, "csv")["path"]["required"]
