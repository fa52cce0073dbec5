"""What the check screen knows of the code of entries, without importing it."""

from __future__ import annotations

from pathlib import Path

from workbench.catalog import Entry, Kind
from workbench.tui.screens.check.targets import codes_of

CODE = """\
import keras

@keras.saving.register_keras_serializable(package="doors")
class Gate(keras.Layer):
    def call(self, x):
        return x

def gap(truth, found):
    return truth - found
"""


def _entries(path: Path) -> list[Entry]:
    made = {"plugin": "gate", "distribution": str(path)}
    return [
        Entry(Kind.LAYER, "Gate", f"{path}:Gate", **made),
        Entry(Kind.LOSS, "gap", f"{path}:gap", **made),
        Entry(Kind.LAYER, "Other", f"{path}:Other", **made),
        Entry(Kind.LAYER, "Dense", "keras.layers:Dense", plugin="kwb_keras"),
    ]


def test_each_class_and_function_has_its_text_with_its_decorators(tmp_path: Path) -> None:
    path = tmp_path / "gate.py"
    path.write_text(CODE)
    found = codes_of(_entries(path))
    assert list(found) == [("layer", "gate.Gate"), ("loss", "gate.gap")]
    assert found["layer", "gate.Gate"] == CODE.partition("keras\n\n")[2].partition("\n\ndef")[0]
    path.write_text(CODE.replace("doors", "gates"))
    again = codes_of(_entries(path))
    assert [key for key in found if again[key] != found[key]] == [("layer", "gate.Gate")]


def test_a_file_that_is_broken_or_gone_has_none(tmp_path: Path) -> None:
    path = tmp_path / "gate.py"
    assert codes_of(_entries(path)) == {}
    path.write_text(CODE.replace("(self, x):", "(self, x:"))
    assert codes_of(_entries(path)) == {}
    path.write_bytes(b"\xff\x00")
    assert codes_of(_entries(path)) == {}
