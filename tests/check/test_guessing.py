"""Classes of a single file without examples: their arguments and inputs are found, or nothing has failed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from workbench.catalog import single_file
from workbench.catalog.discovery import discover
from workbench.catalog.lookup import Catalog
from workbench.check import running
from workbench.check.contract import with_needs
from workbench.check.results import Result, Status
from workbench.check.running import EntryRun
from workbench.errors import WorkbenchError

CLASSES = """
import enum
from typing import Literal

import keras


class Patchify(keras.layers.Layer):
    def __init__(self, window, dropout, **kwargs):
        super().__init__(**kwargs)
        self.scale = tuple(window)[0] / tuple(window)[1]
        self.drop = keras.layers.Dropout(dropout)

    def call(self, inputs):
        return self.drop(inputs) * self.scale


class Wrap(keras.layers.Layer):
    def __init__(self, inner, **kwargs):
        super().__init__(**kwargs)
        self.inner = inner

    def call(self, inputs):
        return self.inner(inputs) + inputs


class Modes(keras.layers.Layer):
    def __init__(self, mode, how: Literal["up", "down"], widths: list[int], name):
        super().__init__(name=name)
        if mode not in ("double", "half") or len(widths) != 2:
            raise ValueError(mode)

    def call(self, inputs):
        return inputs * 2.0


class Pair(keras.layers.Layer):
    def call(self, inputs):
        total = inputs[0]
        for each in inputs[1:]:
            total = total + each
        return total[:, :1]


class Named(keras.layers.Layer):
    def call(self, inputs):
        return inputs["price"] * inputs["size"]


class Functional(keras.Model):
    def __init__(self, **kwargs):
        inputs = keras.Input((None, None, 1)), keras.Input((3,), dtype="int32")
        x = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(4, 3)(inputs[0]))
        super().__init__(inputs, x + keras.layers.Flatten()(keras.layers.Embedding(5, 1)(inputs[1][:, :1])), **kwargs)


class TrainedItself(keras.Model):
    def __init__(self, generator, latent=4):
        super().__init__()
        self.generator = generator

    def train_step(self, data):
        return {}


class Unknown(keras.layers.Layer):
    def __init__(self, licence, **kwargs):
        super().__init__(**kwargs)
        if len(str(licence)) != 14:
            raise ValueError("a licence is needed")

    def call(self, inputs):
        return inputs


class Misspelt(keras.layers.Layer):
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)

    def call(self, inputs):
        return inputs * self.kernl


class Only16(keras.layers.Layer):
    def call(self, inputs):
        if inputs.shape[0] not in (None, 16):
            raise ValueError(inputs.shape)
        return inputs
"""


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    file = tmp_path_factory.mktemp("classes") / "classes.py"
    file.write_text(CLASSES)
    return Catalog(discover([file], scan=single_file.scan))


def checked(catalog: Catalog, name: str, *ids: str) -> dict[str, Result]:
    entry = next(each for each in catalog.entries if each.name == name and each.distribution.endswith(".py"))
    return {result.check: result for result in EntryRun(entry, catalog).run(with_needs(ids))}


@pytest.mark.parametrize(
    ("name", "shapes"),
    [
        ("Patchify", "(batch, 8)"),
        ("Wrap", "(batch, 8)"),
        ("Modes", "(batch, 8)"),
        ("Pair", "(batch, 8) and (batch, 8)"),
        ("Named", "(batch, 8) and (batch, 8)"),
        ("Functional", "(batch, 8, 8, 1) and (batch, 3)"),
    ],
)
def test_arguments_and_inputs_are_found(catalog: Catalog, name: str, shapes: str) -> None:
    results = checked(catalog, name, "output_shape", "batch_sizes", "functional", "mixed_precision")
    bad = {
        check: result.detail for check, result in results.items() if result.status in ("failed", "skipped")
    }
    assert (results["call"].detail, bad) == (f"on {shapes}", {})


def test_what_cannot_be_guessed_has_not_failed(catalog: Catalog) -> None:
    result = checked(catalog, "Unknown", "call")["constructor"]
    assert result.status is Status.SKIPPED
    assert "no value can be guessed for 'licence'" in result.detail
    assert 'KWB_EXAMPLES = {"Unknown": {...}}' in result.detail


def test_a_slip_of_the_class_itself_fails_whatever_the_arguments(catalog: Catalog) -> None:
    result = checked(catalog, "Misspelt", "call")["call"]
    assert (result.status, result.code[1].strip()) == (Status.FAILED, "return inputs * self.kernl")


def test_a_model_without_call_has_nothing_to_be_called(catalog: Catalog) -> None:
    results = checked(catalog, "TrainedItself", "saves_keras", "gradients", "xla", "mixed_precision")
    assert results["constructor"].status is Status.PASSED
    assert not [
        each
        for each in results.values()
        if each.status is Status.FAILED and each.check != "config_serializable"
    ]
    assert results["call"].status is Status.NOT_APPLICABLE


def test_a_layer_for_one_number_of_rows_is_reported_as_that(catalog: Catalog) -> None:
    result = checked(catalog, "Only16", "batch_sizes")["batch_sizes"]
    assert result.status is Status.FAILED
    assert "a batch of 1 fails, one of 16 does not" in result.detail


def test_an_error_of_a_check_itself_is_not_the_entrys(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`finite`, with its code broken: nothing of the entry is run in it."""
    source = compile("def finite(subject):\n    return said\n", str(Path(running.__file__)), "exec")
    monkeypatch.setitem(running.CHECKS, "finite", _defined(source))
    result = checked(catalog, "Wrap", "finite")["finite"]
    assert result.status is Status.SKIPPED
    assert "kwb itself failed in this check" in result.detail
    assert "NameError" in result.detail


def _defined(source: object) -> object:
    names: dict[str, object] = {}
    exec(source, names)  # type: ignore[arg-type]
    return names["finite"]


def test_examples_in_the_file_are_used(tmp_path: Path) -> None:
    file = tmp_path / "examples.py"
    known = {"Unknown": {"licence": "AB-1234-5678-9"}}
    file.write_text(
        f"{CLASSES}\nKWB_EXAMPLES = {json.dumps(known)}\nKWB_INPUT_SHAPES = {{'Unknown': [[3, 5]]}}\n"
    )
    catalog = Catalog(discover([file], scan=single_file.scan))
    results = checked(catalog, "Unknown", "call")
    assert results["call"].detail == "on (batch, 3, 5)", results


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("KWB_EXAMPLES = ['Wrap']", "KWB_EXAMPLES is no dict"),
        (
            "KWB_EXAMPLES = {'Wrapp': {}}",
            "names 'Wrapp', which the file does not offer. Did you mean 'Wrap'?",
        ),
        ("KWB_EXAMPLES = {'Wrap': {'inner': object()}}", "no dict of arguments as a recipe holds them"),
        ("KWB_INPUT_SHAPES = {'Wrap': [8]}", "no list of shapes"),
    ],
)
def test_examples_that_make_no_sense_are_refused(tmp_path: Path, line: str, says: str) -> None:
    file = tmp_path / "refused.py"
    file.write_text(f"{CLASSES}\n{line}\n")
    with pytest.raises(WorkbenchError, match=r"refused\.py") as error:
        single_file.scan(file)
    assert says in str(error.value)
